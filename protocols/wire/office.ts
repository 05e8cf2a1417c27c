// Law: nothing reaches a role but a message whose author signed it for this mesh, that is addressed here, seen for the first time, still
// in time, and true to its schema. Whatever fails is dropped and counted under the sender that is to blame.
import {
  type Clock,
  type Crypto,
  type Log,
  type Network,
  NetworkError,
  type NodeId,
  type Random,
} from '../../actors/system/index.ts';
import { decodeBody, encodeBody } from './body.ts';
import { compareText, equalBytes } from './bytes.ts';
import {
  type Destination,
  type Envelope,
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
import type { Identity } from './identity.ts';
import type { MessageDefinition, RequestDefinition } from './message.ts';
import { createRefusalTable, type Refusal } from './refusals.ts';
import { createSeenMessages } from './seen.ts';

export interface PostOfficeOptions {
  readonly identity: Identity;
  /** 32 bytes. */
  readonly meshId: Uint8Array;
  readonly crypto: Crypto;
  readonly clock: Clock;
  readonly random: Random;
  readonly network: Network;
  readonly log: Log;
  /**
   * Whose messages of which type are handled; everyone's where absent. Matters on topics, where the peer at hand need not be the author,
   * and for strangers, who may ask to join and nothing else.
   */
  readonly allow?: (author: NodeId, type: string) => boolean;
  /** How far a peer's clock may be from this one, in milliseconds. */
  readonly maxDriftMs?: number;
}

export interface MessageContext {
  /** The author, proven by signature. */
  readonly from: NodeId;
  readonly envelope: Envelope;
}

export interface SendOptions {
  readonly ttlMs?: number;
  /** By every transport that reaches the peer: for what must arrive though one of them is stuck. It is handled once all the same. */
  readonly everyPath?: boolean;
  readonly trace?: TraceContext;
}

export type RefusalReason =
  | 'too_large'
  | 'malformed'
  | 'signature'
  | 'not_author'
  | 'misaddressed'
  | 'stranger'
  | 'unknown_type'
  | 'expired'
  | 'clock'
  | 'schema'
  | 'reply';

export interface PostOffice {
  readonly self: NodeId;
  /** At most once, in order per pair and session. False: no connection, or the peer's buffer is full. Throws MalformedBytes on a body that cannot travel. */
  send<Body>(to: NodeId, definition: MessageDefinition<Body>, body: Body, options?: SendOptions): boolean;
  /** Rejects with NetworkError `unreachable`, `timeout`, `refused` or `closed`. */
  request<Body, Reply>(
    to: NodeId,
    definition: RequestDefinition<Body, Reply>,
    body: Body,
    options: { readonly timeoutMs: number; readonly trace?: TraceContext },
  ): Promise<Reply>;
  /** Best effort, to everyone else who subscribed to `topic`. */
  publish<Body>(topic: string, definition: MessageDefinition<Body>, body: Body, options?: SendOptions): void;
  /** Receive what others publish on `topic`. Counted: the topic is left with its last subscriber. */
  subscribe(topic: string): () => void;
  /** Called for every message of this type, by whatever path. Throws where the type is already known under another definition. */
  on<Body>(
    definition: MessageDefinition<Body>,
    handler: (body: Body, context: MessageContext) => void | Promise<void>,
  ): () => void;
  /** One handler per type. To refuse with a reason that the caller reads, throw NetworkError('refused', reason). */
  answer<Body, Reply>(
    definition: RequestDefinition<Body, Reply>,
    handler: (body: Body, context: MessageContext) => Reply | Promise<Reply>,
  ): () => void;
  refusals(): readonly Refusal[];
  /** What this node handed to the network since it started, by type, sorted; a publication counts once, however many hear it. */
  sent(): readonly { readonly type: string; readonly count: number; readonly sizeBytes: number }[];
  counts(): { readonly handled: number; readonly duplicates: number; readonly refused: number };
  close(): void;
}

const defaultTtlMs = 60_000;
/** Messages that wait for their handler to come back, and their bytes together. */
const earlyMax = 256;
const earlyMaxBytes = 4 << 20;

type Handler = (body: unknown, context: MessageContext) => unknown;
interface Route {
  readonly definition: MessageDefinition<unknown>;
  readonly handlers: Set<Handler>;
}
type Admitted = { readonly body: unknown; readonly context: MessageContext };
/** Genuine, and refused for its time alone: by so much it is ahead of this node's clock. */
type Untimely = { readonly aheadMs: number };

const clockWords = 'the clocks differ: ';
/** `aheadMs`: by so much the asking node's clock is ahead of the answering one's. */
function clockRefusal(aheadMs: number): string {
  return `${clockWords}that of the node that asks is ${(Math.abs(aheadMs) / 60_000).toFixed(1)} min ${aheadMs > 0 ? 'ahead of' : 'behind'} that of the node that answers`;
}

/** Whether a request was refused because the two nodes' clocks differ too much. */
export function isClockRefusal(error: unknown): boolean {
  return error instanceof NetworkError && error.code === 'refused' && error.message.startsWith(clockWords);
}

export function createPostOffice(options: PostOfficeOptions): PostOffice {
  const { identity, meshId, crypto, network, log, clock } = options;
  const maxDriftMs = options.maxDriftMs ?? maxClockDriftMs;
  const hlc = createHlc(clock, maxDriftMs);
  const seen = createSeenMessages();
  const refused = createRefusalTable();
  const routes = new Map<string, Route>();
  const answers = new Map<string, Route>();
  const topics = new Map<string, { subscribers: number; leave: () => void }>();
  /** Types that were handled here: where nobody takes one now, an actor is being restarted, and what comes for it waits. */
  const known = new Set<string>();
  let early: { readonly type: string; readonly sizeBytes: number; readonly again: () => void }[] = [];
  let earlyBytes = 0;
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
    const total = sent.get(definition.type) ?? { count: 0, sizeBytes: 0 };
    sent.set(definition.type, { count: total.count + 1, sizeBytes: total.sizeBytes + bytes.length });
    return { id, bytes };
  }

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
      if (expected.again !== undefined && keep(type, bytes.length, expected.again)) return 'waits';
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

  /** False: nothing of this type was ever handled here, or too much waits. `again` is called once somebody takes the type. */
  function keep(type: string, sizeBytes: number, again: () => void): boolean {
    if (!known.has(type) || early.length >= earlyMax || earlyBytes + sizeBytes > earlyMaxBytes) return false;
    early.push({ type, sizeBytes, again });
    earlyBytes += sizeBytes;
    return true;
  }

  function resume(type: string): void {
    const ready = early.filter((message) => message.type === type);
    if (ready.length === 0) return;
    early = early.filter((message) => message.type !== type);
    for (const { sizeBytes } of ready) earlyBytes -= sizeBytes;
    // Once whoever registers has finished starting.
    void Promise.resolve().then(() => {
      for (const { again } of ready) again();
    });
  }

  function deliver(peer: NodeId, bytes: Uint8Array, topic?: string): void {
    const again = (): void => deliver(peer, own, topic);
    const admitted = admit(peer, bytes, topic === undefined ? { again } : { again, topic }, routes);
    // The transport's buffer is its own once this returns.
    const own = admitted === 'waits' ? bytes.slice() : bytes;
    if (admitted === undefined || admitted === 'waits' || 'aheadMs' in admitted) return;
    const { type, from } = admitted.context.envelope;
    const failed = (error: unknown): void =>
      log('error', 'a message handler failed', { type, from, error: String(error) });
    for (const handler of [...(routes.get(type)?.handlers ?? [])]) {
      try {
        const outcome = handler(admitted.body, admitted.context);
        if (outcome instanceof Promise) outcome.catch(failed);
      } catch (error) {
        failed(error);
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
    known.add(definition.type);
    resume(definition.type);
    return () => {
      own.handlers.delete(handler);
      if (own.handlers.size === 0 && table.get(definition.type) === own) table.delete(definition.type);
    };
  }

  const stopFrames = network.onFrame((from, frame) => deliver(from, frame));
  const stopServing = network.serve(serve);

  return {
    self: identity.id,
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
      early = [];
    },
  };
}
