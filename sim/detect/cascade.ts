// Law: events come in cascades where one brings on others. The branching ratio is how many each brings on; from 1 on, nothing stops a cascade.
import { type Finding, testAgainstNull } from './finding.ts';
import type { DetectorOptions } from './herding.ts';
import { mean, uniform, variance } from './statistics.ts';

export interface Cascade extends Finding {
  /** Events that one event brings on, on average: the statistic. */
  readonly branchingRatio: number;
}

/**
 * From counts in windows longer than a cascade lasts: independent events vary by their mean, and clusters by 1 / (1 − σ)² of it
 * (A. Hawkes and D. Oakes).
 */
export function branchingRatio(counts: ArrayLike<number>): number {
  const average = mean(counts);
  const dispersion = average === 0 ? 1 : variance(counts) / average;
  return dispersion <= 1 ? 0 : 1 - 1 / Math.sqrt(dispersion);
}

/** Failures, restarts or messages, by time window. Null model: as many events, each at a time of its own. */
export function detectCascades(counts: readonly number[], options: DetectorOptions): Cascade {
  const { random, surrogates = 999, falseAlarmRate = 0.01 } = options;
  const total = counts.reduce((sum, count) => sum + count, 0);
  const statistic = branchingRatio(counts);
  const draw = (): number => {
    const drawn = new Uint32Array(counts.length);
    for (let i = 0; i < total; i++) drawn[Math.floor(uniform(random) * counts.length)]!++;
    return branchingRatio(drawn);
  };
  const found = testAgainstNull({ phenomenon: 'cascades', statistic, draw, surrogates, falseAlarmRate });
  // Ties at 0 are common among null draws: an even series is never an alarm.
  return { ...found, branchingRatio: statistic };
}

/** Where parents are known: offspring per event over whole trees, each given as its generations' sizes. */
export function branchingOfTrees(trees: readonly (readonly number[])[]): number {
  let parents = 0;
  let offspring = 0;
  for (const generations of trees) {
    // Of the last generation nobody knows yet what it brings on, unless it is known to be none.
    for (let i = 0; i + 1 < generations.length; i++) {
      parents += generations[i]!;
      offspring += generations[i + 1]!;
    }
  }
  return parents === 0 ? 0 : offspring / parents;
}
