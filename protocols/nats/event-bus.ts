// Law: where a NATS server with JetStream is, the event bus is there, with the same API and the same promises as on lanes; what it cannot
// promise is the members' signatures: who may write the subjects may publish.

import type { NatsConnection } from '@nats-io/transport-node';
import type { Clock, Crypto, Log, Random, Scheduler } from '../../actors/system/index.ts';
import { createEventBus, type EventBus, EventBusError } from '../events/index.ts';
import { openNatsClient } from './client.ts';
import { openJetStreamBoards } from './event-board.ts';
import { openJetStreamLog } from './event-log.ts';
import type { NatsServers } from './options.ts';
import type { StreamAccess } from './streams.ts';

export interface JetStreamBusOptions extends NatsServers {
  readonly clock: Clock;
  readonly scheduler: Scheduler;
  readonly random: Random;
  readonly crypto: Pick<Crypto, 'sha256'>;
  readonly log: Log;
}

const connectMs = 5_000;

/** Throws EventBusError `unavailable` where no server answers, or none with JetStream. */
export async function openJetStreamBus(options: JetStreamBusOptions): Promise<EventBus> {
  const renewals = new Set<(connection: NatsConnection) => void>();
  const client = openNatsClient(
    { ...options, noEcho: false },
    {
      onConnection(connection) {
        for (const renew of [...renewals]) renew(connection);
      },
    },
  );
  try {
    const isConnected = await client.connected(connectMs);
    const { connection } = client;
    if (!isConnected || connection === undefined)
      throw new EventBusError('unavailable', `no NATS server answers at ${options.servers.join(', ')}`);
    const bus = await createJetStreamBus(connection, {
      ...options,
      access: {
        connection: () => client.connection,
        onConnection(handler) {
          renewals.add(handler);
          return () => renewals.delete(handler);
        },
        domain: options.domain,
      },
    });
    return {
      ...bus,
      async close() {
        await bus.close();
        await client.close();
      },
    };
  } catch (error) {
    await client.close();
    throw error;
  }
}

/** The bus on streams that are there, or are made over `connection`. */
export async function createJetStreamBus(
  connection: NatsConnection,
  options: Omit<JetStreamBusOptions, keyof NatsServers> & { readonly access: StreamAccess },
): Promise<EventBus> {
  const { access, log, clock } = options;
  return createEventBus({
    ...options,
    kind: 'jetstream',
    log: await openJetStreamLog(connection, access, log),
    boards: await openJetStreamBoards(connection, { access, clock, log }),
    trace: log,
    consumerPrefix: 'c',
  });
}
