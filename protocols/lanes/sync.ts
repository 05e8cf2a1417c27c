// Law: sync is exact and bounded: a frontier says where each lane ends, the answer is what lies behind it, in batches that fit a frame.
// Entries are pushed by their author; whatever a push misses, the next exchange of frontiers brings. Sends nothing itself.
import { z } from 'zod';
import type { NodeId } from '../../actors/system/index.ts';
import { encodeEntry, entryOverheadBytes, type LaneEntry, maxEntryBodyBytes, maxHeadProofBytes } from './entry.ts';
import type { IngestResult } from './ingest.ts';
import type { LaneFrontier } from './reading.ts';
import type { LaneStore } from './store.ts';

const bytes = (max: number, min = 0) =>
  z.custom<Uint8Array>((value) => value instanceof Uint8Array && value.length >= min && value.length <= max);
const nodeId = z.string().min(1).max(64);

const maxFrontierItems = 4096;
export const maxBatchEntries = 2048;

/** `lane.frontier`: where the sender's lanes end. */
export const laneFrontierSchema = z.object({
  items: z
    .array(
      z.object({
        author: nodeId,
        lane: z.string().min(1).max(32),
        sequence: z.number().int().min(1).max(Number.MAX_SAFE_INTEGER),
        hash: bytes(32, 32),
        forked: z.boolean().optional(),
        /** Only where the receiver is the author: proves to it how far its own lane reached. */
        proof: bytes(maxHeadProofBytes).optional(),
      }),
    )
    .max(maxFrontierItems),
  /** It answers a frontier, to which its receiver has its answer: none is due to this one. */
  isAnswer: z.boolean().optional(),
});
export type LaneFrontierBody = z.infer<typeof laneFrontierSchema>;

/** `lane.entries`: encoded entries, in order per lane. `more`: the sender has further ones for the frontier it answered. */
export const laneEntriesSchema = z.object({
  entries: z.array(bytes(maxEntryBodyBytes + entryOverheadBytes)).max(maxBatchEntries),
  more: z.boolean(),
});
export type LaneEntriesBody = z.infer<typeof laneEntriesSchema>;

export interface LaneSyncOptions {
  readonly store: LaneStore;
  /** What one batch may weigh; default 512 KiB, at least one entry of the largest size in any case. */
  readonly maxBatchBytes?: number;
}

export interface LaneSync {
  /**
   * The body of `lane.frontier` for `peer`: at intervals, on peer up, and whenever `receive` asks for it. `proves` (default true): with what
   * proves to it how far its own lanes reached, which is read from the disk.
   */
  digestFor(peer: NodeId, proves?: boolean): Promise<LaneFrontierBody>;
  /**
   * Answers a peer's frontier: the batch it lacks (send it unless undefined), and whether it has what this node lacks (send it a digest with
   * `isAnswer`). Never so on a frontier that is an answer itself: of two branches of a forked lane neither is taken for the other, and two
   * nodes that are each behind the other in one would ask each other without end.
   */
  answer(theirs: LaneFrontierBody): Promise<{ readonly batch: LaneEntriesBody | undefined; readonly behind: boolean }>;
  /** Takes a batch in. `askAgain`: send the peer a digest now, for the batch left a gap or there is more. */
  receive(batch: LaneEntriesBody, from: NodeId): Promise<IngestResult & { readonly askAgain: boolean }>;
  /** Batches to send to every connected peer for entries this node has just appended. */
  push(entries: readonly LaneEntry[]): readonly LaneEntriesBody[];
  /** A batch that lets every peer find the forks this node knows by itself; undefined where there are none. */
  evidence(): LaneEntriesBody | undefined;
}

export function createLaneSync(options: LaneSyncOptions): LaneSync {
  const { store } = options;
  const maxBatchBytes = options.maxBatchBytes ?? 512 * 1024;
  const nameOf = (item: { readonly author: NodeId; readonly lane: string }): string => `${item.lane}/${item.author}`;

  const batches = (rows: readonly Uint8Array[]): LaneEntriesBody[] => {
    const found: LaneEntriesBody[] = [];
    let entries: Uint8Array[] = [];
    let sizeBytes = 0;
    const flush = (): void => {
      if (entries.length > 0) found.push({ entries, more: false });
      entries = [];
      sizeBytes = 0;
    };
    for (const row of rows) {
      if (sizeBytes + row.length > maxBatchBytes || entries.length === maxBatchEntries) flush();
      entries.push(row);
      sizeBytes += row.length;
    }
    flush();
    return found;
  };

  return {
    async digestFor(peer, proves = true) {
      const items: LaneFrontierBody['items'] = [];
      for (const item of store.frontier().slice(0, maxFrontierItems)) {
        const proof = proves && item.author === peer ? await store.proof(item) : undefined;
        items.push({ ...item, ...(proof === undefined ? {} : { proof }) });
      }
      return { items };
    },
    async answer(theirs) {
      for (const { proof } of theirs.items) if (proof !== undefined) await store.observeProof(proof);
      const mine = new Map(store.frontier().map((item) => [nameOf(item), item]));
      const behind =
        theirs.isAnswer !== true &&
        theirs.items.some((item) => item.sequence > (mine.get(nameOf(item))?.sequence ?? 0));
      const frontier: LaneFrontier[] = theirs.items.map(({ author, lane, sequence, hash, forked }) => ({
        author,
        lane,
        sequence,
        hash,
        ...(forked === undefined ? {} : { forked }),
      }));
      const { entries, more } = await store.missing(frontier, maxBatchBytes);
      return {
        batch:
          entries.length === 0
            ? undefined
            : { entries: entries.slice(0, maxBatchEntries), more: more || entries.length > maxBatchEntries },
        behind,
      };
    },
    async receive(batch, from) {
      const result = await store.ingest(batch.entries, from);
      // Progress is demanded: a peer that says "more" and sends nothing new is not asked in a circle, nor is one whose entry before the gap
      // was refused for what it is.
      const first = new Map<string, string>();
      for (const { author, lane, reason } of result.refused) {
        if (author === undefined || lane === undefined) continue;
        const name = nameOf({ author, lane });
        if (reason !== 'duplicate' && !first.has(name)) first.set(name, reason);
      }
      const askAgain = (batch.more && result.stored.length > 0) || [...first.values()].includes('gap');
      return { ...result, askAgain };
    },
    push: (entries) => batches(entries.map(encodeEntry)),
    evidence: () => batches(store.forks().flatMap((fork) => [fork.kept, fork.other]))[0],
  };
}
