import { afterAll, beforeAll, describe } from 'vitest';
import { type NatsServer, natsServerBinary, startNatsServer } from '../../test/support/nats.ts';
import { createCrypto, realClock, realRandom, realScheduler, recordingLog } from '../../test/support/world.ts';
import { eventBusContract } from '../events/testing/index.ts';
import { openJetStreamBus } from './index.ts';

describe.skipIf(natsServerBinary === undefined)('with a NATS server of its own', () => {
  let server: NatsServer;
  beforeAll(async () => {
    server = await startNatsServer({ jetstream: true });
  });
  afterAll(() => server.end());

  const clock = realClock();
  const real = realScheduler(clock);
  eventBusContract('JetStream', {
    clock,
    scheduler: real,
    async open(count) {
      // Each test has a server without streams.
      await server.end();
      server = await startNatsServer({ jetstream: true });
      const dead = new Set<number>();
      const buses = await Promise.all(
        Array.from({ length: count }, (_, index) => {
          const ifAlive = (work: () => void) => (): void => {
            if (!dead.has(index)) work();
          };
          return openJetStreamBus({
            servers: [server.url],
            clock,
            scheduler: {
              defer: (drain) => real.defer(ifAlive(drain)),
              yield: (drain) => real.yield(ifAlive(drain)),
              at: (atMs, fire) => real.at(atMs, ifAlive(fire)),
            },
            random: realRandom(),
            crypto: createCrypto(),
            log: recordingLog().log,
          });
        }),
      );
      return {
        buses,
        async die(index) {
          dead.add(index);
        },
        async close() {
          // A dead one cannot be closed in order: its timers no longer fire.
          await Promise.all(buses.map((bus, index) => dead.has(index) || bus.close()));
          dead.clear();
          await server.kill();
        },
      };
    },
  });
});
