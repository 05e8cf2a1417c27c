// Law: entries and head of one append are one write, so that a crash leaves all of it or none; appends to one id wait for each other, so
// that the fence holds. One journal per store: the store has no compare-and-set that could fence two.
import type { KeyValue } from '../world.ts';
import {
  type Journal,
  JournalConflict,
  JournalDamage,
  type JournalEntry,
  type Snapshot,
  type Snapshots,
} from './journal.ts';

/** Sequences as text that sorts like the numbers: 2^53 has 14 hexadecimal digits. */
const sequenceDigits = 14;
/** Rows one write deletes. Oldest first, so that what a crash leaves has no holes. */
const deletedAtOnce = 1000;

function sequenceText(sequence: number): string {
  return sequence.toString(16).padStart(sequenceDigits, '0');
}

/** No id is a prefix of another's keys: what separates the parts does not occur in them. */
function prefixOf(room: string, id: string): string {
  return `${room}/${encodeURIComponent(id)}/`;
}

/** Rows of one id in one room of the store, by sequence. */
async function* rows(
  store: KeyValue,
  prefix: string,
  fromSequence: number,
  toSequence: number,
): AsyncGenerator<{ readonly sequence: number; readonly value: Uint8Array }> {
  const from = Math.max(0, fromSequence);
  const to = Math.min(Number.MAX_SAFE_INTEGER - 1, toSequence);
  if (from > to) return;
  for await (const { key, value } of store.range(prefix + sequenceText(from), prefix + sequenceText(to + 1)))
    yield { sequence: Number.parseInt(key.slice(prefix.length), 16), value };
}

async function deleteRows(store: KeyValue, prefix: string, toSequence: number): Promise<void> {
  let keys: string[] = [];
  const flush = async (): Promise<void> => {
    await store.write(keys.map((key) => ({ key, value: undefined })));
    keys = [];
  };
  for await (const { sequence } of rows(store, prefix, 0, toSequence)) {
    keys.push(prefix + sequenceText(sequence));
    if (keys.length >= deletedAtOnce) await flush();
  }
  if (keys.length > 0) await flush();
}

/** A journal in a store of its own, or in one that uses no keys that begin with `event/` and `head/`. */
export function keyValueJournal(store: KeyValue): Journal {
  /** The last append asked for, of ids that have one open. */
  const open = new Map<string, Promise<unknown>>();

  const highest = async (id: string): Promise<number> => {
    const head = await store.get(prefixOf('head', id));
    if (head === undefined) return 0;
    if (head.length !== 8) throw new JournalDamage(`journal '${id}': its head is ${head.length} bytes, not 8`);
    return Number(new DataView(head.buffer, head.byteOffset, 8).getBigUint64(0));
  };

  const append = async (id: string, afterSequence: number, events: readonly Uint8Array[]): Promise<number> => {
    const highestSequence = await highest(id);
    if (highestSequence !== afterSequence) throw new JournalConflict(id, afterSequence, highestSequence);
    if (events.length === 0) return highestSequence;
    const head = new Uint8Array(8);
    new DataView(head.buffer).setBigUint64(0, BigInt(highestSequence + events.length));
    const prefix = prefixOf('event', id);
    await store.write([
      ...events.map((value, index) => ({ key: prefix + sequenceText(highestSequence + index + 1), value })),
      { key: prefixOf('head', id), value: head },
    ]);
    return highestSequence + events.length;
  };

  return {
    append(id, afterSequence, events) {
      const before = open.get(id) ?? Promise.resolve();
      const mine = before.then(
        () => append(id, afterSequence, events),
        () => append(id, afterSequence, events),
      );
      const settled = mine.catch(() => {});
      open.set(id, settled);
      void settled.then(() => {
        if (open.get(id) === settled) open.delete(id);
      });
      return mine;
    },
    async *replay(id, fromSequence, toSequence, max): AsyncGenerator<JournalEntry> {
      let left = max;
      if (left <= 0) return;
      for await (const { sequence, value } of rows(store, prefixOf('event', id), fromSequence, toSequence)) {
        yield { sequence, event: value };
        if (--left <= 0) return;
      }
    },
    deleteTo: (id, toSequence) => deleteRows(store, prefixOf('event', id), toSequence),
    highest,
  };
}

/** Snapshots in a store that uses no keys that begin with `snapshot/`. */
export function keyValueSnapshots(store: KeyValue): Snapshots {
  return {
    save: (id, { sequence, state }) =>
      store.write([{ key: prefixOf('snapshot', id) + sequenceText(sequence), value: state }]),
    async load(id) {
      const found: Snapshot[] = [];
      for await (const { sequence, value } of rows(store, prefixOf('snapshot', id), 0, Number.POSITIVE_INFINITY))
        found.push({ sequence, state: value });
      return found.reverse();
    },
    deleteTo: (id, toSequence) => deleteRows(store, prefixOf('snapshot', id), toSequence),
  };
}
