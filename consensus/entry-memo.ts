// Law: a vote carries no name of its signer, so members who agree sign the same bytes; what those bytes say and hash to is found out once.
// Pure: it depends on nothing but the bytes, so it matters to no outcome what is remembered and what was forgotten.
import type { Crypto } from '../actors/system/index.ts';
import { equalBytes } from '../protocols/wire/index.ts';
import { leafHashOf } from './entry-tree.ts';
import type { LiveInstance } from './live-instance.ts';
import { decodeEntry, type Entry } from './messages.ts';
import { Slab } from './slab.ts';

export interface KnownEntry {
  /** One array for all who said it. */
  readonly bytes: Uint8Array;
  readonly entry: Entry;
  readonly leafHash: Uint8Array;
  /** What it is about, as far as this node knows. */
  instance: LiveInstance | undefined;
}

/** Kind, instance (32 bytes) and round (4) of a vote stand here, and of a proposal all that tells it from others but its value. */
const slotAt = 17;
/** Entries of one generation, of which two are remembered: enough for what is under way, few enough to be forgotten before the collector moves them. */
const generationEntries = 1024;

/**
 * A number for a slot of an instance; what else is said there, or in another slot of that number, is another entry and takes its place.
 * Instances are uniform, and a small number is the cheapest key there is. What is too short for a slot has some number, too.
 */
function slotOf(within: Buffer, at: number): number {
  const instance = (within[at + 1]! << 24) | (within[at + 2]! << 16) | (within[at + 3]! << 8) | within[at + 4]!;
  return (instance ^ Math.imul(within[at]! + 256 * within[at + 36]!, 0x9e3779b1)) >>> 2;
}

export class EntryMemo {
  readonly #crypto: Pick<Crypto, 'sha256'>;
  readonly #slab = new Slab();
  #young = new Map<number, KnownEntry>();
  #old = new Map<number, KnownEntry>();

  constructor(crypto: Pick<Crypto, 'sha256'>) {
    this.#crypto = crypto;
  }

  /** `view` may be part of a larger message, `within`: what is kept is a copy. Throws MalformedBytes where it is no entry. */
  recall(view: Uint8Array, within: Buffer = Buffer.from(view.buffer, view.byteOffset, view.byteLength)): KnownEntry {
    const name = slotOf(within, view.byteOffset - within.byteOffset + slotAt);
    let known = this.#young.get(name);
    if (known !== undefined && equalBytes(known.bytes, view)) return known;
    known = this.#old.get(name);
    if (known === undefined || !equalBytes(known.bytes, view)) {
      const bytes = this.#slab.keep(view);
      known = { bytes, entry: decodeEntry(bytes), leafHash: leafHashOf(bytes, this.#crypto), instance: undefined };
    }
    if (this.#young.size >= generationEntries) {
      this.#old = this.#young;
      this.#young = new Map();
    }
    this.#young.set(name, known);
    return known;
  }
}
