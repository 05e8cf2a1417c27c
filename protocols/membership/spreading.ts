// Law: news goes out while there is any; now and then a view is compared with a live node's, so that what gossip lost is found, and with one
// that is lost, so that two halves of a mesh meet again.
import type { NodeId, Random } from '../../actors/system/index.ts';
import { type GossipQueue, pick } from './gossip.ts';
import type { Members } from './members.ts';
import { type Claim, maxClaims } from './messages.ts';
import type { DetectorSettings } from './settings.ts';

export interface Spreading {
  /** Does what is due. */
  advance(nowMs: number): void;
  /** When something is due next. */
  nextMs(): number;
}

export function createSpreading(options: {
  readonly random: Random;
  readonly settings: DetectorSettings;
  readonly members: Members;
  readonly queue: GossipQueue;
  /** How often each piece of news is told. */
  readonly repeats: () => number;
  readonly isWatcher: () => boolean;
  readonly compareWith: (node: NodeId) => void;
  readonly tell: (node: NodeId, claims: Claim[]) => void;
  readonly startMs: number;
}): Spreading {
  const { random, settings, members, queue, isWatcher } = options;
  let nextGossipMs = options.startMs;
  let nextSyncMs = options.startMs + random.below(settings.syncIntervalMs);
  let nextReviveMs = options.startMs + random.below(settings.reviveIntervalMs);
  return {
    advance(nowMs) {
      if (nowMs >= nextGossipMs && queue.size > 0) {
        nextGossipMs = nowMs + settings.gossipIntervalMs;
        const claims = queue.take(maxClaims, options.repeats());
        for (const member of pick(members.live(), settings.gossipFanout, random)) options.tell(member.id, claims);
      }
      if (nowMs >= nextSyncMs) {
        nextSyncMs = nowMs + (isWatcher() ? settings.watchIntervalMs : settings.syncIntervalMs);
        for (const member of pick(members.live(), 1, random)) options.compareWith(member.id);
      }
      if (nowMs >= nextReviveMs) {
        nextReviveMs = nowMs + settings.reviveIntervalMs;
        const lost = [...members.all.values()].filter(({ state }) => state === 'dead' || state === 'unknown');
        for (const member of pick(lost, 1, random)) options.compareWith(member.id);
      }
    },
    nextMs: () => Math.min(nextSyncMs, nextReviveMs, queue.size > 0 ? nextGossipMs : Number.POSITIVE_INFINITY),
  };
}
