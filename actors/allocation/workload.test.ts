import { expect, it } from 'vitest';
import { createPace, createWorkload } from './workload.ts';

const at = (places = 1) => {
  const time = { nowMs: 0 };
  return { time, workload: createWorkload({ monotonicMs: () => time.nowMs }, places) };
};

it('a node’s load is what it runs, what waits and what it promised; a promise lapses by itself, with the run, or when the award goes elsewhere', () => {
  const { time, workload } = at();
  workload.reserve('a', 100);
  workload.reserve('b', 100);
  workload.reserve('b', 100);
  workload.reserve('c', 100);
  expect(workload.load()).toBe(3);
  workload.release('c');
  workload.begin('a', 100);
  expect(workload.load()).toBe(2);
  time.nowMs = 1_500;
  expect(workload.load()).toBe(1);
  workload.end('a');
  expect(workload.load()).toBe(0);
  for (let i = 0; i < 5_000; i++) workload.reserve(`${i}`, 1);
  expect(workload.load()).toBeLessThanOrEqual(1_024);
});

it('what waits counts as long as somebody says so, and is never promised or run twice', () => {
  const { time, workload } = at();
  workload.begin('a', 1_000);
  workload.reserve('b', 1_000);
  workload.await('b', 1_000);
  workload.reserve('b', 1_000);
  workload.await('a', 1_000);
  expect(workload.load()).toBe(2);
  time.nowMs = 2_000;
  workload.await('b', 1_000);
  time.nowMs = 4_000;
  expect(workload.load()).toBe(2);
  time.nowMs = 4_501;
  expect(workload.load()).toBe(1);
});

it('a bid is when the work would be done: at once where a place is free, after all that comes before where none is', () => {
  const { time, workload } = at(2);
  expect(workload.finishMs(300)).toBe(300);
  workload.begin('a', 1_000);
  expect(workload.finishMs(300)).toBe(300);
  expect(workload.isIdle()).toBe(true);
  workload.begin('b', 2_000);
  expect(workload.isIdle()).toBe(false);
  workload.await('c', 500);
  workload.reserve('d', 500);
  expect(workload.finishMs(300)).toBe(300 + 4_000 / 2);
  time.nowMs = 1_000;
  // The run that should be over by now takes a quarter longer, as far as anybody knows.
  expect(workload.finishMs(300)).toBe(300 + (250 + 1_000 + 500 + 500) / 2);
});

it('what is given away neither waits nor begins here, and the last to come waits the longest', () => {
  const { workload } = at();
  workload.begin('a', 1_000);
  workload.await('b', 600);
  workload.await('c', 600);
  expect(workload.waiting()).toEqual([
    { key: 'b', waitMs: 1_000, expectedMs: 600 },
    { key: 'c', waitMs: 1_600, expectedMs: 600 },
  ]);
  workload.giveAway('c');
  workload.await('c', 600);
  expect(workload.waiting().map(({ key }) => key)).toEqual(['b']);
  expect(workload.isGivenAway('c')).toBe(true);
  workload.takeBack('c');
  workload.await('c', 600);
  expect(workload.waiting().map(({ key }) => key)).toEqual(['b', 'c']);
});

it('a skill is expected to take what its last runs took, and a second before the first', () => {
  const pace = createPace();
  expect(pace.expectedMs('x')).toBe(1_000);
  pace.ran('x', 200);
  expect(pace.expectedMs('x')).toBe(200);
  for (let i = 0; i < 20; i++) pace.ran('x', 400);
  expect(pace.expectedMs('x')).toBeGreaterThan(390);
});
