// Law: agents that agree may all be right. They herd where they agree more after seeing each other than their own private answers, given
// blind beforehand, would have made them.
import type { Random } from '../../actors/system/index.ts';
import { type Finding, testAgainstNull } from './finding.ts';
import { entropyBits } from './statistics.ts';

export interface Round {
  /** Each agent's answer before it saw any other's. */
  readonly blind: readonly number[];
  /** Each agent's answer afterwards, in the same order. */
  readonly shown: readonly number[];
}

export interface DetectorOptions {
  readonly random: Random;
  /** Default 999. */
  readonly surrogates?: number;
  /** Default 0.01. */
  readonly falseAlarmRate?: number;
}

/** Probability that two agents of a round agree, over all rounds. */
export function agreement(rounds: readonly (readonly number[])[]): number {
  let agreeing = 0;
  let pairs = 0;
  for (const answers of rounds) {
    const counts = new Map<number, number>();
    for (const answer of answers) counts.set(answer, (counts.get(answer) ?? 0) + 1);
    for (const count of counts.values()) agreeing += (count * (count - 1)) / 2;
    pairs += (answers.length * (answers.length - 1)) / 2;
  }
  return pairs === 0 ? 0 : agreeing / pairs;
}

/**
 * Excess of the agreement shown over the blind one. Null model: who saw nothing that moved it might as well have given its second answer
 * first, so each agent's two answers are swapped or not, by a coin.
 */
export function detectHerding(rounds: readonly Round[], options: DetectorOptions): Finding {
  const { random, surrogates = 999, falseAlarmRate = 0.01 } = options;
  const excess = (each: readonly Round[]): number =>
    agreement(each.map(({ shown }) => shown)) - agreement(each.map(({ blind }) => blind));
  const swapped = ({ blind, shown }: Round): Round => {
    const isSwapped = blind.map(() => random.chance(0.5));
    return {
      blind: blind.map((answer, i) => (isSwapped[i] ? shown[i]! : answer)),
      shown: shown.map((answer, i) => (isSwapped[i] ? blind[i]! : answer)),
    };
  };
  const draw = (): number => excess(rounds.map(swapped));
  return testAgainstNull({ phenomenon: 'herding', statistic: excess(rounds), draw, surrogates, falseAlarmRate });
}

/** |mean| of votes of ±1: 0 undecided, 1 of one mind. */
export function orderParameter(votes: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < votes.length; i++) sum += votes[i]!;
  return votes.length === 0 ? 0 : Math.abs(sum) / votes.length;
}

/** How divided the answers are, in bits. */
export function division(answers: readonly number[]): number {
  return entropyBits([...Map.groupBy(answers, (answer) => answer).values()].map(({ length }) => length));
}

/** Of time series of a swarm's mean vote: N times the variance, which peaks where the swarm is about to tip. */
export function susceptibility(means: ArrayLike<number>, agents: number): number {
  let first = 0;
  let second = 0;
  for (let i = 0; i < means.length; i++) {
    first += Math.abs(means[i]!);
    second += means[i]! ** 2;
  }
  return agents * (second / means.length - (first / means.length) ** 2);
}
