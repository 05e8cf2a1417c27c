// Law: a swarm that is of one mind may have been convinced, one by one, by the same good reasons. It moves as one, or as two camps, where its
// votes turn together more than the same agents with the same leanings would by themselves.
import type { Random } from '../../actors/system/index.ts';
import { type Finding, testAgainstNull } from './finding.ts';
import { type DetectorOptions, orderParameter } from './herding.ts';
import { autocorrelation, binderCumulant, mean, normal, shuffled, variance } from './statistics.ts';

export interface Polarisation extends Finding {
  /** Mean of |mean vote| over the rounds: 0 undecided, 1 of one mind. */
  readonly order: number;
  /** 2/3 where rounds are decided one way or the other, 0 where they are noise. */
  readonly binder: number;
}

/** Mean of the squared mean vote: what agents that turn together raise, whichever way they turn. */
const alignment = (rounds: readonly ArrayLike<number>[]): number =>
  mean(rounds.map((votes) => orderParameter(votes) ** 2));

/**
 * `rounds`: the votes of ±1 of the same agents, in the same order, on one question after the other. Null model: each agent's own votes in
 * another order, which keeps what it leans to and loses whom it turned with.
 */
export function detectPolarisation(rounds: readonly (readonly number[])[], options: DetectorOptions): Polarisation {
  const { random, surrogates = 999, falseAlarmRate = 0.01 } = options;
  const agents = rounds[0]?.length ?? 0;
  const columns = Array.from({ length: agents }, (_, agent) => rounds.map((votes) => votes[agent]!));
  const draw = (): number => {
    const drawn = columns.map((votes) => shuffled(votes, random));
    return alignment(rounds.map((_, round) => drawn.map((votes) => votes[round]!)));
  };
  const statistic = alignment(rounds);
  const found = testAgainstNull({ phenomenon: 'polarisation', statistic, draw, surrogates, falseAlarmRate });
  const means = rounds.map((votes) => mean(votes));
  return { ...found, order: mean(means.map(Math.abs)), binder: binderCumulant(means) };
}

/** How much longer a swarm remembers in the second half of the series than in the first. */
const slowing = (series: ArrayLike<number>): number => {
  const half = series.length >> 1;
  const values = Array.from(series);
  return autocorrelation(values.slice(half), 1) - autocorrelation(values.slice(0, half), 1);
};

/**
 * A swarm about to tip recovers from each push more slowly than before (critical slowing down). Statistic: the rise of the lag-one
 * autocorrelation from the first half of the series to the second. Null model: a swarm as slow all along as this one is on average.
 */
export function detectTipping(series: readonly number[], options: DetectorOptions): Finding {
  const { random, surrogates = 199, falseAlarmRate = 0.01 } = options;
  const memory = Math.min(0.99, Math.max(0, autocorrelation(series, 1)));
  const spread = Math.sqrt(variance(series)) || 1;
  const draw = (): number => slowing(wandering(random, series.length, memory, spread));
  return testAgainstNull({ phenomenon: 'tipping', statistic: slowing(series), draw, surrogates, falseAlarmRate });
}

function wandering(random: Random, length: number, memory: number, spread: number): Float64Array {
  let value = spread * normal(random);
  return Float64Array.from({ length }, () => {
    const now = value;
    value = memory * value + spread * Math.sqrt(1 - memory ** 2) * normal(random);
    return now;
  });
}
