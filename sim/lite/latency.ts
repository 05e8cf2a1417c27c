// Law: the way between two agents is a function of the pair, with no state kept per pair: what is not stored costs no memory in a swarm of
// 100,000, and a message taken out of a run leaves every other's latency as it was.
import type { Draws } from '../world/index.ts';

export interface PairLatency {
  /** One-way, the same in both directions, uniform between the two. */
  readonly minUs: number;
  readonly maxUs: number;
  /** On top of it each message takes up to this share longer, uniform. */
  readonly jitterShare: number;
}

const purpose = { pair: 0x100, jitter: 0x101 } as const;
const words = 0x1_0000_0000;

/** Whole microseconds for the `n`-th message of all. */
export function createPairLatency(
  draws: Draws,
  { minUs, maxUs, jitterShare }: PairLatency,
): (from: number, to: number, n: number) => number {
  const spanUs = maxUs - minUs;
  return (from, to, n) => {
    const pair = draws.u32(purpose.pair, Math.min(from, to), Math.max(from, to), 0) / words;
    const base = minUs + pair * spanUs;
    return Math.ceil(base * (1 + (draws.u32(purpose.jitter, from, to, n) / words) * jitterShare));
  };
}
