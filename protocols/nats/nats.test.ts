import { afterAll, beforeAll, describe } from 'vitest';
import { type NatsServer, natsServerBinary, startNatsServer } from '../../test/support/nats.ts';
import { createCrypto, realClock, realScheduler, recordingLog, testIdentity, until } from '../../test/support/world.ts';
import { networkContract } from '../network/testing/index.ts';
import { createNatsNetwork, type NatsNetwork } from './index.ts';

const clock = realClock();

describe.skipIf(natsServerBinary === undefined)('over a NATS server of its own', () => {
  let server: NatsServer;
  /** One server carries many meshes: each test has its own, and none hears of another. */
  let meshes = 0;
  beforeAll(async () => {
    server = await startNatsServer();
  });
  afterAll(() => server.end());

  networkContract('nats', {
    clock,
    scheduler: realScheduler(clock),
    async open(count) {
      const meshId = new Uint8Array(32).fill(++meshes);
      const start = (index: number): Promise<NatsNetwork> =>
        createNatsNetwork({
          identity: testIdentity(index),
          meshId,
          preSharedKey: new Uint8Array(32).fill(2),
          servers: [server.url],
          crypto: createCrypto(),
          allow: () => true,
          log: recordingLog().log,
        });
      const networks = await Promise.all(Array.from({ length: count }, (_, index) => start(index)));
      await until('a full mesh', () => networks.every((network) => network.peers().length === count - 1));
      return {
        networks,
        async restart(index) {
          await networks[index]!.close();
          networks[index] = await start(index);
          return networks[index];
        },
        close: async () => void (await Promise.all(networks.map((network) => network.close()))),
      };
    },
  });
});
