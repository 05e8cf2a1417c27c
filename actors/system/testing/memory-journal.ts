// Law: the plainest journal, snapshots and store that keep their ports' promises: what the real ones are compared with.
import {
  type Journal,
  JournalConflict,
  type JournalEntry,
  type KeyValue,
  type Snapshot,
  type Snapshots,
} from '../index.ts';

export function memoryJournal(): Journal {
  const logs = new Map<string, { highest: number; entries: JournalEntry[] }>();
  const logOf = (id: string) => {
    const log = logs.get(id) ?? { highest: 0, entries: [] };
    logs.set(id, log);
    return log;
  };
  return {
    async append(id, afterSequence, events) {
      const log = logOf(id);
      if (log.highest !== afterSequence) throw new JournalConflict(id, afterSequence, log.highest);
      for (const event of events) log.entries.push({ sequence: ++log.highest, event: event.slice() });
      return log.highest;
    },
    async *replay(id, fromSequence, toSequence, max) {
      const wanted = logOf(id).entries.filter(({ sequence }) => sequence >= fromSequence && sequence <= toSequence);
      yield* wanted.slice(0, Math.max(0, max));
    },
    async deleteTo(id, toSequence) {
      const log = logOf(id);
      log.entries = log.entries.filter(({ sequence }) => sequence > toSequence);
    },
    highest: async (id) => logOf(id).highest,
  };
}

export function memorySnapshots(): Snapshots {
  const kept = new Map<string, Snapshot[]>();
  return {
    async save(id, snapshot) {
      const others = (kept.get(id) ?? []).filter(({ sequence }) => sequence !== snapshot.sequence);
      kept.set(
        id,
        [...others, snapshot].sort((a, b) => b.sequence - a.sequence),
      );
    },
    load: async (id) => kept.get(id) ?? [],
    async deleteTo(id, toSequence) {
      kept.set(
        id,
        (kept.get(id) ?? []).filter(({ sequence }) => sequence > toSequence),
      );
    },
  };
}

export function memoryKeyValue(): KeyValue {
  const rows = new Map<string, Uint8Array>();
  return {
    get: async (key) => rows.get(key)?.slice(),
    async write(changes) {
      for (const { key, value } of changes) {
        if (value === undefined) rows.delete(key);
        else rows.set(key, value.slice());
      }
    },
    async *range(from, to) {
      const keys = [...rows.keys()].filter((key) => key >= from && key < to).sort();
      for (const key of keys) yield { key, value: rows.get(key)!.slice() };
    },
    close: async () => {},
  };
}
