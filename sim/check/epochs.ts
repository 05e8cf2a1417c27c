// Law: what an epoch's members weigh and what makes a quorum of them is computed here a second time, from the configuration alone; and all
// honest nodes hold the same one.
import { encodeConfig } from '../../protocols/mesh/index.ts';
import { equalBytes } from '../../protocols/wire/index.ts';
import type { Swarm } from '../swarm.ts';
import type { Book } from './violations.ts';

export interface Electorate {
  /** Any two of this weight meet in more than the liars that the epoch tolerates. */
  readonly quorum: number;
  readonly fast: number;
  /** Of its members alone, each once. */
  weigh(ids: Iterable<string>): number;
  /** Of its members that are not honest. */
  readonly liarWeight: number;
}

export interface Epochs {
  /** Undefined where no honest node that runs knows the epoch. */
  electorate(epoch: number): Electorate | undefined;
  /** Compares once more what every honest node that runs holds. */
  finish(): void;
}

export function createEpochs(swarm: Swarm, book: Book, isHonest: (index: number) => boolean): Epochs {
  const known = new Map<number, { readonly bytes: Uint8Array; readonly electorate: Electorate }>();
  const liars = new Set(swarm.nodes.filter(({ index }) => !isHonest(index)).map(({ id }) => id));

  const learn = (epoch: number): void => {
    for (const { index, name, process } of swarm.nodes) {
      const config = isHonest(index) ? process?.composed.parts.chain.config(epoch) : undefined;
      if (config === undefined) continue;
      const bytes = encodeConfig(config);
      const before = known.get(epoch);
      if (before !== undefined) {
        if (!equalBytes(before.bytes, bytes)) book.break('one-epoch', `${name} holds other members of epoch ${epoch}`);
        continue;
      }
      const weights = new Map(config.members.map(({ id, weight }) => [id, weight]));
      const weigh = (ids: Iterable<string>): number =>
        [...new Set(ids)].reduce((sum, id) => sum + (weights.get(id) ?? 0), 0);
      const total = weigh(weights.keys());
      const electorate: Electorate = {
        quorum: Math.floor((total + config.f) / 2) + 1,
        fast: total - config.p,
        weigh,
        liarWeight: weigh(liars),
      };
      known.set(epoch, { bytes, electorate });
    }
  };

  return {
    electorate(epoch) {
      if (!known.has(epoch)) learn(epoch);
      return known.get(epoch)?.electorate;
    },
    finish() {
      for (const epoch of [...known.keys()]) learn(epoch);
    },
  };
}
