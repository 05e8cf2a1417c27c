import { describe, expect, test } from 'vitest';
import { createCrypto } from '../test/support/world.ts';
import { stepCore } from './core.ts';
import { judgeReports } from './fast-path.ts';
import { defaultFaultBudget, thresholdsOf } from './quorum.ts';
import { type Rules, soundRules } from './rules.ts';
import {
  cherryPickedReports,
  equivocatingLeader,
  isolatedFastDecider,
  lockedOut,
  olderPolka,
  type Scene,
  twoFastWordings,
  twoProposals,
  twoWordings,
} from './testing/attacks.ts';
import { runChaos } from './testing/chaos.ts';
import { createFastCrypto } from './testing/fast-crypto.ts';
import { applyVote } from './vote-keeper.ts';

const crypto = createFastCrypto(createCrypto().sha256);
const scenes: Readonly<Record<string, Scene>> = {
  isolatedFastDecider,
  cherryPickedReports,
  equivocatingLeader,
  lockedOut,
  olderPolka,
  twoWordings,
  twoFastWordings,
  twoProposals,
};

describe('directed attacks', () => {
  for (const [name, scene] of Object.entries(scenes)) {
    test(`${name} delays the others and breaks nothing`, () => {
      const { violations, allDecided, stage } = scene(crypto, soundRules);
      expect(violations).toEqual([]);
      expect(allDecided).toBe(true);
      expect(new Set(['a', 'b', 'c'].map((role) => stage.decided(role as 'a'))).size).toBe(1);
    });
  }
});

/** What a battery of scenes and seeds finds wrong under `rules`; the first finding is enough. */
function caughtBy(rules: Rules): string | undefined {
  for (const [name, scene] of Object.entries(scenes)) {
    try {
      const { violations, allDecided } = scene(crypto, rules);
      if (violations.length > 0) return `${name}: ${violations[0]}`;
      if (!allDecided) return `${name}: not all decided`;
    } catch (error) {
      return `${name}: ${String(error)}`;
    }
  }
  for (let seed = 1; seed <= 20; seed++) {
    try {
      const { violations, undecided } = runChaos({ crypto, n: 4, budget: defaultFaultBudget(4), seed, rules });
      if (violations.length > 0) return `seed ${seed}: ${violations[0]}`;
      if (undecided > 0) return `seed ${seed}: ${undecided} undecided`;
    } catch (error) {
      return `seed ${seed}: ${String(error)}`;
    }
  }
  return undefined;
}

const mutants: Readonly<Record<string, Partial<Rules>>> = {
  'a quorum of one too few': {
    thresholds: (config) => ({ ...thresholdsOf(config), quorum: thresholdsOf(config).quorum - 1 }),
  },
  'a fast decision by one too few': {
    thresholds: (config) => ({ ...thresholdsOf(config), fast: thresholdsOf(config).fast - 1 }),
  },
  'one report too few': {
    thresholds: (config) => ({ ...thresholdsOf(config), available: thresholdsOf(config).available - 1 }),
  },
  'no rule about reports': { judgeReports: () => ({ admissible: true, forced: undefined }) },
  'a value is forced by one report too many': {
    judgeReports: (reports, thresholds, leader) =>
      judgeReports(reports, { ...thresholds, p: thresholds.p - 1 }, leader),
  },
  'two reported values do not convict the leader': {
    judgeReports: (reports, thresholds, leader) => {
      const weights = new Map<string, number>();
      for (const { value, weight } of reports)
        if (value !== null) weights.set(value, (weights.get(value) ?? 0) + weight);
      return weights.size > 1
        ? { admissible: true, forced: [...weights].sort((x, y) => y[1] - x[1])[0]![0] }
        : judgeReports(reports, thresholds, leader);
    },
  },
  'a lock is ignored': {
    core: (state, input) =>
      input.type === 'proposal' ? stepCore({ ...state, lockedRound: -1 }, input) : stepCore(state, input),
  },
  'any polka unlocks': {
    core: (state, input) =>
      input.type === 'proposalWithPolka' ? stepCore({ ...state, lockedRound: -1 }, input) : stepCore(state, input),
  },
  'votes are counted by message, not by member': {
    applyVote: (keeper, vote, weight, round) => {
      const count = keeper.rounds.get(vote.round)?.[vote.kind]?.counted.length ?? 0;
      return applyVote(keeper, { ...vote, voter: `${vote.voter} in message ${count}` }, weight, round);
    },
  },
};

describe('planted bugs', () => {
  test('sound rules pass the whole battery', () => {
    expect(caughtBy(soundRules)).toBeUndefined();
  });
  for (const [name, mutant] of Object.entries(mutants)) {
    test(`${name}: found`, () => {
      const found = caughtBy({ ...soundRules, ...mutant });
      console.info(`${name}: ${found}`);
      expect(found).toBeDefined();
    });
  }
  test('statements forgotten in a crash: found', () => {
    const bad = Array.from({ length: 20 }, (_, i) => {
      try {
        return (
          runChaos({ crypto, n: 4, budget: defaultFaultBudget(4), seed: i + 1, forgetsRecords: true }).violations
            .length > 0
        );
      } catch {
        return true;
      }
    });
    expect(bad.filter(Boolean).length).toBeGreaterThan(0);
  });
});
