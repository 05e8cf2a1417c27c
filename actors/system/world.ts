// Law: a World is the only door to time, chance and I/O. Everything a node does that could differ
// between two runs with the same inputs goes through one of these ports; nothing else in a node reads
// the clock, draws a random number, opens a socket or touches a file. The real World is built in
// `node/world`, the simulated one in `sim/`.

/** A node's name on every wire: its libp2p peer id (base58btc of its Ed25519 public key), for example `12D3KooW…`. */
export type NodeId = string;

export interface Clock {
  /** Wall clock in milliseconds since the Unix epoch. May be skewed and may jump: for people and for expiry, never for order. */
  wallMs(): number;
  /** Milliseconds since an arbitrary start, never going backwards. All timeouts use this. */
  monotonicMs(): number;
}

export interface Random {
  /** A uniform 32-bit unsigned integer. */
  u32(): number;
  /** A uniform integer in [0, bound). `bound` is an integer in [1, 2^32]. */
  below(bound: number): number;
  /** True with probability p, 0 ≤ p ≤ 1. */
  chance(p: number): boolean;
  bytes(length: number): Uint8Array;
  /** An independent stream for one concern: draws from it do not shift this one. */
  fork(label: string): Random;
}

export interface Scheduler {
  /** Run `drain` soon, before any timer or I/O (a microtask in the real world). */
  defer(drain: () => void): void;
  /** Run `drain` after pending timers and I/O had their turn (setImmediate in the real world). */
  yield(drain: () => void): void;
  /** Run `fire` once `clock.monotonicMs()` ≥ `atMs`. Returns a cancel function; cancelling twice, or after firing, is harmless. */
  at(atMs: number, fire: () => void): () => void;
}

/** Synchronous on purpose: a thread pool would escape a virtual clock. */
export interface Crypto {
  /** SHA-256 of the concatenation of `parts`: 32 bytes. */
  sha256(...parts: readonly Uint8Array[]): Uint8Array;
  /** Ed25519 over `message` with the 32-byte secret seed `secretKey`: a 64-byte signature. */
  sign(secretKey: Uint8Array, message: Uint8Array): Uint8Array;
  /**
   * Ed25519 verification under the one pinned rule: canonical S < L, canonical R, cofactorless equation.
   * A malformed key or signature is `false`, never an exception.
   */
  verify(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean;
  /** The 32-byte public key of a 32-byte secret seed. */
  publicKey(secretKey: Uint8Array): Uint8Array;
}

export interface PeerEvent {
  readonly node: NodeId;
  readonly up: boolean;
}

/** What a transport offers. No protocol decision lives below this port. */
export interface Network {
  readonly self: NodeId;
  /** Peers with a live connection now. */
  peers(): readonly NodeId[];
  onPeer(handler: (event: PeerEvent) => void): () => void;
  /**
   * At most once, in order per pair and per session. False: refused (no connection, or the peer's outbound buffer is full).
   * A frame is at most `maxFrameBytes`. `everyPath`: by every transport that reaches the peer, in no common order; the peer then gets it more
   * than once. True where one of them took it.
   */
  send(to: NodeId, frame: Uint8Array, options?: { readonly everyPath?: boolean }): boolean;
  onFrame(handler: (from: NodeId, frame: Uint8Array) => void): () => void;
  /** Request and reply. Rejects with NetworkError `unreachable`, `timeout`, `refused` or `closed`. */
  request(to: NodeId, frame: Uint8Array, options: { readonly timeoutMs: number }): Promise<Uint8Array>;
  /** Answers `request`. A thrown error reaches the caller as `refused`. One handler per network. */
  serve(handler: (from: NodeId, frame: Uint8Array) => Promise<Uint8Array> | Uint8Array): () => void;
  /** Best-effort broadcast to whoever subscribed to `topic`; the publisher does not hear itself. */
  publish(topic: string, frame: Uint8Array): void;
  /** `from` is the peer that handed the frame over, which need not be its author. */
  subscribe(topic: string, handler: (from: NodeId, frame: Uint8Array) => void): () => void;
  /** Pull a large payload from `from`, starting at `offsetBytes`, with back-pressure. Rejects as `request` does. */
  pull(from: NodeId, resource: string, offsetBytes: number): AsyncIterable<Uint8Array>;
  /** Answers `pull`; `undefined` = not here (the puller sees `refused`). One handler per network. */
  provide(
    handler: (from: NodeId, resource: string, offsetBytes: number) => AsyncIterable<Uint8Array> | undefined,
  ): () => void;
  readonly maxFrameBytes: number;
  close(): Promise<void>;
}

export type NetworkErrorCode = 'unreachable' | 'timeout' | 'refused' | 'closed' | 'too_large';
export class NetworkError extends Error {
  override readonly name = 'NetworkError';
  readonly code: NetworkErrorCode;
  constructor(code: NetworkErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** One append-only file, bytes as they are on the disk: framing and checksums belong to its user, so that torn writes can be modelled. */
export interface AppendFile {
  readonly sizeBytes: number;
  readAll(): Promise<Uint8Array>;
  append(bytes: Uint8Array): Promise<void>;
  /** Returns when everything appended before the call is durable (fdatasync). */
  sync(): Promise<void>;
  truncate(sizeBytes: number): Promise<void>;
  /**
   * Puts `parts` in the place of all there is: whenever the process or the machine dies, the file is then the old one whole or the new
   * one whole, and from when the promise resolves the new one. No other call may be under way.
   */
  replace(parts: readonly Uint8Array[]): Promise<void>;
  close(): Promise<void>;
}

export interface KeyValue {
  get(key: string): Promise<Uint8Array | undefined>;
  /** Applies all or nothing; durable when the promise resolves. `undefined` deletes. */
  write(changes: readonly { readonly key: string; readonly value: Uint8Array | undefined }[]): Promise<void>;
  /** Entries with from ≤ key < to, in key order. */
  range(from: string, to: string): AsyncIterable<{ readonly key: string; readonly value: Uint8Array }>;
  close(): Promise<void>;
}

/** A payload named by what it is: lower-case hex SHA-256 of its bytes. */
export interface BlobRef {
  readonly digest: string;
  readonly sizeBytes: number;
}

export interface Blobs {
  has(digest: string): Promise<boolean>;
  sizeBytes(digest: string): Promise<number | undefined>;
  /** Stores the stream; with `expected`, refuses (BlobMismatch) and keeps nothing where digest or size differ. */
  write(source: AsyncIterable<Uint8Array>, expected?: BlobRef): Promise<BlobRef>;
  /** Throws when the blob is not here. */
  read(digest: string, offsetBytes?: number): AsyncIterable<Uint8Array>;
  delete(digest: string): Promise<void>;
}
export class BlobMismatch extends Error {
  override readonly name = 'BlobMismatch';
}

export interface Storage {
  appendFile(name: string): Promise<AppendFile>;
  keyValue(name: string): Promise<KeyValue>;
  readonly blobs: Blobs;
}

/** A call of one skill. `files` maps the input's file names to blobs in the local store. */
export interface SkillCall {
  readonly skill: string;
  /** JSON value that satisfies the skill's input schema. */
  readonly input: unknown;
  readonly files: Readonly<Record<string, BlobRef>>;
  /** The workflow on whose behalf it runs; effects may touch only this workflow's folder. */
  readonly workflow: string;
}

/**
 * `failure` is a judgement about the input that every honest node reaches alike (a missing column); it is compared and certified
 * like a result. `fault` is about this run on this node (timeout, crash, out of memory) and says nothing about the input.
 */
export type SkillOutcome =
  | { readonly kind: 'result'; readonly output: Uint8Array; readonly durationMs: number }
  | { readonly kind: 'failure'; readonly code: string; readonly message: string; readonly durationMs: number }
  | {
      readonly kind: 'fault';
      readonly code: 'timeout' | 'crashed' | 'memory' | 'cancelled' | 'unknown_skill';
      readonly message: string;
      readonly durationMs: number;
    };

export interface Sandbox {
  /** The skills this sandbox can run: their manifests as data (see `actors/planner`). */
  manifests(): readonly unknown[];
  run(call: SkillCall, options: { readonly timeoutMs: number; readonly signal?: AbortSignal }): Promise<SkillOutcome>;
  /** What a file is: format, columns with types, row sample. Used by the planner to fill slots; never part of a result. */
  profile(
    file: { readonly name: string; readonly blob: BlobRef },
    options: { readonly timeoutMs: number },
  ): Promise<FileProfile>;
  close(): Promise<void>;
}

export interface FileProfile {
  readonly name: string;
  readonly format: 'csv' | 'tsv' | 'jsonl' | 'sqlite' | 'text' | 'folder' | 'unknown';
  readonly sizeBytes: number;
  /** Tables with their columns; one table for CSV, TSV and JSON Lines, named after the file without extension. */
  readonly tables: readonly {
    readonly name: string;
    readonly columns: readonly {
      readonly name: string;
      readonly type: 'integer' | 'number' | 'text' | 'boolean' | 'date';
      /** The different values that were read, where a text column has few. More may follow. */
      readonly values?: readonly string[];
      /** No two rows that were read share a value, and none lacks one. */
      readonly isKey?: boolean;
      /** Of a text column whose other values are numbers, or read like them: one that is no number, such as `n/a` or `1,234`. */
      readonly notNumber?: string;
    }[];
  }[];
  /** Why nothing more could be said, if so (empty, binary, ragged …). */
  readonly problem?: string;
}

export type LogLevel = 'debug' | 'info' | 'warn' | 'error';
export type Log = (level: LogLevel, text: string, fields?: Readonly<Record<string, unknown>>) => void;

export interface World {
  readonly clock: Clock;
  readonly random: Random;
  readonly scheduler: Scheduler;
  readonly crypto: Crypto;
  readonly network: Network;
  readonly storage: Storage;
  readonly sandbox: Sandbox;
  readonly log: Log;
  /** True where a simulator wants a rare branch taken here. Always false in production. */
  buggify(name: string): boolean;
  /** Records that a rare state was reached. Free in production. */
  sometimes(name: string): void;
}
