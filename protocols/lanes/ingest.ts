// Law: an entry from outside is stored only where it extends what is here, and every refusal says why. Order of the checks is cheapest
// first: a peer that repeats itself costs a hash, not a signature.
import type { Crypto, NodeId } from '../../actors/system/index.ts';
import { equalBytes, type Identity, MalformedBytes } from '../wire/index.ts';
import type { RowChange } from './commit.ts';
import { decodeEntry, encodeEntry, type LaneEntry, type LaneFork, type LaneName, verifyEntry } from './entry.ts';
import {
  breakBetween,
  entryKey,
  forkRows,
  headOf,
  type LaneDamage,
  LaneDamaged,
  type LaneHead,
  laneKey,
  markRows,
  openRow,
} from './rows.ts';

export type RefusalReason =
  | 'duplicate'
  | 'gap'
  | 'fork'
  | 'signature'
  | 'foreign-mesh'
  | 'not-author'
  | 'malformed'
  | 'limit';

export interface LaneRefusal {
  readonly reason: RefusalReason;
  /** For people: what exactly was wrong. */
  readonly detail: string;
  readonly from: NodeId;
  /** Absent where the bytes could not be read. */
  readonly author?: NodeId;
  readonly lane?: string;
  readonly sequence?: number;
}

export interface IngestResult {
  readonly stored: readonly LaneEntry[];
  readonly refused: readonly LaneRefusal[];
}

/** What one write to the disk will have changed. */
export interface StoreView {
  readonly heads: Map<string, LaneHead>;
  readonly rows: Map<string, Uint8Array>;
  readonly forks: Map<string, LaneFork>;
  /** Own lanes: the sequence known to have been signed; undefined = no longer ahead of what is here. */
  readonly marks: Map<string, number | undefined>;
  /** Lanes whose damage is repaired. */
  readonly healed: Set<string>;
  /** What to tell the handlers, in order. */
  readonly told: { readonly entry: LaneEntry; readonly from: NodeId | undefined }[];
}

export interface IngestContext {
  readonly crypto: Crypto;
  readonly identity: Pick<Identity, 'id'>;
  readonly meshId: Uint8Array;
  readonly isAuthor: (id: NodeId) => boolean;
  readonly maxLanesPerAuthor: number;
  readonly bodyLimit: number;
  head(view: StoreView, key: string): LaneHead | undefined;
  lanesOf(view: StoreView, author: NodeId): number;
  isForked(view: StoreView, key: string): boolean;
  mark(view: StoreView, lane: string): number | undefined;
  lost(view: StoreView, key: string): LaneDamage | undefined;
  rowAt(view: StoreView, key: string): Promise<Uint8Array | undefined>;
}

export function createIngest(context: IngestContext) {
  const { crypto, meshId, identity } = context;

  const entryAt = async (
    view: StoreView,
    name: LaneName,
    sequence: number,
  ): Promise<{ row: Uint8Array; entry: LaneEntry } | undefined> => {
    const row = await context.rowAt(view, entryKey(name, sequence));
    if (row === undefined) return undefined;
    try {
      return { row, entry: openRow(name, sequence, row, meshId) };
    } catch (error) {
      if (error instanceof LaneDamaged) return undefined;
      throw error;
    }
  };

  const accept = (view: StoreView, changes: RowChange[], entry: LaneEntry, from: NodeId, row?: Uint8Array): void => {
    if (row !== undefined) {
      const key = entryKey(entry, entry.sequence);
      changes.push({ key, value: row });
      view.rows.set(key, row);
    }
    view.heads.set(laneKey(entry), headOf(entry, crypto));
    view.told.push({ entry, from });
  };

  /** Rows behind a break are still on the disk: those that continue the lane again need not be fetched. */
  const rejoin = async (
    view: StoreView,
    changes: RowChange[],
    name: LaneName,
    from: NodeId,
    stored: LaneEntry[],
  ): Promise<void> => {
    const key = laneKey(name);
    const lost = context.lost(view, key);
    for (let head = context.head(view, key); lost !== undefined && head !== undefined; head = context.head(view, key)) {
      if (head.sequence >= lost.highestSequence) {
        view.healed.add(key);
        break;
      }
      const next = await entryAt(view, name, head.sequence + 1);
      if (next === undefined || breakBetween(head, next.entry) !== undefined || !verifyEntry(next.entry, crypto)) break;
      accept(view, changes, next.entry, from);
      stored.push(next.entry);
    }
    const head = context.head(view, key);
    const mark = name.author === identity.id ? context.mark(view, name.lane) : undefined;
    if (mark !== undefined && head !== undefined && head.sequence >= mark) {
      view.marks.set(name.lane, head.sequence);
      changes.push({ key: markRows.key(name.lane), value: markRows.encode(head.sequence) });
    }
  };

  /** Undefined: stored. */
  const consider = async (
    view: StoreView,
    changes: RowChange[],
    bytes: Uint8Array,
    from: NodeId,
    stored: LaneEntry[],
  ): Promise<Omit<LaneRefusal, 'from'> | undefined> => {
    let entry: LaneEntry;
    try {
      entry = decodeEntry(bytes);
    } catch (error) {
      if (error instanceof MalformedBytes) return { reason: 'malformed', detail: error.message };
      throw error;
    }
    const { author, lane, sequence } = entry;
    const refuse = (reason: RefusalReason, detail: string): Omit<LaneRefusal, 'from'> => ({
      reason,
      detail,
      author,
      lane,
      sequence,
    });
    if (!equalBytes(entry.mesh, meshId)) return refuse('foreign-mesh', 'the entry belongs to another mesh');
    if (!context.isAuthor(author)) return refuse('not-author', 'the author may not write lanes in this mesh');
    if (entry.body.length > context.bodyLimit)
      return refuse('limit', `a body of ${entry.body.length} bytes exceeds the limit of ${context.bodyLimit}`);

    const key = laneKey(entry);
    const head = context.head(view, key);
    const headSequence = head?.sequence ?? 0;
    const here = sequence <= headSequence ? await entryAt(view, entry, sequence) : undefined;
    if (here !== undefined && equalBytes(here.row, bytes)) return refuse('duplicate', 'the entry is here already');
    if (!verifyEntry(entry, crypto)) return refuse('signature', 'its author did not sign these bytes');

    const fork = (at: number, kept: Uint8Array): Omit<LaneRefusal, 'from'> => {
      if (!context.isForked(view, key)) {
        const evidence: LaneFork = { author, lane, sequence: at, kept, other: encodeEntry(entry) };
        view.forks.set(key, evidence);
        changes.push({ key: forkRows.key(entry), value: forkRows.encode(evidence) });
      }
      return refuse('fork', `its author signed another entry for place ${at}`);
    };
    if (sequence <= headSequence) {
      return here === undefined
        ? refuse('duplicate', 'this place is taken, and its entry cannot be read back')
        : fork(sequence, here.row);
    }
    if (sequence > headSequence + 1) {
      const known = author === identity.id ? (context.mark(view, lane) ?? 0) : sequence;
      if (sequence > known) {
        view.marks.set(lane, sequence);
        changes.push({ key: markRows.key(lane), value: markRows.encode(sequence) });
      }
      return refuse('gap', `entry ${headSequence + 1} is missing`);
    }
    if (head === undefined && context.lanesOf(view, author) >= context.maxLanesPerAuthor) {
      return refuse('limit', `its author has ${context.maxLanesPerAuthor} lanes already`);
    }
    const broken = breakBetween(head, entry);
    if (broken !== undefined) {
      const before =
        head === undefined || equalBytes(entry.previous, head.hash)
          ? undefined
          : await entryAt(view, entry, headSequence);
      return before === undefined ? refuse('malformed', broken) : fork(headSequence, before.row);
    }
    accept(view, changes, entry, from, bytes);
    stored.push(entry);
    await rejoin(view, changes, entry, from, stored);
    return undefined;
  };

  return async (
    view: StoreView,
    changes: RowChange[],
    entries: readonly Uint8Array[],
    from: NodeId,
  ): Promise<IngestResult> => {
    const stored: LaneEntry[] = [];
    const refused: LaneRefusal[] = [];
    for (const bytes of entries) {
      const refusal = await consider(view, changes, bytes, from, stored);
      if (refusal !== undefined) refused.push({ ...refusal, from });
    }
    return { stored, refused };
  };
}
