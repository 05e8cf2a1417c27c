// Law: an intent on the queue leaves it only once the mesh holds it, or once it can never be opened. A node that dies in between is a node
// that never took it: after the wait another takes it, under the same idempotency key.
import { AckPolicy, type JsMsg, RetentionPolicy, StorageType } from '@nats-io/jetstream';
import { type NatsConnection, nanos } from '@nats-io/transport-node';
import type { Log } from '../../actors/system/index.ts';
import { ensureStream, managerOf, streamsOf } from '../../protocols/nats/index.ts';

export const intentQueueSubject = 'parley.intent.queue';
export const intentStream = 'PARLEY_INTENTS';
const consumer = 'parley';
/** A taker that says nothing for this long is dead. */
const takenMs = 15_000;
const workingMs = 5_000;
const againMs = 5_000;
const streamMaxBytes = 256 << 20;
const takenAtOnce = 8;
const retryMs = 5_000;

/** `later`: not now, for a reason that may pass. */
export type Taken = 'done' | 'later';

export interface IntentQueue {
  stop(): void;
}

/** `take` is given the intent's bytes and a key that is the same at every delivery of this message. It must not throw. */
export function openIntentQueue(options: {
  readonly connection: NatsConnection;
  /** The JetStream domain of the queue; undefined: that of the server in use. */
  readonly domain: string | undefined;
  readonly take: (intent: Uint8Array, key: string) => Promise<Taken>;
  readonly log: Log;
}): IntentQueue {
  const { connection, domain, log } = options;
  const access = { connection: () => connection, onConnection: () => () => {}, domain };
  let stopped = false;
  let retry: NodeJS.Timeout | undefined;
  let messages: { stop(): void } | undefined;

  async function ensureQueue(): Promise<string> {
    const created = await ensureStream(
      connection,
      {
        name: intentStream,
        subjects: [intentQueueSubject],
        retention: RetentionPolicy.Workqueue,
        storage: StorageType.File,
        max_bytes: streamMaxBytes,
        duplicate_window: nanos(120_000),
      },
      domain,
    );
    const manager = await managerOf(connection, domain);
    await manager.consumers.add(intentStream, {
      durable_name: consumer,
      ack_policy: AckPolicy.Explicit,
      ack_wait: nanos(takenMs),
      max_ack_pending: 1_000,
    });
    return created;
  }

  async function handle(message: JsMsg, created: string): Promise<void> {
    const working = setInterval(() => message.working(), workingMs);
    try {
      const outcome = await options.take(message.data, `queue:${created}:${message.seq}`);
      if (outcome === 'done') message.ack();
      else message.nak(againMs);
    } finally {
      clearInterval(working);
    }
  }

  async function run(): Promise<void> {
    try {
      const created = await ensureQueue();
      const source = await streamsOf(access).consumers.get(intentStream, consumer);
      const iterator = await source.consume({ max_messages: takenAtOnce, expires: 10_000, idle_heartbeat: 5_000 });
      if (stopped) {
        iterator.stop();
        return;
      }
      messages = iterator;
      log('info', 'taking intents from the queue', { stream: intentStream });
      for await (const message of iterator) void handle(message, created);
      if (!stopped) throw new Error('the server ended the consumer');
    } catch (error) {
      if (stopped || connection.isClosed()) return;
      log('warn', 'no intent queue on this NATS server; looking again', { error: (error as Error).message });
      retry = setTimeout(() => void run(), retryMs);
    }
  }
  void run();

  return {
    stop() {
      stopped = true;
      clearTimeout(retry);
      messages?.stop();
    },
  };
}
