import { expect, it } from 'vitest';
import { createWorkload } from './workload.ts';

it('a node’s load is what it runs and what it promised; a promise lapses by itself or with the run', () => {
  let nowMs = 0;
  const workload = createWorkload({ monotonicMs: () => nowMs });
  workload.reserve('a');
  workload.reserve('b');
  workload.reserve('b');
  expect(workload.load()).toBe(2);
  workload.begin('a');
  expect(workload.load()).toBe(2);
  nowMs = 1_500;
  expect(workload.load()).toBe(1);
  workload.end('a');
  expect(workload.load()).toBe(0);
  for (let i = 0; i < 5_000; i++) workload.reserve(`${i}`);
  expect(workload.load()).toBeLessThanOrEqual(1_024);
});
