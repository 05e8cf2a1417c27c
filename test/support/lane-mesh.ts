// Law: members that keep each other's lanes as nodes do (pushed when written, exchanged by frontier after a loss), without the rest of a
// node: what stands on lanes is tested and measured on them.
import type { KeyValue, Network, Scheduler } from '../../actors/system/index.ts';
import { type EventBus, openLaneBus } from '../../protocols/events/index.ts';
import { createLaneSync, laneEntriesSchema, laneFrontierSchema, openLaneStore } from '../../protocols/lanes/index.ts';
import { createPostOffice, defineMessage, type Identity } from '../../protocols/wire/index.ts';
import { createCrypto, realClock, realRandom, realScheduler } from './world.ts';

const entriesMessage = defineMessage('lane.entries', laneEntriesSchema);
const frontierMessage = defineMessage('lane.frontier', laneFrontierSchema);
const exchangeMs = 250;

export interface LaneMember {
  readonly bus: EventBus;
  /** As SIGKILL: nothing of it acts any more, and nothing says goodbye. Its disk stays. */
  die(): Promise<void>;
  close(): Promise<void>;
}

export async function openLaneMember(options: {
  readonly identity: Identity;
  readonly network: Network;
  readonly keyValue: KeyValue;
  readonly meshId?: Uint8Array;
}): Promise<LaneMember> {
  const { identity, network, keyValue, meshId = new Uint8Array(32).fill(7) } = options;
  const crypto = createCrypto();
  const clock = realClock();
  const random = realRandom();
  const real = realScheduler(clock);
  let isDead = false;
  const ifAlive = (work: () => void) => (): void => {
    if (!isDead) work();
  };
  const scheduler: Scheduler = {
    defer: (drain) => real.defer(ifAlive(drain)),
    yield: (drain) => real.yield(ifAlive(drain)),
    at: (atMs, fire) => real.at(atMs, ifAlive(fire)),
  };
  const log = (): void => {};
  const office = createPostOffice({ identity, meshId, crypto, clock, random, network, log });
  let hlc = BigInt(clock.wallMs()) << 16n;
  const store = await openLaneStore({
    keyValue: {
      ...keyValue,
      get: (key) => keyValue.get(key),
      range: (from, to) => keyValue.range(from, to),
      write: (changes) => (isDead ? new Promise<never>(() => {}) : keyValue.write(changes)),
    },
    crypto,
    identity,
    meshId,
    hlc: () => ++hlc,
    isAuthor: () => true,
    log,
  });
  const sync = createLaneSync({ store });
  const digest = async (peer: string, isAnswer = false): Promise<void> =>
    void office.send(peer, frontierMessage, { ...(await sync.digestFor(peer)), isAnswer });
  office.on(entriesMessage, async (batch, { from }) => {
    if ((await sync.receive(batch, from)).askAgain) await digest(from);
  });
  office.on(frontierMessage, async (body, { from }) => {
    const { batch, behind } = await sync.answer(body);
    if (batch !== undefined) office.send(from, entriesMessage, batch);
    if (behind) await digest(from, true);
  });
  store.onEntry((entry, from) => {
    if (from !== undefined) return;
    for (const batch of sync.push([entry]))
      for (const peer of network.peers()) office.send(peer, entriesMessage, batch);
  });
  const exchanging = setInterval(() => {
    const peers = network.peers();
    if (peers.length > 0) void digest(peers[random.below(peers.length)]!);
  }, exchangeMs);
  for (const peer of network.peers()) void digest(peer);
  const bus = await openLaneBus({
    self: identity.id,
    store,
    office,
    clock,
    scheduler,
    random,
    crypto,
    log,
    refuse: () => {},
  });
  const end = async (): Promise<void> => {
    clearInterval(exchanging);
    office.close();
    await network.close();
  };
  return {
    bus,
    async die() {
      isDead = true;
      await end();
    },
    async close() {
      await bus.close();
      await end();
      await store.idle();
    },
  };
}
