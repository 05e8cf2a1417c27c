// Law: whoever kills or measures consumers of the event bus opens it here, as a process of its own would: on a NATS server, or as a member
// over libp2p with its lanes on disk.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createStorage } from '../../node/world/index.ts';
import type { EventBus } from '../../protocols/events/index.ts';
import { createLibp2pNetwork } from '../../protocols/libp2p/index.ts';
import { openJetStreamBus } from '../../protocols/nats/index.ts';
import { openLaneMember } from './lane-mesh.ts';
import { createCrypto, realClock, realRandom, realScheduler, testIdentity } from './world.ts';

export type Carrier = 'jetstream' | 'lanes';

export interface OpenedBus {
  readonly bus: EventBus;
  /** Where others reach the same bus. */
  readonly address: string;
  peers(): number;
  close(): Promise<void>;
}

/** `address`: of the NATS server, or of a member to begin with; `index`: whose identity a member takes. `parent`: where it makes its folder. */
export async function openCarrier(
  carrier: Carrier,
  options: { readonly address?: string; readonly index: number; readonly parent?: string },
): Promise<OpenedBus> {
  const { address, index, parent = tmpdir() } = options;
  if (carrier === 'jetstream') {
    const clock = realClock();
    const bus = await openJetStreamBus({
      servers: [address!],
      clock,
      scheduler: realScheduler(clock),
      random: realRandom(),
      crypto: createCrypto(),
      log: () => {},
    });
    return { bus, address: address!, peers: () => 1, close: () => bus.close() };
  }
  const folder = mkdtempSync(join(parent, 'parley-events-'));
  const storage = await createStorage(folder);
  const network = await createLibp2pNetwork({
    identity: testIdentity(index),
    meshId: new Uint8Array(32).fill(7),
    preSharedKey: new Uint8Array(32).fill(2),
    listen: ['/ip4/127.0.0.1/tcp/0'],
    bootstrap: address === undefined ? [] : [address],
    allow: () => true,
    log: () => {},
  });
  const keyValue = await storage.keyValue('lanes');
  const member = await openLaneMember({ identity: testIdentity(index), network, keyValue });
  return {
    bus: member.bus,
    address: network.addresses()[0]!,
    peers: () => network.peers().length,
    async close() {
      await member.close();
      await storage.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
