// Law: on lanes nobody can be refused a claim, so that every member orders the claims alike: later hands first, then the larger name. A
// claim counts only from the node that it names, and only a consumer's own node says that it is there.
import { z } from 'zod';
import type { Clock, NodeId } from '../../actors/system/index.ts';
import type { LaneEntry, LaneStore } from '../lanes/index.ts';
import { ByteReader, ByteWriter, defineMessage, MalformedBytes, type PostOffice } from '../wire/index.ts';
import { type BoardKeeper, isLater, type ShareRecord } from './log.ts';

const shareLane = 'event-shares';
const gossipTopic = 'events';
const domain = 'parley/event-shares/1';
const updatesMax = 1_024;
const groupsMax = 4_096;
const sharesPerGroupMax = 8_192;
const consumersMax = 1_024;
/** A consumer that was not heard of for so long is forgotten. */
const forgetMs = 120_000;
/** Longer than a claim takes to reach the other members. */
const settleMs = 300;
/** Longer than an entry takes to leave this process. */
const spreadMs = 30;
/** Progress is an entry on every member's disk for good. */
const commitMs = 1_000;

/** Heard of last: not after anything. */
const left = Number.NEGATIVE_INFINITY;

const name = z.string().min(1).max(320);
const beatMessage = defineMessage(
  'events.beat',
  z.strictObject({ topic: name, group: name, consumer: name, gone: z.boolean() }),
);

interface Update {
  readonly source: string;
  readonly record: ShareRecord;
}
interface Group {
  readonly topic: string;
  readonly group: string;
  readonly records: Map<string, ShareRecord>;
  readonly heard: Map<string, number>;
  readonly watchers: Set<() => void>;
}

function encodeShares(topic: string, group: string, updates: readonly Update[]): Uint8Array {
  return new ByteWriter(domain)
    .text(topic)
    .text(group)
    .list(updates, (writer, { source, record }) =>
      writer
        .text(source)
        .u64(record.generation)
        .u64(record.version)
        .text(record.owner)
        .bool(record.released)
        .u64(record.sequence)
        .u32(record.count)
        .u32(record.attempts),
    )
    .finish();
}

function decodeShares(bytes: Uint8Array) {
  const reader = new ByteReader(bytes, domain);
  const topic = reader.text(320);
  const group = reader.text(64);
  const updates = reader.list(updatesMax, (item) => ({
    source: item.text(128),
    record: {
      generation: item.u64(),
      version: item.u64(),
      owner: item.text(128),
      released: item.bool(),
      sequence: item.u64(),
      count: item.u32(),
      attempts: item.u32(),
    },
  }));
  reader.end();
  return { topic, group, updates };
}

export async function openLaneBoards(options: {
  readonly store: Pick<LaneStore, 'append' | 'onEntry' | 'all'>;
  readonly office: PostOffice;
  readonly clock: Clock;
  readonly refuse: (author: NodeId, reason: string) => void;
}): Promise<BoardKeeper> {
  const { store, office, clock, refuse } = options;
  const groups = new Map<string, Group>();
  const groupOf = (topic: string, group: string): Group | undefined => {
    const key = `${group} ${topic}`;
    const found = groups.get(key);
    if (found !== undefined || groups.size >= groupsMax) return found;
    const made: Group = { topic, group, records: new Map(), heard: new Map(), watchers: new Set() };
    groups.set(key, made);
    return made;
  };
  const isOf = (author: NodeId, consumer: string): boolean => consumer.startsWith(`${author}/`);
  const tell = (group: Group): void => {
    for (const watcher of [...group.watchers]) watcher();
  };

  function learn(entry: LaneEntry): void {
    if (entry.lane !== shareLane) return;
    let said: ReturnType<typeof decodeShares>;
    try {
      said = decodeShares(entry.body);
    } catch (error) {
      if (!(error instanceof MalformedBytes)) throw error;
      refuse(entry.author, error.message);
      return;
    }
    const group = groupOf(said.topic, said.group);
    if (group === undefined) return;
    for (const { source, record } of said.updates) {
      if (!isOf(entry.author, record.owner)) {
        refuse(entry.author, 'claims events for a consumer of another node');
        continue;
      }
      const known = group.records.get(source);
      if (known === undefined ? group.records.size < sharesPerGroupMax : isLater(record, known))
        group.records.set(source, record);
    }
    tell(group);
  }
  const stopListening = store.onEntry(learn);
  for await (const entry of store.all(shareLane)) learn(entry);

  const stopReceiving = office.on(beatMessage, ({ topic, group: groupName, consumer, gone }, { from }) => {
    if (!isOf(from, consumer)) return refuse(from, 'speaks for a consumer of another node');
    const group = groupOf(topic, groupName);
    if (group === undefined) return;
    const isNews = (group.heard.get(consumer) ?? left) > left === gone;
    if (gone) group.heard.set(consumer, left);
    else if (group.heard.has(consumer) || group.heard.size < consumersMax)
      group.heard.set(consumer, clock.monotonicMs());
    if (isNews) tell(group);
  });
  const leaveTopic = office.subscribe(gossipTopic);

  return {
    async open(topic, groupName, consumer) {
      const group = groupOf(topic, groupName);
      if (group === undefined) throw new RangeError(`there are ${groupsMax} groups already`);
      const watchers = new Set<() => void>();
      return {
        settleMs,
        spreadMs,
        commitMs,
        records: () => group.records,
        async write(updates) {
          await store.append(shareLane, encodeShares(topic, groupName, updates));
          return updates.map(({ source, record }) => {
            const now = group.records.get(source);
            return now?.owner === record.owner && now.generation === record.generation;
          });
        },
        beat(gone) {
          const nowMs = clock.monotonicMs();
          if (gone) group.heard.set(consumer, left);
          else {
            for (const [who, atMs] of group.heard) if (nowMs - atMs > forgetMs) group.heard.delete(who);
            group.heard.set(consumer, nowMs);
          }
          office.publish(gossipTopic, beatMessage, { topic, group: groupName, consumer, gone });
          tell(group);
        },
        heard: () => group.heard,
        onChange(handler) {
          watchers.add(handler);
          group.watchers.add(handler);
          return () => void group.watchers.delete(handler);
        },
        close() {
          for (const watcher of watchers) group.watchers.delete(watcher);
        },
      };
    },
    list: async () =>
      [...groups.values()]
        .filter(({ records }) => records.size > 0)
        .map(({ topic, group, records }) => ({ topic, group, records })),
    async close() {
      stopListening();
      stopReceiving();
      leaveTopic();
    },
  };
}
