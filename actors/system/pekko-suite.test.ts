// Cases of Pekko's SupervisionSpec, WatchSpec, TimerSpec, AskSpec and StashSpec (Apache-2.0) that have no place elsewhere, each named after
// its case. Without a counterpart here, and so not among them: watchWith, message adapters of another protocol, unstash of at most N,
// restarts that keep the children.
import { describe, expect, test } from 'vitest';
import {
  type ActorDef,
  type ActorRef,
  ask,
  type ChildRules,
  type Context,
  createSystem,
  defineActor,
  type Intensity,
  type ReplyTo,
  type Signal,
  stop,
  supervisor,
  supervisorHandle,
} from './index.ts';
import { type Do, doer, run, spawnProbe, virtualWorld } from './testing/index.ts';

/** Runs what it is told; signals and starts are remembered. */
function scripted(options: Partial<ActorDef<Do, null>> = {}) {
  const heard: Signal['type'][] = [];
  const actor = defineActor<Do, null>({
    ...doer,
    kind: 'scripted',
    signal: (_state, signal) => void heard.push(signal.type),
    ...options,
  });
  return { actor, heard };
}

function stage() {
  const world = virtualWorld(1);
  const system = createSystem('n1', world);
  const supervise = async (
    // biome-ignore lint/suspicious/noExplicitAny: any actor
    actor: ActorDef<any, any>,
    rules: ChildRules & Intensity = {},
  ) => {
    const { intensity = 10, periodMs = 5000, ...child } = rules;
    const sup = system.spawn(
      supervisor({ intensity, periodMs, children: [{ id: 'a', actor, args: undefined, ...child }] }),
      undefined,
    );
    await world.advance();
    return supervisorHandle(system, sup).child<Do>('a')!;
  };
  return { world, system, supervise };
}

const crash = run(() => {
  throw new Error('crash');
});

describe('SupervisionSpec', () => {
  test('pekko SupervisionSpec reset retry limit after withinTimeRange: restarts of a former period do not count', async () => {
    const { world, supervise } = stage();
    const ref = await supervise(scripted().actor, { intensity: 2, periodMs: 1000 });
    for (let period = 0; period < 3; period++) {
      for (let crashes = 0; crashes < 2; crashes++) ref.tell(crash);
      await world.advance(1001);
    }
    expect(ref.tell(run(() => undefined))).toBe(true);
    for (let crashes = 0; crashes < 3; crashes++) ref.tell(crash);
    await world.advance();
    expect(ref.tell(run(() => undefined))).toBe(false);
  });

  test('pekko SupervisionSpec publish dropped messages while backing off and stash is full: what does not fit is a dead letter, the rest is handled after', async () => {
    const { world, system, supervise } = stage();
    const handled: number[] = [];
    const ref = await supervise(scripted({ mailbox: { capacity: 2, overflow: 'reject' } }).actor, {
      backoff: { minMs: 100, maxMs: 100, jitter: 0 },
    });
    ref.tell(crash);
    await world.advance();
    const taken = [1, 2, 3, 4].map((number) => ref.tell(run(() => void handled.push(number))));
    expect([taken, system.deadLetters.count]).toEqual([[true, true, false, false], 2]);
    await world.advance(99);
    expect(handled).toEqual([]);
    await world.advance(1);
    expect(handled).toEqual([1, 2]);
  });

  test('pekko SupervisionSpec recover from DeathPactException: an actor whose death pact is due is restarted, without the watch', async () => {
    const { world, system, supervise } = stage();
    const watched = system.spawn(scripted().actor, undefined);
    const { signal: _, ...deaf } = scripted().actor;
    const ref = await supervise(deaf as ActorDef<Do, null>);
    ref.tell(run((ctx) => ctx.monitor(watched)));
    await world.advance();
    system.exit(watched, { kind: 'shutdown' });
    await world.advance();
    let context: Context<Do> | undefined;
    expect(
      ref.tell(
        run((ctx) => {
          context = ctx;
        }),
      ),
    ).toBe(true);
    await world.advance();
    expect(context).toBeDefined();
    const report = system.inspect().children.find(({ kind }) => kind === 'supervisor')!.children[0]!;
    expect(report).toMatchObject({ restarts: 1, lastError: { name: 'DeathPactError' } });
  });

  test('pekko SupervisionSpec apply supervision to adapter function: a throw in what makes a message of an outcome crashes the actor, and nothing else', async () => {
    const { world, system, supervise } = stage();
    const ref = await supervise(scripted().actor);
    const adapters: ((ctx: Context<Do>) => void)[] = [
      (ctx) =>
        ctx.pipe(
          async () => 1,
          () => {
            throw new Error('made nothing of it');
          },
          () => crash,
        ),
      (ctx) =>
        ctx.pipe(
          async () => {
            throw new Error('work failed');
          },
          () => crash,
          () => {
            throw new Error('made nothing of it');
          },
        ),
    ];
    for (const adapter of adapters) ref.tell(run((ctx) => adapter(ctx)));
    await world.advance();
    // The first crash ends the incarnation, and with it the other one's pipe.
    const [report] = system.inspect().children[0]!.children;
    expect(report).toMatchObject({ restarts: 1, lastError: { message: 'made nothing of it' } });
    ref.tell(run((ctx) => adapters[1]!(ctx)));
    await world.advance();
    expect(system.inspect().children[0]!.children[0]).toMatchObject({ restarts: 2, phase: 'running' });
  });
});

describe('WatchSpec', () => {
  test('pekko WatchSpec: a parent hears of the end of a child it watches, stopped by itself, by the parent or by a crash', async () => {
    const { world, system } = stage();
    const reasons: string[] = [];
    const { actor } = scripted();
    const parent = scripted({
      signal: (_state, signal) => void (signal.type === 'down' && reasons.push(signal.reason.kind)),
    });
    const ref = system.spawn(parent.actor, undefined);
    let children: ActorRef<Do>[] = [];
    ref.tell(
      run((ctx) => {
        children = [1, 2, 3].map(() => ctx.spawn(actor, undefined));
        for (const child of children) ctx.monitor(child);
      }),
    );
    await world.advance();
    children[0]!.tell(run(() => stop()));
    await world.advance();
    ref.tell(run((ctx) => ctx.stop(children[1]!)));
    await world.advance();
    children[2]!.tell(crash);
    await world.advance();
    expect(reasons).toEqual(['normal', 'shutdown', 'error']);
  });

  test('pekko WatchSpec: a watcher may stop in the handler of an end, and may watch again what has ended', async () => {
    const { world, system } = stage();
    const watched = system.spawn(scripted().actor, undefined);
    const downs: string[] = [];
    const watcher = scripted({
      signal(_state, signal, ctx) {
        if (signal.type !== 'down') return;
        downs.push(signal.reason.kind);
        if (downs.length === 2) return stop();
        ctx.monitor(signal.ref);
        return;
      },
    });
    const ref = system.spawn(watcher.actor, undefined);
    ref.tell(run((ctx) => ctx.monitor(watched)));
    await world.advance();
    watched.tell(run(() => stop()));
    await world.advance();
    expect(downs).toEqual(['normal', 'noproc']);
    expect(ref.tell(crash)).toBe(false);
  });

  test('pekko WatchSpec: an actor that watches itself hears nothing of its own end and does not hang', async () => {
    const { world, system } = stage();
    const { actor, heard } = scripted();
    const ref = system.spawn(actor, undefined);
    ref.tell(run((ctx) => ctx.monitor(ctx.self as ActorRef<never>)));
    ref.tell(run(() => stop()));
    await world.advance();
    expect(heard).toEqual(['stopped']);
    expect(system.inspect().children).toEqual([]);
  });
});

describe('TimerSpec', () => {
  test.each(['restart', 'stop'] as const)(
    'pekko TimerSpec cancel timers when %sping: none is left in the wheel, also not those that the last signal sets',
    async (how) => {
      const { world, system, supervise } = stage();
      const ref = await supervise(
        scripted({
          signal: (_state, _signal, ctx) => {
            ctx.after(10, crash);
            ctx.every(10, crash, 'key');
            ctx.setReceiveTimeout(10);
          },
        }).actor,
      );
      ref.tell(
        run((ctx) => {
          ctx.after(10, crash);
          ctx.every(10, crash, 'key');
          ctx.setReceiveTimeout(10);
        }),
      );
      await world.advance();
      if (how === 'stop') system.exit(ref, { kind: 'shutdown' });
      else ref.tell(crash);
      await world.advance(500);
      expect(system.inspect().children[0]!.children[0]).toMatchObject({ restarts: 1, phase: 'running' });
      expect(world.pendingTimers).toBeLessThanOrEqual(1);
    },
  );

  test('pekko TimerSpec: a key that was cancelled, or whose timer is over, can be used again', async () => {
    const { world, system } = stage();
    const seen: string[] = [];
    const ref = system.spawn(scripted().actor, undefined);
    const set = (text: string): void =>
      void ref.tell(
        run(
          (ctx) =>
            void ctx.after(
              10,
              run(() => void seen.push(text)),
              'key',
            ),
        ),
      );
    set('cancelled');
    ref.tell(run((ctx) => ctx.cancel('key')));
    set('one');
    await world.advance(10);
    set('two');
    await world.advance(10);
    expect(seen).toEqual(['one', 'two']);
  });
});

describe('AskSpec', () => {
  type Get = { readonly type: 'get'; readonly replyTo: ReplyTo<string> };
  const silent = defineActor<Get, null>({ kind: 'silent', start: () => null, receive: () => undefined });

  test('pekko AskSpec: a failed ask that a handler does not catch crashes that actor, with the ask as the cause', async () => {
    const { world, system, supervise } = stage();
    const server = system.spawn(silent, undefined);
    const ref = await supervise(scripted().actor);
    ref.tell(run((ctx) => ctx.ask(server, { type: 'get' }, { timeoutMs: 50 }).then(() => undefined)));
    await world.advance(50);
    const report = system.inspect().children.find(({ kind }) => kind === 'supervisor')!.children[0]!;
    expect(report).toMatchObject({ restarts: 1, lastError: { code: 'timeout' } });
  });

  test('pekko AskSpec: an ask whose asker has ended is answered to nobody, and leaves nothing behind', async () => {
    const { world, system } = stage();
    let replyTo: ReplyTo<string> | undefined;
    const keeping = defineActor<Get, null>({
      kind: 'keeping',
      start: () => null,
      receive(_state, message) {
        replyTo = message.replyTo;
      },
    });
    const server = system.spawn(keeping, undefined);
    const asker = system.spawn(scripted().actor, undefined);
    let heard = 'nothing';
    asker.tell(
      run(async (ctx) => {
        heard = await ctx.ask(server, { type: 'get' }, { timeoutMs: 100 });
      }),
    );
    await world.advance();
    system.exit(asker, { kind: 'killed' });
    await world.advance();
    replyTo!.send('late');
    await world.advance(200);
    expect(system.inspect().children.map(({ kind }) => kind)).toEqual(['keeping']);
    // The code that waited goes on, as code does; its actor is gone.
    expect(heard).toBe('late');
    await expect(ask(system, asker as never as ActorRef<Get>, { type: 'get' }, { timeoutMs: 1 })).rejects.toMatchObject(
      { code: 'stopped' },
    );
  });
});

describe('StashSpec', () => {
  type Item = { readonly type: 'item'; readonly n: number } | { readonly type: 'release' };

  test('pekko StashSpec stash while unstashing: what is set aside again waits for the next release, and nothing loops', async () => {
    const { world, system } = stage();
    const handled: number[] = [];
    let round = 0;
    const actor = defineActor<Item, null>({
      kind: 'sifting',
      start: () => null,
      receive(_state, message, ctx) {
        if (message.type === 'release') {
          round++;
          ctx.stash.release();
        } else if (message.n % 3 === round) handled.push(message.n);
        else ctx.stash.push(message);
      },
    });
    const ref = system.spawn(actor, undefined);
    for (const n of [0, 1, 2, 3, 4, 5]) ref.tell({ type: 'item', n });
    for (let release = 0; release < 2; release++) {
      ref.tell({ type: 'release' });
      await world.advance();
    }
    expect(handled).toEqual([0, 3, 1, 4, 2, 5]);
    expect(system.inspect().children[0]).toMatchObject({ stashDepth: 0, mailboxDepth: 0 });
  });

  test('pekko StashBufferSpec: a crash on a released message loses that one, and the others are handled by the next incarnation in order', async () => {
    const { world, supervise } = stage();
    const handled: number[] = [];
    let open = false;
    const actor = defineActor<Item, null>({
      kind: 'crashing',
      start: () => null,
      receive(_state, message, ctx) {
        if (message.type === 'release') {
          open = true;
          ctx.stash.release();
        } else if (!open) ctx.stash.push(message);
        else if (message.n === 2) throw new Error('two');
        else handled.push(message.n);
      },
    });
    const ref = (await supervise(actor)) as ActorRef<never> as ActorRef<Item>;
    for (const n of [1, 2, 3, 4]) ref.tell({ type: 'item', n });
    ref.tell({ type: 'release' });
    ref.tell({ type: 'item', n: 5 });
    await world.advance();
    expect(handled).toEqual([1, 3, 4, 5]);
  });

  test('pekko StashSpec: an ask that was set aside is still open, and is answered after the release', async () => {
    const { world, system } = stage();
    type Get = { readonly type: 'get'; readonly replyTo: ReplyTo<number> } | { readonly type: 'release' };
    const actor = defineActor<Get, boolean>({
      kind: 'late',
      start: () => false,
      receive(open, message, ctx) {
        if (message.type === 'release') {
          ctx.stash.release();
          return true;
        }
        if (open) message.replyTo.send(7);
        else ctx.stash.push(message);
        return;
      },
    });
    const ref = system.spawn(actor, undefined);
    const answer = ask(system, ref, { type: 'get' }, { timeoutMs: 1000 });
    await world.advance(500);
    ref.tell({ type: 'release' });
    await world.advance();
    expect(await answer).toBe(7);
  });
});

test('pekko ActorSpec: an actor that is told from its own signal handler hears it like any message', async () => {
  const { world, system } = stage();
  const probe = spawnProbe(system);
  const ref = system.spawn(
    scripted({
      trapExit: true,
      signal: (_state, signal, ctx) => {
        if (signal.type === 'exit') ctx.self.tell(run(() => void probe.ref.tell({ type: 'told' })));
      },
    }).actor,
    undefined,
  );
  probe.run((ctx) => ctx.exit(ref, { kind: 'shutdown' }));
  await world.advance();
  expect(probe.received).toEqual([{ type: 'told' }]);
});
