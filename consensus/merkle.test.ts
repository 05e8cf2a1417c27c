import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { utf8 } from '../protocols/wire/index.ts';
import { filesIn, sharedPath } from '../test/support/shared.ts';
import { createCrypto } from '../test/support/world.ts';
import {
  appendLeaf,
  type CompactRange,
  consistencyProof,
  emptyRange,
  type HashAt,
  inclusionProof,
  leafHash,
  nodeHash,
  rangeRoot,
  rootAt,
  verifyConsistency,
  verifyInclusion,
} from './index.ts';

const crypto = createCrypto();

/** The vectors as they are on disk; integers, some beyond 2^53, as BigInt. */
function vectors(folder: string): { name: string; vector: Record<string, unknown> }[] {
  return filesIn(folder, '.json').map((name) => {
    const text = readFileSync(join(folder, name), 'utf8').replaceAll(
      /("(?:leafIdx|treeSize|size1|size2)":\s*)(\d+)/gi,
      '$1"$2n"',
    );
    const vector = JSON.parse(text, (_, value: unknown) =>
      typeof value === 'string' && /^\d+n$/.test(value) ? BigInt(value.slice(0, -1)) : value,
    ) as Record<string, unknown>;
    return { name, vector };
  });
}
/** Absent, null and empty are all no bytes. */
const base64 = (value: unknown): Uint8Array => new Uint8Array(Buffer.from((value as string | null) ?? '', 'base64'));
const hashes = (value: unknown): Uint8Array[] => ((value ?? []) as string[]).map(base64);

describe('the vectors of transparency-dev/merkle', () => {
  const path = sharedPath('conformance/rfc6962-merkle');
  it.skipIf(path === undefined)('for inclusion all get their verdict', () => {
    const all = vectors(join(path!, 'inclusion'));
    expect(all.length).toBeGreaterThanOrEqual(98);
    const wrong = all.filter(({ vector: v }) => {
      const claim = {
        leaf: base64(v.leafHash),
        leafIndex: (v.leafIdx ?? 0n) as bigint,
        size: (v.treeSize ?? 0n) as bigint,
        root: base64(v.root),
      };
      return verifyInclusion(claim, hashes(v.proof), crypto) === (v.wantErr === true);
    });
    expect(wrong.map(({ name }) => name)).toEqual([]);
    expect(all.some(({ vector }) => ((vector.leafIdx ?? 0n) as bigint) > 2n ** 53n)).toBe(true);
  });

  it.skipIf(path === undefined)('for consistency all get their verdict', () => {
    const all = vectors(join(path!, 'consistency'));
    expect(all.length).toBeGreaterThanOrEqual(98);
    const wrong = all.filter(({ vector: v }) => {
      const claim = {
        oldSize: (v.size1 ?? 0n) as bigint,
        oldRoot: base64(v.root1),
        newSize: (v.size2 ?? 0n) as bigint,
        newRoot: base64(v.root2),
      };
      return verifyConsistency(claim, hashes(v.proof), crypto) === (v.wantErr === true);
    });
    expect(wrong.map(({ name }) => name)).toEqual([]);
  });
});

/** The definition, RFC 9162 §2.1.1, over a list of leaf hashes. */
function definedRoot(leaves: readonly Uint8Array[]): Uint8Array {
  if (leaves.length === 0) return crypto.sha256(new Uint8Array(0));
  if (leaves.length === 1) return leaves[0]!;
  let k = 1;
  while (k * 2 < leaves.length) k *= 2;
  return nodeHash(definedRoot(leaves.slice(0, k)), definedRoot(leaves.slice(k)), crypto);
}

describe('a log grown leaf by leaf', () => {
  const count = 70;
  const leaves = Array.from({ length: count }, (_, i) => leafHash(utf8.encode(`entry ${i}`), crypto));
  const stored = new Map<string, Uint8Array>();
  const hashAt: HashAt = (level, index) => {
    const hash = stored.get(`${level}/${index}`);
    if (hash === undefined) throw new Error(`asked for subtree ${level}/${index}, which is not full`);
    return hash;
  };
  const ranges: CompactRange[] = [emptyRange];
  for (const leaf of leaves)
    ranges.push(
      appendLeaf(ranges.at(-1)!, leaf, crypto, (level, index, hash) => stored.set(`${level}/${index}`, hash)),
    );
  const roots = ranges.map((_, size) => definedRoot(leaves.slice(0, size)));

  it('has the root of the definition at every size, from its compact range and from its stored subtrees', () => {
    ranges.forEach((range, size) => {
      expect(range.size).toBe(size);
      expect(rangeRoot(range, crypto)).toEqual(roots[size]);
      expect(rootAt(size, hashAt, crypto)).toEqual(roots[size]);
      expect(range.peaks.length).toBe(size.toString(2).replaceAll('0', '').length);
    });
  });

  it('proves every leaf at every size, and no other leaf, index or size', () => {
    for (let size = 1; size <= count; size++) {
      for (let index = 0; index < size; index++) {
        const proof = inclusionProof(index, size, hashAt, crypto);
        const claim = { leaf: leaves[index]!, leafIndex: BigInt(index), size: BigInt(size), root: roots[size]! };
        expect(verifyInclusion(claim, proof, crypto)).toBe(true);
        if (size > 12) continue;
        for (let other = 0; other < size; other++) {
          if (other !== index)
            expect(verifyInclusion({ ...claim, leafIndex: BigInt(other) }, proof, crypto)).toBe(false);
        }
        expect(verifyInclusion({ ...claim, leaf: leaves[(index + 1) % count]! }, proof, crypto)).toBe(false);
        expect(verifyInclusion({ ...claim, root: roots[size + 1]! }, proof, crypto)).toBe(false);
        expect(verifyInclusion(claim, [...proof, leaves[0]!], crypto)).toBe(false);
        if (proof.length > 0) expect(verifyInclusion(claim, proof.slice(1), crypto)).toBe(false);
      }
    }
  });

  it('proves every beginning of itself, and no other history', () => {
    for (let newSize = 1; newSize <= count; newSize++) {
      for (let oldSize = 1; oldSize <= newSize; oldSize++) {
        const proof = consistencyProof(oldSize, newSize, hashAt, crypto);
        const claim = {
          oldSize: BigInt(oldSize),
          oldRoot: roots[oldSize]!,
          newSize: BigInt(newSize),
          newRoot: roots[newSize]!,
        };
        expect(verifyConsistency(claim, proof, crypto)).toBe(true);
        if (newSize > 12) continue;
        expect(verifyConsistency({ ...claim, oldRoot: roots[oldSize - 1]! }, proof, crypto)).toBe(false);
        expect(verifyConsistency({ ...claim, newRoot: roots[newSize + 1]! }, proof, crypto)).toBe(false);
        expect(verifyConsistency(claim, [...proof, leaves[0]!], crypto)).toBe(false);
        if (oldSize < newSize) expect(verifyConsistency(claim, proof.slice(0, -1), crypto)).toBe(false);
      }
    }
  });

  it('refuses to make proofs about what it does not hold', () => {
    expect(() => inclusionProof(5, 5, hashAt, crypto)).toThrow(RangeError);
    expect(() => inclusionProof(-1, 5, hashAt, crypto)).toThrow(RangeError);
    expect(() => consistencyProof(0, 5, hashAt, crypto)).toThrow(RangeError);
    expect(() => consistencyProof(6, 5, hashAt, crypto)).toThrow(RangeError);
    expect(verifyConsistency({ oldSize: 0n, oldRoot: roots[0]!, newSize: 0n, newRoot: roots[0]! }, [], crypto)).toBe(
      false,
    );
  });
});
