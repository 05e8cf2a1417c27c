// Law: an append-only log is one RFC 9162 tree: leaf hash SHA-256(0x00 ‖ entry), node hash SHA-256(0x01 ‖ left ‖ right). What a proof
// shows is checked against roots alone; sizes in the checks are BigInt, since they come from strangers and may exceed 2^53. A tree of
// size 0 proves nothing and is refused.
import type { Crypto } from '../actors/system/index.ts';
import { equalBytes } from '../protocols/wire/index.ts';

type Sha256 = Pick<Crypto, 'sha256'>;

const hashBytes = 32;
const leafPrefix = Uint8Array.of(0);
const nodePrefix = Uint8Array.of(1);

export function leafHash(entry: Uint8Array, crypto: Sha256): Uint8Array {
  return crypto.sha256(leafPrefix, entry);
}

export function nodeHash(left: Uint8Array, right: Uint8Array, crypto: Sha256): Uint8Array {
  return crypto.sha256(nodePrefix, left, right);
}

/** The hash of the full subtree over leaves [index · 2^level, (index + 1) · 2^level). Asked only for subtrees within the tree. */
export type HashAt = (level: number, index: number) => Uint8Array;

/** The hash of leaves [start, end), end > start, of a range that RFC 9162's recursion meets: it begins where its first full subtree does. */
function rangeHash(start: number, end: number, hashAt: HashAt, crypto: Sha256): Uint8Array {
  const split = splitPoint(end - start);
  // A power of two splits into two equal halves: the subtree is full and stored.
  if (split * 2 === end - start || end - start === 1) return hashAt(Math.log2(end - start), start / (end - start));
  return nodeHash(
    rangeHash(start, start + split, hashAt, crypto),
    rangeHash(start + split, end, hashAt, crypto),
    crypto,
  );
}

/** The largest power of two below `size`; 0 for size 1. */
function splitPoint(size: number): number {
  let power = 1;
  while (power * 2 < size) power *= 2;
  return size === 1 ? 0 : power;
}

/** The root over the first `size` leaves; of an empty tree, SHA-256 of nothing. */
export function rootAt(size: number, hashAt: HashAt, crypto: Sha256): Uint8Array {
  return size === 0 ? crypto.sha256(new Uint8Array(0)) : rangeHash(0, size, hashAt, crypto);
}

/** RFC 9162 §2.1.3.1. Throws RangeError unless 0 ≤ leafIndex < size. */
export function inclusionProof(leafIndex: number, size: number, hashAt: HashAt, crypto: Sha256): Uint8Array[] {
  if (!Number.isSafeInteger(size) || !Number.isSafeInteger(leafIndex) || leafIndex < 0 || leafIndex >= size) {
    throw new RangeError(`a tree of ${size} leaves has no leaf ${leafIndex}`);
  }
  const path: Uint8Array[] = [];
  let start = 0;
  let end = size;
  while (end - start > 1) {
    const middle = start + splitPoint(end - start);
    if (leafIndex < middle) {
      path.push(rangeHash(middle, end, hashAt, crypto));
      end = middle;
    } else {
      path.push(rangeHash(start, middle, hashAt, crypto));
      start = middle;
    }
  }
  return path.reverse();
}

/** RFC 9162 §2.1.4.1. Throws RangeError unless 1 ≤ oldSize ≤ newSize. */
export function consistencyProof(oldSize: number, newSize: number, hashAt: HashAt, crypto: Sha256): Uint8Array[] {
  if (!Number.isSafeInteger(oldSize) || !Number.isSafeInteger(newSize) || oldSize < 1 || oldSize > newSize) {
    throw new RangeError(`no tree of ${oldSize} leaves can be shown to be the beginning of one of ${newSize}`);
  }
  const path: Uint8Array[] = [];
  let start = 0;
  let end = newSize;
  while (end !== oldSize) {
    const middle = start + splitPoint(end - start);
    if (oldSize <= middle) {
      path.push(rangeHash(middle, end, hashAt, crypto));
      end = middle;
    } else {
      path.push(rangeHash(start, middle, hashAt, crypto));
      start = middle;
    }
  }
  // From the left edge the old tree is a full subtree whose hash is the old root, which the verifier has.
  if (start > 0) path.push(rangeHash(start, end, hashAt, crypto));
  return path.reverse();
}

function allHashes(hashes: readonly Uint8Array[]): boolean {
  return hashes.every((hash) => hash.length === hashBytes);
}

/** RFC 9162 §2.1.3.2: whether `proof` shows that `leaf` is the leaf hash at `leafIndex` of the tree of `size` leaves with this root. */
export function verifyInclusion(
  claim: { readonly leaf: Uint8Array; readonly leafIndex: bigint; readonly size: bigint; readonly root: Uint8Array },
  proof: readonly Uint8Array[],
  crypto: Sha256,
): boolean {
  if (claim.leafIndex < 0n || claim.leafIndex >= claim.size || !allHashes([claim.leaf, claim.root, ...proof]))
    return false;
  let index = claim.leafIndex;
  let last = claim.size - 1n;
  let hash = claim.leaf;
  for (const sibling of proof) {
    if (last === 0n) return false;
    if (index % 2n === 1n || index === last) {
      hash = nodeHash(sibling, hash, crypto);
      while (index % 2n === 0n && index !== 0n) {
        index >>= 1n;
        last >>= 1n;
      }
    } else {
      hash = nodeHash(hash, sibling, crypto);
    }
    index >>= 1n;
    last >>= 1n;
  }
  return last === 0n && equalBytes(hash, claim.root);
}

/** RFC 9162 §2.1.4.2: whether `proof` shows that the old tree is the beginning of the new one. */
export function verifyConsistency(
  claim: {
    readonly oldSize: bigint;
    readonly oldRoot: Uint8Array;
    readonly newSize: bigint;
    readonly newRoot: Uint8Array;
  },
  proof: readonly Uint8Array[],
  crypto: Sha256,
): boolean {
  const { oldSize, oldRoot, newSize, newRoot } = claim;
  if (oldSize < 1n || oldSize > newSize) return false;
  if (oldSize === newSize) return proof.length === 0 && equalBytes(oldRoot, newRoot);
  if (proof.length === 0 || !allHashes([oldRoot, newRoot, ...proof])) return false;
  const isPowerOfTwo = (oldSize & (oldSize - 1n)) === 0n;
  const [first, ...rest] = isPowerOfTwo ? [oldRoot, ...proof] : proof;
  let index = oldSize - 1n;
  let last = newSize - 1n;
  while (index % 2n === 1n) {
    index >>= 1n;
    last >>= 1n;
  }
  let oldHash = first!;
  let newHash = first!;
  for (const sibling of rest) {
    if (last === 0n) return false;
    if (index % 2n === 1n || index === last) {
      oldHash = nodeHash(sibling, oldHash, crypto);
      newHash = nodeHash(sibling, newHash, crypto);
      while (index % 2n === 0n && index !== 0n) {
        index >>= 1n;
        last >>= 1n;
      }
    } else {
      newHash = nodeHash(newHash, sibling, crypto);
    }
    index >>= 1n;
    last >>= 1n;
  }
  return last === 0n && equalBytes(oldHash, oldRoot) && equalBytes(newHash, newRoot);
}

/** All that appending needs of a tree: the roots of its full subtrees, largest first: at most 53 hashes whatever the size. */
export interface CompactRange {
  readonly size: number;
  readonly peaks: readonly Uint8Array[];
}

export const emptyRange: CompactRange = { size: 0, peaks: [] };

/**
 * The range with one more leaf. `completed` is called, lowest level first, with each full subtree the leaf finishes (the leaf itself
 * included): what a store keeps so that proofs can be made later.
 */
export function appendLeaf(
  range: CompactRange,
  leaf: Uint8Array,
  crypto: Sha256,
  completed?: (level: number, index: number, hash: Uint8Array) => void,
): CompactRange {
  const peaks = [...range.peaks];
  let hash = leaf;
  let level = 0;
  completed?.(0, range.size, hash);
  // Like a binary counter: each trailing one of the size is a peak to merge with.
  for (let rest = range.size; rest % 2 === 1; rest = (rest - 1) / 2) {
    hash = nodeHash(peaks.pop()!, hash, crypto);
    level++;
    completed?.(level, (rest - 1) / 2, hash);
  }
  peaks.push(hash);
  return { size: range.size + 1, peaks };
}

export function rangeRoot(range: CompactRange, crypto: Sha256): Uint8Array {
  if (range.peaks.length === 0) return crypto.sha256(new Uint8Array(0));
  return range.peaks.reduceRight((right, left) => nodeHash(left, right, crypto));
}
