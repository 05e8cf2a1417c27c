// Law: a stream that is there is used as its operator made it; one that is missing is made, on three servers where there are three.
import {
  type ConsumerMessages,
  JetStreamApiError,
  type JetStreamClient,
  type JetStreamManager,
  type JsMsg,
  jetstream,
  jetstreamManager,
  type OrderedConsumerOptions,
  type StreamConfig,
} from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/transport-node';
import type { Log } from '../../actors/system/index.ts';

/** The way to the streams: it outlives any one connection, and leads over a leaf node where they are in another domain. */
export interface StreamAccess {
  /** The connection of the moment; undefined while there is none. */
  readonly connection: () => NatsConnection | undefined;
  /** Calls back with every connection after the present one. */
  readonly onConnection: (handler: (connection: NatsConnection) => void) => () => void;
  /** The JetStream domain that has the streams; undefined: that of the server in use. */
  readonly domain: string | undefined;
}

/** Longest wait for an answer, in ms; how publishing waits is the publisher's own matter. */
const answerMs = 2_000;
const waysTo = new WeakMap<NatsConnection, JetStreamClient>();

const optionsOf = (domain: string | undefined) => ({ timeout: answerMs, ...(domain === undefined ? {} : { domain }) });

/** Throws where there is no connection now. */
export function streamsOf({ connection, domain }: StreamAccess): JetStreamClient {
  const now = connection();
  if (now === undefined || now.isClosed()) throw new Error('no NATS server is connected');
  const client = waysTo.get(now) ?? jetstream(now, optionsOf(domain));
  waysTo.set(now, client);
  return client;
}

export function managerOf(connection: NatsConnection, domain: string | undefined): Promise<JetStreamManager> {
  return jetstreamManager(connection, optionsOf(domain));
}

/** The server's words for: not so many servers, or not so much room. Anything else may pass, and a stream of one copy stays one for good. */
const noThreeCopies = [10_005, 10_023, 10_047, 10_074];
const looksMax = 5;
const lookEveryMs = 100;

/**
 * Resolves with when the stream was created: what tells it from a later one of the same name. Rejects where the server has no JetStream, or
 * its cluster does not answer now.
 */
export async function ensureStream(
  connection: NatsConnection,
  config: Partial<StreamConfig> & { readonly name: string },
  domain?: string,
): Promise<string> {
  const manager = await managerOf(connection, domain);
  const existing = await manager.streams.info(config.name).catch(() => undefined);
  if (existing !== undefined) return existing.created;
  try {
    return (await manager.streams.add({ ...config, num_replicas: 3 })).created;
  } catch (error) {
    if (!(error instanceof JetStreamApiError) || !noThreeCopies.includes(error.code)) throw error;
  }
  try {
    return (await manager.streams.add({ ...config, num_replicas: 1 })).created;
  } catch (error) {
    // Two that make it at the same moment both count for the server's room while they do: one of them made it.
    for (let looks = 0; looks < looksMax; looks++) {
      const made = await manager.streams.info(config.name).catch(() => undefined);
      if (made !== undefined) return made.created;
      await new Promise((resolve) => setTimeout(resolve, lookEveryMs));
    }
    throw error;
  }
}

const againMs = 500;
const heartbeatMs = 2_000;

/** Reads a stream in order, over every loss of the server or of what it kept for the reader, until it is closed. */
export function followStream(options: {
  readonly access: StreamAccess;
  readonly stream: string;
  /** Asked at every start: where to begin, or go on. */
  readonly from: () => Partial<OrderedConsumerOptions>;
  readonly maxMessages: number;
  readonly onMessage: (message: JsMsg) => Promise<void> | void;
  readonly log: Log;
}): { close(): void } {
  const { access, stream, log } = options;
  let closed = false;
  let messages: ConsumerMessages | undefined;
  let retry: NodeJS.Timeout | undefined;

  async function run(): Promise<void> {
    try {
      const consumer = await streamsOf(access).consumers.get(stream, {
        inactive_threshold: 30_000,
        ...options.from(),
      });
      if (closed) {
        void consumer.delete().catch(() => {});
        return;
      }
      messages = await consumer.consume({
        max_messages: options.maxMessages,
        expires: 30_000,
        idle_heartbeat: heartbeatMs,
      });
      if (closed) messages.stop();
      for await (const message of messages) {
        if (closed) break;
        const handled = options.onMessage(message);
        if (handled !== undefined) await handled;
      }
      void consumer.delete().catch(() => {});
    } catch (error) {
      log('debug', 'reading a stream broke off', { stream, error: String(error) });
    }
    if (closed) return;
    retry = setTimeout(() => void run(), againMs);
  }
  void run();
  return {
    close() {
      closed = true;
      clearTimeout(retry);
      messages?.stop();
    },
  };
}
