import { describe, expect, test } from 'vitest';
import { createRandom } from './index.ts';

const draw = (random: { u32(): number }, count: number): number[] => Array.from({ length: count }, () => random.u32());

describe('random', () => {
  test('one seed gives one sequence, pinned so that recorded seeds keep their meaning', () => {
    expect(draw(createRandom(7), 4)).toEqual(draw(createRandom(7), 4));
    expect(draw(createRandom(7), 4)).toMatchInlineSnapshot(`
      [
        1812237834,
        1167388392,
        2285481317,
        3412987675,
      ]
    `);
    expect(draw(createRandom(new Uint8Array(32)), 2)).toMatchInlineSnapshot(`
      [
        3721968518,
        3722770929,
      ]
    `);
  });

  test('different seeds, of numbers or of bytes, give different sequences', () => {
    const firsts = [
      ...[0, 1, -1, 0.5, 2 ** 40].map((seed) => createRandom(seed)),
      ...[[], [0], [0, 0], [1], [0, 1]].map((bytes) => createRandom(new Uint8Array(bytes))),
    ].map((random) => draw(random, 2).join());
    expect(new Set(firsts).size).toBe(firsts.length);
  });

  test('a fork depends on seed and label alone, and drawing from it does not shift its parent', () => {
    const parent = createRandom(1);
    const early = draw(parent.fork('network'), 3);
    const untouched = draw(createRandom(1), 5);
    draw(parent.fork('disk'), 100);
    expect(draw(parent, 5)).toEqual(untouched);
    expect(draw(parent.fork('network'), 3)).toEqual(early);
    expect(draw(parent.fork('disk'), 3)).not.toEqual(early);
    expect(draw(parent.fork('a').fork('b'), 3)).not.toEqual(draw(parent.fork('b').fork('a'), 3));
  });

  test('below is uniform: each of 10 buckets of 100,000 draws is within 4 standard deviations', () => {
    const random = createRandom(3);
    const buckets = new Array<number>(10).fill(0);
    for (let drawn = 0; drawn < 100_000; drawn++) buckets[random.below(10)]!++;
    for (const size of buckets) expect(Math.abs(size - 10_000)).toBeLessThan(4 * 95);
  });

  test('below takes the whole range and refuses any other bound', () => {
    const random = createRandom(3);
    expect(random.below(1)).toBe(0);
    expect(random.below(2 ** 32)).toBeLessThan(2 ** 32);
    for (const bound of [0, -1, 1.5, 2 ** 32 + 1, Number.NaN]) expect(() => random.below(bound)).toThrow(RangeError);
  });

  test('chance is never at 0, always at 1, and about p between', () => {
    const random = createRandom(5);
    const hits = (p: number): number => Array.from({ length: 10_000 }, () => random.chance(p)).filter(Boolean).length;
    expect(hits(0)).toBe(0);
    expect(hits(1)).toBe(10_000);
    expect(Math.abs(hits(0.25) - 2500)).toBeLessThan(4 * 44);
  });

  test('bytes gives as many as asked, in every position both bits', () => {
    const random = createRandom(9);
    const lengths = [0, 1, 3, 4, 5, 33];
    expect(lengths.map((length) => random.bytes(length).length)).toEqual(lengths);
    const ones = new Uint8Array(33);
    const zeros = new Uint8Array(33);
    for (let round = 0; round < 100; round++) {
      random.bytes(33).forEach((byte, at) => {
        ones[at]! |= byte;
        zeros[at]! |= ~byte;
      });
    }
    expect([...ones, ...zeros].every((byte) => byte === 255)).toBe(true);
  });
});
