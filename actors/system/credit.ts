// Law: a stream never has more items under way than the receiver granted, and what the sender holds back is bounded. Both halves are
// plain values for use inside any protocol: the sender's `send` and the receiver's `grant` are messages of that protocol.

/** The sender's half. Starts without credit. */
export class CreditedSender<T> {
  private readonly send: (item: T) => void;
  private readonly capacity: number;
  private held: T[] = [];
  /** Index of the oldest held item: what lies before it was sent. */
  private head = 0;
  private credits = 0;

  /** `capacity`: items held back while there is no credit. */
  constructor(options: { readonly send: (item: T) => void; readonly capacity: number }) {
    this.send = options.send;
    this.capacity = options.capacity;
  }

  get credit(): number {
    return this.credits;
  }

  get holding(): number {
    return this.held.length - this.head;
  }

  /** Sends the item, or holds it until there is credit. False: holds `capacity` already, and the item stays with the caller. */
  offer(item: T): boolean {
    if (this.credits > 0) {
      this.credits--;
      this.send(item);
      return true;
    }
    if (this.holding >= this.capacity) return false;
    this.held.push(item);
    return true;
  }

  /** The receiver can take that many more. Sends what was held back, oldest first. */
  grant(items: number): void {
    this.credits += items;
    while (this.credits > 0 && this.head < this.held.length) {
      this.credits--;
      this.send(this.held[this.head++]!);
    }
    if (this.head === this.held.length) {
      this.held = [];
      this.head = 0;
    } else if (this.head > this.capacity) {
      this.held = this.held.slice(this.head);
      this.head = 0;
    }
  }
}

/** The receiver's half: grants a window at the start, and half a window each time that much was consumed. */
export class CreditedReceiver {
  private readonly grant: (items: number) => void;
  private readonly batch: number;
  private owed = 0;

  /** `window`: items under way at most, at least 1. Calls `grant` at once. */
  constructor(options: { readonly grant: (items: number) => void; readonly window: number }) {
    if (!Number.isInteger(options.window) || options.window < 1)
      throw new RangeError(`a window of ${options.window} items: it is an integer from 1`);
    this.grant = options.grant;
    this.batch = Math.ceil(options.window / 2);
    this.grant(options.window);
  }

  /** One item was handled. */
  consumed(): void {
    if (++this.owed < this.batch) return;
    const items = this.owed;
    this.owed = 0;
    this.grant(items);
  }
}
