import { describe, expect, it } from 'vitest';
import { leaderlessThresholds, soundnessOf } from '../quorum.ts';
import { configurations, explore, modelRows, mutants, rulesOf } from './index.ts';

describe('the exhaustive model of fast and slow path', () => {
  // The larger ones take a minute: `npm run model` has them.
  const quick = configurations.filter(({ n, f }) => n <= 6 && !(n === 5 && f === 1));

  it.each(quick.map((configuration) => [JSON.stringify(configuration), configuration] as const))(
    '%s: never two values decided, never a round that cannot go on',
    (_, configuration) => {
      const { states, disagreement, blocked, isCut } = explore(configuration, rulesOf(configuration));
      expect({ disagreement, blocked, isCut }).toEqual({ disagreement: undefined, blocked: undefined, isCut: false });
      expect(states).toBeGreaterThan(50);
    },
  );

  it('gives a round without a leader the slack that the engine gives it', () => {
    for (const { mode, n, f, c, p } of configurations) {
      const led = soundnessOf(new Array<number>(n).fill(1), { f, c, p });
      if (mode === 'leaderless' && led.sound)
        expect(leaderlessThresholds(led.thresholds)).toMatchObject({ p, fast: n - p });
    }
    const beyond = mutants.filter(({ name }) => name.startsWith('leaderless with n = '));
    expect(beyond.length).toBe(2);
    for (const { configuration } of beyond) {
      const led = soundnessOf(new Array<number>(configuration.n).fill(1), configuration);
      if (led.sound) expect(leaderlessThresholds(led.thresholds).p).toBe(configuration.p - 1);
    }
  });

  it('looks at as much as it did when it was checked: a rule of the model cannot quietly go missing', () => {
    expect(explore(configurations[0]!, rulesOf(configurations[0]!)).states).toBe(110_436);
  });

  it.each(mutants.map((mutant) => [mutant.name, mutant] as const))(
    'has a counter-example where %s',
    (_, { configuration, bend }) => {
      const { disagreement, blocked } = explore(configuration, bend(rulesOf(configuration)));
      expect(disagreement ?? blocked).toBeDefined();
    },
  );

  it('knows the same worlds without the mutation to be sound, where their numbers are', () => {
    const bentByRule = mutants.filter(
      ({ configuration: { mode, n, f, c, p } }) =>
        n >= Math.max(3 * f + 2 * c + 1, 3 * f + c + 2 * p + (mode === 'led' ? -1 : 1)),
    );
    expect(bentByRule.length).toBeGreaterThanOrEqual(12);
    for (const { configuration } of bentByRule)
      expect(explore(configuration, rulesOf(configuration))).toMatchObject({
        disagreement: undefined,
        blocked: undefined,
      });
  });

  it('holds for unequal weights too: the shipped judge on every membership of up to 5, with and without a leader, and six mutants of it', () => {
    const rows = [...modelRows({ statesMax: 0, weightedMembersMax: 5 })].filter(({ part }) => part.includes('weights'));
    expect(rows.map(({ isAsExpected }) => isAsExpected)).toEqual(rows.map(() => true));
    expect(rows.length).toBe(8);
  });
});
