import { describe, expect, test } from 'vitest';
import { createCrypto } from '../test/support/world.ts';
import { defaultFaultBudget, type FaultBudget } from './quorum.ts';
import { runChaos } from './testing/chaos.ts';
import { createFastCrypto } from './testing/fast-crypto.ts';

const crypto = createFastCrypto(createCrypto().sha256);
const meshes: readonly (readonly [n: number, budget: FaultBudget, dead: number, seeds: number])[] = [
  [1, defaultFaultBudget(1), 0, 5],
  [3, defaultFaultBudget(3), 0, 25],
  [3, defaultFaultBudget(3), 1, 25],
  [4, defaultFaultBudget(4), 0, 40],
  [4, defaultFaultBudget(4), 1, 40],
  [6, { f: 1, c: 1, p: 1 }, 2, 15],
  [7, defaultFaultBudget(7), 2, 15],
];

describe('under delay, loss, duplication, reordering, crashes and restarts', () => {
  for (const [n, budget, dead, seeds] of meshes) {
    test(`n = ${n}, f = ${budget.f}, c = ${budget.c}, ${dead} never up: ${seeds} seeds agree, never vote twice, and decide once it is calm`, () => {
      let latestMs = 0;
      for (let seed = 1; seed <= seeds; seed++) {
        const { violations, undecided, sim } = runChaos({ crypto, n, budget, dead, seed });
        expect(violations, `seed ${seed}`).toEqual([]);
        expect(undecided, `seed ${seed}`).toBe(0);
        latestMs = Math.max(latestMs, sim.nowMs - 1500);
      }
      // Eight timeouts of round 0: a few rounds, not a slow crawl to the end of the run.
      expect(latestMs).toBeLessThan(5_000);
    });
  }

  // Every node has forgotten all but the latest of what was decided by the end, and its log was written anew some ten times.
  test('the same holds where logs are rewritten all the time and hardly anything decided is remembered', () => {
    let rewrites = 0;
    for (let seed = 1; seed <= 20; seed++) {
      const budget = defaultFaultBudget(4);
      const { violations, sim } = runChaos({ crypto, n: 4, budget, seed, instances: 8, rewriteAfter: 3 });
      expect(violations, `seed ${seed}`).toEqual([]);
      rewrites += sim.nodes.reduce((sum, node) => sum + node.rewrites, 0);
    }
    expect(rewrites).toBeGreaterThan(20 * 4);
  }, 60_000);
});
