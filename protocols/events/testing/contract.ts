// Law: whatever carries it, the bus keeps what it accepted, gives each group every event at least once and those of a key in order, though
// consumers die at any point, and puts aside what nobody can handle. Every carrier passes this suite.

import { afterEach, describe, expect, it } from 'vitest';
import type { Clock, Scheduler } from '../../../actors/system/index.ts';
import { type BusEvent, deadLetterTopic, type EventBus, EventBusError, type JoinOptions } from '../index.ts';

export interface BusesUnderTest {
  readonly buses: readonly EventBus[];
  /** As SIGKILL of the process with this bus: it says nothing more. */
  die(index: number): Promise<void>;
  close(): Promise<void>;
}

export interface EventBusHarness {
  readonly clock: Clock;
  readonly scheduler: Scheduler;
  /** Buses of one mesh, each as in a process of its own. */
  open(count: number): Promise<BusesUnderTest>;
}

const text = (value: string): Uint8Array => new TextEncoder().encode(value);
const textOf = (event: BusEvent): string => new TextDecoder().decode(event.data);
const leaseMs = 1_200;

/** Numbers of each key in the order in which they were handled; a number never comes before the one before it has come once. */
export function checkOrder(handled: readonly { readonly key: string; readonly number: number }[]): string | undefined {
  const last = new Map<string, number>();
  for (const { key, number } of handled) {
    const seen = last.get(key) ?? -1;
    if (number > seen + 1) return `${key}: ${number} was handled before ${seen + 1}`;
    last.set(key, Math.max(seen, number));
  }
  return undefined;
}

export function eventBusContract(name: string, harness: EventBusHarness): void {
  const { clock, scheduler } = harness;
  const pause = (ms: number): Promise<void> =>
    new Promise((resolve) => void scheduler.at(clock.monotonicMs() + ms, resolve));
  const eventually = async (what: string, condition: () => boolean, timeoutMs = 60_000): Promise<void> => {
    const endMs = clock.monotonicMs() + timeoutMs;
    while (!condition()) {
      if (clock.monotonicMs() > endMs) throw new Error(`waited ${timeoutMs} ms for: ${what}`);
      await pause(10);
    }
  };
  describe(`the event bus on ${name}`, () => {
    let open: BusesUnderTest | undefined;
    let dead: Set<number>;
    afterEach(async () => {
      await open?.close();
      open = undefined;
    });
    const start = async (count: number): Promise<readonly EventBus[]> => {
      dead = new Set();
      open = await harness.open(count);
      return open.buses;
    };
    const die = async (index: number): Promise<void> => {
      dead.add(index);
      await open!.die(index);
    };
    interface Handled {
      readonly key: string;
      readonly number: number;
      readonly by: number;
    }
    const never = new Promise<void>(() => {});
    /** Joins bus `by`; a handler of a dead process never returns, and writes nothing. */
    const join = (
      buses: readonly EventBus[],
      by: number,
      handled: Handled[],
      more: Partial<JoinOptions> & { readonly before?: (event: BusEvent) => Promise<void> | void } = {},
    ) =>
      buses[by]!.join('orders', 'billing', {
        leaseMs,
        retryMs: 10,
        maxEvents: 16,
        ...more,
        async handle(events) {
          for (const event of events) {
            if (dead.has(by)) await never;
            await more.before?.(event);
            if (dead.has(by)) await never;
            handled.push({ key: event.key, number: Number(textOf(event)), by });
          }
        },
      });
    const publish = (bus: EventBus, keys: number, from: number, to: number): Promise<string[]> => {
      const all: Promise<string>[] = [];
      for (let number = from; number < to; number++)
        for (let key = 0; key < keys; key++)
          all.push(bus.publish('orders', { key: `k${key}`, data: text(String(number)) }));
      return Promise.all(all);
    };
    const distinct = (handled: readonly Handled[]): number =>
      new Set(handled.map(({ key, number }) => `${key} ${number}`)).size;

    it('gives a reader what is kept, from the beginning, from a position, or from now on, in order within a key', async () => {
      const [a, b] = await start(2);
      await publish(a!, 5, 0, 20);
      await a!.publish('other', { key: 'k0', data: text('not for this topic') });
      const read = async (bus: EventBus, from: 'first' | 'new' | readonly string[], count: number) => {
        const stop = new AbortController();
        const found: BusEvent[] = [];
        for await (const event of bus.read('orders', { from, signal: stop.signal })) {
          found.push(event);
          if (found.length === count) stop.abort();
        }
        return found;
      };
      const all = await read(b!, 'first', 100);
      expect(checkOrder(all.map((event) => ({ key: event.key, number: Number(textOf(event)) })))).toBeUndefined();
      expect(new Set(all.map(({ id }) => id)).size).toBe(100);
      expect(new Set(all.map(({ topic }) => topic))).toEqual(new Set(['orders']));
      const [middle] = all.filter(({ key }) => key === 'k3').slice(9);
      const source = middle!.position.split(':')[0]!;
      const inSource = all.filter(({ position }) => position.startsWith(`${source}:`));
      const heads = new Map(all.map(({ position }) => [position.split(':')[0], position]));
      const rest = inSource.slice(inSource.indexOf(middle!) + 1);
      const after = [...heads].map(([of, position]) => (of === source ? middle!.position : position!));
      expect(await read(b!, after, rest.length)).toEqual(rest);
      const fresh = read(b!, 'new', 1);
      // A reader of what is new begins somewhere before its first event: publish until it has one.
      let isRead = false;
      const reading = fresh.finally(() => {
        isRead = true;
      });
      while (!isRead) {
        await a!.publish('orders', { key: 'late', data: text('0') });
        await pause(50);
      }
      expect((await reading)[0]!.key).toBe('late');
    });

    it('shares a group out among its consumers, and another group gets everything again', async () => {
      const buses = await start(2);
      const handled: Handled[] = [];
      await join(buses, 0, handled);
      await join(buses, 1, handled);
      await publish(buses[0]!, 6, 0, 15);
      await publish(buses[1]!, 6, 15, 30);
      await eventually('all of them', () => distinct(handled) >= 180);
      expect(distinct(handled)).toBe(180);
      const others: string[] = [];
      await buses[1]!.join('orders', 'audit', { leaseMs, handle: (events) => void others.push(...events.map(textOf)) });
      await eventually('all of them again', () => others.length >= 180);
      const groups = await buses[0]!.groups();
      expect(groups.map(({ topic, group }) => `${topic} ${group}`)).toContain('orders billing');
    });

    it('gives what a consumer died with to another, in order within each key, and loses nothing', async () => {
      const buses = await start(3);
      const handled: Handled[] = [];
      const slowly = (): Promise<void> => pause(1);
      // Stuck in the middle of what it was given, long enough for its progress to go on record, and dies then. Not before it has let go of
      // what is the other's: a handler that never returns keeps its share for as long as it lives.
      const hasBegun = (by: number, count: number): boolean => handled.filter((one) => one.by === by).length >= count;
      const stuck = (): Promise<void> => (hasBegun(0, 10) && hasBegun(1, 1) ? never : slowly());
      await join(buses, 0, handled, { before: stuck });
      await join(buses, 1, handled, { before: slowly });
      const publishing = publish(buses[2]!, 5, 0, 60);
      await eventually('some to be handled', () => handled.length > 20);
      await publishing;
      await pause(1_500);
      await die(0);
      await join(buses, 2, handled);
      await eventually('all of them', () => distinct(handled) === 300);
      expect(checkOrder(handled)).toBeUndefined();
    });

    it('goes on where a group stopped when it comes back, and repeats nothing it let go in order', async () => {
      const buses = await start(2);
      const handled: Handled[] = [];
      const first = await join(buses, 0, handled);
      await publish(buses[0]!, 3, 0, 10);
      await eventually('the first of them', () => handled.length === 30);
      await first.leave();
      await publish(buses[1]!, 3, 10, 20);
      await join(buses, 1, handled);
      await eventually('the rest', () => handled.length >= 60);
      expect(handled.length).toBe(60);
      expect(checkOrder(handled)).toBeUndefined();
    });

    it('repeats nothing handled when a consumer breaks off, and blames only what it was at work on', async () => {
      const buses = await start(2);
      const handled: Handled[] = [];
      const first = await join(buses, 0, handled);
      await publish(buses[0]!, 3, 0, 10);
      await eventually('the first of them', () => handled.length === 30);
      const [suspect, ...others] = first.sources();
      // The handler's promises are kept a moment after it has counted.
      await pause(50);
      first.abandon([suspect!]);
      const released = async (sources: readonly string[]): Promise<boolean[]> => {
        const [{ shares } = { shares: [] }] = await buses[1]!.groups();
        return shares.filter(({ source }) => sources.includes(source)).map((share) => share.released);
      };
      for (let isOnRecord = false; !isOnRecord; await pause(20))
        isOnRecord = (await released(others)).filter(Boolean).length === others.length;
      expect(await released([suspect!])).toEqual([false]);
      await publish(buses[1]!, 3, 10, 20);
      await join(buses, 1, handled);
      await eventually('the rest', () => handled.length >= 60);
      expect(handled.length).toBe(60);
      expect(checkOrder(handled)).toBeUndefined();
    });

    it('tries again what a handler refuses, before what comes after it, and puts aside what it always refuses', async () => {
      const [bus] = await start(1);
      const tries = new Map<string, number>();
      const handled: Handled[] = [];
      await join([bus!], 0, handled, {
        maxAttempts: 3,
        before(event) {
          const what = textOf(event);
          tries.set(what, (tries.get(what) ?? 0) + 1);
          if (event.key === 'k0' && what === '4') throw new Error('cannot be billed');
          if (event.key === 'k0' && what === '6' && tries.get(what)! < 3) throw new Error('not yet');
        },
      });
      await publish(bus!, 1, 0, 10);
      await eventually('all but one', () => distinct(handled) === 9);
      const isDead = ({ number }: Handled): boolean => number === 4;
      expect(handled.some(isDead)).toBe(false);
      expect(
        checkOrder(handled.map((one) => (one.number > 4 ? { ...one, number: one.number - 1 } : one))),
      ).toBeUndefined();
      const stop = new AbortController();
      for await (const event of bus!.read(deadLetterTopic('orders', 'billing'), {
        from: 'first',
        signal: stop.signal,
      })) {
        expect([event.key, textOf(event)]).toEqual(['k0', '4']);
        expect(event.note).toContain('after 3 attempts: cannot be billed');
        stop.abort();
      }
    });

    it('puts aside an event that kills whoever handles it, and goes on', async () => {
      const buses = await start(4);
      const handled: Handled[] = [];
      const killing = (by: number) => async (event: BusEvent) => {
        if (textOf(event) !== '3') return;
        await die(by);
        await never;
      };
      await publish(buses[3]!, 1, 0, 8);
      for (const by of [0, 1, 2]) {
        await join(buses, by, handled, { maxAttempts: 1, before: killing(by) });
        await eventually(
          `consumer ${by} to die, or the end`,
          () => dead.has(by) || handled.some(({ number }) => number === 7),
        );
      }
      await eventually('the last one', () => handled.some(({ number }) => number === 7));
      expect(handled.some(({ number }) => number === 3)).toBe(false);
      const stop = new AbortController();
      for await (const event of buses[3]!.read(deadLetterTopic('orders', 'billing'), {
        from: 'first',
        signal: stop.signal,
      })) {
        expect(textOf(event)).toBe('3');
        expect(event.note).toContain('died');
        stop.abort();
      }
    });

    it('says what is wrong with a topic, a group, an event or a position, and refuses when it is closed', async () => {
      const [bus] = await start(1);
      const codeOf = async (work: Promise<unknown>): Promise<string> =>
        work.then(
          () => 'accepted',
          (error: unknown) => (error instanceof EventBusError ? error.code : String(error)),
        );
      const data = text('x');
      const signal = new AbortController().signal;
      for (const topic of ['', 'Orders', 'a..b', 'a.>', 'a b', '*', 'x'.repeat(200)])
        expect(await codeOf(bus!.publish(topic, { key: '', data }))).toBe('invalid');
      expect(await codeOf(bus!.publish('orders', { key: 'k'.repeat(300), data }))).toBe('invalid');
      expect(await codeOf(bus!.publish('orders', { key: '', data: new Uint8Array(65_537) }))).toBe('invalid');
      expect(await codeOf(bus!.join('orders', 'a.b', { handle: () => {} }))).toBe('invalid');
      const misplaced = bus!.read('orders', { from: ['nowhere'], signal });
      expect(await codeOf(misplaced[Symbol.asyncIterator]().next())).toBe('invalid');
      expect(await codeOf(bus!.publish('orders', { key: '', data: new Uint8Array(65_536) }))).toBe('accepted');
      await bus!.close();
      expect(await codeOf(bus!.publish('orders', { key: '', data }))).toBe('closed');
    });
  });
}
