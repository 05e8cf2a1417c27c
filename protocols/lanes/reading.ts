// Law: only what was verified is read out, and it is checked again on the way: a lane never yields an entry that does not follow the one
// before it, whatever the disk gives back.
import type { Crypto, KeyValue, Log, NodeId } from '../../actors/system/index.ts';
import { compareText, equalBytes } from '../wire/index.ts';
import { encodeEntry, encodeHeadProof, type LaneEntry, type LaneFork, type LaneName } from './entry.ts';
import { breakBetween, entryKey, headOf, LaneDamaged, type LaneHead, laneKey, openRow } from './rows.ts';

/** Where a lane ends at some node. */
export interface LaneFrontier extends LaneName {
  readonly sequence: number;
  readonly hash: Uint8Array;
  /** The sender holds evidence that the author forked this lane, and needs no more of it. */
  readonly forked?: boolean;
}

export interface LaneReader {
  /** Sorted by lane, then author. */
  frontier(): readonly LaneFrontier[];
  head(name: LaneName): LaneFrontier | undefined;
  /** Throws LaneDamaged where the disk no longer gives back what was verified. */
  read(author: NodeId, lane: string, from?: number): AsyncIterable<LaneEntry>;
  /** Every author's entries of this class, ordered by (hlc, author): the same order wherever the same entries are. */
  all(lane: string): AsyncIterable<LaneEntry>;
  /** Encoded entries `theirs` lacks, in order per lane, about `maxBytes` of them but at least one; `more` where some were left. */
  missing(
    theirs: readonly LaneFrontier[],
    maxBytes: number,
  ): Promise<{ readonly entries: readonly Uint8Array[]; readonly more: boolean }>;
  /** Proof of the last entry of a lane, to hand to its author. */
  proof(name: LaneName): Promise<Uint8Array | undefined>;
}

export interface LaneReaderOptions {
  readonly keyValue: KeyValue;
  readonly crypto: Pick<Crypto, 'sha256'>;
  readonly mesh: Uint8Array;
  /** By `laneKey`; the store's own, read anew at each call. */
  readonly heads: ReadonlyMap<string, LaneHead>;
  readonly forks: ReadonlyMap<string, LaneFork>;
  readonly log: Log;
}

export function createLaneReader({ keyValue, crypto, mesh, heads, forks, log }: LaneReaderOptions): LaneReader {
  const sortedHeads = (): LaneHead[] => [...heads.values()].sort((a, b) => compareText(laneKey(a), laneKey(b)));
  const frontierOf = (head: LaneHead): LaneFrontier => {
    const item = { author: head.author, lane: head.lane, sequence: head.sequence, hash: head.hash };
    return forks.has(laneKey(head)) ? { ...item, forked: true } : item;
  };
  const damaged = (name: LaneName, why: string): LaneDamaged =>
    new LaneDamaged(
      `lane ${name.lane} of ${name.author} is damaged on this disk: ${why}; restart the node to fetch it back`,
    );

  async function* read(author: NodeId, lane: string, from = 1): AsyncGenerator<LaneEntry> {
    const name = { author, lane };
    const end = heads.get(laneKey(name));
    if (end === undefined || from > end.sequence) return;
    let last: LaneHead | undefined;
    for await (const { value } of keyValue.range(entryKey(name, from), entryKey(name, end.sequence + 1))) {
      const entry = openRow(name, last === undefined ? from : last.sequence + 1, value, mesh);
      const broken = last === undefined ? undefined : breakBetween(last, entry);
      if (broken !== undefined) throw damaged(name, broken);
      last = headOf(entry, crypto);
      if (last.sequence === end.sequence && !equalBytes(last.hash, end.hash)) {
        throw damaged(name, `entry ${end.sequence} is not what was verified`);
      }
      yield entry;
    }
    if (last?.sequence !== end.sequence) throw damaged(name, `entry ${(last?.sequence ?? from - 1) + 1} is missing`);
  }

  return {
    read,
    frontier: () => sortedHeads().map(frontierOf),
    head(name) {
      const head = heads.get(laneKey(name));
      return head === undefined ? undefined : frontierOf(head);
    },
    async *all(lane) {
      const sources = sortedHeads()
        .filter((head) => head.lane === lane)
        .map((head) => read(head.author, lane));
      try {
        const nexts = await Promise.all(sources.map((source) => source.next()));
        for (;;) {
          let first: number | undefined;
          let entry: LaneEntry | undefined;
          nexts.forEach((next, i) => {
            // Sources are sorted by author, so a strict comparison breaks ties by author.
            if (next.done !== true && (entry === undefined || next.value.hlc < entry.hlc))
              [first, entry] = [i, next.value];
          });
          if (first === undefined || entry === undefined) return;
          yield entry;
          nexts[first] = await sources[first]!.next();
        }
      } finally {
        await Promise.all(sources.map((source) => source.return(undefined)));
      }
    },
    async missing(theirs, maxBytes) {
      const known = new Map(theirs.map((item) => [laneKey(item), item]));
      const entries: Uint8Array[] = [];
      let sizeBytes = 0;
      /** False: the batch is full. */
      const add = (row: Uint8Array): boolean => {
        if (entries.length > 0 && sizeBytes + row.length > maxBytes) return false;
        entries.push(row);
        sizeBytes += row.length;
        return true;
      };
      for (const head of sortedHeads()) {
        const their = known.get(laneKey(head));
        const fork = forks.get(laneKey(head));
        if (fork !== undefined && their !== undefined && their.forked !== true && their.sequence >= fork.sequence) {
          // Whichever branch they are on, one of the two contradicts it.
          if (!add(fork.kept) || !add(fork.other)) return { entries, more: true };
        }
        const from = (their?.sequence ?? 0) + 1;
        let conflicting = their !== undefined && from === head.sequence + 1 && !equalBytes(their.hash, head.hash);
        if (from > head.sequence && !conflicting) continue;
        try {
          for await (const entry of read(head.author, head.lane, conflicting ? head.sequence : from)) {
            if (their !== undefined && entry.sequence === from && !equalBytes(entry.previous, their.hash))
              conflicting = true;
            // Their branch is another: one entry is the evidence they lack, and they can store none of the rest.
            if (conflicting && (their?.forked === true || fork !== undefined)) break;
            if (!add(encodeEntry(entry))) return { entries, more: true };
            if (conflicting) break;
          }
        } catch (error) {
          if (!(error instanceof LaneDamaged)) throw error;
          log('error', error.message, { lane: head.lane, author: head.author });
        }
      }
      return { entries, more: false };
    },
    async proof(name) {
      const head = heads.get(laneKey(name));
      const row = head === undefined ? undefined : await keyValue.get(entryKey(name, head.sequence));
      return head === undefined || row === undefined
        ? undefined
        : encodeHeadProof(openRow(name, head.sequence, row, mesh), crypto);
    },
  };
}
