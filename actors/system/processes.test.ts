import { describe, expect, test } from 'vitest';
import {
  type ActorRef,
  createSystem,
  defineActor,
  type ExitReason,
  killed,
  type Message,
  normal,
  shutdown,
  stop,
} from './index.ts';
import { doer, run, spawnProbe, virtualWorld } from './testing/index.ts';

const failure = new Error('r');
const crashed: ExitReason = { kind: 'error', error: failure };

function stage() {
  const world = virtualWorld(1);
  return { world, system: createSystem('n1', world) };
}

describe('signals', () => {
  test('otp signal_SUITE xm_sig_order: what is told after an exit is never seen, and the monitor hears the reason', async () => {
    const { world, system } = stage();
    const seen: number[] = [];
    const target = system.spawn(doer, undefined);
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
      const line = Array.from({ length }, () => system.spawn(doer, undefined));
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
    const target = system.spawn(doer, undefined, { name: 'target' });
    spawnProbe(system).run((ctx) => ctx.exit(target, normal));
    await world.advance();
    expect(system.inspect().children.map(({ path }) => path)).toContain('/target');
  });

  test.each([normal, shutdown, crashed])(
    'otp process_SUITE self_exit, normal_suicide_exit, abnormal_suicide_exit: exit of oneself ends with $kind',
    async (reason) => {
      const { world, system } = stage();
      const probe = spawnProbe(system);
      const target = system.spawn(doer, undefined);
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
    const target = system.spawn(doer, undefined);
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
    const target = system.spawn(doer, undefined);
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
    const target = system.spawn(doer, undefined);
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
    const parent = system.spawn(doer, undefined);
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
    const parent = system.spawn(doer, undefined);
    parent.tell(
      run((ctx) => {
        const child = ctx.spawn(doer, undefined);
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
    const ref = system.spawn(doer, undefined, { name: 'a' });
    ref.tell(run(() => stop()));
    ref.tell(run(() => undefined));
    await world.advance();
    expect(ref.tell(run(() => undefined))).toBe(false);
    unsubscribe();
    ref.tell(run(() => undefined));
    expect(dead).toEqual(['/a do stopped', '/a do stopped']);
    expect(system.deadLetters.count).toBe(3);
  });
});
