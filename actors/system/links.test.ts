import { describe, expect, test } from 'vitest';
import {
  type ActorRef,
  createSystem,
  defineActor,
  type ExitReason,
  type Message,
  type MonitorId,
  normal,
  stop,
  supervisor,
  supervisorHandle,
} from './index.ts';
import { type Do, doer, run, spawnProbe, virtualWorld } from './testing/index.ts';

const failure = new Error('r');
const crashed: ExitReason = { kind: 'error', error: failure };

function stage() {
  const world = virtualWorld(1);
  return { world, system: createSystem('n1', world) };
}

describe('monitors', () => {
  test('otp monitor_SUITE mon_1: down tells normal, the reason, or noproc where the actor had ended', async () => {
    const { world, system } = stage();
    const probe = spawnProbe(system);
    const [one, two, three] = [1, 2, 3].map(() => system.spawn(doer, undefined));
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
    const target = system.spawn(doer, undefined);
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
    const target = system.spawn(doer, undefined);
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
    const target = system.spawn(doer, undefined);
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
        system.spawn(doer, undefined, { name: 'taken' });
        reused = true;
      },
    });
    const target = system.spawn(doer, undefined, { name: 'taken' });
    expect(() => system.spawn(doer, undefined, { name: 'taken' })).toThrow(/already/);
    system.spawn(watcher, target);
    await world.advance();
    target.tell(run(() => stop()));
    await world.advance();
    expect(reused).toBe(true);
  });

  test('pekko WatchSpec: a down that nobody handles ends the watcher (death pact)', async () => {
    const { world, system } = stage();
    const probe = spawnProbe(system);
    const target = system.spawn(doer, undefined);
    const watcher = system.spawn(doer, undefined);
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
    const sup = system.spawn(supervisor({ children: [{ id: 'a', actor: doer, args: undefined }] }), undefined);
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
    const [a, b, c] = [1, 2, 3].map(() => system.spawn(doer, undefined));
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
    const [a, b] = [1, 2].map(() => system.spawn(doer, undefined));
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
    const [a, b] = [1, 2].map(() => system.spawn(doer, undefined));
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
    const gone = system.spawn(doer, undefined);
    gone.tell(run(() => stop()));
    await world.advance();
    const probe = spawnProbe(system);
    const plain = system.spawn(doer, undefined);
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
    const a = system.spawn(doer, undefined);
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
