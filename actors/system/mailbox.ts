// Law: a mailbox is bounded and gives messages out in the order they came. The first message waits inside the cell itself; a
// ring of (message, tag) pairs appears with the second and goes again when a burst is over, so an idle actor owns no buffer.
// The tag is the message's trace context, or the timer whose tick it is.
import type { Timer } from './timers.ts';
import type { MailboxSpec, Message, TraceContext } from './types.ts';

export type Tag = TraceContext | Timer | undefined;

export const defaultMailbox: MailboxSpec = Object.freeze({ capacity: 1024, overflow: 'reject' });

/** Pairs in a fresh ring. A power of two, like every ring length. */
const freshPairs = 8;
/** A ring longer than this is given back once it is empty. */
const keptPairs = 64;

/** The base of every cell: its fields lie in the cell, one object per actor. */
export abstract class Mailbox {
  /** Messages waiting. */
  size = 0;
  /** The tag of the message taken last. */
  protected takenTag: Tag = undefined;
  private firstMessage: Message | undefined = undefined;
  private firstTag: Tag = undefined;
  private ring: unknown[] | undefined = undefined;
  /** Index of the oldest pair in the ring, in pairs. */
  private head = 0;

  /** Appends without asking about capacity: the caller did. */
  protected append(message: Message, tag: Tag): void {
    const size = this.size;
    if (size === 0 && this.ring === undefined) {
      this.firstMessage = message;
      this.firstTag = tag;
    } else {
      let ring = this.ring;
      if (ring === undefined || size * 2 === ring.length) ring = this.grow();
      const at = ((this.head + size) * 2) & (ring.length - 1);
      ring[at] = message;
      ring[at + 1] = tag;
    }
    this.size = size + 1;
  }

  /** Puts a message before all that wait. */
  protected prepend(message: Message, tag: Tag): void {
    let ring = this.ring;
    if (ring === undefined || this.size * 2 === ring.length) ring = this.grow();
    this.head = (this.head - 1) & (ring.length / 2 - 1);
    ring[this.head * 2] = message;
    ring[this.head * 2 + 1] = tag;
    this.size++;
  }

  /** Removes and returns the oldest message, leaving its tag in `takenTag`; the mailbox is not empty. */
  protected take(): Message {
    const ring = this.ring;
    this.size--;
    if (ring === undefined) {
      const message = this.firstMessage!;
      this.takenTag = this.firstTag;
      this.firstMessage = undefined;
      this.firstTag = undefined;
      return message;
    }
    const at = this.head * 2;
    const message = ring[at] as Message;
    this.takenTag = ring[at + 1] as Tag;
    // Cleared, so that a handled message can be collected.
    ring[at] = undefined;
    ring[at + 1] = undefined;
    if (this.size === 0 && ring.length > keptPairs * 2) {
      this.ring = undefined;
      this.head = 0;
    } else {
      this.head = ((at + 2) & (ring.length - 1)) >>> 1;
    }
    return message;
  }

  /** What waits, oldest first. */
  protected waiting(): readonly Message[] {
    const ring = this.ring;
    if (ring === undefined) return this.size === 0 ? [] : [this.firstMessage!];
    return Array.from(
      { length: this.size },
      (_, index) => ring[((this.head + index) * 2) & (ring.length - 1)] as Message,
    );
  }

  private grow(): unknown[] {
    const old = this.ring;
    const ring: unknown[] = new Array(old === undefined ? freshPairs * 2 : old.length * 2).fill(undefined);
    if (old === undefined) {
      ring[0] = this.firstMessage;
      ring[1] = this.firstTag;
      this.firstMessage = undefined;
      this.firstTag = undefined;
    } else {
      for (let index = 0; index < old.length; index++) ring[index] = old[(this.head * 2 + index) & (old.length - 1)];
    }
    this.head = 0;
    this.ring = ring;
    return ring;
  }
}
