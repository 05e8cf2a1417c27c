import { connect, type NatsConnection } from '@nats-io/transport-node';
import { afterAll, beforeAll, describe, it } from 'vitest';
import { type NatsServer, natsServerBinary, startNatsServer } from '../../test/support/nats.ts';
import { createCrypto, realClock, realRandom, realScheduler, recordingLog, until } from '../../test/support/world.ts';
import { eventBusContract } from '../events/testing/index.ts';
import { createJetStreamBus } from './event-bus.ts';
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

  it('a bus whose connection is closed for good goes on over the next: publishing, reading and its group', async () => {
    await server.end();
    server = await startNatsServer({ jetstream: true });
    const renewals = new Set<(connection: NatsConnection) => void>();
    const first = await connect({ servers: server.url });
    let now: NatsConnection | undefined = first;
    const access = {
      connection: () => now,
      onConnection(handler: (connection: NatsConnection) => void) {
        renewals.add(handler);
        return () => renewals.delete(handler);
      },
      domain: undefined,
    };
    const crypto = createCrypto();
    const bus = await createJetStreamBus(first, {
      access,
      clock,
      scheduler: real,
      random: realRandom(),
      crypto,
      log: recordingLog().log,
    });
    const got: string[] = [];
    const handled = new Set<string>();
    const stop = new AbortController();
    const text = (data: Uint8Array): string => Buffer.from(data).toString();
    const reading = (async () => {
      for await (const { data } of bus.read('orders', { from: 'first', signal: stop.signal })) got.push(text(data));
    })();
    const member = await bus.join('orders', 'billing', {
      from: 'first',
      async handle(events) {
        for (const { data } of events) handled.add(text(data));
      },
    });
    await bus.publish('orders', { key: 'k', data: Buffer.from('before') });
    await until('the first event', () => got.length === 1 && handled.has('before'), 60_000);

    await first.close();
    now = undefined;
    const between = bus.publish('orders', { key: 'k', data: Buffer.from('between') });
    const second = await connect({ servers: server.url });
    now = second;
    for (const renew of renewals) renew(second);
    await between;
    await bus.publish('orders', { key: 'k', data: Buffer.from('after') });
    await until('the others', () => got.join() === 'before,between,after' && handled.has('after'), 60_000);
    stop.abort();
    await reading;
    await member.leave();
    await bus.close();
    await second.close();
  }, 150_000);
});
