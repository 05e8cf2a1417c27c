// Law: to clients of the Synadia Agent Protocol for NATS (0.3) the mesh is one agent, and each node another: a prompt is an intent, its
// stream begins with `ack` and ends with an empty message, and a plan that is not read-only asks the person at the other end first.
import { createInbox, type Msg, type NatsConnection } from '@nats-io/transport-node';
import { z } from 'zod';
import type { Parts } from '../../actors/parts/index.ts';
import type { Log } from '../../actors/system/index.ts';
import { GatewayError, type PlanReply } from '../gateway/index.ts';
import { createSenderCheck } from './agent-sender.ts';
import { type Intents, inlineMaxBytes } from './intents.ts';
import { errorHeaders, type RunningService, runService, ServiceError } from './micro.ts';
import type { Outcome, Reports } from './reports.ts';

const protocolVersion = '0.3';
const agent = 'mesh';
const beatSeconds = 30;
/** Clients give a stream up after a minute of silence. */
const keepaliveMs = 15_000;
const answerMs = 300_000;
const promptsMax = 32;
const promptMaxChars = 2_000;
const chunkMaxBytes = (1 << 20) - 4_096;
/** What the protocol has a meaning for. */
const codes = new Set([400, 401, 403, 404, 409, 429, 500]);

const envelopeSchema = z.looseObject({
  prompt: z.string().min(1),
  attachments: z
    .array(
      z.looseObject({
        filename: z
          .string()
          .min(1)
          .max(255)
          .refine((name) => !/[/\\\0]/.test(name) && name !== '.' && name !== '..', 'unsafe filename'),
        content: z.base64(),
      }),
    )
    .max(256)
    .optional(),
});

interface Prompt {
  readonly words: string;
  readonly files: readonly { readonly name: string; readonly content: string }[];
}

/** Plain text, or the envelope. Throws ServiceError 400. */
function parsePrompt(data: Uint8Array): Prompt {
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(data);
  } catch {
    throw new ServiceError(400, 'the prompt is not UTF-8');
  }
  let envelope: unknown = { prompt: text };
  if (text.trimStart().startsWith('{')) {
    try {
      envelope = JSON.parse(text);
    } catch {
      // Words that begin with a brace.
    }
  }
  const checked = envelopeSchema.safeParse(envelope);
  if (!checked.success) {
    const issue = checked.error.issues[0];
    throw new ServiceError(400, `${issue?.path.join('.') || 'the request'}: ${issue?.message}`);
  }
  const { prompt, attachments = [] } = checked.data;
  if (prompt.trim() === '') throw new ServiceError(400, 'the prompt is empty');
  if (prompt.length > promptMaxChars)
    throw new ServiceError(400, `a prompt takes at most ${promptMaxChars} characters; attach files instead`);
  const attachedBytes = attachments.reduce((sum, { content }) => sum + Math.floor((content.length * 3) / 4), 0);
  if (attachedBytes > inlineMaxBytes + 2)
    throw new ServiceError(400, `the attachments take ${attachedBytes} bytes, over the limit of ${inlineMaxBytes}`);
  return { words: prompt.trim(), files: attachments.map(({ filename, content }) => ({ name: filename, content })) };
}

export interface AgentsOptions {
  readonly connection: NatsConnection;
  readonly parts: Parts;
  readonly intents: Intents;
  readonly reports: Reports;
  readonly approvals: boolean;
  readonly version: string;
  readonly nodeName: string;
  readonly errorOf: (error: unknown) => ServiceError;
  readonly log: Log;
}

/** One token of a subject. */
const token = (text: string): string => text.replace(/[^A-Za-z0-9_-]/g, '-');

export function runAgents(options: AgentsOptions): { stop(): void } {
  const { connection, parts, intents, reports, log } = options;
  const owner = token(parts.chain.genesis.name) || 'mesh';
  const closing = new AbortController();
  const check = createSenderCheck({ crypto: parts.world.crypto, wallMs: () => parts.world.clock.wallMs() });
  let prompts = 0;

  const chunk = (message: Msg, type: 'status' | 'response' | 'query', data: unknown): void =>
    void message.respond(JSON.stringify({ type, data }));

  /** Asks whoever sent the prompt; anything but a clear yes is a no. */
  async function askPerson(message: Msg, plan: Extract<PlanReply, { kind: 'plan' }>): Promise<boolean> {
    if (!options.approvals)
      throw new GatewayError(
        'denied',
        `this plan is '${plan.risk}', and this node takes no approvals from NATS clients`,
        'Approve with `parley run`, or set "approvals": true under "nats" in node.json.',
      );
    const subject = createInbox('parley.query');
    const lines = [`This plan is '${plan.risk}':`, ...plan.explanation, `plan ${plan.digest}`, 'Run it? (yes or no)'];
    return new Promise((resolve) => {
      const finish = (answer: boolean): void => {
        clearTimeout(timer);
        subscription.unsubscribe();
        resolve(answer);
      };
      const timer = setTimeout(() => finish(false), answerMs);
      const subscription = connection.subscribe(subject, {
        max: 1,
        callback: (failure, reply) => {
          if (failure !== null) return finish(false);
          try {
            check(reply);
            finish(/^\s*(?:y|yes|approve|approved)[.!]?\s*$/i.test(parsePrompt(reply.data).words));
          } catch {
            finish(false);
          }
        },
      });
      chunk(message, 'query', { id: subject, reply_subject: subject, prompt: lines.join('\n') });
    });
  }

  function respondWith(message: Msg, outcome: Outcome): void {
    if (outcome.state !== 'completed')
      throw new ServiceError(
        500,
        `the workflow ${outcome.workflow.slice(0, 12)} ${outcome.state}: ${outcome.message ?? ''}`,
      );
    const text = outcome.omitted ?? JSON.stringify(outcome.result);
    const attachments =
      outcome.certificate === undefined
        ? []
        : [{ filename: `${outcome.workflow.slice(0, 12)}.certificate.json`, content: outcome.certificate }];
    const whole = { text, attachments };
    chunk(message, 'response', Buffer.byteLength(JSON.stringify(whole)) > chunkMaxBytes ? { text } : whole);
  }

  async function prompt(message: Msg): Promise<void> {
    if (message.reply === undefined || message.reply === '')
      throw new ServiceError(400, 'a prompt needs a reply subject');
    check(message);
    const { words, files } = parsePrompt(message.data);
    if (prompts >= promptsMax) throw new ServiceError(429, `${prompts} prompts are being worked on here already`);
    prompts++;
    chunk(message, 'status', 'ack');
    const keeping = setInterval(() => chunk(message, 'status', 'keepalive'), keepaliveMs);
    try {
      const { workflow } = await intents.submit({ words, files: [...files], approved: false }, (plan) =>
        askPerson(message, plan),
      );
      for await (const event of reports.follow(workflow, closing.signal)) {
        // Its progress resets the client's clock; what the steps are is on the workflow's own subject.
        if (event.type === 'decided') chunk(message, 'status', 'working');
      }
      const outcome = closing.signal.aborted ? undefined : await reports.outcome(workflow);
      if (outcome === undefined) throw new ServiceError(500, 'the node is stopping; the workflow goes on without it');
      respondWith(message, outcome);
      message.respond();
    } finally {
      clearInterval(keeping);
      prompts--;
    }
  }

  /** The error, and then the end of the stream. */
  function answerError(message: Msg, error: unknown): ServiceError {
    const { code, message: text, body } = options.errorOf(error);
    const shown = codes.has(code) ? code : code < 500 ? 400 : 500;
    message.respond(body === undefined ? '' : JSON.stringify(body), { headers: errorHeaders(shown, text) });
    message.respond();
    return new ServiceError(shown, text);
  }

  const beatOf = (session: string, instance: string): string =>
    JSON.stringify({
      agent,
      owner,
      session,
      instance_id: instance,
      ts: new Date(parts.world.clock.wallMs()).toISOString().replace(/\.\d+Z$/, 'Z'),
      interval_s: beatSeconds,
    });
  const running: RunningService[] = [];
  for (const session of [parts.chain.meshIdHex, token(options.nodeName)]) {
    const service: RunningService = runService(
      connection,
      {
        name: 'agents',
        version: options.version,
        description: 'Parley mesh: plans an intent, runs it on several nodes, returns a certified result',
        metadata: { agent, owner, session, protocol_version: protocolVersion, node: options.nodeName },
        endpoints: [
          {
            name: 'prompt',
            subject: `agents.prompt.${agent}.${owner}.${session}`,
            queue: 'agents',
            metadata: { max_payload: '1MB', attachments_ok: 'true' },
            handle: prompt,
          },
          {
            name: 'status',
            subject: `agents.status.${agent}.${owner}.${session}`,
            queue: 'agents',
            handle(message) {
              check(message);
              message.respond(beatOf(session, service.id));
            },
          },
        ],
      },
      answerError,
    );
    running.push(service);
  }
  const beat = (): void => {
    if (connection.isClosed()) return;
    for (const [index, session] of [parts.chain.meshIdHex, token(options.nodeName)].entries())
      connection.publish(`agents.hb.${agent}.${owner}.${session}`, beatOf(session, running[index]!.id));
  };
  beat();
  const beating = setInterval(beat, beatSeconds * 1_000);
  log('info', 'listed as an agent', { subject: `agents.prompt.${agent}.${owner}.${parts.chain.meshIdHex}` });

  return {
    stop() {
      closing.abort();
      clearInterval(beating);
      for (const service of running) service.stop();
    },
  };
}
