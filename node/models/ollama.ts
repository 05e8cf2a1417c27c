// Law: a model is asked by Ollama's own client (POST /api/chat, not streamed, its answer held to a JSON schema) and answers with one
// JSON text, in bounded time and size, or there is no answer and an error that says why. Nothing here reads the answer's meaning.
import { z } from 'zod';

export interface ChatRequest {
  readonly system: string;
  readonly user: string;
  /** JSON Schema that the answer is to have. */
  readonly schema: Readonly<Record<string, unknown>>;
  readonly seed: number;
  readonly signal: AbortSignal;
}

export interface Model {
  /** As its server calls it. */
  readonly name: string;
  /** The answer's text. Rejects with ModelError. */
  chat(request: ChatRequest): Promise<string>;
}

export class ModelError extends Error {
  override readonly name = 'ModelError';
}

const replyMaxBytes = 256 * 1024;
/** Ollama cuts what does not fit its context, silently: it is told how much there is, at two bytes of text for each token and room to answer. */
const bytesPerToken = 2;
const answerTokens = 1_024;
const contextMaxTokens = 32_768;
/** The longest that `chat` takes, system and user text together. */
export const promptMaxBytes = (contextMaxTokens - answerTokens) * bytesPerToken;

const replySchema = z.object({
  message: z.object({ content: z.string().max(replyMaxBytes) }),
  done: z.literal(true),
  done_reason: z.string().optional(),
});

/** `url` is that of the server, as `http://127.0.0.1:11434`. */
export function createOllama({ url, name }: { readonly url: string; readonly name: string }): Model {
  return {
    name,
    async chat({ system, user, schema, seed, signal }) {
      const sizeBytes = Buffer.byteLength(system) + Buffer.byteLength(user);
      if (sizeBytes > promptMaxBytes)
        throw new ModelError(`the prompt has ${sizeBytes} bytes, and at most ${promptMaxBytes} are asked at once`);
      // Loaded where there is a model to ask, and not by every node.
      const { Ollama } = await import('ollama');
      const client = new Ollama({ host: url, fetch: boundedFetch(name, signal) });
      const options = {
        temperature: 0,
        seed,
        num_ctx: Math.ceil(sizeBytes / bytesPerToken) + answerTokens,
        num_predict: answerTokens,
      };
      const messages = [
        { role: 'system', content: system },
        { role: 'user', content: user },
      ];
      const reply = replySchema.safeParse(
        await client
          .chat({ model: name, messages, stream: false, format: schema, options })
          // What the server said is no JSON.
          .catch((error: unknown) => (error instanceof SyntaxError ? undefined : Promise.reject(error))),
      );
      if (!reply.success) throw new ModelError(`the model server at ${url} answered with something else`);
      if (reply.data.done_reason === 'length') throw new ModelError(`'${name}' did not come to an end`);
      return reply.data.message.content;
    },
  };
}

/** The client itself bounds neither the time nor the size of an answer, and prints what a server refuses with. */
function boundedFetch(name: string, signal: AbortSignal): typeof fetch {
  return async (input, init) => {
    const { origin } = new URL(String(input));
    let response: Response;
    let text: string;
    try {
      response = await fetch(input, { ...init, signal, redirect: 'error' });
      text = await boundedText(response);
    } catch (error) {
      if (error instanceof ModelError) throw error;
      throw new ModelError(`the model server at ${origin} did not answer: ${causeOf(error)}`);
    }
    if (!response.ok)
      throw new ModelError(
        `the model server at ${origin} refused (${response.status}): ${text.slice(0, 300)}; is '${name}' there? (ollama pull ${name})`,
      );
    return new Response(text, { status: response.status, headers: response.headers });
  };
}

async function boundedText(response: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  let sizeBytes = 0;
  for await (const chunk of response.body ?? []) {
    sizeBytes += chunk.length;
    if (sizeBytes > replyMaxBytes) throw new ModelError(`its answer has more than ${replyMaxBytes} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

/** What `fetch` failed by stands in its cause. */
function causeOf(error: unknown): string {
  const { message, cause } = error as Error;
  return cause instanceof Error
    ? cause.message === ''
      ? String((cause as { code?: string }).code)
      : cause.message
    : message;
}
