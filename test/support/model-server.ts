// Law: tests ask a model over the wire, from a server of their own that speaks Ollama's protocol on the loopback interface. It answers what the
// test says, so that what is tested is the asking and never a model's taste.
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** What a client posts to /api/chat. */
export interface ChatBody {
  readonly model: string;
  readonly messages: readonly { readonly role: string; readonly content: string }[];
  readonly stream: boolean;
  readonly format: unknown;
  readonly options: { readonly temperature: number; readonly seed: number; readonly num_ctx: number };
}

export interface ModelServer {
  readonly url: string;
  readonly asked: ChatBody[];
  /** How many requests are being answered. */
  readonly open: () => number;
  close(): Promise<void>;
}

/** The answer to one request: what the model says, or the whole response. */
export type Answers = (body: ChatBody, n: number) => string | ((response: ServerResponse) => void);

export const says = (accept: boolean, reason = 'because'): string => JSON.stringify({ reason, accept });

export async function startModelServer(name: string, answers: Answers): Promise<ModelServer> {
  const asked: ChatBody[] = [];
  let open = 0;
  const server = createServer((request, response) => {
    open++;
    response.on('close', () => open--);
    void textOf(request).then((text) => {
      if (request.method !== 'POST' || request.url !== '/api/chat') return void response.writeHead(404).end();
      const body = JSON.parse(text) as ChatBody;
      asked.push(body);
      if (body.model !== name)
        return void response.writeHead(404).end(JSON.stringify({ error: `model '${body.model}' not found` }));
      const answer = answers(body, asked.length - 1);
      if (typeof answer === 'function') return answer(response);
      const reply = {
        model: name,
        created_at: '2026-01-01T00:00:00Z',
        message: { role: 'assistant', content: answer },
        done_reason: 'stop',
        done: true,
      };
      response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(reply));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked,
    open: () => open,
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

async function textOf(request: IncomingMessage): Promise<string> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of request) chunks.push(chunk as Uint8Array);
  return Buffer.concat(chunks).toString('utf8');
}
