import { describe, expect, it } from 'vitest';
import { createRandom } from '../system/index.ts';
import { bidMs, whomToAsk } from './award.ts';
import { createThief, spareOf } from './stealing.ts';
import { createWorkload } from './workload.ts';

describe('a thief', () => {
  const setting = () => {
    const time = { nowMs: 0 };
    const clock = { monotonicMs: () => time.nowMs };
    const workload = createWorkload(clock, 1);
    return { time, workload, thief: createThief(clock, createRandom(1), workload) };
  };
  it('asks only while it is idle, one at a time, and only who has more in hand than one run', () => {
    const { workload, thief } = setting();
    workload.begin('own', 100);
    expect(thief.mayAsk()).toBe(false);
    workload.end('own');
    expect(thief.mayAsk()).toBe(true);
    expect(thief.victim([{ node: 'a', count: 1 }])).toBeUndefined();
    expect(
      thief.victim([
        { node: 'a', count: 1 },
        { node: 'b', count: 2 },
      ]),
    ).toBe('b');
    expect(thief.mayAsk()).toBe(false);
  });
  it('asks ever less often where nothing is given, and again at once after a gift', () => {
    const { time, thief } = setting();
    const busy = [{ node: 'b', count: 9 }];
    let asked = 0;
    for (; time.nowMs < 60_000; time.nowMs += 50)
      if (thief.mayAsk() && thief.victim(busy) !== undefined) {
        asked++;
        thief.answered(false);
      }
    expect(asked).toBeLessThan(25);
    time.nowMs += 4_000;
    thief.victim(busy);
    thief.answered(true);
    expect(thief.mayAsk()).toBe(true);
  });
  it('rather asks the busier, and yet not everybody the same one', () => {
    const { thief } = setting();
    const asked = new Map<string, number>();
    for (let i = 0; i < 1_000; i++) {
      const victim = thief.victim([2, 3, 4, 9].map((count) => ({ node: `node-${count}`, count })))!;
      asked.set(victim, (asked.get(victim) ?? 0) + 1);
      thief.answered(true);
    }
    expect(asked.get('node-9')!).toBeGreaterThan(asked.get('node-4')!);
    expect(asked.get('node-9')!).toBeLessThan(600);
  });
});

it('what is given is what gains most by it: more than the way is worth, over sooner there, and the asker’s to have', () => {
  const waiting = [100, 900, 1_700].map((waitMs, i) => ({ key: `k${i}`, waitMs, expectedMs: 1_000 }));
  expect(spareOf(waiting, () => 1_000)).toBe('k2');
  expect(spareOf(waiting, (key) => (key === 'k2' ? undefined : 1_000))).toBe('k1');
  expect(spareOf(waiting, (key) => (key === 'k2' ? 2_000 : 1_000))).toBe('k1');
  expect(spareOf(waiting, () => 2_300)).toBeUndefined();
  expect(spareOf(waiting, (key) => (key === 'k0' ? 1_000 : undefined))).toBeUndefined();
});

it('everybody is asked in a small mesh, a few in a large one, and round by round everybody in turn', () => {
  const able = Array.from({ length: 30 }, (_, i) => `node-${i}`);
  expect(whomToAsk(able.slice(0, 7), 7, 3)).toEqual(able.slice(0, 7));
  expect(whomToAsk(able, 1, 0)).toEqual(able.slice(0, 8));
  expect(whomToAsk(able, 7, 0)).toHaveLength(14);
  expect(new Set([0, 1, 2, 3].flatMap((round) => whomToAsk(able, 1, round)))).toEqual(new Set(able));
});

it('bids that nobody could tell apart are equal, and an hour is not a second', () => {
  expect(bidMs(0)).toBe(bidMs(90));
  expect(bidMs(1_000)).toBe(bidMs(2_500));
  expect(bidMs(1_000)).toBeLessThan(bidMs(4_000));
  expect(bidMs(Number.MAX_SAFE_INTEGER)).toBeLessThanOrEqual(1e9);
  let last = 0;
  for (let ms = 1; ms < 1e7; ms *= 1.3) {
    expect(bidMs(ms)).toBeGreaterThanOrEqual(Math.floor(ms));
    expect(bidMs(ms)).toBeGreaterThanOrEqual(last);
    last = bidMs(ms);
  }
});
