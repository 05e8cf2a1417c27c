// Law: when all is said, nearly nothing is: nodes that nobody disturbs and that have no work ask each other now and then how they are, and
// no two of them answer each other's answers without end.
import type { SentMessage, Swarm, Watcher } from '../swarm.ts';
import type { Book } from './violations.ts';

export interface ChatterCheck extends Watcher {
  /** From now on nothing is left to do. */
  begin(): void;
  /** To be called where nothing was done since. */
  finish(): void;
}

/** Of one type from one node to another: several times what membership and the exchange of logs take. */
const perSecondMax = 25;

export function createChatterCheck(options: {
  readonly swarm: Swarm;
  readonly book: Book;
  readonly isHonest: (index: number) => boolean;
}): ChatterCheck {
  const { swarm, book, isHonest } = options;
  const counts = new Map<string, number>();
  let sinceMs = Number.POSITIVE_INFINITY;
  return {
    sent({ from, to, type }: SentMessage) {
      if (sinceMs === Number.POSITIVE_INFINITY || !isHonest(from) || !isHonest(to)) return;
      const key = `${swarm.nodes[from]!.name} sent ${swarm.nodes[to]!.name} ${type}`;
      counts.set(key, (counts.get(key) ?? 0) + 1);
    },
    begin() {
      sinceMs = swarm.nowMs;
    },
    finish() {
      const seconds = (swarm.nowMs - sinceMs) / 1_000;
      for (const [what, count] of counts)
        if (count > perSecondMax * seconds)
          book.break('chatter', `${what} ${count} times in ${seconds.toFixed(1)} s in which there was nothing to do`);
    },
  };
}
