// Law: the other process of remote-libp2p.test.ts: one node over the real transport, with one actor that others may use.
import { writeSync } from 'node:fs';
import { createSystem, defineActor, type ReplyTo, remoteOf } from '../../actors/system/index.ts';
import { realClock, realRandom, realScheduler } from '../../node/world/index.ts';
import { createLibp2pNetwork, type Libp2pNetwork } from '../../protocols/libp2p/index.ts';
import { testIdentity } from '../support/world.ts';

export type Tally =
  | { readonly type: 'add'; readonly by: number }
  | { readonly type: 'total' | 'never'; readonly replyTo: ReplyTo<number> }
  | { readonly type: 'leave' };

export const tallyGroup = 'tallies';

/** Node `index` of the test mesh: its network and its system. */
export async function openNode(index: number) {
  const clock = realClock();
  const network: Libp2pNetwork = await createLibp2pNetwork({
    identity: testIdentity(index),
    meshId: new Uint8Array(32).fill(7),
    preSharedKey: new Uint8Array(32).fill(8),
    listen: ['/ip4/127.0.0.1/tcp/0'],
    bootstrap: [],
    allow: () => true,
    log: () => {},
  });
  const system = createSystem(network.self, {
    clock,
    random: realRandom(),
    scheduler: realScheduler(clock),
    log: () => {},
  });
  const remote = remoteOf(system);
  remote.attach(network);
  return { network, system, remote };
}

const tally = defineActor<Tally, number>({
  kind: 'tally',
  start: () => 0,
  receive(total, message) {
    if (message.type === 'add') return total + message.by;
    if (message.type === 'total') message.replyTo.send(total);
    if (message.type === 'leave') throw new Error('as told');
    return;
  },
  schema: {
    parse(input) {
      const { type, by } = input as Tally & { readonly by?: unknown };
      if (type === 'add' && Number.isInteger(by)) return input as Tally;
      if (type === 'total' || type === 'never' || type === 'leave') return { type };
      throw new TypeError('a tally takes add, total, never and leave');
    },
  },
});

async function main(): Promise<void> {
  const { network, system, remote } = await openNode(1);
  remote.groups.join(tallyGroup, system.spawn(tally, undefined, { name: 'tally' }));
  writeSync(1, `${network.addresses()[0]}\n`);
  // Lives until it is killed.
}

if (import.meta.main) await main();
