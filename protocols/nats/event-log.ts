// Law: on JetStream a topic's events are the messages of one stream, a subject per partition: acknowledged by the server before they count
// as published, stored once however often they are tried, read in the stream's order.
import { DeliverPolicy, StorageType } from '@nats-io/jetstream';
import { type NatsConnection, nanos } from '@nats-io/transport-node';
import type { Log } from '../../actors/system/index.ts';
import {
  type Batch,
  decodeBatch,
  EventBusError,
  type EventLog,
  encodeBatch,
  partitionCount,
  type SourceReader,
} from '../events/index.ts';
import { MalformedBytes } from '../wire/index.ts';
import { ensureStream, followStream, managerOf, type StreamAccess, streamsOf } from './streams.ts';

const stream = 'PARLEY_EVENTS';
const root = 'parley.events';
const streamMaxBytes = 512 << 20;
const keptForMs = 7 * 86_400_000;
const repeatWindowMs = 120_000;
/**
 * A server that dies takes the request with it: asked again soon, under the same id, the next one answers. A server that is only slow is given
 * more time with every try.
 */
const answerMs = { first: 400, factor: 1.5, longest: 2_000 } as const;
/** Read ahead of a handler, per source. */
const readAhead = 64;

const eventSubject = (topic: string, partition: string): string => `${root}.${partition}.${topic}`;

/** Throws EventBusError `unavailable` where the stream is not there and cannot be made. */
export async function openJetStreamLog(connection: NatsConnection, access: StreamAccess, log: Log): Promise<EventLog> {
  try {
    await ensureStream(
      connection,
      {
        name: stream,
        subjects: [`${root}.>`],
        storage: StorageType.File,
        max_bytes: streamMaxBytes,
        max_age: nanos(keptForMs),
        duplicate_window: nanos(repeatWindowMs),
      },
      access.domain,
    );
  } catch (error) {
    throw new EventBusError(
      'unavailable',
      `no event stream on this NATS server: ${(error as Error).message}. Turn JetStream on, or set "events": "lanes" in node.json`,
      { cause: error },
    );
  }

  function open(topic: string, source: string, fromSequence: number): SourceReader {
    let next = fromSequence;
    let closed = false;
    const ready: { readonly sequence: number; readonly batch: Batch }[] = [];
    let wakeReader = (): void => {};
    let wakeStream = (): void => {};
    const following = followStream({
      access,
      stream,
      log,
      maxMessages: readAhead,
      from: () => ({
        filter_subjects: eventSubject(topic, source),
        deliver_policy: DeliverPolicy.StartSequence,
        opt_start_seq: next,
      }),
      async onMessage(message) {
        if (message.seq < next) return;
        next = message.seq + 1;
        try {
          ready.push({ sequence: message.seq, batch: decodeBatch(message.data) });
        } catch (error) {
          if (!(error instanceof MalformedBytes)) throw error;
          log('warn', 'a message among the events was skipped', { sequence: message.seq, reason: error.message });
          return;
        }
        wakeReader();
        while (ready.length >= readAhead && !closed)
          await new Promise<void>((resolve) => {
            wakeStream = resolve;
          });
      },
    });
    return {
      async next() {
        for (;;) {
          if (closed) return undefined;
          const found = ready.shift();
          wakeStream();
          if (found !== undefined) return found;
          await new Promise<void>((resolve) => {
            wakeReader = resolve;
          });
        }
      },
      close() {
        closed = true;
        following.close();
        wakeReader();
        wakeStream();
      },
    };
  }

  return {
    batchEveryMs: 0,
    async append(batch, id, attempt) {
      const source = String(batch.partition);
      const timeout = Math.min(answerMs.longest, answerMs.first * answerMs.factor ** attempt);
      try {
        const client = streamsOf(access);
        const { seq } = await client.publish(eventSubject(batch.topic, source), encodeBatch(batch), {
          msgID: id,
          timeout,
        });
        return { source, sequence: seq };
      } catch (error) {
        throw new EventBusError('unavailable', `the NATS server did not take it: ${(error as Error).message}`, {
          cause: error,
        });
      }
    },
    sources: () => Array.from({ length: partitionCount }, (_, partition) => String(partition)),
    async head() {
      const now = access.connection();
      if (now === undefined) throw new EventBusError('unavailable', 'no NATS server is connected');
      const manager = await managerOf(now, access.domain);
      return (await manager.streams.info(stream)).state.last_seq;
    },
    open,
    async close() {},
  };
}
