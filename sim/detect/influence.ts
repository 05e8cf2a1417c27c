// Law: one agent influences another where its past tells of the other's next step more than the other's own past does (T. Schreiber's
// transfer entropy), and more than a source with the same habits at other times would.
import { type Finding, testAgainstNull } from './finding.ts';
import type { DetectorOptions } from './herding.ts';
import { entropyBits } from './statistics.ts';

/** Bits per step that `source` tells of the next of `target`; small whole numbers, equally many. */
export function transferEntropyBits(source: readonly number[], target: readonly number[]): number {
  const counts = [
    new Map<number, number>(),
    new Map<number, number>(),
    new Map<number, number>(),
    new Map<number, number>(),
  ];
  const base = Math.max(...source, ...target) + 1;
  const count = (which: number, key: number): void => void counts[which]!.set(key, (counts[which]!.get(key) ?? 0) + 1);
  for (let t = 0; t + 1 < target.length; t++) {
    const [next, own, other] = [target[t + 1]!, target[t]!, source[t]!];
    count(0, next * base + own);
    count(1, own);
    count(2, (next * base + own) * base + other);
    count(3, own * base + other);
  }
  const [nextOwn, own, all, ownOther] = counts.map((each) => entropyBits(each.values())) as [
    number,
    number,
    number,
    number,
  ];
  return nextOwn - own - (all - ownOther);
}

/** Null model: the source turned round in time by a drawn number of steps, which keeps its habits and loses its moment. */
export function detectInfluence(
  source: readonly number[],
  target: readonly number[],
  { random, surrogates = 199, falseAlarmRate = 0.01 }: DetectorOptions,
): Finding {
  const statistic = transferEntropyBits(source, target);
  const draw = (): number => {
    const by = 1 + random.below(source.length - 1);
    return transferEntropyBits([...source.slice(by), ...source.slice(0, by)], target);
  };
  return testAgainstNull({ phenomenon: 'influence', statistic, draw, surrogates, falseAlarmRate });
}
