// Law: a stream that is there is used as its operator made it; one that is missing is made, on three servers where there are three.
import {
  type ConsumerMessages,
  type JsMsg,
  jetstream,
  jetstreamManager,
  type OrderedConsumerOptions,
  type StreamConfig,
} from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/transport-node';
import type { Log } from '../../actors/system/index.ts';

/** Resolves with when the stream was created: what tells it from a later one of the same name. Rejects where the server has no JetStream. */
export async function ensureStream(
  connection: NatsConnection,
  config: Partial<StreamConfig> & { readonly name: string },
): Promise<string> {
  const manager = await jetstreamManager(connection);
  const existing = await manager.streams.info(config.name).catch(() => undefined);
  const info =
    existing ??
    (await manager.streams
      .add({ ...config, num_replicas: connection.info?.cluster === undefined ? 1 : 3 })
      // A cluster of fewer servers than three.
      .catch(() => manager.streams.add({ ...config, num_replicas: 1 })));
  return info.created;
}

const againMs = 500;
const heartbeatMs = 2_000;

/** Reads a stream in order, over every loss of the server or of what it kept for the reader, until it is closed. */
export function followStream(options: {
  readonly connection: NatsConnection;
  readonly stream: string;
  /** Asked at every start: where to begin, or go on. */
  readonly from: () => Partial<OrderedConsumerOptions>;
  readonly maxMessages: number;
  readonly onMessage: (message: JsMsg) => Promise<void> | void;
  readonly log: Log;
}): { close(): void } {
  const { connection, stream, log } = options;
  let closed = false;
  let messages: ConsumerMessages | undefined;
  let retry: NodeJS.Timeout | undefined;

  async function run(): Promise<void> {
    try {
      const consumer = await jetstream(connection).consumers.get(stream, {
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
    if (closed || connection.isClosed()) return;
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
