// Law: what this node must never vote in again takes 16 bytes an instance and has a bound. Once that is reached nothing is dropped: the
// node takes part in no further instance of a task, until the next epoch, whose instances are others. 128 bits of an instance's hash stand
// for it; two that shared them would cost a vote, never give a second one.
import { MalformedBytes } from '../protocols/wire/index.ts';
import { type InstanceId, idWord } from './messages.ts';

const entryWords = 4;
const entryBytes = 16;
const leastSlots = 1 << 10;
/** Ids per chunk of what is written down: 1 MiB. */
const idsPerChunk = 1 << 16;

export class Forgotten {
  readonly #max: number;
  #size = 0;
  /** Open addressing, linear probing; all zeros is a free slot. */
  #slots = new Uint32Array(leastSlots * entryWords);

  constructor(max: number) {
    this.#max = max;
  }

  get size(): number {
    return this.#size;
  }

  get isFull(): boolean {
    return this.#size >= this.#max;
  }

  /** What it takes in memory. */
  get sizeBytes(): number {
    return this.#slots.byteLength;
  }

  has(id: InstanceId): boolean {
    return this.#size > 0 && this.#slots[this.#find(wordsOf(id))] !== 0;
  }

  add(id: InstanceId): void {
    this.#insert(wordsOf(id));
  }

  /** All of them, as bytes for a log. */
  *chunks(): Generator<Uint8Array> {
    let chunk = new Uint8Array(Math.min(this.#size, idsPerChunk) * entryBytes);
    let view = new DataView(chunk.buffer);
    let at = 0;
    let left = this.#size;
    for (let slot = 0; slot < this.#slots.length; slot += entryWords) {
      if (this.#slots[slot] === 0) continue;
      for (let i = 0; i < entryWords; i++, at += 4) view.setUint32(at, this.#slots[slot + i]!);
      left--;
      if (at < chunk.length) continue;
      yield chunk;
      chunk = new Uint8Array(Math.min(left, idsPerChunk) * entryBytes);
      view = new DataView(chunk.buffer);
      at = 0;
    }
  }

  /** Throws MalformedBytes where `chunk` is not what `chunks` gives. */
  restore(chunk: Uint8Array): void {
    if (chunk.length % entryBytes !== 0)
      throw new MalformedBytes(`${chunk.length} bytes are no list of forgotten instances`);
    const view = new DataView(chunk.buffer, chunk.byteOffset, chunk.length);
    for (let at = 0; at < chunk.length; at += entryBytes)
      this.#insert([view.getUint32(at), view.getUint32(at + 4), view.getUint32(at + 8), view.getUint32(at + 12)]);
  }

  #insert(words: readonly number[]): void {
    // Half full at most: probing stays short.
    if ((this.#size + 1) * 2 * entryWords > this.#slots.length) this.#grow();
    const slot = this.#find(words);
    if (this.#slots[slot] !== 0) return;
    this.#slots.set(words, slot);
    this.#size++;
  }

  #grow(): void {
    const old = this.#slots;
    this.#slots = new Uint32Array(old.length * 2);
    for (let slot = 0; slot < old.length; slot += entryWords)
      if (old[slot] !== 0) {
        const words = old.subarray(slot, slot + entryWords);
        this.#slots.set(words, this.#find([...words]));
      }
  }

  /** The slot that holds these words, or the free one where they belong. */
  #find(words: readonly number[]): number {
    const slots = this.#slots;
    const mask = slots.length / entryWords - 1;
    for (let at = words[1]! & mask; ; at = (at + 1) & mask) {
      const slot = at * entryWords;
      if (slots[slot] === 0) return slot;
      let same = true;
      for (let i = 0; i < entryWords; i++) same &&= slots[slot + i] === words[i];
      if (same) return slot;
    }
  }
}

function wordsOf(id: InstanceId): readonly number[] {
  // The first word marks a slot as taken.
  return [idWord(id, 0) || 1, idWord(id, 1), idWord(id, 2), idWord(id, 3)];
}
