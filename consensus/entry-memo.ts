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

/** Kind, instance and round of a vote stand here, and of a proposal all that tells it from others but its value. */
const slotAt = 17;
const slotBytes = 37;
/** Entries of one generation, of which two are remembered: enough for what is under way, few enough to be forgotten before the collector moves them. */
const generationEntries = 1024;

export class EntryMemo {
  readonly #crypto: Pick<Crypto, 'sha256'>;
  readonly #slab = new Slab();
  #young = new Map<string, KnownEntry>();
  #old = new Map<string, KnownEntry>();

  constructor(crypto: Pick<Crypto, 'sha256'>) {
    this.#crypto = crypto;
  }

  /** `view` may be part of a larger message, `within`: what is kept is a copy. Throws MalformedBytes where it is no entry. */
  recall(view: Uint8Array, within: Buffer = Buffer.from(view.buffer, view.byteOffset, view.byteLength)): KnownEntry {
    // One character per byte is the cheapest way to have bytes as a key. These name a slot of an instance; what else is said there is
    // another entry, and takes its place.
    const start = view.byteOffset - within.byteOffset;
    const name = within.toString('latin1', start + slotAt, start + slotAt + slotBytes);
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
