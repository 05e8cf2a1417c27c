// Law: first in, first out, at the same cost however many wait: an array's own `shift` moves all of a long one.

/** Positions that are read may stay behind this many that were, at least. */
const keptBehind = 64;

export class Fifo<T> {
  private items: T[] = [];
  /** Index of the oldest. */
  private head = 0;

  get size(): number {
    return this.items.length - this.head;
  }

  push(item: T): void {
    this.items.push(item);
  }

  /** The oldest, taken out; undefined where there is none. */
  shift(): T | undefined {
    if (this.head === this.items.length) return undefined;
    const item = this.items[this.head++]!;
    if (this.head === this.items.length) {
      this.items = [];
      this.head = 0;
    } else if (this.head > keptBehind && this.head * 2 > this.items.length) {
      this.items = this.items.slice(this.head);
      this.head = 0;
    }
    return item;
  }

  /** Leaves out those for which `unwanted` is true. */
  drop(unwanted: (item: T) => boolean): void {
    this.items = this.items.slice(this.head).filter((item) => !unwanted(item));
    this.head = 0;
  }
}
