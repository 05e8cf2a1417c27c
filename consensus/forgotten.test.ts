import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createCrypto } from '../test/support/world.ts';
import { Forgotten } from './forgotten.ts';

const crypto = createCrypto();
const idOf = (n: number): string => Buffer.from(crypto.sha256(Uint8Array.of(n >> 16, n >> 8, n))).toString('hex');

describe('what is forgotten', () => {
  it('is exactly what was forgotten, however much and however it hashes, and what is written down brings it back', () => {
    const zeros = '0'.repeat(8);
    const ids = [...Array.from({ length: 5_000 }, (_, n) => idOf(n)), zeros + idOf(1).slice(8), '0'.repeat(64)];
    const others = Array.from({ length: 5_000 }, (_, n) => idOf(100_000 + n));
    const forgotten = new Forgotten(10_000);
    for (const id of [...ids, ...ids]) forgotten.add(id);
    const again = new Forgotten(10_000);
    for (const chunk of forgotten.chunks()) again.restore(chunk);
    for (const each of [forgotten, again]) {
      expect(each.size).toBe(ids.length);
      expect(ids.filter((id) => !each.has(id))).toEqual([]);
      expect(others.filter((id) => each.has(id))).toEqual([]);
    }
  });

  it('that share the slots they belong in are told apart', () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.integer({ min: 1, max: 0xffff }), { minLength: 1, maxLength: 600 }), (tails) => {
        const clash = (tail: number) =>
          `${'0000000100000007'}${'0'.repeat(12)}${tail.toString(16).padStart(4, '0')}${'0'.repeat(32)}`;
        const forgotten = new Forgotten(1_000);
        const [last, ...rest] = tails.map(clash);
        for (const id of rest) forgotten.add(id);
        expect(forgotten.has(last!)).toBe(false);
        for (const id of rest) expect(forgotten.has(id)).toBe(true);
      }),
    );
  });

  it('takes 32 bytes an instance at most half the time and never more than 64, and says when it is full', () => {
    const forgotten = new Forgotten(100_000);
    for (let n = 0; n < 100_000; n++) {
      expect(forgotten.isFull).toBe(false);
      forgotten.add(idOf(n));
    }
    expect(forgotten.isFull).toBe(true);
    expect(forgotten.sizeBytes).toBeLessThanOrEqual(64 * 100_000);
    expect([...forgotten.chunks()].reduce((sum, { length }) => sum + length, 0)).toBe(16 * 100_000);
    expect(Math.max(...[...forgotten.chunks()].map(({ length }) => length))).toBeLessThanOrEqual(1 << 20);
  });

  it('is not restored from bytes that are no list', () => {
    expect(() => new Forgotten(1).restore(new Uint8Array(17))).toThrow(/no list/);
  });
});
