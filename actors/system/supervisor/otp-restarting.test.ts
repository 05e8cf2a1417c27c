// Restart types, strategies and trees in OTP's supervisor_SUITE (Apache-2.0), each case named after its own.
import { describe, expect, test } from 'vitest';
import { killed, type SupervisorMessage, shutdown, supervisor, supervisorHandle } from '../index.ts';
import type { ChildSpec } from './spec.ts';
import { abnormal, type ChildMessage, counts, reasons, Stage } from './testing/stage.ts';

const allReasons = Object.entries(reasons);

describe('restart types', () => {
  test.each(allReasons)('otp permanent_normal, _shutdown, _abnormal (%s): always restarted', async (_name, reason) => {
    const stage = new Stage();
    const { handle } = await stage.supervise({ children: [stage.child('a', { restart: 'permanent' })] });
    const ref = handle.child('a');
    await stage.die(handle, 'a', reason);
    expect(counts(handle)).toEqual([1, 1, 0, 1]);
    expect(handle.child('a')).toBe(ref);
  });

  test.each(allReasons)(
    'otp transient_normal, _shutdown, _abnormal (%s): restarted only after an abnormal end',
    async (name, reason) => {
      const stage = new Stage();
      const { handle } = await stage.supervise({ children: [stage.child('a', { restart: 'transient' })] });
      await stage.die(handle, 'a', reason);
      expect(counts(handle)).toEqual(name === 'abnormal' || name === 'killed' ? [1, 1, 0, 1] : [1, 0, 0, 1]);
    },
  );

  test.each(allReasons)(
    'otp temporary_normal, _shutdown, _abnormal (%s): never restarted, and forgotten',
    async (_name, reason) => {
      const stage = new Stage();
      const { handle } = await stage.supervise({ children: [stage.child('a', { restart: 'temporary' })] });
      await stage.die(handle, 'a', reason);
      expect(counts(handle)).toEqual([0, 0, 0, 0]);
    },
  );

  test.each(['one_for_all', 'rest_for_one'] as const)(
    'otp temporary_bystander (%s): a temporary sibling is stopped and forgotten',
    async (strategy) => {
      const stage = new Stage();
      const { handle } = await stage.supervise({
        strategy,
        children: [stage.child('a'), stage.child('b', { restart: 'temporary' })],
      });
      await stage.die(handle, 'a', abnormal);
      expect(handle.children().map(({ id, run }) => [id, run])).toEqual([['a', 'up']]);
      expect(stage.ends).toEqual([]);
    },
  );
});

describe('strategies', () => {
  test('otp multiple_restarts: crashes farther apart than the period never end the supervisor', async () => {
    const stage = new Stage();
    const { handle } = await stage.supervise({ intensity: 1, periodMs: 1000, children: [stage.child('a')] });
    for (let crash = 0; crash < 4; crash++) {
      await stage.die(handle, 'a', abnormal);
      await stage.world.advance(2100);
    }
    expect(counts(handle)).toEqual([1, 1, 0, 1]);
  });

  test('a restart exactly one period old still counts, one a millisecond older does not', async () => {
    for (const [apartMs, ends] of [
      [1000, ['shutdown']],
      [1001, []],
    ] as const) {
      const stage = new Stage();
      const { handle } = await stage.supervise({ intensity: 1, periodMs: 1000, children: [stage.child('a')] });
      await stage.die(handle, 'a', abnormal);
      await stage.world.advance(apartMs);
      await stage.die(handle, 'a', abnormal);
      expect(stage.ends).toEqual(ends);
    }
  });

  test('otp one_for_one: the sibling keeps its life after the first crash; the third ends the supervisor', async () => {
    const stage = new Stage();
    const { handle } = await stage.supervise({ intensity: 2, children: [stage.child('a'), stage.child('b')] });
    await stage.die(handle, 'a', abnormal);
    expect(stage.take()).toEqual(['start:a', 'start:b', 'restarting:a', 'start:a']);
    await stage.die(handle, 'a', abnormal);
    await stage.die(handle, 'a', abnormal);
    expect(stage.take()).toEqual(['restarting:a', 'start:a', 'stop:a:error', 'stop:b:shutdown']);
    expect(stage.ends).toEqual(['shutdown']);
  });

  test('otp one_for_one_escalation: a child that can never restart ends its supervisor and siblings', async () => {
    const stage = new Stage();
    const { handle } = await stage.supervise({ intensity: 4, children: [stage.child('a'), stage.child('b')] });
    stage.failing.set('a', 99);
    stage.take();
    await stage.die(handle, 'a', abnormal);
    expect(stage.take()).toEqual(['restarting:a', 'fail:a', 'fail:a', 'fail:a', 'fail:a', 'stop:b:shutdown']);
    expect(stage.ends).toEqual(['shutdown']);
  });

  test('otp one_for_all: all restart, in start order; the third crash ends the supervisor', async () => {
    const stage = new Stage();
    const { handle } = await stage.supervise({
      strategy: 'one_for_all',
      intensity: 2,
      children: [stage.child('a'), stage.child('b')],
    });
    stage.take();
    await stage.die(handle, 'a', abnormal);
    expect(stage.take()).toEqual(['stop:b:shutdown', 'restarting:a', 'start:a', 'start:b']);
    await stage.die(handle, 'b', abnormal);
    expect(stage.take()).toEqual(['stop:a:shutdown', 'start:a', 'restarting:b', 'start:b']);
    await stage.die(handle, 'a', abnormal);
    expect(stage.ends).toEqual(['shutdown']);
  });

  test('otp one_for_all_escalation: a sibling that cannot restart ends the supervisor', async () => {
    const stage = new Stage();
    const { handle } = await stage.supervise({
      strategy: 'one_for_all',
      intensity: 4,
      children: [stage.child('a'), stage.child('b')],
    });
    stage.failing.set('b', 99);
    await stage.die(handle, 'a', abnormal);
    expect(stage.ends).toEqual(['shutdown']);
  });

  test('otp one_for_all_other_child_fails_restart: the sibling that did restart is stopped, then both start again', async () => {
    const stage = new Stage();
    const { handle } = await stage.supervise({
      strategy: 'one_for_all',
      intensity: 3,
      children: [stage.child('a'), stage.child('b')],
    });
    stage.failing.set('b', 1);
    stage.take();
    await stage.die(handle, 'a', abnormal);
    expect(stage.take()).toEqual([
      'stop:b:shutdown',
      'restarting:a',
      'start:a',
      'fail:b',
      'stop:a:shutdown',
      'start:a',
      'start:b',
    ]);
  });

  test('otp rest_for_one: those started before are untouched; the third crash ends the supervisor', async () => {
    const stage = new Stage();
    const { handle } = await stage.supervise({
      strategy: 'rest_for_one',
      intensity: 2,
      children: ['a', 'b', 'c'].map((id) => stage.child(id)),
    });
    stage.take();
    await stage.die(handle, 'b', abnormal);
    expect(stage.take()).toEqual(['stop:c:shutdown', 'restarting:b', 'start:b', 'start:c']);
    await stage.die(handle, 'b', abnormal);
    await stage.die(handle, 'b', abnormal);
    expect(stage.ends).toEqual(['shutdown']);
  });

  test('otp rest_for_one_other_child_fails_restart: only the one that failed is retried', async () => {
    const stage = new Stage();
    const { handle } = await stage.supervise({
      strategy: 'rest_for_one',
      intensity: 3,
      children: ['a', 'b'].map((id) => stage.child(id)),
    });
    stage.failing.set('b', 1);
    stage.take();
    await stage.die(handle, 'a', abnormal);
    expect(stage.take()).toEqual(['stop:b:shutdown', 'restarting:a', 'start:a', 'fail:b', 'start:b']);
  });

  test('otp rest_for_one_escalation: a later child that cannot restart ends the supervisor', async () => {
    const stage = new Stage();
    const { handle } = await stage.supervise({
      strategy: 'rest_for_one',
      intensity: 4,
      children: ['a', 'b'].map((id) => stage.child(id)),
    });
    stage.failing.set('b', 99);
    await stage.die(handle, 'a', abnormal);
    expect(stage.ends).toEqual(['shutdown']);
  });

  test('otp order_of_children: ids do not matter, start order does', async () => {
    const stage = new Stage();
    const ids = ['z', 'a', 'q', 'm', 'c'];
    const { sup, handle } = await stage.supervise({
      strategy: 'rest_for_one',
      children: ids.map((id) => stage.child(id)),
    });
    stage.take();
    await stage.die(handle, 'q', killed);
    expect(stage.take()).toEqual(['stop:c:shutdown', 'stop:m:shutdown', 'start:q', 'start:m', 'start:c']);
    stage.system.exit(sup, shutdown);
    await stage.world.advance();
    expect(stage.take()).toEqual(['c', 'm', 'q', 'a', 'z'].map((id) => `stop:${id}:shutdown`));
  });

  test('a group restart revives what had ended normally or was stopped by hand (supervisor.erl)', async () => {
    const stage = new Stage();
    const children = [stage.child('a'), stage.child('b', { restart: 'transient' }), stage.child('c')];
    const { handle } = await stage.supervise({ strategy: 'one_for_all', children });
    await stage.die(handle, 'b', reasons.normal);
    await stage.settle(handle.terminateChild('c'));
    stage.take();
    await stage.die(handle, 'a', abnormal);
    expect(stage.take()).toEqual(['restarting:a', 'start:a', 'start:b', 'start:c']);
  });

  test('a sibling restarted with its group keeps its ref and mailbox, and is not killed later by its stop limit', async () => {
    const stage = new Stage();
    const { handle } = await stage.supervise({
      strategy: 'one_for_all',
      children: [stage.child('a'), stage.child('b', { shutdown: 1000 })],
    });
    const sibling = handle.child<ChildMessage>('b')!;
    sibling.tell({ type: 'busy', ms: 500 });
    await stage.world.advance();
    sibling.tell({ type: 'note', text: 'kept' });
    await stage.die(handle, 'a', abnormal);
    stage.take();
    await stage.world.advance(500);
    expect(stage.take()).toEqual(['stop:b:shutdown', 'restarting:a', 'start:a', 'start:b', 'b:kept']);
    await stage.world.advance(5000);
    expect(handle.child('b')).toBe(sibling);
    expect(stage.take()).toEqual([]);
  });
});

describe('trees', () => {
  test('otp child_unlink: a child that unlinked from its supervisor still stops with it', async () => {
    const stage = new Stage();
    const { sup, handle } = await stage.supervise({ children: [stage.child('a')] });
    stage.probe.run((ctx) => ctx.unlink(handle.child('a')!));
    stage.system.exit(sup, shutdown);
    await stage.world.advance();
    expect(stage.ends).toEqual(['shutdown']);
  });

  test('otp tree: an inner failure restarts one child; escalation rebuilds the tree without children added by hand', async () => {
    const stage = new Stage();
    const inner = (id: string): ChildSpec =>
      ({
        id,
        actor: supervisor({ intensity: 1, children: [stage.child(`${id}1`), stage.child(`${id}2`)] }),
        args: undefined,
      }) satisfies ChildSpec;
    const { handle } = await stage.supervise({
      strategy: 'one_for_all',
      intensity: 4,
      children: [inner('x'), inner('y'), inner('z')],
    });
    const below = (id: string) => supervisorHandle(stage.system, handle.child<SupervisorMessage>(id)!);
    expect(counts(handle)).toEqual([3, 3, 3, 0]);
    await stage.settle(below('y').startChild(stage.child('added')));
    await stage.settle(handle.terminateChild('z'));
    stage.take();
    await stage.die(below('x'), 'x1', abnormal);
    expect(stage.take()).toEqual(['restarting:x1', 'start:x1']);
    await stage.die(below('x'), 'x1', abnormal);
    expect(stage.take()).toEqual([
      ...['stop:x1:error', 'stop:x2:shutdown', 'stop:added:shutdown', 'stop:y2:shutdown', 'stop:y1:shutdown'],
      ...['start:x1', 'start:x2', 'start:y1', 'start:y2', 'start:z1', 'start:z2'],
    ]);
    expect(stage.ends).toEqual([]);
  });

  test('otp count_children_supervisor, count_restarting_children: children that cannot restart are counted, not active', async () => {
    const stage = new Stage();
    const backoff = { minMs: 1000, maxMs: 1000, jitter: 0 };
    const { handle } = await stage.supervise({
      intensity: 9,
      children: ['a', 'b', 'c'].map((id) => stage.child(id, { backoff })),
    });
    await stage.die(handle, 'a', abnormal);
    await stage.die(handle, 'c', abnormal);
    expect(counts(handle)).toEqual([3, 1, 0, 3]);
    await stage.world.advance(1000);
    expect(counts(handle)).toEqual([3, 3, 0, 3]);
  });

  test('otp hanging_restart_loop: while a child keeps failing the supervisor answers, and can be shut down', async () => {
    const stage = new Stage();
    const { sup, handle } = await stage.supervise({ intensity: 1_000_000, children: [stage.child('a')] });
    stage.failing.set('a', 1_000_000);
    handle.child<ChildMessage>('a')!.tell({ type: 'die', reason: abnormal });
    const answers = [
      handle.startChild(stage.child('a')),
      handle.restartChild('a'),
      handle.deleteChild('a'),
      handle.terminateChild('a'),
    ];
    // The answers come between two attempts; without them the loop would not end here.
    await stage.world.advance();
    expect(await Promise.all(answers)).toMatchObject([
      { error: 'already_present' },
      { error: 'restarting' },
      { error: 'restarting' },
      { ok: true },
    ]);
    expect(counts(handle)).toEqual([1, 0, 0, 1]);
    stage.system.exit(sup, shutdown);
    await stage.world.advance();
    expect(stage.ends).toEqual(['shutdown']);
  });

  test('otp hanging_restart_loop_rest_for_one: a later child that keeps failing leaves those before it alone, and can be ended', async () => {
    const stage = new Stage();
    const { sup, handle } = await stage.supervise({
      strategy: 'rest_for_one',
      intensity: 1_000_000,
      children: ['a', 'b', 'c'].map((id) => stage.child(id)),
    });
    stage.take();
    stage.failing.set('b', 1_000_000);
    handle.child<ChildMessage>('b')!.tell({ type: 'die', reason: abnormal });
    const [present, ended] = [handle.startChild(stage.child('b')), handle.terminateChild('b')];
    await stage.world.advance();
    expect(await Promise.all([present, ended])).toMatchObject([{ error: 'already_present' }, { ok: true }]);
    // c was stopped for the group's restart, which was called off: it stays down, and can be started by hand.
    expect(handle.children().map(({ id, run }) => `${id}=${run}`)).toEqual(['c=down', 'b=down', 'a=up']);
    expect(stage.take().filter((event) => !event.startsWith('fail'))).toEqual(['stop:c:shutdown', 'restarting:b']);
    stage.system.exit(sup, shutdown);
    await stage.world.advance();
    expect(stage.ends).toEqual(['shutdown']);
  });
});
