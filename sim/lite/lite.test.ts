import { expect, test } from 'vitest';
import { createRandom } from '../../actors/system/index.ts';
import { createDraws, type EventQueue } from '../world/index.ts';
import { createLightWorld, createPairLatency, runGossipsub } from './index.ts';
import { createRows } from './rows.ts';

test('events come in time order, equal times in the order they were sent, and not one is lost while the pool grows', () => {
  const world = createLightWorld();
  const random = createRandom(7);
  const sent = 20_000;
  for (let word = 0; word < sent; word++) world.after(random.below(1_000), 1, word, 2 * word, word);
  const seen: { atUs: number; word: number }[] = [];
  world.run(2_000, (kind, from, to, word) => {
    expect([kind, from, to]).toEqual([1, word, 2 * word]);
    seen.push({ atUs: world.nowUs, word });
  });
  expect(seen).toHaveLength(sent);
  expect(new Set(seen.map(({ word }) => word)).size).toBe(sent);
  const sorted = [...seen].sort((a, b) => a.atUs - b.atUs || a.word - b.word);
  expect(seen).toEqual(sorted);
});

test('rows hold what lists hold, in their order, while they outgrow their width', () => {
  const random = createRandom(9);
  const rows = createRows(7, 2);
  const lists: number[][] = Array.from({ length: 7 }, () => []);
  for (let i = 0; i < 5_000; i++) {
    const [row, value] = [random.below(7), random.below(40)];
    const list = lists[row]!;
    expect(rows.has(row, value)).toBe(list.includes(value));
    if (list.includes(value)) {
      rows.remove(row, value);
      list.splice(list.indexOf(value), 1);
    } else {
      rows.push(row, value);
      list.push(value);
    }
  }
  for (const [row, list] of lists.entries()) {
    const begin = row * rows.stride;
    expect([...rows.data.subarray(begin, begin + rows.counts[row]!)]).toEqual(list);
  }
});

test('the way between two agents is the same both ways, in its bounds, and each message’s jitter is its own', () => {
  const latencyUs = createPairLatency(createDraws(3, 'test'), { minUs: 1_000, maxUs: 2_000, jitterShare: 0.5 });
  const means = [];
  for (let to = 1; to < 200; to++) {
    const there = Array.from({ length: 20 }, (_, n) => latencyUs(0, to, n));
    const back = Array.from({ length: 20 }, (_, n) => latencyUs(to, 0, n));
    for (const us of [...there, ...back]) expect(us).toBeGreaterThanOrEqual(1_000);
    for (const us of [...there, ...back]) expect(us).toBeLessThanOrEqual(3_001);
    // Jitter adds at most half of the pair's own time: two directions of a pair differ by no more.
    expect(Math.max(...there, ...back)).toBeLessThanOrEqual(Math.min(...there, ...back) * 1.5 + 1);
    expect(new Set(there).size).toBeGreaterThan(10);
    means.push(there.reduce((sum, us) => sum + us, 0) / there.length);
  }
  expect(Math.min(...means)).toBeLessThan(1_400);
  expect(Math.max(...means)).toBeGreaterThan(2_200);
});

test('one seed is one run, another seed another, and a wrong order of events changes the digest', () => {
  const run = (seed: number, queue?: EventQueue) =>
    runGossipsub({ seed, version: '1.1', nodes: 100, messages: 5, ...(queue === undefined ? {} : { queue }) });
  const first = run(1);
  expect(run(1)).toEqual(first);
  expect(run(2).digest).not.toBe(first.digest);
  expect(run(1, sortedQueue('first in, first out')).digest).toBe(first.digest);
  expect(run(1, sortedQueue('last in, first out')).digest).not.toBe(first.digest);
});

test('gossipsub brings every message to every node once, over a mesh within its bounds', () => {
  for (const version of ['1.0', '1.1'] as const) {
    const { delivered, latenciesMs, sent } = runGossipsub({ seed: 5, version, nodes: 200, messages: 10 });
    expect(delivered).toBe(200 * 10);
    expect(latenciesMs).toHaveLength(199 * 10);
    expect(Math.min(...latenciesMs)).toBeGreaterThanOrEqual(10);
    // Each node hands each message to its mesh but the one it came from: between 4 − 1 and 12 times, and once more per IWANT.
    expect(sent.message).toBeGreaterThan(3 * 200 * 10);
    expect(sent.message).toBeLessThan(12 * 200 * 10);
    expect(sent.connect).toBeGreaterThanOrEqual(20 * 200 - 200);
  }
});

/** The obvious queue: what is slow and right shows the fast one's order, and what is wrong shows that the digest tells. */
function sortedQueue(order: 'first in, first out' | 'last in, first out'): EventQueue {
  const waiting: { readonly atUs: number; readonly slot: number }[] = [];
  return {
    get size() {
      return waiting.length;
    },
    push(atUs, slot) {
      let [low, high] = [0, waiting.length];
      while (low < high) {
        const middle = (low + high) >> 1;
        const other = waiting[middle]!.atUs;
        if (other < atUs || (other === atUs && order === 'first in, first out')) low = middle + 1;
        else high = middle;
      }
      waiting.splice(low, 0, { atUs, slot });
    },
    peekUs: () => waiting[0]?.atUs ?? Number.POSITIVE_INFINITY,
    pop: () => waiting.shift()?.slot ?? -1,
  };
}
