// Law: an honest author says one thing at each place of a lane, in however many lives and to whomever, and nobody honest keeps an entry
// without those before it. Of everything that was ever sent, whoever received it.
import { decodeEntry, entryHash, type LaneEntry, laneEntriesSchema } from '../../protocols/lanes/index.ts';
import { decodeBody, hex, MalformedBytes } from '../../protocols/wire/index.ts';
import type { Swarm, Watcher } from '../swarm.ts';
import type { Book } from './violations.ts';

export const laneEntriesType = 'lane.entries';
const lanesTable = 'lanes';
const entryRow = /^e\/([^/]+)\/([^/]+)\/(\d+)$/;
/** The same bytes go to many; each is read once. */
const readMax = 50_000;

export interface LaneCheck extends Watcher {
  /** Looks over what every honest disk holds. */
  finish(): void;
}

export function createLaneCheck(options: {
  readonly swarm: Swarm;
  readonly book: Book;
  readonly isHonest: (index: number) => boolean;
  /** Each entry of an honest author, at least once. */
  readonly onEntry?: (entry: LaneEntry) => void;
}): LaneCheck {
  const { swarm, book, isHonest, onEntry } = options;
  const honest = new Map(swarm.nodes.filter(({ index }) => isHonest(index)).map(({ id, name }) => [id, name]));
  const said = new Map<string, string>();
  const read = new Set<string>();

  const note = (bytes: Uint8Array): void => {
    const digest = hex.encode(swarm.crypto.sha256(bytes));
    if (read.has(digest)) return;
    if (read.size >= readMax) read.clear();
    read.add(digest);
    const entry = decodeEntry(bytes);
    const author = honest.get(entry.author);
    if (author === undefined) return;
    onEntry?.(entry);
    const place = `${entry.author}|${entry.lane}|${entry.sequence}`;
    const hash = hex.encode(entryHash(entry, swarm.crypto));
    const before = said.get(place);
    if (before === undefined) said.set(place, hash);
    else if (before !== hash)
      book.break('one-lane', `${author} wrote two entries as number ${entry.sequence} of its lane ${entry.lane}`);
  };

  return {
    sent({ from, type, body }) {
      // What a liar shows in another's name is nobody's word: whether it was signed is for its receiver to see.
      if (type !== laneEntriesType || !isHonest(from)) return;
      const parsed = laneEntriesSchema.safeParse(decodeBody(body));
      if (!parsed.success)
        return void book.break('one-lane', `${swarm.nodes[from]!.name} sent lane entries that are none`);
      for (const bytes of parsed.data.entries) {
        try {
          note(bytes);
        } catch (error) {
          if (!(error instanceof MalformedBytes)) throw error;
          book.break('one-lane', `${swarm.nodes[from]!.name} sent an entry that cannot be read: ${error.message}`);
        }
      }
    },
    finish() {
      for (const { index, name, disk } of swarm.nodes) {
        if (!isHonest(index)) continue;
        const ends = new Map<string, { count: number; last: number }>();
        for (const key of disk.tables.get(lanesTable)?.keys() ?? []) {
          const found = entryRow.exec(key);
          if (found === null) continue;
          const lane = `${found[1]} of ${swarm.nodes.find(({ id }) => id === found[2])?.name ?? found[2]}`;
          const end = ends.get(lane) ?? { count: 0, last: 0 };
          ends.set(lane, { count: end.count + 1, last: Math.max(end.last, Number(found[3])) });
        }
        for (const [lane, { count, last }] of ends)
          if (count !== last)
            book.break('causal-order', `${name} holds ${count} entries of the lane ${lane}, up to number ${last}`);
      }
    },
  };
}
