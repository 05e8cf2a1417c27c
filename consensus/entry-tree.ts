// Law: a batch's entries are the leaves of a 4-ary hash tree, and its root is what is signed. Leaf and node hashes are prefixed apart (as in
// RFC 6962), so no node can be passed off as an entry.
import type { Crypto } from '../actors/system/index.ts';
import { MalformedBytes } from '../protocols/wire/index.ts';
import { maxEntryBytes } from './messages.ts';

/** One level of a path: the other hashes of the group, and where among them the proven one stands. */
export interface PathLevel {
  readonly position: number;
  readonly siblings: readonly Uint8Array[];
}

/** Four: a third more hashes than entries, and paths half as long as with sixteen (12 hashes for 256 entries, where binary has 8). */
export const arity = 4;
const leafPrefix = 0;
const nodePrefix = 1;
export const maxLevels = 6;
export const maxBatchEntries = arity ** maxLevels;

type Sha256 = Pick<Crypto, 'sha256'>;

/** Hashing one buffer costs half of feeding its parts to a hash one by one, and an array for each would cost twice the hash. */
const preimage = Buffer.alloc(1 + Math.max(maxEntryBytes, arity * 32));
/** Its beginnings, by length: a new view for each hash would outweigh the hash. */
const beginnings: Uint8Array[] = Array.from({ length: preimage.length + 1 }, (_, length) =>
  preimage.subarray(0, length),
);

export function leafHashOf(entry: Uint8Array, crypto: Sha256): Uint8Array {
  if (entry.length > maxEntryBytes)
    throw new MalformedBytes(`an entry of ${entry.length} bytes exceeds ${maxEntryBytes}`);
  preimage[0] = leafPrefix;
  preimage.set(entry, 1);
  return crypto.sha256(beginnings[1 + entry.length]!);
}

/** Over the 1 to `arity` hashes that stand in `hashes` from the `start`-th to before the `end`-th. */
function nodeHashIn(hashes: Buffer, start: number, end: number, crypto: Sha256): Uint8Array {
  preimage[0] = nodePrefix;
  hashes.copy(preimage, 1, 32 * start, 32 * end);
  return crypto.sha256(beginnings[1 + 32 * (end - start)]!);
}

/** Over 1 to `arity` hashes. */
function nodeHashOf(group: readonly Uint8Array[], crypto: Sha256): Uint8Array {
  preimage[0] = nodePrefix;
  for (let i = 0; i < group.length; i++) preimage.set(group[i]!, 1 + 32 * i);
  return crypto.sha256(beginnings[1 + 32 * group.length]!);
}

/** The hash tree over a batch: all hashes in one array, leaves first and the root last, since thousands of small ones would cost more to keep than to compute. */
export class EntryTree {
  readonly #hashes: Uint8Array;
  /** Where in `#hashes` each level begins, counted in hashes; the last one is the root's. */
  readonly #starts: number[] = [0];

  /** `leafHashes` where they are known already. */
  constructor(entries: readonly Uint8Array[], crypto: Sha256, leafHashes?: readonly Uint8Array[]) {
    if (entries.length === 0 || entries.length > maxBatchEntries)
      throw new MalformedBytes(`a batch has 1 to ${maxBatchEntries} entries, not ${entries.length}`);
    let total = entries.length;
    for (let width = entries.length; width > 1; total += width) {
      this.#starts.push(total);
      width = Math.ceil(width / arity);
    }
    const hashes = new Uint8Array(32 * total);
    this.#hashes = hashes;
    const view = Buffer.from(hashes.buffer);
    for (let i = 0; i < entries.length; i++) hashes.set(leafHashes?.[i] ?? leafHashOf(entries[i]!, crypto), 32 * i);
    for (let height = 1; height < this.#starts.length; height++) {
      const end = this.#starts[height]!;
      let to = end;
      for (let at = this.#starts[height - 1]!; at < end; at += arity, to++)
        hashes.set(nodeHashIn(view, at, Math.min(at + arity, end), crypto), 32 * to);
    }
  }

  get root(): Uint8Array {
    return this.#hashes.slice(-32);
  }

  path(index: number): PathLevel[] {
    const path: PathLevel[] = [];
    let at = index;
    for (let height = 0; height < this.#starts.length - 1; height++) {
      const start = this.#starts[height]!;
      const position = at % arity;
      const siblings: Uint8Array[] = [];
      for (let i = at - position; i < at - position + arity && start + i < this.#starts[height + 1]!; i++)
        if (i !== at) siblings.push(this.#hashes.slice(32 * (start + i), 32 * (start + i + 1)));
      path.push({ position, siblings });
      at = (at - position) / arity;
    }
    return path;
  }
}

/** The root that `entry` has under `path`; undefined where no tree has such a path. */
export function rootOfPath(entry: Uint8Array, path: readonly PathLevel[], crypto: Sha256): Uint8Array | undefined {
  let hash = leafHashOf(entry, crypto);
  for (const { position, siblings } of path) {
    if (position > siblings.length || siblings.length >= arity) return undefined;
    hash = nodeHashOf([...siblings.slice(0, position), hash, ...siblings.slice(position)], crypto);
  }
  return hash;
}
