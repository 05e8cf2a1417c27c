// Law: what it takes besides votes (to bear a result out, to end an attempt) follows from the config alone, in integers.
import type { NodeId } from '../actors/system/index.ts';
import type { EpochConfig } from '../protocols/mesh/index.ts';
import { voteQuorum } from './quorum.ts';

type Weighing = Pick<EpochConfig, 'members' | 'f'>;

export function totalWeight(config: Pick<EpochConfig, 'members'>): number {
  return config.members.reduce((sum, member) => sum + member.weight, 0);
}

/** Of those of `ids` that are members, each counted once. */
export function weightOf(config: Pick<EpochConfig, 'members'>, ids: readonly NodeId[]): number {
  return config.members.reduce((sum, member) => sum + (ids.includes(member.id) ? member.weight : 0), 0);
}

/**
 * Weight that must bear out a result under rule `quorum`, executor included. With f > 0: 2f + 1, so that f + 1 of it is honest and f
 * lying members can neither push a wrong result nor pass for the honest ones. With f = 0 nobody lies and the question is only whether
 * a mistake is one node's own: a majority, which no two different results can both have (with one member: that member).
 * Undefined where the config has no sound quorum (f > 0 and W ≤ 3f).
 */
export function endorsingWeight(config: Weighing): number | undefined {
  const total = totalWeight(config);
  if (config.f === 0) return Math.floor(total / 2) + 1;
  return total > 3 * config.f ? 2 * config.f + 1 : undefined;
}

/** Weight of expiries that ends an attempt: a vote quorum, any two of which share more than f. */
export function expiryWeight(config: Weighing): number {
  return voteQuorum(totalWeight(config), config.f);
}
