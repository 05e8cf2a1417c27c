// Law: what is refused is counted under the sender it came from, in bounded memory: a flood of new names is folded into one line.

export interface Refusal {
  /** A node id, a remote address, or `(others)` once the table is full. */
  readonly from: string;
  readonly reason: string;
  readonly count: number;
  /** What was wrong with the latest one, for people. */
  readonly detail: string;
}

export interface RefusalTable {
  /** The count for this sender and reason, this refusal included. */
  add(from: string, reason: string, detail: string): number;
  /** Most frequent first. */
  list(): readonly Refusal[];
}

const others = '(others)';

export function createRefusalTable(maxEntries = 256): RefusalTable {
  const entries = new Map<string, { from: string; reason: string; count: number; detail: string }>();
  return {
    add(from, reason, detail) {
      let key = `${reason}|${from}`;
      let who = from;
      if (!entries.has(key) && entries.size >= maxEntries) {
        who = others;
        key = `${reason}|${others}`;
      }
      let entry = entries.get(key);
      if (entry === undefined) {
        entry = { from: who, reason, count: 0, detail };
        entries.set(key, entry);
      }
      entry.count++;
      entry.detail = detail.slice(0, 200);
      return entry.count;
    },
    list: () => [...entries.values()].map((entry) => ({ ...entry })).sort((a, b) => b.count - a.count),
  };
}
