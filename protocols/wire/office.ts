// Law: nothing reaches a role but a message whose author signed it for this mesh, that is addressed here, seen for the first time, still
// in time, and true to its schema. Whatever fails is dropped and counted under the sender that is to blame.
import { NetworkError, type NodeId } from '../../actors/system/index.ts';
import { decodeBody, encodeBody } from './body.ts';
import { compareText, equalBytes } from './bytes.ts';
import { clockRefusal } from './clock-refusal.ts';
import { createDirectPort, isDirect } from './direct.ts';
import { createEarlyMessages } from './early.ts';
import {
  type Destination,
  hasValidSignature,
  isTopicName,
  maxBodyBytes,
  maxTtlMs,
  messageIdBytes,
  readEnvelope,
  sealEnvelope,
  type TraceContext,
} from './envelope.ts';
import { createHlc, hlcTime, maxClockDriftMs } from './hlc.ts';
import type { MessageDefinition, RequestDefinition } from './message.ts';
import type { MessageContext, PostOffice, PostOfficeOptions, RefusalReason } from './office-contract.ts';
import { createRefusalTable } from './refusals.ts';
import { createSeenMessages } from './seen.ts';

const defaultTtlMs = 60_000;

type Handler = (body: unknown, context: MessageContext) => unknown;
interface Route {
  readonly definition: MessageDefinition<unknown>;
  readonly handlers: Set<Handler>;
}
type Admitted = { readonly body: unknown; readonly context: MessageContext };
/** Genuine, and refused for its time alone: by so much it is ahead of this node's clock. */
type Untimely = { readonly aheadMs: number };

export function createPostOffice(options: PostOfficeOptions): PostOffice {
  const { identity, meshId, crypto, network, log, clock } = options;
  const maxDriftMs = options.maxDriftMs ?? maxClockDriftMs;
  const hlc = createHlc(clock, maxDriftMs);
  const seen = createSeenMessages();
  const refused = createRefusalTable();
  const routes = new Map<string, Route>();
  const answers = new Map<string, Route>();
  const topics = new Map<string, { subscribers: number; leave: () => void }>();
  const early = createEarlyMessages();
  /** Bounded by the types that the node's own code names. */
  const sent = new Map<string, { count: number; sizeBytes: number }>();
  let handledCount = 0;
  let duplicateCount = 0;
  let refusedCount = 0;

  function refuse(from: NodeId, reason: RefusalReason, detail: string): void {
    refusedCount++;
    const count = refused.add(from, reason, detail);
    // Powers of two: a flood is visible and does not become a flood of log lines.
    if ((count & (count - 1)) === 0) log('warn', 'message refused', { from, reason, detail, count });
  }

  function noteSent(type: string, sizeBytes: number): void {
    const total = sent.get(type) ?? { count: 0, sizeBytes: 0 };
    sent.set(type, { count: total.count + 1, sizeBytes: total.sizeBytes + sizeBytes });
  }

  function seal(
    definition: MessageDefinition<unknown>,
    body: unknown,
    destination: Destination,
    extra: { readonly ttlMs: number; readonly trace?: TraceContext | undefined; readonly re?: Uint8Array },
  ) {
    const id = options.random.bytes(messageIdBytes);
    const { trace, re, ttlMs } = extra;
    const bytes = sealEnvelope(
      {
        id,
        type: definition.type,
        ...destination,
        ...(re === undefined ? {} : { re }),
        hlc: hlc.now(),
        ...(trace === undefined ? {} : { trace }),
        ttlMs,
        body: encodeBody(body, maxBodyBytes),
      },
      identity,
      { crypto, meshId },
    );
    noteSent(definition.type, bytes.length);
    return { id, bytes };
  }

  const failed = (type: string, from: NodeId, error: unknown): void =>
    log('error', 'a message handler failed', { type, from, error: String(error) });
  const direct = createDirectPort({
    self: identity.id,
    meshId,
    run: options.random.bytes(8),
    network,
    seen,
    allow: (from, type) => options.allow?.(from, type) !== false,
    refuse,
    onSent: noteSent,
    onHandled: () => void handledCount++,
    onDuplicate: () => void duplicateCount++,
    failed,
  });

  /** Cheap checks first, the signature before anything is remembered or believed. `undefined`: dropped and counted. */
  function admit(
    peer: NodeId,
    bytes: Uint8Array,
    expected: {
      readonly topic?: string;
      readonly reply?: { readonly to: MessageDefinition<unknown>; readonly re: Uint8Array };
      /** Called when the message, which waits until then, can be admitted. */
      readonly again?: () => void;
    },
    table: Map<string, Route>,
  ): Admitted | Untimely | 'waits' | undefined {
    const read = readEnvelope(bytes);
    if (!read.ok) return void refuse(peer, read.reason, `${bytes.length} bytes that are no envelope`);
    const { envelope } = read;
    const { from, type } = envelope;
    if (expected.topic === undefined ? envelope.to !== identity.id : envelope.topic !== expected.topic) {
      return void refuse(peer, 'misaddressed', `${type} for ${envelope.to ?? envelope.topic}`);
    }
    // A topic hands over others' messages; a direct frame speaks for its sender alone.
    if (expected.topic === undefined && from !== peer)
      return void refuse(peer, 'not_author', `${type} signed as ${from}`);
    if (from === identity.id) return undefined;
    if (options.allow?.(from, type) === false) return void refuse(peer, 'stranger', `${type} by ${from}`);
    const { reply } = expected;
    const definition = reply === undefined ? table.get(type)?.definition : reply.to;
    if (definition === undefined) {
      if (expected.again !== undefined && early.keep(type, bytes.length, expected.again)) return 'waits';
      return void refuse(peer, 'unknown_type', type);
    }
    if (
      reply !== undefined &&
      (type !== definition.type || envelope.re === undefined || !equalBytes(envelope.re, reply.re))
    ) {
      return void refuse(peer, 'reply', `${type} does not answer what was asked`);
    }
    if (seen.has(from, envelope.id)) {
      duplicateCount++;
      return undefined;
    }
    if (!hasValidSignature(bytes, envelope, { crypto, meshId }))
      return void refuse(peer, 'signature', `${type} as ${from}`);
    seen.add(from, envelope.id);
    const sentMs = hlcTime.wallMs(envelope.hlc);
    const aheadMs = Math.round(sentMs - clock.wallMs());
    if (-aheadMs > envelope.ttlMs + maxDriftMs) {
      refuse(from, 'expired', `${type} is ${-aheadMs} ms old`);
      return { aheadMs };
    }
    if (!hlc.observe(envelope.hlc)) {
      refuse(from, 'clock', `${type} is ${aheadMs} ms ahead`);
      return { aheadMs };
    }
    let plain: unknown;
    try {
      plain = decodeBody(envelope.body);
    } catch (error) {
      return void refuse(from, 'malformed', `${type}: ${(error as Error).message}`);
    }
    const parsed = definition.schema.safeParse(plain);
    if (!parsed.success) {
      const issue = parsed.error.issues[0];
      return void refuse(from, 'schema', `${type}: ${issue?.path.join('.') ?? ''} ${issue?.message ?? ''}`);
    }
    handledCount++;
    return { body: parsed.data, context: { from, envelope } };
  }

  function deliver(peer: NodeId, bytes: Uint8Array, topic?: string): void {
    const again = (): void => deliver(peer, own, topic);
    const admitted = admit(peer, bytes, topic === undefined ? { again } : { again, topic }, routes);
    // The transport's buffer is its own once this returns.
    const own = admitted === 'waits' ? bytes.slice() : bytes;
    if (admitted === undefined || admitted === 'waits' || 'aheadMs' in admitted) return;
    const { type, from } = admitted.context.envelope;
    for (const handler of [...(routes.get(type)?.handlers ?? [])]) {
      try {
        const outcome = handler(admitted.body, admitted.context);
        if (outcome instanceof Promise) outcome.catch((error: unknown) => failed(type, from, error));
      } catch (error) {
        failed(type, from, error);
      }
    }
  }

  async function serve(peer: NodeId, bytes: Uint8Array): Promise<Uint8Array> {
    let again = (): void => {};
    const admitted = admit(peer, bytes, { again: () => again() }, answers);
    if (admitted === 'waits') {
      const own = bytes.slice();
      await new Promise<void>((resolve) => {
        again = resolve;
      });
      return serve(peer, own);
    }
    if (admitted === undefined) throw new NetworkError('refused', 'the request was not admitted');
    // Whoever signed it may know: its clock, or this one, is off, and nothing else is wrong.
    if ('aheadMs' in admitted) throw new NetworkError('refused', clockRefusal(admitted.aheadMs));
    const { envelope, from } = admitted.context;
    const route = answers.get(envelope.type);
    const [handler] = route?.handlers ?? [];
    if (route === undefined || handler === undefined)
      throw new NetworkError('refused', `nobody answers ${envelope.type}`);
    const reply = await handler(admitted.body, admitted.context);
    return seal(
      (route.definition as RequestDefinition<unknown, unknown>).reply,
      reply,
      { to: from },
      { ttlMs: defaultTtlMs, trace: envelope.trace, re: envelope.id },
    ).bytes;
  }

  function register(table: Map<string, Route>, definition: MessageDefinition<unknown>, handler: Handler): () => void {
    let route = table.get(definition.type);
    if (route === undefined) {
      route = { definition, handlers: new Set() };
      table.set(definition.type, route);
    } else if (route.definition !== definition) {
      throw new Error(`the message type ${definition.type} has two definitions; define it once and import it`);
    }
    const own = route;
    own.handlers.add(handler);
    early.resume(definition.type);
    return () => {
      own.handlers.delete(handler);
      if (own.handlers.size === 0 && table.get(definition.type) === own) table.delete(definition.type);
    };
  }

  const stopFrames = network.onFrame((from, frame) =>
    isDirect(frame) ? direct.take(from, frame) : deliver(from, frame),
  );
  const stopServing = network.serve(serve);

  return {
    self: identity.id,
    direct,
    send(to, definition, body, sendOptions = {}) {
      return network.send(
        to,
        seal(definition, body, { to }, { ttlMs: sendOptions.ttlMs ?? defaultTtlMs, trace: sendOptions.trace }).bytes,
        sendOptions.everyPath === true ? { everyPath: true } : undefined,
      );
    },
    async request(to, definition, body, { timeoutMs, trace }) {
      const sealed = seal(
        definition,
        body,
        { to },
        { ttlMs: Math.min(maxTtlMs, Math.max(1, Math.ceil(timeoutMs))), trace },
      );
      const bytes = await network.request(to, sealed.bytes, { timeoutMs });
      const admitted = admit(to, bytes, { reply: { to: definition.reply, re: sealed.id } }, answers);
      if (admitted !== undefined && admitted !== 'waits' && 'aheadMs' in admitted)
        throw new NetworkError('refused', clockRefusal(-admitted.aheadMs));
      if (admitted === undefined || admitted === 'waits')
        throw new NetworkError('refused', `the reply of ${to} to ${definition.type} is not valid`);
      return admitted.body as Awaited<ReturnType<typeof definition.reply.schema.parse>>;
    },
    publish(topic, definition, body, sendOptions = {}) {
      network.publish(
        topic,
        seal(definition, body, { topic }, { ttlMs: sendOptions.ttlMs ?? defaultTtlMs, trace: sendOptions.trace }).bytes,
      );
    },
    subscribe(topic) {
      if (!isTopicName(topic)) throw new RangeError(`'${topic}' is not a topic`);
      const entry = topics.get(topic) ?? {
        subscribers: 0,
        leave: network.subscribe(topic, (from, frame) => deliver(from, frame, topic)),
      };
      topics.set(topic, entry);
      entry.subscribers++;
      let left = false;
      return () => {
        if (left) return;
        left = true;
        if (--entry.subscribers > 0) return;
        topics.delete(topic);
        entry.leave();
      };
    },
    on: (definition, handler) => register(routes, definition as MessageDefinition<unknown>, handler as Handler),
    answer(definition, handler) {
      if (answers.has(definition.type)) throw new Error(`requests of type ${definition.type} are answered already`);
      return register(answers, definition as MessageDefinition<unknown>, handler as Handler);
    },
    refusals: () => refused.list(),
    sent: () =>
      [...sent]
        .sort(([a], [b]) => compareText(a, b))
        .map(([type, { count, sizeBytes }]) => ({ type, count, sizeBytes })),
    counts: () => ({ handled: handledCount, duplicates: duplicateCount, refused: refusedCount }),
    close() {
      stopFrames();
      stopServing();
      for (const { leave } of topics.values()) leave();
      topics.clear();
      routes.clear();
      answers.clear();
      // Whoever asked hears of it from the transport, which closes next.
      early.clear();
    },
  };
}
