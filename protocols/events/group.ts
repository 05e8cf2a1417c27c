// Law: a source has one consumer of a group at a time. Who it should be, every consumer works out alike from who is there; a source moves
// when its consumer lets it go, or was not heard of for the length of a lease, and what it had on record is where the next one begins.
import type { Clock, Crypto, Log, Random, Scheduler } from '../../actors/system/index.ts';
import { rendezvous } from '../membership/index.ts';
import { type BusEvent, defaultLeaseMs, type JoinOptions, type Membership } from './bus.ts';
import { type Delivery, type Progress, startDelivery } from './deliver.ts';
import type { BoardKeeper, EventLog, ShareRecord } from './log.ts';

export interface GroupContext {
  readonly log: EventLog;
  readonly boards: BoardKeeper;
  readonly clock: Clock;
  readonly scheduler: Scheduler;
  readonly crypto: Pick<Crypto, 'sha256'>;
  readonly trace: Log;
  putAside(group: string, event: BusEvent, note: string): Promise<void>;
}

interface Held {
  readonly source: string;
  record: ShareRecord;
  progress: Progress;
  committedAtMs: number;
  delivery: Delivery | undefined;
  /** Who waits for `progress` to be on record: true where it is, false where the share was lost. */
  readonly waiting: ((isOnRecord: boolean) => void)[];
  /** The handler has returned for the last time: what is left is to say so. */
  isIdle: boolean;
  isLeaving: boolean;
}

const startOfAll: Progress = { sequence: 0, count: 0, attempts: 0 };

export async function joinGroup(
  context: GroupContext,
  topic: string,
  group: string,
  consumer: string,
  options: JoinOptions,
): Promise<Membership> {
  const { log, boards, clock, scheduler, trace } = context;
  const leaseMs = options.leaseMs ?? defaultLeaseMs;
  const tickMs = leaseMs / 6;
  const settings = { maxAttempts: 5, maxEvents: 128, retryMs: 200, ...options };
  const board = await boards.open(topic, group, consumer);
  const joinedAtMs = clock.monotonicMs();
  const held = new Map<string, Held>();
  /** Lost, with the handler still at work on them: not to be taken again before it returns. */
  const draining = new Set<string>();
  let leaving = false;
  let ticking: Promise<void> | undefined;
  let again = false;
  let cancelTimer = (): void => {};

  /** Its own beats come back to it: while they do, others hear them too. */
  const isHeard = (): boolean => clock.monotonicMs() - (board.heard().get(consumer) ?? joinedAtMs) < leaseMs * 0.6;
  const isLive = (who: string): boolean =>
    who === consumer ? !leaving : clock.monotonicMs() - (board.heard().get(who) ?? joinedAtMs) < leaseMs;
  const isMine = ({ source, record }: Held): boolean => {
    const now = board.records().get(source);
    return now === undefined || (now.owner === consumer && now.generation === record.generation);
  };

  const settle = (one: Held, isOnRecord: boolean): void => {
    for (const tell of one.waiting.splice(0)) tell(isOnRecord);
  };
  const lose = (one: Held, why: string): void => {
    held.delete(one.source);
    draining.add(one.source);
    void (one.delivery?.stop() ?? Promise.resolve()).then(() => draining.delete(one.source));
    settle(one, false);
    trace('info', 'a share of events went to another consumer', { topic, group, source: one.source, why });
  };
  const put = async (updates: readonly { readonly one: Held; readonly record: ShareRecord }[]): Promise<void> => {
    if (updates.length === 0) return;
    const nowMs = clock.monotonicMs();
    const stand = await board.write(updates.map(({ one, record }) => ({ source: one.source, record })));
    for (const [index, { one, record }] of updates.entries()) {
      if (stand[index] === true) {
        one.record = record;
        one.committedAtMs = nowMs;
        if (one.waiting.length === 0 || !isOnRecord(one)) continue;
        if (board.spreadMs === 0) settle(one, true);
        else scheduler.at(clock.monotonicMs() + board.spreadMs, () => settle(one, held.get(one.source) === one));
      } else if (!record.released) lose(one, 'its claim came first');
    }
  };
  const recordOf = (one: Held, change: Partial<ShareRecord> = {}): ShareRecord => ({
    ...one.record,
    ...one.progress,
    version: one.record.version + 1,
    ...change,
  });
  const isOnRecord = ({ record, progress }: Held): boolean =>
    record.sequence === progress.sequence && record.count === progress.count && record.attempts === progress.attempts;

  function begin(one: Held, isSuspect: boolean): void {
    const { source } = one;
    one.delivery = startDelivery(
      {
        topic,
        source,
        log,
        clock,
        scheduler,
        trace,
        options: settings,
        mayHandOut: () => held.get(source) === one && isMine(one) && isHeard(),
        putAside: (event, note) => context.putAside(group, event, note),
        note: (progress) => {
          one.progress = progress;
        },
        record: (progress) =>
          new Promise((resolve) => {
            one.progress = progress;
            if (held.get(source) !== one) return resolve(false);
            one.waiting.push(resolve);
            look();
          }),
      },
      one.progress,
      isSuspect,
    );
  }
  function letGo(one: Held): void {
    if (one.isLeaving) return;
    one.isLeaving = true;
    void (one.delivery?.stop() ?? Promise.resolve()).then(() => {
      one.isIdle = true;
      look();
    });
  }

  async function take(source: string): Promise<void> {
    const before = board.records().get(source);
    const from: Progress =
      before ?? (settings.from === 'new' ? { ...startOfAll, sequence: (await log.head(source)) + 1 } : startOfAll);
    const progress = { sequence: from.sequence, count: from.count, attempts: from.attempts };
    const record: ShareRecord = {
      ...progress,
      generation: (before?.generation ?? 0) + 1,
      version: 0,
      owner: consumer,
      released: false,
    };
    const one: Held = {
      source,
      record,
      progress,
      committedAtMs: clock.monotonicMs(),
      delivery: undefined,
      waiting: [],
      isIdle: false,
      isLeaving: false,
    };
    const [stands] = await board.write([{ source, record }]);
    if (stands !== true) return;
    held.set(source, one);
    const isSuspect = before !== undefined && !before.released;
    if (isSuspect) trace('info', 'took over events of a consumer that died', { topic, group, source });
    if (board.settleMs === 0) return begin(one, isSuspect);
    scheduler.at(clock.monotonicMs() + board.settleMs, () => {
      if (held.get(source) === one && !one.isLeaving && isMine(one)) begin(one, isSuspect);
    });
  }

  async function tick(): Promise<void> {
    const nowMs = clock.monotonicMs();
    for (const one of [...held.values()]) if (!isMine(one)) lose(one, 'a later claim');
    const records = board.records();
    const live = new Set([...board.heard().keys(), consumer].filter(isLive));
    // Until it had the time to hear of them, those on record count as there.
    for (const { owner, released } of records.values()) if (!released && isLive(owner)) live.add(owner);
    const updates: { one: Held; record: ShareRecord }[] = [];
    for (const source of log.sources(topic)) {
      const wanted = rendezvous(`${topic} ${group} ${source}`, live, context.crypto)[0] === consumer;
      const one = held.get(source);
      if (one !== undefined) {
        if (!wanted) letGo(one);
        if (one.isIdle) updates.push({ one, record: recordOf(one, { released: true }) });
        else if (!isOnRecord(one) && (one.waiting.length > 0 || nowMs - one.committedAtMs >= board.commitMs))
          updates.push({ one, record: recordOf(one) });
        continue;
      }
      const record = records.get(source);
      // One on record as its own that it does not hold: a write of which it never heard whether it stood.
      const isFree = record === undefined || record.released || record.owner === consumer || !isLive(record.owner);
      if (wanted && isFree && isHeard() && !draining.has(source)) await take(source);
    }
    await put(updates);
    for (const { one, record } of updates) if (record.released) held.delete(one.source);
  }

  function look(): void {
    again = true;
    ticking ??= (async () => {
      while (again) {
        again = false;
        try {
          await tick();
        } catch (error) {
          trace('debug', 'shares of events not put on record; will try again', { topic, group, error: String(error) });
        }
      }
      ticking = undefined;
    })();
  }
  const beat = (): void => {
    board.beat(false);
    look();
    cancelTimer = scheduler.at(clock.monotonicMs() + tickMs, beat);
  };
  const stopWatching = board.onChange(look);
  beat();

  let left: Promise<void> | undefined;
  async function leave(): Promise<void> {
    leaving = true;
    for (const one of held.values()) letGo(one);
    await Promise.all([...held.values()].map((one) => one.delivery?.stop()));
    const untilMs = clock.monotonicMs() + leaseMs;
    while (held.size > 0 && clock.monotonicMs() < untilMs) {
      look();
      await ticking;
      if (held.size > 0)
        await new Promise<void>((resolve) => void scheduler.at(clock.monotonicMs() + tickMs / 4, resolve));
    }
    cancelTimer();
    stopWatching();
    board.beat(true);
    board.close();
  }
  function abandon(atWorkOn?: readonly string[]): void {
    if (left !== undefined) return;
    leaving = true;
    const last = [...held.values()].filter(isMine).map((one) => ({
      source: one.source,
      record: recordOf(one, { released: atWorkOn !== undefined && !atWorkOn.includes(one.source) }),
    }));
    for (const one of held.values()) {
      void one.delivery?.stop();
      settle(one, false);
    }
    held.clear();
    cancelTimer();
    stopWatching();
    // What was handled is not handled again for having been handled a moment ago.
    left = (async () => {
      try {
        if (last.length > 0) await board.write(last);
      } catch (error) {
        trace('debug', 'the last progress was not put on record', { topic, group, error: String(error) });
      }
      board.beat(true);
      board.close();
    })();
  }
  return {
    consumer,
    abandon,
    sources: () => [...held.values()].filter(({ delivery }) => delivery !== undefined).map(({ source }) => source),
    leave: () => {
      left ??= leave();
      return left;
    },
  };
}

/** Unlike that of any other consumer or publisher. */
export const uniqueName = (prefix: string, random: Random): string =>
  `${prefix}${Buffer.from(random.bytes(8)).toString('hex')}`;
