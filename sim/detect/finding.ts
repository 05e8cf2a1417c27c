// Law: no number is an alarm by itself. A statistic is held against what the null model makes of the same data, and how often that alone would
// alarm is part of the answer.

export interface Finding {
  readonly phenomenon: string;
  /** What was measured, in the statistic's own unit. */
  readonly statistic: number;
  readonly nullMean: number;
  /** The largest value that is still put down to the null model. */
  readonly threshold: number;
  /** Share of null draws at or above the statistic, counted with it: never 0. */
  readonly chance: number;
  readonly isAlarm: boolean;
}

export interface NullTest {
  readonly phenomenon: string;
  readonly statistic: number;
  /** The statistic of one draw from the null model. */
  readonly draw: () => number;
  /** Draws; at least 1 / falseAlarmRate. */
  readonly surrogates: number;
  /** How often the null model itself may alarm. */
  readonly falseAlarmRate: number;
}

/** A Monte Carlo test (G. Barnard): exact for exchangeable draws, whatever their distribution. */
export function testAgainstNull({ phenomenon, statistic, draw, surrogates, falseAlarmRate }: NullTest): Finding {
  const values = Float64Array.from({ length: surrogates }, draw).sort();
  const atOrAbove = values.reduce((count, value) => count + (value >= statistic ? 1 : 0), 0);
  const chance = (atOrAbove + 1) / (surrogates + 1);
  const allowed = Math.max(1, Math.floor(falseAlarmRate * (surrogates + 1)));
  return {
    phenomenon,
    statistic,
    nullMean: values.reduce((sum, value) => sum + value, 0) / surrogates,
    threshold: values[surrogates - allowed]!,
    chance,
    isAlarm: chance <= falseAlarmRate,
  };
}

/** Which of many tests alarm when at most that share of all alarms may be false (Y. Benjamini and Y. Hochberg). */
export function discoveries(chances: readonly number[], falseShare: number): boolean[] {
  const order = chances.map((chance, index) => ({ chance, index })).sort((a, b) => a.chance - b.chance);
  const last = order.findLastIndex(({ chance }, rank) => chance <= (falseShare * (rank + 1)) / chances.length);
  const found = chances.map(() => false);
  for (const { index } of order.slice(0, last + 1)) found[index] = true;
  return found;
}
