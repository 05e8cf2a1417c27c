// Law: an idle node takes work off a busy one, and only work that waits: bounded in how often it asks, once per attempt, and only what
// is over sooner for it. Who asks at random among the busiest does not meet every other thief at one door.
import type { Clock, NodeId, Random } from '../system/index.ts';
import type { Waiting, Workload } from './workload.ts';

export interface Backlog {
  readonly node: NodeId;
  /** Assigned to it and unanswered, as far as the record here tells. */
  readonly count: number;
}

export interface Thief {
  /** Whether it is time to look round: this node is idle, and the last refusal is long enough ago. */
  mayAsk(): boolean;
  /** Of those who have more than they can be running, one to ask; undefined where there is none. Call only where `mayAsk`. */
  victim(backlogs: readonly Backlog[]): NodeId | undefined;
  /** What came of asking. */
  answered(isGiven: boolean): void;
}

const firstPauseMs = 250;
const longestPauseMs = 4_000;
/** What is not over so much earlier elsewhere is not worth the way. */
const worthMs = 500;

export function createThief(clock: Pick<Clock, 'monotonicMs'>, random: Random, workload: Workload): Thief {
  let pauseMs = firstPauseMs;
  let nextMs = 0;
  let isAsking = false;
  return {
    mayAsk: () => !isAsking && clock.monotonicMs() >= nextMs && workload.isIdle(),
    victim(backlogs) {
      const busy = backlogs.filter(({ count }) => count > 1);
      if (busy.length === 0) return undefined;
      // The busier of two drawn ones: nearly as good as the busiest, and not everybody's choice.
      const [one, two] = [busy[random.below(busy.length)]!, busy[random.below(busy.length)]!];
      isAsking = true;
      return (one.count >= two.count ? one : two).node;
    },
    answered(isGiven) {
      isAsking = false;
      pauseMs = isGiven ? firstPauseMs : Math.min(longestPauseMs, 2 * pauseMs);
      nextMs = clock.monotonicMs() + (isGiven ? 0 : pauseMs);
    },
  };
}

/**
 * What a busy node gives away: that of what waits which gains most by it. `elsewhereMs`: how long the asker would run it; undefined where it
 * may not have it. A slow node is given nothing that even a busy fast one has done sooner.
 */
export function spareOf(
  waiting: readonly Waiting[],
  elsewhereMs: (key: string) => number | undefined,
): string | undefined {
  let best: string | undefined;
  let most = worthMs;
  for (const { key, waitMs, expectedMs } of waiting) {
    const elsewhere = elsewhereMs(key);
    const gainMs = elsewhere === undefined ? Number.NEGATIVE_INFINITY : waitMs + expectedMs - elsewhere;
    if (gainMs >= most) [best, most] = [key, gainMs];
  }
  return best;
}
