// Law: the bus is one and the same on every carrier: a log, a board and a name make it. Nothing here knows which carrier it is.
import type { Clock, Crypto, Log, Random, Scheduler } from '../../actors/system/index.ts';
import type { StoredEvent } from './batch.ts';
import {
  type BusEvent,
  checkGroup,
  checkTopic,
  deadLetterTopic,
  type EventBus,
  EventBusError,
  type Membership,
  maxEventBytes,
  maxKeyBytes,
  parsePosition,
  positionText,
} from './bus.ts';
import { joinGroup, uniqueName } from './group.ts';
import type { BoardKeeper, EventLog, SourceReader } from './log.ts';
import { createPublisher } from './publisher.ts';

export interface EventBusParts {
  readonly kind: string;
  readonly log: EventLog;
  readonly boards: BoardKeeper;
  readonly clock: Clock;
  readonly scheduler: Scheduler;
  readonly random: Random;
  readonly crypto: Pick<Crypto, 'sha256'>;
  readonly trace: Log;
  /** Consumers' names begin with it; where names are checked, it is what they are checked against. */
  readonly consumerPrefix: string;
}

/** Batches read ahead of a reader that is slower than the log, all sources together. */
const readAheadMax = 32;
const newSourcesMs = 1_000;

export function createEventBus(parts: EventBusParts): EventBus {
  const { kind, log, boards, clock, scheduler, random } = parts;
  const name = uniqueName('p', random);
  const publisher = createPublisher({ log, name, clock, scheduler });
  const memberships = new Set<Membership>();
  const readers = new Set<AbortController>();
  let ids = 0;
  let closed: Promise<void> | undefined;

  const assertOpen = (): void => {
    if (closed !== undefined) throw new EventBusError('closed', 'the event bus is closed');
  };
  const publish = async (topic: string, event: StoredEvent): Promise<string> =>
    positionText(await publisher.publish(topic, event));
  const checkEvent = (id: string, key: string, data: Uint8Array): void => {
    const tooLong = [id, key].find((text) => Buffer.byteLength(text) > maxKeyBytes || !text.isWellFormed());
    if (tooLong !== undefined)
      throw new EventBusError('invalid', `keys and ids of events are text of at most ${maxKeyBytes} bytes`);
    if (data.length > maxEventBytes)
      throw new EventBusError(
        'invalid',
        `an event of ${data.length} bytes exceeds the limit of ${maxEventBytes}; store a payload and publish its digest`,
      );
  };

  async function* read(
    topic: string,
    { from, signal }: Parameters<EventBus['read']>[1],
  ): AsyncGenerator<BusEvent, void> {
    checkTopic(topic);
    assertOpen();
    const after = new Map((typeof from === 'string' ? [] : from).map(parsePosition).map((at) => [at.source, at]));
    const ended = new AbortController();
    readers.add(ended);
    const both = AbortSignal.any([signal, ended.signal]);
    const ready: { readonly source: string; readonly sequence: number; readonly events: BusEvent[] }[] = [];
    const opened = new Map<string, SourceReader>();
    let wakeReader = (): void => {};
    const wakePumps: (() => void)[] = [];
    let failure: unknown;

    async function pump(source: string, fromSequence: number, done: number): Promise<void> {
      const reader = log.open(topic, source, fromSequence);
      opened.set(source, reader);
      for (;;) {
        const next = await reader.next();
        if (next === undefined) return;
        const { sequence, batch } = next;
        const events = batch.events.map((event, index) => ({
          ...event,
          topic,
          atMs: batch.atMs,
          position: positionText({ source, sequence, index }),
        }));
        ready.push({ source, sequence, events: sequence === fromSequence ? events.slice(done) : events });
        wakeReader();
        while (ready.length >= readAheadMax && !both.aborted)
          await new Promise<void>((resolve) => void wakePumps.push(resolve));
      }
    }
    async function openAll(isStart: boolean): Promise<void> {
      for (const source of log.sources(topic)) {
        if (opened.has(source)) continue;
        const at = after.get(source);
        // A source that turns up later is new as a whole.
        const start = at?.sequence ?? (from === 'new' && isStart ? (await log.head(source)) + 1 : 1);
        if (opened.has(source) || both.aborted) continue;
        pump(source, start, at === undefined ? 0 : at.index + 1).catch((error) => {
          failure = error;
          wakeReader();
        });
      }
    }
    const onAbort = (): void => {
      for (const reader of opened.values()) reader.close();
      wakeReader();
      for (const wake of wakePumps.splice(0)) wake();
    };
    if (both.aborted) return;
    both.addEventListener('abort', onAbort, { once: true });
    let cancelLook = (): void => {};
    const lookAgain = (): void => {
      cancelLook = scheduler.at(clock.monotonicMs() + newSourcesMs, () => {
        void openAll(false).catch(() => {});
        lookAgain();
      });
    };
    try {
      await openAll(true);
      lookAgain();
      while (!both.aborted) {
        const next = ready.shift();
        if (next === undefined) {
          if (failure !== undefined) throw failure;
          await new Promise<void>((resolve) => {
            wakeReader = resolve;
          });
          continue;
        }
        for (const wake of wakePumps.splice(0)) wake();
        for (const event of next.events) {
          if (both.aborted) return;
          yield event;
        }
      }
    } finally {
      cancelLook();
      readers.delete(ended);
      ended.abort();
    }
  }

  return {
    kind,
    async publish(topic, { key, data, id }) {
      checkTopic(topic);
      assertOpen();
      const own = id ?? `${name}.${++ids}`;
      checkEvent(own, key, data);
      return publish(topic, { id: own, key, note: '', data });
    },
    read,
    async join(topic, group, options) {
      checkTopic(topic);
      checkGroup(group);
      assertOpen();
      const consumer = uniqueName(parts.consumerPrefix, random);
      const joined = await joinGroup(
        {
          ...parts,
          putAside: async (ofGroup, { id, key, data }, note) =>
            void (await publish(deadLetterTopic(topic, ofGroup), { id, key, data, note })),
        },
        topic,
        group,
        consumer,
        options,
      );
      const membership: Membership = {
        ...joined,
        async leave() {
          await joined.leave();
          memberships.delete(membership);
        },
        abandon(atWorkOn) {
          joined.abandon(atWorkOn);
          memberships.delete(membership);
        },
      };
      memberships.add(membership);
      return membership;
    },
    async groups() {
      const found = await boards.list();
      return found.map(({ topic, group, records }) => ({
        topic,
        group,
        shares: [...records]
          .sort(([a], [b]) => (a < b ? -1 : 1))
          .map(([source, { owner, released, sequence, count, attempts }]) => ({
            source,
            consumer: owner,
            released,
            sequence,
            count,
            attempts,
          })),
      }));
    },
    close() {
      closed ??= (async () => {
        for (const reader of readers) reader.abort();
        await Promise.all([...memberships].map((membership) => membership.leave()));
        await publisher.close();
        await boards.close();
        await log.close();
      })();
      return closed;
    },
  };
}
