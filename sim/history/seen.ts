// Law: what has been seen is remembered exactly or not at all: a full table forgets, which costs time and never a verdict. Its bytes are bounded.
const probes = 8;
const firstEntries = 1 << 10;

export class Seen {
  private readonly words: number;
  private readonly entriesMax: number;
  private entries = firstEntries;
  private table: Int32Array;
  private used = 0;

  /** Entries of `words` 32-bit numbers each, of which the first is never 0; in at most about `bytesMax` bytes. */
  constructor(words: number, bytesMax: number) {
    this.words = words;
    this.entriesMax = firstEntries;
    // While the table grows, the old one is there too.
    while (this.entriesMax * 2 * words * 4 * 1.5 <= bytesMax) this.entriesMax *= 2;
    this.table = new Int32Array(this.entries * words);
  }

  get sizeBytes(): number {
    return this.table.byteLength;
  }

  /** Whether `entry` was new here. */
  add(entry: Int32Array): boolean {
    if (this.used * 2 > this.entries && this.entries < this.entriesMax) this.grow();
    return this.insert(entry, 0);
  }

  private insert(from: Int32Array, offset: number): boolean {
    const { words, table, entries } = this;
    let hash = 0x9e3779b9;
    for (let i = 0; i < words; i++) {
      hash = Math.imul(hash ^ from[offset + i]!, 0x85ebca6b);
      hash ^= hash >>> 13;
    }
    hash = Math.imul(hash, 0xc2b2ae35);
    hash ^= hash >>> 16;
    for (let probe = 0; probe < probes; probe++) {
      const at = ((hash + probe) & (entries - 1)) * words;
      if (table[at] === 0) {
        this.put(at, from, offset);
        this.used++;
        return true;
      }
      let i = 0;
      while (i < words && table[at + i] === from[offset + i]) i++;
      if (i === words) return false;
    }
    this.put(((hash + (hash >>> 24)) & (entries - 1)) * words, from, offset);
    return true;
  }

  private put(at: number, from: Int32Array, offset: number): void {
    for (let i = 0; i < this.words; i++) this.table[at + i] = from[offset + i]!;
  }

  private grow(): void {
    const old = this.table;
    this.entries *= 2;
    this.table = new Int32Array(this.entries * this.words);
    this.used = 0;
    for (let at = 0; at < old.length; at += this.words) if (old[at] !== 0) this.insert(old, at);
  }
}
