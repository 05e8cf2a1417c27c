// Law: whoever breaks the rules over and over is kept out for a while, longer each time, and what it did is forgotten as slowly as it takes
// an honest peer to be mended. Its connections are refused before they cost anything; nobody else notices.
import type { NodeId } from '../../actors/system/index.ts';

/** Weight of a violation: what only a hostile or foreign program does counts in full, what an overloaded one may do counts little. */
const weights: Readonly<Record<string, number>> = {
  oversized: 1,
  protocol: 1,
  version: 1,
  flooding: 0.5,
  never_reads: 0.5,
  half_open: 0.2,
};
/** From this score on a peer is kept out. */
const limit = 3.5;
/** The score halves in this time. */
const halfLifeMs = 60_000;
const firstBanMs = 5_000;
const longestBanMs = 300_000;
/** Peers remembered; each has proven a key that is allowed, so there are few. */
const peersMax = 1_024;

export interface Conduct {
  /** Counts a violation; what is no violation of a peer counts nothing. Returns how long the peer is kept out from now on, 0 where it is not. */
  violation(node: NodeId, reason: string): number;
  isKeptOut(node: NodeId): boolean;
}

export function createConduct(nowMs: () => number): Conduct {
  const peers = new Map<NodeId, { score: number; atMs: number; bans: number; outUntilMs: number }>();
  return {
    violation(node, reason) {
      const weight = weights[reason] ?? 0;
      if (weight === 0) return 0;
      const now = nowMs();
      const peer = peers.get(node) ?? { score: 0, atMs: now, bans: 0, outUntilMs: 0 };
      // The one heard of last is forgotten last.
      peers.delete(node);
      peers.set(node, peer);
      if (peers.size > peersMax) peers.delete(peers.keys().next().value!);
      peer.score = peer.score * 0.5 ** ((now - peer.atMs) / halfLifeMs) + weight;
      peer.atMs = now;
      if (peer.score < limit) return 0;
      const lengthMs = Math.min(longestBanMs, firstBanMs * 2 ** peer.bans);
      peer.bans++;
      peer.score = limit / 2;
      peer.outUntilMs = now + lengthMs;
      return lengthMs;
    },
    isKeptOut: (node) => (peers.get(node)?.outUntilMs ?? 0) > nowMs(),
  };
}
