// Law: on JetStream a claim is written only over the record it was made on: of two consumers that claim the same share one is refused.
// That a consumer is there, it says itself, through the server: what comes back to it, others hear.
import { DeliverPolicy, JetStreamApiError, type JsMsg, StorageType } from '@nats-io/jetstream';
import type { Msg, NatsConnection, Subscription } from '@nats-io/transport-node';
import { z } from 'zod';
import type { Clock, Log } from '../../actors/system/index.ts';
import type { BoardKeeper, ShareRecord } from '../events/index.ts';
import { ensureStream, followStream, type StreamAccess, streamsOf } from './streams.ts';

const stream = 'PARLEY_EVENT_SHARES';
const root = 'parley.eventshares';
const beatRoot = 'parley.eventbeats';
const streamMaxBytes = 32 << 20;
const commitMs = 200;
/** Consumers of one group that are remembered; those not heard of for long are forgotten first. */
const consumersMax = 4_096;
const forgetMs = 120_000;
/** The server's word for: somebody wrote in between. */
const wrongLastSequence = 10071;

/** Heard of last: not after anything. */
const left = Number.NEGATIVE_INFINITY;

const count = z.number().int().nonnegative();
const recordSchema = z.strictObject({
  generation: count,
  version: count,
  owner: z.string().max(128),
  released: z.boolean(),
  sequence: count,
  count,
  attempts: count,
});
const beatSchema = z.strictObject({ consumer: z.string().min(1).max(128), gone: z.boolean() });

interface Kept {
  readonly record: ShareRecord;
  readonly revision: number;
}

export async function openJetStreamBoards(
  connection: NatsConnection,
  options: {
    readonly access: StreamAccess;
    readonly clock: Clock;
    readonly log: Log;
  },
): Promise<BoardKeeper> {
  const { access, clock, log } = options;
  await ensureStream(
    connection,
    {
      name: stream,
      subjects: [`${root}.>`],
      storage: StorageType.File,
      max_msgs_per_subject: 1,
      max_bytes: streamMaxBytes,
    },
    access.domain,
  );
  const closers = new Set<() => void>();

  const parse = (message: JsMsg): Kept | undefined => {
    try {
      return { record: recordSchema.parse(message.json()), revision: message.seq };
    } catch (error) {
      log('warn', 'a record of a consumer group was skipped', { subject: message.subject, error: String(error) });
      return undefined;
    }
  };

  return {
    async open(topic, group, consumer) {
      const prefix = `${root}.${group}.${topic}.`;
      const beatSubject = `${beatRoot}.${group}.${topic}`;
      const kept = new Map<string, Kept>();
      const records = new Map<string, ShareRecord>();
      const heard = new Map<string, number>();
      const watchers = new Set<() => void>();
      const tell = (): void => {
        for (const watcher of [...watchers]) watcher();
      };
      const keep = (source: string, one: Kept): void => {
        if ((kept.get(source)?.revision ?? 0) >= one.revision) return;
        kept.set(source, one);
        records.set(source, one.record);
        if (one.record.owner !== consumer) tell();
      };
      const following = followStream({
        access,
        stream,
        log,
        maxMessages: 256,
        from: () => ({ filter_subjects: `${prefix}*`, deliver_policy: DeliverPolicy.LastPerSubject }),
        onMessage(message) {
          const one = parse(message);
          if (one !== undefined) keep(message.subject.slice(prefix.length), one);
        },
      });
      const onBeat = (failure: Error | null, message: Msg): void => {
        if (failure !== null) return;
        const checked = beatSchema.safeParse(jsonOf(message));
        if (!checked.success) return;
        const { consumer: who, gone } = checked.data;
        const isNews = (heard.get(who) ?? left) > left === gone;
        if (gone) heard.set(who, left);
        else if (heard.has(who) || heard.size < consumersMax) heard.set(who, clock.monotonicMs());
        if (isNews) tell();
      };
      let listening: Subscription | undefined;
      const listen = (to: NatsConnection): void => {
        listening = to.subscribe(beatSubject, { callback: onBeat });
      };
      const now = access.connection();
      if (now !== undefined) listen(now);
      const stopRenewing = access.onConnection(listen);
      const close = (): void => {
        following.close();
        stopRenewing();
        listening?.unsubscribe();
        closers.delete(close);
      };
      closers.add(close);

      const write = async (source: string, record: ShareRecord): Promise<boolean> => {
        const lastSubjectSequence = kept.get(source)?.revision ?? 0;
        try {
          const { seq } = await streamsOf(access).publish(prefix + source, JSON.stringify(record), {
            expect: { lastSubjectSequence },
          });
          keep(source, { record, revision: seq });
          return true;
        } catch (error) {
          if (error instanceof JetStreamApiError && error.code === wrongLastSequence) return false;
          throw error;
        }
      };
      return {
        settleMs: 0,
        spreadMs: 0,
        commitMs,
        records: () => records,
        write: (updates) => Promise.all(updates.map(({ source, record }) => write(source, record))),
        beat(gone) {
          const nowMs = clock.monotonicMs();
          for (const [who, atMs] of heard) if (nowMs - atMs > forgetMs) heard.delete(who);
          const now = access.connection();
          if (now?.isClosed() === false) now.publish(beatSubject, JSON.stringify({ consumer, gone }));
        },
        heard: () => heard,
        onChange(handler) {
          watchers.add(handler);
          return () => void watchers.delete(handler);
        },
        close,
      };
    },
    async list() {
      const groups = new Map<string, { topic: string; group: string; records: Map<string, ShareRecord> }>();
      const consumer = await streamsOf(access).consumers.get(stream, {
        deliver_policy: DeliverPolicy.LastPerSubject,
        filter_subjects: `${root}.>`,
      });
      for (;;) {
        const batch = await consumer.fetch({ max_messages: 1_000, expires: 1_000 });
        let left = 0;
        let got = 0;
        for await (const message of batch) {
          got++;
          left = message.info.pending;
          const tokens = message.subject.slice(root.length + 1).split('.');
          const [group = '', source = ''] = [tokens[0], tokens.at(-1)];
          const topic = tokens.slice(1, -1).join('.');
          const one = parse(message);
          if (one === undefined) continue;
          const found = groups.get(`${group} ${topic}`) ?? { topic, group, records: new Map<string, ShareRecord>() };
          groups.set(`${group} ${topic}`, found);
          found.records.set(source, one.record);
          if (left === 0) break;
        }
        if (got === 0 || left === 0) break;
      }
      await consumer.delete().catch(() => {});
      return [...groups.values()];
    },
    async close() {
      for (const close of [...closers]) close();
    },
  };
}

function jsonOf(message: Msg): unknown {
  try {
    return message.json();
  } catch {
    return undefined;
  }
}
