// Law: an epoch in which much was decided ends by itself, with the same members: what a node must remember of an epoch, never to vote in it
// twice, has a bound, and the next one's instances are others. Each member sees by its own audit log that the time has come.
import { configHash, type EpochConfig } from '../../protocols/mesh/index.ts';
import type { Crypto } from '../system/index.ts';

/** Half of what a node can remember as decided (`EngineLimits.forgotten`): the other half is for what is under way meanwhile. */
export const decidedPerEpoch = 500_000;

/** The epoch after `current` in which nothing else is different. The same on every member. */
export function renewalOf(current: EpochConfig, crypto: Pick<Crypto, 'sha256'>): EpochConfig {
  return { ...current, epoch: current.epoch + 1, previous: configHash(current, crypto) };
}
