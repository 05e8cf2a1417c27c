// Law: what a bus stands on: logs of batches, each in one order, and a board on which the consumers of a group see who holds what. How
// either is kept is the carrier's; what is done with them is the same on every carrier.
import type { Batch } from './batch.ts';

export interface SourceReader {
  /** The next batch of the topic in this source; waits for it. Undefined once the reader is closed. */
  next(): Promise<{ readonly sequence: number; readonly batch: Batch } | undefined>;
  close(): void;
}

export interface EventLog {
  /** Between two batches of a partition: where one costs its readers much, more events share it. A first event does not wait. */
  readonly batchEveryMs: number;
  /**
   * Resolves once the batch is durable. `id` is the same when it is tried again, for the `attempt`th time: it is stored once, or repeats of
   * it are. Rejects with EventBusError.
   */
  append(batch: Batch, id: string, attempt: number): Promise<{ readonly source: string; readonly sequence: number }>;
  /** Each holds some keys of the topic, in order. */
  sources(topic: string): readonly string[];
  /** The last sequence that is there now; a reader from beyond it gets what is new. */
  head(source: string): Promise<number>;
  /** Batches of `topic` with a sequence of at least `fromSequence`. */
  open(topic: string, source: string, fromSequence: number): SourceReader;
  close(): Promise<void>;
}

/** How far a group is in one source, and who drives it. */
export interface ShareRecord {
  /** One more at each change of hands. */
  readonly generation: number;
  /** One more at each write under a generation. */
  readonly version: number;
  readonly owner: string;
  /** Let go in order: nobody is at work on it. */
  readonly released: boolean;
  readonly sequence: number;
  readonly count: number;
  readonly attempts: number;
}

export interface GroupBoard {
  /** Between taking a share and handing out its events: until then another's claim may turn up. Zero where a write is refused when another came first. */
  readonly settleMs: number;
  /** After a write, until the others have it though this process dies at once. */
  readonly spreadMs: number;
  /** How often progress is put on record: what a crash makes others repeat. */
  readonly commitMs: number;
  /** By source. */
  records(): ReadonlyMap<string, ShareRecord>;
  /** For each, whether it stands. */
  write(updates: readonly { readonly source: string; readonly record: ShareRecord }[]): Promise<readonly boolean[]>;
  /** Tells the others that this consumer is there; `gone`: that it leaves. */
  beat(gone: boolean): void;
  /** Consumers heard of, and when last, by the monotonic clock; minus infinity for one that said it leaves. */
  heard(): ReadonlyMap<string, number>;
  onChange(handler: () => void): () => void;
  close(): void;
}

export interface BoardKeeper {
  /** For one consumer of one group. */
  open(topic: string, group: string, consumer: string): Promise<GroupBoard>;
  list(): Promise<
    readonly { readonly topic: string; readonly group: string; readonly records: ReadonlyMap<string, ShareRecord> }[]
  >;
  close(): Promise<void>;
}

/** The one order of two records of one share: hands, then who, then progress. */
export function isLater(a: ShareRecord, b: ShareRecord): boolean {
  if (a.generation !== b.generation) return a.generation > b.generation;
  if (a.owner !== b.owner) return a.owner > b.owner;
  return a.version > b.version;
}
