// Law: meshes whose work and faults are all drawn from a seed keep every law: a fixed span of seeds, the same that planted bugs have to be
// caught in to count as caught by CI.
import { describe, expect, it } from 'vitest';
import { drawCase } from './case.ts';
import { missedLine } from './lines.ts';
import { ciSeeds } from './mutants/ci.ts';
import { runCase } from './run.ts';

/** Generous: a run takes half a second of a processor, and a busy machine gives it a tenth of one. */
const oneRunMs = 120_000;
// The first ones run in scenarios.test.ts, by both queues.
const seeds = Array.from({ length: ciSeeds('swarm') }, (_, i) => i + 1).filter((seed) => seed > 3);

describe('a mesh drawn from a seed', () => {
  it.each(seeds)('keeps every law: %i', { timeout: oneRunMs }, async (seed) => {
    const result = await runCase(drawCase(seed));
    expect(result.verdict, missedLine(result, seed, `parley sim run swarm --seed ${seed}`)).toBe('ok');
  });
});
