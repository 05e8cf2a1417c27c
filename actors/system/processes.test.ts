import { describe, expect, test } from 'vitest';
import {
  type ActorRef,
  type Context,
  createSystem,
  defineActor,
  type ExitReason,
  killed,
  type Message,
  type MonitorId,
  normal,
  shutdown,
  stop,
  supervisor,
  supervisorHandle,
} from './index.ts';
import { spawnProbe, virtualWorld } from './testing/index.ts';

const failure = new Error('r');
const crashed: ExitReason = { kind: 'error', error: failure };

function stage() {
  const world = virtualWorld(1);
  return { world, system: createSystem('n1', world) };
}

interface Do extends Message {
  readonly type: 'do';
  readonly act: (ctx: Context<Do>) => unknown;
}
/** Runs what it is told, and returns its outcome from `receive`. */
const worker = defineActor<Do, null>({
  kind: 'worker',
  start: () => null,
  receive: (_state, { act }, ctx) => act(ctx) as null,
});
const run = (act: Do['act']): Do => ({ type: 'do', act });

describe('signals', () => {
  test('otp signal_SUITE xm_sig_order: what is told after an exit is never seen, and the monitor hears the reason', async () => {
    const { world, system } = stage();
    const seen: number[] = [];
    const target = system.spawn(worker, undefined);
    const probe = spawnProbe(system);
    probe.run((ctx) => {
      ctx.monitor(target);
      for (const m of [1, 2, 3]) target.tell(run(() => void seen.push(m)));
      ctx.exit(target, crashed);
      for (const n of [4, 5, 6]) target.tell(run(() => void seen.push(n)));
    });
    await world.advance();
    expect(seen.filter((value) => value > 3)).toEqual([]);
    expect(probe.signals).toEqual([{ type: 'down', ref: target, monitor: expect.any(Number), reason: crashed }]);
  });

  test.each([1, 2, 9, 10])(
    'otp signal_SUITE kill2killed: at the head of a line of %i links a kill arrives as killed',
    async (length) => {
      const { world, system } = stage();
      const line = Array.from({ length }, () => system.spawn(worker, undefined));
      for (const [index, ref] of line.entries()) if (index > 0) ref.tell(run((ctx) => ctx.link(line[index - 1]!)));
      const head = spawnProbe(system);
      head.run((ctx) => ctx.link(line[0]!));
      await world.advance();
      system.exit(line.at(-1)!, killed);
      await world.advance();
      expect(head.signals).toEqual([{ type: 'exit', ref: line[0], reason: killed }]);
    },
  );

  test('otp process_SUITE t_exit_2_other_normal: exit normal from another does nothing', async () => {
    const { world, system } = stage();
    const target = system.spawn(worker, undefined, { name: 'target' });
    spawnProbe(system).run((ctx) => ctx.exit(target, normal));
    await world.advance();
    expect(system.inspect().children.map(({ path }) => path)).toContain('/target');
  });

  test.each([normal, shutdown, crashed])(
    'otp process_SUITE self_exit, normal_suicide_exit, abnormal_suicide_exit: exit of oneself ends with $kind',
    async (reason) => {
      const { world, system } = stage();
      const probe = spawnProbe(system);
      const target = system.spawn(worker, undefined);
      probe.run((ctx) => ctx.monitor(target));
      await world.advance();
      target.tell(run((ctx) => ctx.exit(ctx.self as ActorRef<never>, reason)));
      await world.advance();
      expect(probe.signals).toMatchObject([{ type: 'down', reason }]);
    },
  );

  test('otp process_SUITE t_exit_2_catch: an exit cannot be caught by the handler it ends', async () => {
    const { world, system } = stage();
    const probe = spawnProbe(system);
    const target = system.spawn(worker, undefined);
    probe.run((ctx) => ctx.monitor(target));
    target.tell(
      run((ctx) => {
        try {
          ctx.exit(ctx.self as ActorRef<never>, crashed);
        } catch {}
      }),
    );
    await world.advance();
    expect(probe.signals).toMatchObject([{ type: 'down', reason: crashed }]);
  });

  test('otp process_SUITE exit_twice: the second exit is ignored', async () => {
    const { world, system } = stage();
    const probe = spawnProbe(system);
    const target = system.spawn(worker, undefined);
    probe.run((ctx) => {
      ctx.monitor(target);
      ctx.exit(target, crashed);
      ctx.exit(target, { kind: 'shutdown' });
    });
    await world.advance();
    expect(probe.signals).toMatchObject([{ type: 'down', reason: crashed }]);
  });

  test('kill goes before stop, stop before exits, exits before messages', async () => {
    const { world, system } = stage();
    const seen: string[] = [];
    const trapping = defineActor<Message, null>({
      kind: 'trapping',
      trapExit: true,
      start: () => null,
      receive: (_state, { type }) => void seen.push(type),
      signal: (_state, signal) => void seen.push(`${signal.type} ${'reason' in signal ? signal.reason.kind : ''}`),
    });
    const a = system.spawn(trapping, undefined);
    const b = system.spawn(trapping, undefined);
    const c = system.spawn(trapping, undefined);
    const probe = spawnProbe(system);
    await world.advance();
    probe.run((ctx) => {
      a.tell({ type: 'message' });
      ctx.exit(a, crashed);
      b.tell({ type: 'message' });
      ctx.exit(b, crashed);
      system.exit(b, shutdown);
      c.tell({ type: 'message' });
      system.exit(c, shutdown);
      system.exit(c, killed);
    });
    await world.advance();
    expect(seen).toEqual(['exit error', 'message', 'stopped shutdown']);
  });

  test('erts process_SUITE: a kill from anyone ends an actor that traps exits, and is not seen by it', async () => {
    const { world, system } = stage();
    const trapping = spawnProbe(system);
    const probe = spawnProbe(system);
    probe.run((ctx) => {
      ctx.monitor(trapping.ref);
      ctx.exit(trapping.ref, killed);
    });
    await world.advance();
    expect(trapping.signals).toEqual([]);
    expect(probe.signals).toMatchObject([{ type: 'down', reason: killed }]);
  });

  test('a kill reaches an actor whose promise is open, and what the promise brings is void', async () => {
    const { world, system } = stage();
    const probe = spawnProbe(system);
    let finish: (state: null) => void = () => {};
    const target = system.spawn(worker, undefined);
    probe.run((ctx) => ctx.monitor(target));
    target.tell(run(() => new Promise((resolve) => (finish = resolve))));
    await world.advance();
    system.exit(target, shutdown);
    await world.advance();
    expect(probe.signals).toEqual([]);
    system.exit(target, killed);
    await world.advance();
    expect(probe.signals).toMatchObject([{ type: 'down', reason: killed }]);
    finish(null);
    await world.advance();
    expect(system.inspect().children).toHaveLength(1);
  });
});

describe('monitors', () => {
  test('otp monitor_SUITE mon_1: down tells normal, the reason, or noproc where the actor had ended', async () => {
    const { world, system } = stage();
    const probe = spawnProbe(system);
    const [one, two, three] = [1, 2, 3].map(() => system.spawn(worker, undefined));
    probe.run((ctx) => {
      ctx.monitor(one!);
      ctx.monitor(two!);
    });
    one!.tell(run(() => stop()));
    two!.tell(run(() => stop(crashed)));
    three!.tell(run(() => stop(crashed)));
    await world.advance();
    probe.run((ctx) => ctx.monitor(three!));
    await world.advance();
    expect(probe.signals).toMatchObject([
      { type: 'down', ref: one, reason: normal },
      { type: 'down', ref: two, reason: crashed },
      { type: 'down', ref: three, reason: { kind: 'noproc' } },
    ]);
  });

  test('otp monitor_SUITE demon_1..3: demonitor of unknown, used and repeated ids is harmless', async () => {
    const { world, system } = stage();
    const probe = spawnProbe(system);
    const target = system.spawn(worker, undefined);
    probe.run((ctx) => {
      ctx.demonitor(999 as MonitorId);
      const id = ctx.monitor(target);
      ctx.demonitor(id);
      ctx.demonitor(id);
    });
    target.tell(run(() => stop()));
    await world.advance();
    expect(probe.signals).toEqual([]);
  });

  test('otp monitor_SUITE: monitors stack, four on one target are four downs, three after one demonitor', async () => {
    const { world, system } = stage();
    const probe = spawnProbe(system);
    const target = system.spawn(worker, undefined);
    probe.run((ctx) => {
      const ids = [1, 2, 3, 4].map(() => ctx.monitor(target));
      ctx.demonitor(ids[1]!);
    });
    target.tell(run(() => stop()));
    await world.advance();
    expect(probe.signals).toHaveLength(3);
    expect(new Set(probe.signals.map((signal) => signal.type === 'down' && signal.monitor)).size).toBe(3);
  });

  test('otp monitor_SUITE demonitor_flush: demonitor removes a down that is already queued', async () => {
    const { world, system } = stage();
    const probe = spawnProbe(system);
    const target = system.spawn(worker, undefined);
    target.tell(run(() => stop()));
    await world.advance();
    probe.run((ctx) => {
      // Ended already: its down is queued by the call itself.
      const id = ctx.monitor(target);
      ctx.demonitor(id);
    });
    await world.advance();
    expect(probe.signals).toEqual([]);
  });

  test('otp monitor_SUITE named_down: when the down of a named actor arrives its name is free', async () => {
    const { world, system } = stage();
    let reused = false;
    const watcher = defineActor<Message, null, ActorRef<Do>>({
      kind: 'watcher',
      start(ctx, target) {
        ctx.monitor(target);
        return null;
      },
      receive: () => undefined,
      signal(_state, signal) {
        if (signal.type !== 'down') return;
        system.spawn(worker, undefined, { name: 'taken' });
        reused = true;
      },
    });
    const target = system.spawn(worker, undefined, { name: 'taken' });
    expect(() => system.spawn(worker, undefined, { name: 'taken' })).toThrow(/already/);
    system.spawn(watcher, target);
    await world.advance();
    target.tell(run(() => stop()));
    await world.advance();
    expect(reused).toBe(true);
  });

  test('pekko WatchSpec: a down that nobody handles ends the watcher (death pact)', async () => {
    const { world, system } = stage();
    const probe = spawnProbe(system);
    const target = system.spawn(worker, undefined);
    const watcher = system.spawn(worker, undefined);
    watcher.tell(run((ctx) => void ctx.monitor(target)));
    probe.run((ctx) => ctx.monitor(watcher));
    await world.advance();
    target.tell(run(() => stop()));
    await world.advance();
    expect(probe.signals).toMatchObject([
      { type: 'down', reason: { kind: 'error', error: { name: 'DeathPactError' } } },
    ]);
  });

  test('a restart under a supervisor is not an end: monitors stay silent, links fire', async () => {
    const { world, system } = stage();
    const sup = system.spawn(supervisor({ children: [{ id: 'a', actor: worker, args: undefined }] }), undefined);
    await world.advance();
    const child = supervisorHandle(system, sup).child<Do>('a')!;
    const watcher = spawnProbe(system);
    const linked = spawnProbe(system);
    watcher.run((ctx) => ctx.monitor(child));
    linked.run((ctx) => ctx.link(child));
    await world.advance();
    child.tell(run(() => Promise.reject(failure)));
    await world.advance();
    expect(watcher.signals).toEqual([]);
    expect(linked.signals).toEqual([{ type: 'exit', ref: child, reason: crashed }]);
    child.tell(run(() => stop(crashed)));
    await world.advance();
    expect(watcher.signals).toMatchObject([{ type: 'down', reason: crashed }]);
  });
});

describe('links', () => {
  test('otp erl_link_SUITE links: links are symmetric, and an abnormal exit travels along them', async () => {
    const { world, system } = stage();
    const [a, b, c] = [1, 2, 3].map(() => system.spawn(worker, undefined));
    const probe = spawnProbe(system);
    probe.run((ctx) => ctx.link(c!));
    a!.tell(run((ctx) => ctx.link(b!)));
    b!.tell(run((ctx) => ctx.link(c!)));
    await world.advance();
    b!.tell(run(() => stop(crashed)));
    await world.advance();
    expect(probe.signals).toEqual([{ type: 'exit', ref: c, reason: crashed }]);
    expect(system.inspect().children).toHaveLength(1);
  });

  test('otp: a normal exit kills no linked actor, but a trapping one hears of it', async () => {
    const { world, system } = stage();
    const [a, b] = [1, 2].map(() => system.spawn(worker, undefined));
    const probe = spawnProbe(system);
    probe.run((ctx) => ctx.link(a!));
    b!.tell(run((ctx) => ctx.link(a!)));
    await world.advance();
    a!.tell(run(() => stop()));
    await world.advance();
    expect(probe.signals).toEqual([{ type: 'exit', ref: a, reason: normal }]);
    expect(system.inspect().children).toHaveLength(2);
  });

  test('otp erl_link_SUITE otp_17127: link and unlink from both ends settle on unlinked', async () => {
    const { world, system } = stage();
    const [a, b] = [1, 2].map(() => system.spawn(worker, undefined));
    a!.tell(run((ctx) => ctx.link(b!)));
    b!.tell(run((ctx) => ctx.link(a!)));
    a!.tell(run((ctx) => ctx.unlink(b!)));
    b!.tell(run((ctx) => ctx.unlink(a!)));
    await world.advance();
    a!.tell(run(() => stop(crashed)));
    await world.advance();
    expect(system.inspect().children).toHaveLength(1);
  });

  test('otp: linking to an actor that has ended is an exit noproc', async () => {
    const { world, system } = stage();
    const gone = system.spawn(worker, undefined);
    gone.tell(run(() => stop()));
    await world.advance();
    const probe = spawnProbe(system);
    const plain = system.spawn(worker, undefined);
    probe.run((ctx) => {
      ctx.link(gone);
      ctx.monitor(plain);
    });
    await world.advance();
    plain.tell(run((ctx) => ctx.link(gone)));
    await world.advance();
    expect(probe.signals).toMatchObject([
      { type: 'exit', ref: gone, reason: { kind: 'noproc' } },
      { type: 'down', ref: plain, reason: { kind: 'noproc' } },
    ]);
  });

  test('an actor linked to itself ends as if it were not', async () => {
    const { world, system } = stage();
    const a = system.spawn(worker, undefined);
    a.tell(
      run((ctx) => {
        ctx.link(ctx.self as ActorRef<never>);
        return stop(crashed);
      }),
    );
    await world.advance();
    expect(system.inspect().children).toHaveLength(0);
  });
});

describe('the tree', () => {
  test('a killed parent takes its children with it, and none of them hears stopped', async () => {
    const { world, system } = stage();
    const heard: string[] = [];
    const leaf = defineActor<Message, null>({
      kind: 'leaf',
      start: () => null,
      receive: () => undefined,
      signal: (_state, signal) => void heard.push(signal.type),
    });
    const parent = system.spawn(worker, undefined);
    parent.tell(run((ctx) => void ctx.spawn(leaf, undefined)));
    await world.advance();
    expect(system.inspect().children[0]!.children).toHaveLength(1);
    system.exit(parent, killed);
    await world.advance();
    expect(system.inspect().children).toHaveLength(0);
    expect(heard).toEqual([]);
  });

  test('a child that does not stop within 5 s of its stopping parent is killed', async () => {
    const { world, system } = stage();
    const parent = system.spawn(worker, undefined);
    parent.tell(
      run((ctx) => {
        const child = ctx.spawn(worker, undefined);
        child.tell(run(() => new Promise(() => {})));
      }),
    );
    await world.advance();
    parent.tell(run(() => stop()));
    await world.advance(4999);
    expect(system.inspect().children).toHaveLength(1);
    await world.advance(1);
    expect(system.inspect().children).toHaveLength(0);
  });

  test('what waited in the mailbox of an ended actor goes to dead letters', async () => {
    const { world, system } = stage();
    const dead: string[] = [];
    const unsubscribe = system.deadLetters.subscribe((to, message, why) =>
      dead.push(`${to.path} ${message.type} ${why}`),
    );
    const ref = system.spawn(worker, undefined, { name: 'a' });
    ref.tell(run(() => stop()));
    ref.tell(run(() => undefined));
    await world.advance();
    expect(ref.tell(run(() => undefined))).toBe(false);
    unsubscribe();
    ref.tell(run(() => undefined));
    expect(dead).toEqual(['/a do stopped', '/a do stopped']);
    expect(system.deadLetters.count).toBe(3);
  });

  test('inspect shows phase, depth, restarts, messages handled and the last error of every actor', async () => {
    const { world, system } = stage();
    const sup = system.spawn(
      supervisor({ intensity: 5, children: [{ id: 'a', actor: worker, args: undefined }] }),
      undefined,
      { name: 'sup' },
    );
    await world.advance();
    const child = supervisorHandle(system, sup).child<Do>('a')!;
    child.tell(run(() => undefined));
    child.tell(run(() => Promise.reject(failure)));
    child.tell(
      run(() => new Promise(() => {})),
      { traceId: 't', spanId: 's', flags: 1 },
    );
    child.tell(run(() => undefined));
    await world.advance();
    expect(system.inspect()).toMatchObject({
      path: '/',
      children: [
        {
          path: '/sup',
          kind: 'supervisor',
          restarts: 0,
          children: [
            {
              path: '/sup/a',
              kind: 'worker',
              phase: 'running',
              suspended: true,
              mailboxDepth: 1,
              mailboxCapacity: 1024,
              restarts: 1,
              handled: 3,
              lastError: failure,
              trace: { traceId: 't' },
            },
          ],
        },
      ],
    });
  });

  test('a crash is logged with the actor and the trace of the message it failed on', async () => {
    const { world, system } = stage();
    const ref = system.spawn(worker, undefined, { name: 'a' });
    ref.tell(
      run(() => Promise.reject(failure)),
      { traceId: 't1', spanId: 's1', flags: 1 },
    );
    await world.advance();
    expect(world.logged).toMatchObject([
      {
        level: 'error',
        text: 'actor crashed',
        fields: { actor: '/a', traceId: 't1', spanId: 's1', kind: 'worker', error: failure },
      },
    ]);
  });

  test('what a signal causes does not carry the trace of the message handled before it', async () => {
    const { world, system } = stage();
    const traces: unknown[] = [];
    const sink = system.spawn(
      defineActor<Message, null>({
        kind: 'sink',
        start: () => null,
        receive: (_s, _m, ctx) => void traces.push(ctx.trace?.traceId),
      }),
      undefined,
    );
    const gone = system.spawn(worker, undefined);
    const watcher = system.spawn(
      defineActor<Message, null>({
        kind: 'watcher',
        start: () => null,
        receive(_state, message, ctx) {
          sink.tell(message);
          ctx.monitor(gone);
        },
        signal: () => void sink.tell({ type: 'after down' }),
      }),
      undefined,
    );
    gone.tell(run(() => stop()));
    await world.advance();
    watcher.tell({ type: 'traced' }, { traceId: 't', spanId: 's', flags: 1 });
    await world.advance();
    expect(traces).toEqual(['t', undefined]);
  });
});
