// Law: a stash is bounded, keeps the order and the trace of what it holds, and loses nothing: released, or when its incarnation
// ends, everything returns to the front of the mailbox.
import type { Cell } from './cell.ts';
import type { Tag } from './mailbox.ts';
import type { Message, Stash } from './types.ts';

export class ActorStash implements Stash<Message> {
  private readonly cell: Cell;
  private held: { readonly message: Message; readonly tag: Tag }[] = [];

  constructor(cell: Cell) {
    this.cell = cell;
  }

  get size(): number {
    return this.held.length;
  }

  /** As many as the mailbox holds. */
  get capacity(): number {
    return this.cell.mailbox.capacity;
  }

  push(message: Message): boolean {
    if (this.held.length >= this.capacity) {
      this.cell.system.deadLetter(this.cell, message, 'full');
      return false;
    }
    this.held.push({ message, tag: this.cell.trace });
    return true;
  }

  /** Oldest first again. The mailbox may exceed its capacity by what was stashed, which is bounded itself. */
  release(): void {
    const { held } = this;
    this.held = [];
    for (let index = held.length - 1; index >= 0; index--) {
      const { message, tag } = held[index]!;
      this.cell.putBack(message, tag);
    }
  }

  clear(): void {
    const { held } = this;
    this.held = [];
    for (const { message } of held) this.cell.system.deadLetter(this.cell, message, 'stopped');
  }
}
