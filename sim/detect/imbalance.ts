// Law: some queue is always the longest. Work herds where the longest is longer than if each task had gone to the shorter of two queues, looked at
// when it came (M. Mitzenmacher's power of two choices).
import type { Random } from '../../actors/system/index.ts';
import { type Finding, testAgainstNull } from './finding.ts';
import type { DetectorOptions } from './herding.ts';
import { mean } from './statistics.ts';

export interface ImbalanceOptions extends DetectorOptions {
  /** Queues that the null model looks at for each task. Default 2. */
  readonly choices?: number;
}

/** Tasks per agent where each went to the shortest of so many drawn queues. */
export function placedByChoice(random: Random, agents: number, tasks: number, choices: number): number[] {
  const queues = new Array<number>(agents).fill(0);
  for (let task = 0; task < tasks; task++) {
    let best = random.below(agents);
    for (let look = 1; look < choices; look++) {
      const other = random.below(agents);
      if (queues[other]! < queues[best]!) best = other;
    }
    queues[best]!++;
  }
  return queues;
}

const longestToMean = (queues: readonly number[]): number => {
  const average = mean(queues);
  return average === 0 ? 1 : queues.reduce((most, each) => Math.max(most, each), 0) / average;
};

/** `snapshots`: queue lengths of the agents, at moments so far apart that the queues of one are not those of the next. */
export function detectImbalance(snapshots: readonly (readonly number[])[], options: ImbalanceOptions): Finding {
  const { random, surrogates = 199, falseAlarmRate = 0.01, choices = 2 } = options;
  const statistic = mean(snapshots.map(longestToMean));
  const draw = (): number =>
    mean(
      snapshots.map((queues) => {
        const tasks = queues.reduce((sum, each) => sum + each, 0);
        return longestToMean(placedByChoice(random, queues.length, tasks, choices));
      }),
    );
  return testAgainstNull({ phenomenon: 'load herding', statistic, draw, surrogates, falseAlarmRate });
}
