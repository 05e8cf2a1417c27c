// Cases of OTP's process_SUITE, timer_bif_SUITE, gen_server_SUITE and gen_statem_SUITE (Apache-2.0) that have no place elsewhere, each
// named after its case. Without a counterpart here, and so not among them: read_timer, hot code change, selective receive.
import { describe, expect, test } from 'vitest';
import {
  type ActorRef,
  ask,
  type Context,
  createSystem,
  defineActor,
  type ExitReason,
  type Message,
  type ReplyTo,
  shutdown,
  stop,
} from './index.ts';
import { spawnProbe, virtualWorld } from './testing/index.ts';

const crashed: ExitReason = { kind: 'error', error: new Error('r') };

function stage() {
  const world = virtualWorld(1);
  return { world, system: createSystem('n1', world) };
}

interface Note extends Message {
  readonly type: 'note';
  readonly text: string;
}
const note = (text: string): Note => ({ type: 'note', text });

describe('process_SUITE', () => {
  test('otp process_SUITE exit_and_timeout: a receive timeout that is due with an exit does not override it', async () => {
    const { world, system } = stage();
    const heard: string[] = [];
    const waiting = defineActor<Note, null>({
      kind: 'waiting',
      start(ctx) {
        ctx.setReceiveTimeout(10);
        ctx.after(10, note('tick'));
        return null;
      },
      receive: (_state, { text }) => void heard.push(text),
      signal: (_state, signal) => void heard.push(signal.type),
    });
    const ref = system.spawn(waiting, undefined);
    const probe = spawnProbe(system);
    // Set before the actor sets its own: of what is due at 10 ms the exit comes first.
    world.scheduler.at(10, () => system.exit(ref, crashed));
    probe.run((ctx) => ctx.monitor(ref));
    await world.advance(30);
    expect(probe.signals).toMatchObject([{ type: 'down', reason: crashed }]);
    expect(heard).toEqual(['stopped']);
  });

  test('otp process_SUITE processes_large, spawn_old: a hundred thousand actors are spawned, seen and ended', async () => {
    const { world, system } = stage();
    const leaf = defineActor<Note, null>({ kind: 'leaf', start: () => null, receive: () => stop() });
    const refs = Array.from({ length: 100_000 }, () => system.spawn(leaf, undefined));
    await world.advance();
    expect(system.inspect().children).toHaveLength(100_000);
    for (const ref of refs) ref.tell(note('end'));
    await world.advance();
    expect(system.inspect().children).toHaveLength(0);
  });
});

describe('timer_bif_SUITE', () => {
  test('otp timer_bif_SUITE same_time_yielding_with_cancel: of many timers due at once only those that stand are seen, in their order', async () => {
    const { world, system } = stage();
    const probe = spawnProbe(system);
    probe.run((ctx) => {
      const ids = Array.from({ length: 1500 }, (_, index) => ctx.after(50, note(`${index}`)));
      for (const [index, id] of ids.entries()) if (index % 3 === 0) ctx.cancel(id);
    });
    await world.advance(50);
    const expected = Array.from({ length: 1500 }, (_, index) => index).filter((index) => index % 3 !== 0);
    expect(probe.received.map((message) => Number((message as Note).text))).toEqual(expected);
  });

  test('otp timer_bif_SUITE cancel_timer_1: an actor that cancels the other of two timers due at once never sees it', async () => {
    const { world, system } = stage();
    const seen: string[] = [];
    const actor = defineActor<Note, null>({
      kind: 'cancelling',
      start(ctx) {
        ctx.after(10, note('first'));
        ctx.after(10, note('second'), 'second');
        return null;
      },
      receive(_state, { text }, ctx) {
        seen.push(text);
        ctx.cancel('second');
      },
    });
    system.spawn(actor, undefined);
    await world.advance(20);
    expect(seen).toEqual(['first']);
  });
});

describe('gen_server_SUITE', () => {
  type Call =
    | { readonly type: 'call'; readonly replyTo: ReplyTo<string> }
    | { readonly type: 'stop'; readonly reason: ExitReason }
    | { readonly type: 'slow'; readonly ms: number };

  const serverDef = (world: ReturnType<typeof virtualWorld>) =>
    defineActor<Call, null>({
      kind: 'server',
      start: () => null,
      receive(_state, message) {
        if (message.type === 'call') message.replyTo.send('answer');
        if (message.type === 'stop') return stop(message.reason);
        if (message.type === 'slow')
          return new Promise((resolve) =>
            world.scheduler.at(world.clock.monotonicMs() + message.ms, () => resolve(undefined)),
          );
        return;
      },
    });

  test.each([{ kind: 'normal' } as const, shutdown, crashed])(
    'otp gen_server_SUITE stop1..stop10: who watches a server that is stopped hears $kind, after all it had to do',
    async (reason) => {
      const { world, system } = stage();
      const ref = system.spawn(serverDef(world), undefined);
      const probe = spawnProbe(system);
      probe.run((ctx) => ctx.monitor(ref));
      ref.tell({ type: 'slow', ms: 100 });
      const before = ask(system, ref, { type: 'call' }, { timeoutMs: 1000 });
      ref.tell({ type: 'stop', reason });
      await world.advance(99);
      expect(probe.signals).toEqual([]);
      await world.advance(1);
      expect(await before).toBe('answer');
      expect(probe.signals).toMatchObject([{ type: 'down', reason }]);
      // Stopping what has ended is noproc, to a watcher and to a caller.
      probe.run((ctx) => ctx.monitor(ref));
      await world.advance();
      expect(probe.signals[1]).toMatchObject({ reason: { kind: 'noproc' } });
      await expect(ask(system, ref, { type: 'call' }, { timeoutMs: 1000 })).rejects.toMatchObject({ code: 'stopped' });
    },
  );

  test('otp gen_server_SUITE continue: what a start goes on to do is done before any message that waits already', async () => {
    const { world, system } = stage();
    const done: string[] = [];
    const actor = defineActor<Note, string[]>({
      kind: 'continuing',
      async start() {
        done.push('init');
        await new Promise<void>((resolve) => world.scheduler.at(10, resolve));
        done.push('continued');
        return [];
      },
      receive: (_state, { text }) => void done.push(text),
    });
    const ref = system.spawn(actor, undefined);
    for (const text of ['one', 'two']) ref.tell(note(text));
    await world.advance(10);
    expect(done).toEqual(['init', 'continued', 'one', 'two']);
  });

  test('otp gen_server_SUITE call_with_huge_message_queue: an answer does not wait behind the messages of the one who asks', async () => {
    const { world, system } = stage();
    const server = system.spawn(serverDef(world), undefined);
    let answeredAfter = -1;
    const caller = defineActor<Note, { handled: number }>({
      kind: 'caller',
      mailbox: { capacity: 200_000, overflow: 'reject' },
      start: () => ({ handled: 0 }),
      receive(state, { text }, ctx) {
        state.handled++;
        if (text !== 'ask') return;
        return ctx.ask(server, { type: 'call' }, { timeoutMs: 1000 }).then(() => {
          answeredAfter = state.handled;
          return undefined;
        });
      },
    });
    const ref = system.spawn(caller, undefined);
    ref.tell(note('ask'));
    for (let index = 0; index < 100_000; index++) ref.tell(note('queued'));
    await world.advance();
    expect(answeredAfter).toBe(1);
    expect(system.inspect().children.find(({ kind }) => kind === 'caller')).toMatchObject({ handled: 100_001 });
  });

  test('otp gen_server_SUITE send_request: many calls are under way at once and each gets its own answer, whatever their order', async () => {
    const { world, system } = stage();
    type Get = { readonly type: 'get'; readonly key: number; readonly replyTo: ReplyTo<number> };
    const held: Get[] = [];
    const actor = defineActor<Get, null>({
      kind: 'reversing',
      start: () => null,
      receive(_state, message) {
        if (held.push(message) === 10) for (const { key, replyTo } of held.reverse()) replyTo.send(key * key);
      },
    });
    const ref = system.spawn(actor, undefined);
    const answers = Array.from({ length: 10 }, (_, key) => ask(system, ref, { type: 'get', key }, { timeoutMs: 1000 }));
    await world.advance();
    expect(await Promise.all(answers)).toEqual(Array.from({ length: 10 }, (_, key) => key * key));
    expect(world.pendingTimers).toBeLessThanOrEqual(1);
  });
});

describe('gen_statem_SUITE', () => {
  type Event = { readonly type: 'event'; readonly name: string };
  const event = (name: string): Event => ({ type: 'event', name });

  /** A machine of named states: what a state does not take is postponed, and comes again after the next change of state. */
  const machine = (
    system: ReturnType<typeof stage>['system'],
    start: (ctx: Context<Event>) => string,
    states: Readonly<Record<string, (name: string, ctx: Context<Event>) => string | 'postpone' | undefined>>,
  ) => {
    const seen: string[] = [];
    const actor = defineActor<Event, string>({
      kind: 'machine',
      start,
      receive(state, message, ctx) {
        const next = states[state]!(message.name, ctx);
        if (next === 'postpone') {
          ctx.stash.push(message);
          return;
        }
        seen.push(`${state}:${message.name}`);
        if (next === undefined || next === state) return;
        ctx.stash.release();
        return next;
      },
    });
    const ref: ActorRef<Event> = system.spawn(actor, undefined);
    return { ref, seen };
  };

  test('otp gen_statem_SUITE event_order: postponed events come before new ones, in their order, after a change of state', async () => {
    const { world, system } = stage();
    const { ref, seen } = machine(system, () => 'closed', {
      closed: (name) => (name === 'open' ? 'open' : 'postpone'),
      open: () => undefined,
    });
    for (const name of ['p1', 'p2', 'open', 'n1', 'n2']) ref.tell(event(name));
    await world.advance();
    expect(seen).toEqual(['closed:open', 'open:p1', 'open:p2', 'open:n1', 'open:n2']);
  });

  test('otp gen_statem_SUITE state_timeout: a timer of one state is cancelled with it, even when its tick already waits', async () => {
    const { world, system } = stage();
    const { ref, seen } = machine(
      system,
      (ctx) => {
        ctx.after(10, event('timeout'), 'state');
        return 'waiting';
      },
      {
        waiting: (_name, ctx) => {
          ctx.cancel('state');
          return 'busy';
        },
        busy: () => undefined,
      },
    );
    // Both are due at once, the event first.
    world.scheduler.at(10, () => ref.tell(event('go')));
    await world.advance(30);
    expect(seen).toHaveLength(1);
  });

  test('otp gen_statem_SUITE timeout_cancel_and_update, generic_timers: named timers are apart, survive a change of state, and the last setting counts', async () => {
    const { world, system } = stage();
    const { ref, seen } = machine(
      system,
      (ctx) => {
        ctx.after(10, event('first'), 'a');
        ctx.after(20, event('b'), 'b');
        ctx.after(30, event('second'), 'a');
        return 'one';
      },
      { one: (name) => (name === 'go' ? 'two' : undefined), two: () => undefined },
    );
    await world.advance(5);
    ref.tell(event('go'));
    await world.advance(50);
    expect(seen).toEqual(['one:go', 'two:b', 'two:second']);
  });

  test('otp gen_statem_SUITE event timeout: silence is signalled only where no event came in between', async () => {
    const { world, system } = stage();
    const silent: number[] = [];
    const actor = defineActor<Event, null>({
      kind: 'listener',
      start(ctx) {
        ctx.setReceiveTimeout(10);
        return null;
      },
      receive: () => undefined,
      signal(_state, signal, ctx) {
        if (signal.type === 'receiveTimeout') silent.push(ctx.clock.monotonicMs());
      },
    });
    const ref = system.spawn(actor, undefined);
    for (const atMs of [4, 8, 17]) world.scheduler.at(atMs, () => ref.tell(event('any')));
    await world.advance(38);
    expect(silent).toEqual([27, 37]);
  });

  test('otp gen_statem_SUITE stop_and_reply: an answer given with the end arrives, and is not taken for the end', async () => {
    const { world, system } = stage();
    type Last = { readonly type: 'last'; readonly replyTo: ReplyTo<string> };
    const actor = defineActor<Last, null>({
      kind: 'leaving',
      start: () => null,
      receive(_state, { replyTo }) {
        replyTo.send('bye');
        return stop(crashed);
      },
    });
    const ref = system.spawn(actor, undefined);
    const [first, second] = [1, 2].map(() => ask(system, ref, { type: 'last' }, { timeoutMs: 100 }));
    const failed = expect(second).rejects.toMatchObject({ code: 'stopped', reason: crashed });
    await world.advance();
    expect(await first).toBe('bye');
    await failed;
  });
});
