// Law: a run over many nodes is a function of its seed: same seed, same trace; another seed, another trace.
import { expect, test } from 'vitest';
import { runSwarm } from '../bench/actors-swarm.ts';

const small = { nodes: 60, virtualMs: 5000 };

test('sixty nodes with seeded latency and loss leave the same trace in each run of one seed, and only of that one', () => {
  const runs = [7, 7, 8, 7].map((seed) => runSwarm({ ...small, seed }));
  const [first, again, other, third] = runs.map(({ traceHash, events }) => `${traceHash} ${events}`);
  expect(again).toBe(first);
  expect(third).toBe(first);
  expect(other).not.toBe(first);
  expect(runs[0]!.events).toBeGreaterThan(20_000);
  expect(runs[0]!.remote).toBeGreaterThan(4000);
});

test('one lost frame more changes the trace: the hash sees what happened', () => {
  expect(runSwarm({ ...small, seed: 7, loss: 0.05 }).traceHash).not.toBe(
    runSwarm({ ...small, seed: 7, loss: 0.051 }).traceHash,
  );
});
