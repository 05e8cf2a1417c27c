import { describe, expect, test } from 'vitest';
import { createCrypto } from '../test/support/world.ts';
import { stepCore } from './core.ts';
import { thresholdsOf } from './quorum.ts';
import { type Rules, soundRules } from './rules.ts';
import { createFastCrypto } from './testing/fast-crypto.ts';
import { runTwins } from './testing/twins.ts';

const crypto = createFastCrypto(createCrypto().sha256);
const seeds = Array.from({ length: 80 }, (_, i) => i + 1);
/** For a planted bug: the first that shows it is enough, and one in some hundreds shows an ignored lock. */
const manySeeds = Array.from({ length: 2_000 }, (_, i) => i + 1);

describe('twins (one key, two honest copies)', () => {
  test('under changing partitions they break nothing, and honest members are never named', () => {
    let convictions = 0;
    for (const seed of seeds) {
      const { sim, violations, allDecided } = runTwins(crypto, soundRules, seed);
      expect([violations, allDecided], `seed ${seed}`).toEqual([[], true]);
      convictions += sim.evidence.length > 0 ? 1 : 0;
    }
    expect(convictions).toBeGreaterThan(10);
  });

  // What chance finds; the rule about reports takes a scene of its own (attacks.test.ts) and the model.
  const mutants: Readonly<Record<string, Partial<Rules>>> = {
    'a quorum of one too few': {
      thresholds: (config) => ({ ...thresholdsOf(config), quorum: thresholdsOf(config).quorum - 1 }),
    },
    'a fast decision by one too few': {
      thresholds: (config) => ({ ...thresholdsOf(config), fast: thresholdsOf(config).fast - 1 }),
    },
    'a lock is ignored': {
      core: (state, input) =>
        input.type === 'proposal' ? stepCore({ ...state, lockedRound: -1 }, input) : stepCore(state, input),
    },
  };
  test.each(Object.entries(mutants))('show %s', (name, mutant) => {
    const found = manySeeds.find((seed) => {
      try {
        const { violations, allDecided } = runTwins(crypto, { ...soundRules, ...mutant }, seed);
        return violations.length > 0 || !allDecided;
      } catch {
        return true;
      }
    });
    console.info(`${name}: seed ${found}`);
    expect(found).toBeDefined();
  });
});
