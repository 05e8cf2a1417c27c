// Law: news spreads by repetition and dies by counting. One claim per member, the newest; each is repeated a bounded number of times, the
// least repeated first.
import type { NodeId, Random } from '../../actors/system/index.ts';
import type { Claim } from './messages.ts';

export interface GossipQueue {
  readonly size: number;
  /** Replaces what was queued about `subject`. */
  put(subject: NodeId, claim: Claim): void;
  drop(subject: NodeId): void;
  /** At most `max` claims, each counted as repeated once more and dropped once it was repeated `limit` times. */
  take(max: number, limit: number): Claim[];
}

export function createGossipQueue(): GossipQueue {
  const queue = new Map<NodeId, { readonly claim: Claim; repeats: number }>();
  return {
    get size() {
      return queue.size;
    },
    put: (subject, claim) => void queue.set(subject, { claim, repeats: 0 }),
    drop: (subject) => void queue.delete(subject),
    take(max, limit) {
      const chosen =
        queue.size <= max ? [...queue] : [...queue].sort((a, b) => a[1].repeats - b[1].repeats).slice(0, max);
      for (const [subject, item] of chosen) if (++item.repeats >= limit) queue.delete(subject);
      return chosen.map(([, { claim }]) => claim);
    },
  };
}

/** `count` different items, in random order; all of them where there are fewer. Reorders `items`. */
export function pick<T>(items: T[], count: number, random: Pick<Random, 'below'>): T[] {
  const wanted = Math.min(count, items.length);
  for (let i = 0; i < wanted; i++) {
    const j = i + random.below(items.length - i);
    [items[i], items[j]] = [items[j]!, items[i]!];
  }
  return items.slice(0, wanted);
}
