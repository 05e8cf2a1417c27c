import { describe, expect, test } from 'vitest';
import {
  type Context,
  createSystem,
  defineActor,
  type Message,
  supervisor,
  supervisorHandle,
  type TimerId,
} from './index.ts';
import { spawnProbe, virtualWorld } from './testing/index.ts';

interface Note extends Message {
  readonly type: 'note';
  readonly text: string;
}
const note = (text: string): Note => ({ type: 'note', text });

function stage() {
  const world = virtualWorld(1);
  const system = createSystem('n1', world);
  const probe = spawnProbe(system);
  const texts = (): string[] => probe.received.map((message) => (message as Note).text);
  return { world, system, probe, texts };
}

describe('actor timers', () => {
  test('otp timer_bif_SUITE send_after: a tick comes at its time and not before', async () => {
    const { world, probe, texts } = stage();
    probe.run((ctx) => void ctx.after(100, note('a')));
    await world.advance(99);
    expect(texts()).toEqual([]);
    await world.advance(1);
    expect(texts()).toEqual(['a']);
  });

  test('otp timer_bif_SUITE send_after, same_time_yielding: ticks come in due order, equal ones in start order', async () => {
    const { world, probe, texts } = stage();
    probe.run((ctx) => {
      ctx.after(20, note('c'));
      ctx.after(10, note('a'));
      ctx.after(20, note('d'));
      ctx.after(10, note('b'));
      ctx.after(70, note('f'));
      ctx.after(64, note('e'));
    });
    await world.advance(200);
    expect(texts()).toEqual(['a', 'b', 'c', 'd', 'e', 'f']);
  });

  test('otp timer_bif_SUITE cancel_timer_1: a cancelled timer is not seen; cancelling unknown or used ones is harmless', async () => {
    const { world, probe, texts } = stage();
    let id: TimerId | undefined;
    probe.run((ctx) => {
      id = ctx.after(10, note('a'));
      ctx.after(10, note('b'), 'key');
      ctx.after(10, note('c'));
      ctx.cancel(id);
      ctx.cancel(id);
      ctx.cancel('key');
      ctx.cancel('unknown');
    });
    await world.advance(20);
    expect(texts()).toEqual(['c']);
  });

  test('otp timer_bif_SUITE multizero_timeout: zero timers come in order and do not starve what is told meanwhile', async () => {
    const { world, system } = stage();
    const seen: string[] = [];
    const spinner = defineActor<Note, number>({
      kind: 'spinner',
      start(ctx) {
        ctx.after(0, note('zero'));
        return 0;
      },
      receive(turns, message, ctx) {
        seen.push(message.text);
        if (message.text === 'told') return;
        if (turns < 3) ctx.after(0, note('zero'));
        return turns + 1;
      },
    });
    const ref = system.spawn(spinner, undefined);
    ref.tell(note('told'));
    await world.advance();
    expect(seen).toEqual(['told', 'zero', 'zero', 'zero', 'zero']);
  });

  test('otp timer_bif_SUITE registered_process, cleanup: a timer of an ended actor vanishes, no dead letter', async () => {
    const { world, system, probe } = stage();
    probe.run((ctx) => void ctx.after(10, note('a')));
    await world.advance();
    system.exit(probe.ref, { kind: 'shutdown' });
    await world.advance(20);
    expect(system.deadLetters.count).toBe(0);
  });

  test('pekko TimerSpec replace timer: a queued tick of a replaced timer is never seen', async () => {
    const { world, system } = stage();
    const seen: string[] = [];
    const busy = defineActor<Note, null>({
      kind: 'busy',
      start(ctx) {
        ctx.after(10, note('old'), 'key');
        return null;
      },
      receive(_state, message, ctx) {
        seen.push(message.text);
        if (message.text !== 'work') return;
        // The tick of `old` arrives in the mailbox while this waits.
        return new Promise((resolve) =>
          world.scheduler.at(20, () => {
            ctx.after(10, note('new'), 'key');
            resolve(undefined);
          }),
        );
      },
    });
    system.spawn(busy, undefined).tell(note('work'));
    await world.advance(20);
    expect(system.inspect().children[1]).toMatchObject({ kind: 'busy', suspended: false });
    await world.advance(10);
    expect(seen).toEqual(['work', 'new']);
  });

  test('pekko TimerSpec cancel timer: nor is a queued tick of a cancelled one', async () => {
    const { world, system } = stage();
    const seen: string[] = [];
    const busy = defineActor<Note, null>({
      kind: 'busy',
      start(ctx) {
        ctx.every(10, note('tick'), 'key');
        return null;
      },
      receive(_state, message, ctx) {
        seen.push(message.text);
        if (message.text !== 'work') return;
        return new Promise((resolve) =>
          world.scheduler.at(15, () => {
            ctx.cancel('key');
            resolve(undefined);
          }),
        );
      },
    });
    system.spawn(busy, undefined).tell(note('work'));
    await world.advance(100);
    expect(seen).toEqual(['work']);
  });

  test('pekko TimerSpec discard timers from old incarnation after restart: also those already in the mailbox', async () => {
    const { world, system } = stage();
    const seen: string[] = [];
    let life = 0;
    const actor = defineActor<Note, number>({
      kind: 'restarting',
      start(ctx) {
        life++;
        ctx.after(10, note(`tick of ${life}`));
        ctx.every(25, note(`period of ${life}`));
        return life;
      },
      receive(_state, message) {
        seen.push(message.text);
        if (message.text !== 'crash') return;
        return new Promise((_resolve, reject) => world.scheduler.at(15, () => reject(new Error('crash'))));
      },
    });
    const sup = system.spawn(supervisor({ children: [{ id: 'a', actor, args: undefined }] }), undefined);
    await world.advance();
    supervisorHandle(system, sup).child<Note>('a')!.tell(note('crash'));
    await world.advance(45);
    expect(seen).toEqual(['crash', 'tick of 2', 'period of 2']);
  });

  test('a period keeps its phase, and its tick is in the mailbox once however slow the actor is', async () => {
    const { world, system } = stage();
    const seenMs: number[] = [];
    const slow = defineActor<Note, null>({
      kind: 'slow',
      start(ctx) {
        ctx.every(10, note('tick'));
        return null;
      },
      receive(_state, _message, ctx) {
        seenMs.push(ctx.clock.monotonicMs());
        if (seenMs.length > 1) return;
        return new Promise((resolve) => world.scheduler.at(45, () => resolve(undefined)));
      },
    });
    system.spawn(slow, undefined);
    await world.advance(70);
    expect(seenMs).toEqual([10, 45, 50, 60, 70]);
  });

  test.each(['reject', 'dropNewest', 'dropOldest'] as const)(
    'a tick and the outcome of a pipe always fit into a full mailbox, and no tick is what it gives up (%s): its actor may wait for nothing else',
    async (overflow) => {
      const { world, system } = stage();
      const seen: string[] = [];
      const busy = defineActor<Note, null>({
        kind: 'busy',
        mailbox: { capacity: 4, overflow },
        start: () => null,
        receive(_state, message, ctx) {
          seen.push(message.text);
          if (message.text !== 'work') return;
          ctx.after(10, note('tick'));
          ctx.pipe(
            () => new Promise((resolve) => world.scheduler.at(25, () => resolve(undefined))),
            () => note('piped'),
            () => note('failed'),
          );
          return new Promise((resolve) => world.scheduler.at(30, () => resolve(undefined)));
        },
      });
      const ref = system.spawn(busy, undefined);
      ref.tell(note('work'));
      await world.advance(5);
      for (let i = 0; i < 4; i++) ref.tell(note(`early ${i}`));
      // The tick comes while those wait, and more come while it waits.
      await world.advance(10);
      for (let i = 0; i < 20; i++) ref.tell(note(`late ${i}`));
      await world.advance(30);
      expect(seen.filter((text) => text === 'tick' || text === 'piped').sort()).toEqual(['piped', 'tick']);
      expect(seen.length).toBeLessThanOrEqual(1 + 4 + 2);
    },
  );

  test('pekko receive timeout: signalled after that much silence, again after as much, and off when told', async () => {
    const { world, probe } = stage();
    probe.run((ctx) => ctx.setReceiveTimeout(100));
    await world.advance(60);
    probe.ref.tell(note('wake'));
    await world.advance(99);
    expect(probe.signals).toEqual([]);
    await world.advance(1);
    expect(probe.signals).toEqual([{ type: 'receiveTimeout' }]);
    await world.advance(100);
    expect(probe.signals).toHaveLength(2);
    probe.run((ctx) => ctx.setReceiveTimeout(undefined));
    await world.advance(500);
    expect(probe.signals).toHaveLength(2);
  });

  test('timers set after an incarnation has ended are never seen', async () => {
    const { world, system } = stage();
    let context: Context<Note> | undefined;
    const seen: string[] = [];
    const actor = defineActor<Note, null>({
      kind: 'leaving',
      start(ctx) {
        context = ctx;
        return null;
      },
      receive: (_state, message) => void seen.push(message.text),
      signal: (_state, _signal, ctx) => void ctx.after(1, note('from stopped')),
    });
    const ref = system.spawn(actor, undefined);
    await world.advance();
    system.exit(ref, { kind: 'shutdown' });
    await world.advance();
    context!.after(1, note('stale'));
    await world.advance(10);
    expect(seen).toEqual([]);
    expect(system.deadLetters.count).toBe(0);
  });
});
