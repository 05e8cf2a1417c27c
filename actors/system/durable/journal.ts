// Law: a journal is append-only per id, numbered from 1 without gaps, and fenced: who appends says what it saw last, and is refused where
// someone else was faster. What was deleted is gone; the numbers never come back.

export interface JournalEntry {
  /** From 1, one more for each event of this id. */
  readonly sequence: number;
  readonly event: Uint8Array;
}

export interface Journal {
  /**
   * Appends all of `events` or none, durable when it resolves to the highest sequence. Rejects with JournalConflict unless
   * `afterSequence` is the highest sequence before (0 for a new id).
   */
  append(id: string, afterSequence: number, events: readonly Uint8Array[]): Promise<number>;
  /** The entries from `fromSequence` to `toSequence`, both included, oldest first, at most `max`. Either bound may be infinite. */
  replay(id: string, fromSequence: number, toSequence: number, max: number): AsyncIterable<JournalEntry>;
  /** Deletes the entries up to and including `toSequence`. `highest` stays. */
  deleteTo(id: string, toSequence: number): Promise<void>;
  /** The highest sequence ever appended; 0 where there is none. */
  highest(id: string): Promise<number>;
}

/** Someone else appended first: another incarnation of the same actor, here or on another node. */
export class JournalConflict extends Error {
  override readonly name = 'JournalConflict';
  readonly id: string;
  readonly afterSequence: number;
  readonly highestSequence: number;
  constructor(id: string, afterSequence: number, highestSequence: number) {
    super(
      `journal '${id}': an append after ${afterSequence} came when ${highestSequence} was the highest; read what is there first`,
    );
    this.id = id;
    this.afterSequence = afterSequence;
    this.highestSequence = highestSequence;
  }
}

/** The journal does not hold what it should: entries are missing, or cannot be read. */
export class JournalDamage extends Error {
  override readonly name = 'JournalDamage';
}

export interface Snapshot {
  /** The last event that is in it. */
  readonly sequence: number;
  readonly state: Uint8Array;
}

/** States kept so that replay is short. A cache: losing one costs time, as long as the events before it are kept. */
export interface Snapshots {
  save(id: string, snapshot: Snapshot): Promise<void>;
  /** Newest first. */
  load(id: string): Promise<readonly Snapshot[]>;
  /** Deletes those up to and including `toSequence`. */
  deleteTo(id: string, toSequence: number): Promise<void>;
}
