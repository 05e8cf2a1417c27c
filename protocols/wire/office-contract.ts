// Law: see office.ts. This is what it promises to the roles, and what it is made of.
import type { Clock, Crypto, Log, Network, NodeId, Random } from '../../actors/system/index.ts';
import type { Envelope, TraceContext } from './envelope.ts';
import type { Identity } from './identity.ts';
import type { MessageDefinition, RequestDefinition } from './message.ts';
import type { Refusal } from './refusals.ts';

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

/** `body` is part of the transport's buffer: who keeps it copies it. Throws MalformedBytes where it is not what its type says. */
export type DirectHandler = (from: NodeId, body: Uint8Array) => void;

/** For what carries its own signatures. `from` is the peer that handed it over, as the transport proved it, and need not be the author. */
export interface DirectPort {
  /** The same bytes to each of `to`: at most once, in order per pair and session. Answers how many of them could be sent to. */
  send(to: readonly NodeId[], type: string, body: Uint8Array): number;
  /** One handler per type. */
  on(type: string, handler: DirectHandler): () => void;
}

export interface PostOffice {
  readonly self: NodeId;
  readonly direct: DirectPort;
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
