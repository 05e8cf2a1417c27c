// Law: a mesh without a NATS server has the same event bus, on its own signed lanes: what a member published, every member keeps and can
// replay, and no member can publish, claim or acknowledge in another's name.
import type { Clock, Crypto, Log, NodeId, Random, Scheduler } from '../../actors/system/index.ts';
import type { LaneStore } from '../lanes/index.ts';
import type { PostOffice } from '../wire/index.ts';
import type { EventBus } from './bus.ts';
import { createEventBus } from './engine.ts';
import { openLaneBoards } from './lane-board.ts';
import { createLaneLog } from './lane-log.ts';

export interface LaneBusOptions {
  readonly self: NodeId;
  readonly store: LaneStore;
  readonly office: PostOffice;
  readonly clock: Clock;
  readonly scheduler: Scheduler;
  readonly random: Random;
  readonly crypto: Pick<Crypto, 'sha256'>;
  readonly log: Log;
  /** Told of members whose entries make no sense. */
  readonly refuse: (author: NodeId, reason: string) => void;
}

/** The store stays the caller's, and so does carrying its entries to the other members. */
export async function openLaneBus(options: LaneBusOptions): Promise<EventBus> {
  const { self, store, office, clock, refuse } = options;
  return createEventBus({
    ...options,
    kind: 'lanes',
    log: createLaneLog({ store, self, trace: options.log }),
    boards: await openLaneBoards({ store, office, clock, refuse }),
    trace: options.log,
    consumerPrefix: `${self}/`,
  });
}
