// Law: the epoch that follows is a function of the one before and of who its members are, so that members who agree on the members agree
// on every byte.
import { faultBudgetOf } from '../../consensus/index.ts';
import { configHash, type EpochConfig, type Member, type Worker, workersOf } from '../../protocols/mesh/index.ts';
import { compareText } from '../../protocols/wire/index.ts';
import type { Crypto } from '../system/index.ts';

/** The epoch after `current` with these members and workers and the strongest fault budget they can bear. */
export function nextConfig(
  current: EpochConfig,
  members: readonly Member[],
  crypto: Pick<Crypto, 'sha256'>,
  workers: readonly Worker[] = workersOf(current),
): EpochConfig {
  const byId = (a: Worker, b: Worker): number => compareText(a.id, b.id);
  return {
    epoch: current.epoch + 1,
    members: [...members].sort(byId),
    ...(workers.length === 0 ? {} : { workers: [...workers].sort(byId) }),
    ...faultBudgetOf(members.map(({ weight }) => weight)),
    previous: configHash(current, crypto),
  };
}
