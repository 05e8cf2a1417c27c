// The language-neutral cases of OTP's supervisor_SUITE (Apache-2.0), each named after its case.
import { describe, expect, test } from 'vitest';
import {
  killed,
  type SpecErrorCode,
  type SupervisorMessage,
  shutdown,
  supervisor,
  supervisorHandle,
} from '../index.ts';
import type { ChildSpec, SupervisorSpec } from './spec.ts';
import { abnormal, type ChildMessage, counts, reasons, Stage } from './testing/stage.ts';

const allReasons = Object.entries(reasons);

describe('starting', () => {
  test('otp sup_start_normal: an empty tree that is told to shut down exits shutdown', async () => {
    const stage = new Stage();
    const { sup } = await stage.supervise({ children: [] });
    stage.system.exit(sup, shutdown);
    await stage.world.advance();
    expect(stage.ends).toEqual(['shutdown']);
  });

  test('otp sup_start_ignore_child: a permanent child that ignores its start is kept, down', async () => {
    const stage = new Stage();
    stage.ignoring.add('b');
    const { handle } = await stage.supervise({ children: [stage.child('a')] });
    expect(await stage.settle(handle.startChild(stage.child('b')))).toEqual({ ok: true, value: undefined });
    expect(counts(handle)).toEqual([2, 1, 0, 2]);
  });

  test.each(['static', 'startChild'])(
    'otp sup_start_ignore_temporary_child (%s): a temporary one is not kept',
    async (how) => {
      const stage = new Stage();
      stage.ignoring.add('b');
      const temporary = stage.child('b', { restart: 'temporary' });
      const { handle } = await stage.supervise({
        children: [stage.child('a'), ...(how === 'static' ? [temporary] : [])],
      });
      if (how === 'startChild') expect(await stage.settle(handle.startChild(temporary))).toMatchObject({ ok: true });
      expect(counts(handle)).toEqual([1, 1, 0, 1]);
    },
  );

  test('otp sup_start_fail: a static child that fails ends the start; those before it stop in reverse order', async () => {
    const stage = new Stage();
    stage.failing.set('c', 1);
    await stage.supervise({ children: ['a', 'b', 'c', 'd'].map((id) => stage.child(id)) });
    expect(stage.take()).toEqual(['start:a', 'start:b', 'fail:c', 'stop:b:shutdown', 'stop:a:shutdown']);
    expect(stage.ends).toEqual(['error']);
  });

  test('otp sup_start_child_returns_error: a child that fails to start is not kept', async () => {
    const stage = new Stage();
    stage.failing.set('a', 1);
    const { handle } = await stage.supervise({ children: [] });
    const answer = await stage.settle(handle.startChild(stage.child('a')));
    expect(answer).toMatchObject({ ok: false, error: { failed: { message: 'a fails to start' } } });
    expect(counts(handle)).toEqual([0, 0, 0, 0]);
  });

  test('otp sup_start_restart_child_returns_error: restarting a child whose start fails leaves it down', async () => {
    const stage = new Stage();
    const { handle } = await stage.supervise({ children: [stage.child('a')] });
    await stage.settle(handle.terminateChild('a'));
    stage.failing.set('a', 1);
    expect(await stage.settle(handle.restartChild('a'))).toMatchObject({ ok: false, error: { failed: {} } });
    expect(handle.children()).toMatchObject([{ id: 'a', run: 'down', ref: undefined }]);
  });

  const stage = new Stage();
  const a = stage.child('a');
  const bad: readonly (readonly [SpecErrorCode, unknown])[] = [
    ['missing_id', { children: [{ ...a, id: '' }] }],
    ['missing_id', { children: [{ ...a, id: 'x/y' }] }],
    ['missing_actor', { children: [{ id: 'a', args: 1 }] }],
    ['invalid_restart_type', { children: [{ ...a, restart: 'sometimes' }] }],
    ['invalid_shutdown', { children: [{ ...a, shutdown: -10 }] }],
    ['invalid_shutdown', { children: [{ ...a, shutdown: 'brutal' }] }],
    ['invalid_backoff', { children: [{ ...a, backoff: { minMs: 5, maxMs: 1, jitter: 0 } }] }],
    ['duplicate_child_name', { children: [a, a] }],
    ['bad_combination', { children: [{ ...a, restart: 'transient', significant: true }] }],
    ['bad_combination', { autoShutdown: 'any_significant', children: [{ ...a, significant: true }] }],
    ['invalid_strategy', { strategy: 'none_for_one', children: [] }],
    ['invalid_intensity', { intensity: Number.POSITIVE_INFINITY, children: [] }],
    ['invalid_intensity', { intensity: -1, children: [] }],
    ['invalid_period', { periodMs: 0, children: [] }],
    ['invalid_period', { periodMs: Number.POSITIVE_INFINITY, children: [] }],
    ['invalid_auto_shutdown', { autoShutdown: 'sometimes', children: [] }],
  ];
  test.each(bad)('otp child_specs, sup_flags: %s is refused before anything starts', (code, spec) => {
    expect(() => supervisor(spec as SupervisorSpec)).toThrow(expect.objectContaining({ code }));
  });

  test('otp child_specs: startChild refuses significant children where the supervisor never shuts itself down', async () => {
    const stage = new Stage();
    const { handle } = await stage.supervise({ children: [] });
    const spec = stage.child('a', { restart: 'transient', significant: true });
    expect(await handle.startChild(spec)).toEqual({ ok: false, error: 'bad_combination' });
    await expect(handle.startChild({ ...spec, significant: false, shutdown: -1 })).rejects.toMatchObject({
      code: 'invalid_shutdown',
    });
  });
});

describe('stopping', () => {
  test('otp sup_stop_infinity: children with an infinite limit are waited for and exit shutdown', async () => {
    const stage = new Stage();
    const { sup, handle } = await stage.supervise({ children: [stage.child('a', { shutdown: 'infinity' })] });
    handle.child<ChildMessage>('a')!.tell({ type: 'busy', ms: 100_000 });
    await stage.world.advance();
    stage.system.exit(sup, shutdown);
    await stage.world.advance(99_999);
    expect(stage.ends).toEqual([]);
    await stage.world.advance(1);
    expect(stage.take()).toEqual(['start:a', 'stop:a:shutdown']);
    expect(stage.ends).toEqual(['shutdown']);
  });

  test('otp sup_stop_timeout: a child that sleeps over its limit is killed, the other exits shutdown', async () => {
    const stage = new Stage();
    const { sup, handle } = await stage.supervise({
      children: [stage.child('a', { shutdown: 1000 }), stage.child('b', { shutdown: 1000 })],
    });
    const sleeper = handle.child<ChildMessage>('b')!;
    stage.probe.run((ctx) => ctx.monitor(sleeper));
    sleeper.tell({ type: 'busy', ms: 200_000 });
    await stage.world.advance();
    stage.system.exit(sup, shutdown);
    await stage.world.advance(999);
    expect(stage.ends).toEqual([]);
    await stage.world.advance(1);
    expect(stage.take()).toEqual(['start:a', 'start:b', 'stop:a:shutdown']);
    expect(stage.ends).toEqual(['killed', 'shutdown']);
  });

  test('otp sup_stop_brutal_kill: a child with shutdown kill is killed without hearing stopped', async () => {
    const stage = new Stage();
    const { sup, handle } = await stage.supervise({ children: [stage.child('a', { shutdown: 'kill' })] });
    stage.probe.run((ctx) => ctx.monitor(handle.child('a')!));
    await stage.world.advance();
    stage.system.exit(sup, shutdown);
    await stage.world.advance();
    expect(stage.take()).toEqual(['start:a']);
    expect(stage.ends).toEqual(['killed', 'shutdown']);
  });

  test('otp sup_stop_race: children that exit by themselves during the shutdown keep their reasons, and it completes', async () => {
    const stage = new Stage();
    const rules = (['permanent', 'transient', 'temporary'] as const).flatMap((restart) =>
      allReasons.slice(0, 4).map(([name]) => ({ restart, name })),
    );
    const children = rules.map(({ restart, name }) => stage.child(`${restart}-${name}`, { restart }));
    const { sup, handle } = await stage.supervise({
      children: [stage.child('first'), ...children, stage.child('slow', { shutdown: 'infinity' })],
    });
    handle.child<ChildMessage>('slow')!.tell({ type: 'busy', ms: 1000 });
    for (const { restart, name } of rules) stage.probe.run((ctx) => ctx.monitor(handle.child(`${restart}-${name}`)!));
    stage.take();
    await stage.world.advance();
    stage.system.exit(sup, shutdown);
    await stage.world.advance(500);
    for (const { restart, name } of rules)
      handle
        .child<ChildMessage>(`${restart}-${name}`)!
        .tell({ type: 'die', reason: reasons[name as keyof typeof reasons] });
    await stage.world.advance(500);
    const kinds = ['normal', 'shutdown', 'shutdown', 'error'];
    expect(stage.ends).toEqual([...[...kinds, ...kinds, ...kinds].reverse(), 'shutdown']);
    expect(stage.take().at(-1)).toBe('stop:first:shutdown');
  });
});

describe('administration', () => {
  test('otp child_adm: start, terminate, restart and delete answer as in OTP', async () => {
    const stage = new Stage();
    const { handle } = await stage.supervise({ children: [stage.child('a')] });
    const { settle } = stage;
    const done = <T>(operation: Promise<T>): Promise<T> => settle.call(stage, operation) as Promise<T>;
    expect(await done(handle.startChild(stage.child('a')))).toEqual({ ok: false, error: 'already_started' });
    expect(await done(handle.restartChild('a'))).toEqual({ ok: false, error: 'running' });
    expect(await done(handle.deleteChild('a'))).toEqual({ ok: false, error: 'running' });
    expect(counts(handle)).toEqual([1, 1, 0, 1]);
    expect(await done(handle.terminateChild('a'))).toEqual({ ok: true, value: undefined });
    expect(await done(handle.terminateChild('a'))).toEqual({ ok: true, value: undefined });
    expect(counts(handle)).toEqual([1, 0, 0, 1]);
    expect(await done(handle.startChild(stage.child('a')))).toEqual({ ok: false, error: 'already_present' });
    const restarted = await done(handle.restartChild('a'));
    expect(restarted).toMatchObject({ ok: true, value: { address: { path: expect.stringMatching(/\/a$/) } } });
    await done(handle.terminateChild('a'));
    expect(await done(handle.deleteChild('a'))).toEqual({ ok: true, value: undefined });
    expect(await done(handle.restartChild('a'))).toEqual({ ok: false, error: 'not_found' });
    expect(await done(handle.deleteChild('a'))).toEqual({ ok: false, error: 'not_found' });
    expect(await done(handle.terminateChild('a'))).toEqual({ ok: false, error: 'not_found' });
    expect(counts(handle)).toEqual([0, 0, 0, 0]);
  });

  test('a terminated child is gone for good: down to its watchers, and a restart gives a new ref', async () => {
    const stage = new Stage();
    const { handle } = await stage.supervise({ children: [stage.child('a')] });
    const before = handle.child('a')!;
    stage.probe.run((ctx) => ctx.monitor(before));
    await stage.world.advance();
    await stage.settle(handle.terminateChild('a'));
    expect(stage.ends).toEqual(['shutdown']);
    await stage.settle(handle.restartChild('a'));
    expect(handle.child('a')).not.toBe(before);
    expect(handle.child('a')!.address.path).toBe(before.address.path);
  });
});

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
});

describe('significant children', () => {
  const modes = ['never', 'any_significant', 'all_significant'] as const;
  const ways = ['terminate', 'kill', 'abnormal', 'normal'] as const;
  type Way = (typeof ways)[number];

  async function end(
    stage: Stage,
    handle: Awaited<ReturnType<Stage['supervise']>>['handle'],
    id: string,
    way: Way,
  ): Promise<void> {
    if (way === 'terminate') await stage.settle(handle.terminateChild(id));
    else await stage.die(handle, id, way === 'kill' ? killed : reasons[way]);
  }

  for (const restart of ['temporary', 'transient'] as const) {
    test.each(modes.flatMap((mode) => ways.map((way) => [mode, way] as const)))(
      `otp nonsignificant_${restart}: %s, %s never ends the supervisor`,
      async (autoShutdown, way) => {
        const stage = new Stage();
        const { handle } = await stage.supervise({
          autoShutdown,
          children: [stage.child('a', { restart }), stage.child('b', { restart })],
        });
        await end(stage, handle, 'a', way);
        expect(stage.ends).toEqual([]);
      },
    );
  }

  const table: readonly (readonly ['temporary' | 'transient', Way, boolean])[] = [
    ['temporary', 'terminate', false],
    ['temporary', 'kill', true],
    ['temporary', 'abnormal', true],
    ['temporary', 'normal', true],
    ['transient', 'terminate', false],
    ['transient', 'kill', false],
    ['transient', 'abnormal', false],
    ['transient', 'normal', true],
  ];
  test.each(table)('otp significant_%s: any_significant, %s: ends the supervisor: %s', async (restart, way, ends) => {
    const stage = new Stage();
    const rules = { restart, significant: true };
    const { handle } = await stage.supervise({
      autoShutdown: 'any_significant',
      children: [stage.child('a', rules), stage.child('b')],
    });
    await end(stage, handle, 'a', way);
    expect(stage.ends).toEqual(ends ? ['shutdown'] : []);
  });

  test.each(['temporary', 'transient'] as const)(
    'otp significant_%s: all_significant: not the first of two, the second',
    async (restart) => {
      const stage = new Stage();
      const rules = { restart, significant: true };
      const children = [stage.child('a', rules), stage.child('b', rules), stage.child('c')];
      const { handle } = await stage.supervise({ autoShutdown: 'all_significant', children });
      await stage.die(handle, 'a', reasons.normal);
      expect(stage.ends).toEqual([]);
      stage.take();
      await stage.die(handle, 'b', reasons.normal);
      expect(stage.ends).toEqual(['shutdown']);
      expect(stage.take()).toEqual(['stop:b:normal', 'stop:c:shutdown']);
    },
  );

  test.each(
    (['one_for_all', 'rest_for_one'] as const).flatMap((strategy) =>
      modes.slice(1).map((mode) => [strategy, mode] as const),
    ),
  )(
    'otp significant_bystander: %s, %s: a significant child stopped with its group does not end the supervisor',
    async (strategy, autoShutdown) => {
      const stage = new Stage();
      const rules = { restart: 'temporary', significant: true } as const;
      const { handle } = await stage.supervise({
        strategy,
        autoShutdown,
        children: [stage.child('a'), stage.child('b', rules), stage.child('c', rules)],
      });
      await stage.die(handle, 'a', killed);
      expect(stage.ends).toEqual([]);
      expect(handle.children().map(({ id }) => id)).toEqual(['a']);
    },
  );

  test.each([true, false])(
    'otp significant_escalation: an inner supervisor that ends itself (significant: %s) ends the outer one',
    async (significant) => {
      const stage = new Stage();
      const leaf = stage.child('c', { restart: 'transient', significant: true });
      const inner = supervisor({ autoShutdown: 'any_significant', children: [leaf] });
      const { handle } = await stage.supervise({
        autoShutdown: 'any_significant',
        children: [{ id: 'b', actor: inner, args: undefined, restart: 'transient', significant }],
      });
      const below = supervisorHandle(stage.system, handle.child<SupervisorMessage>('b')!);
      await stage.die(below, 'c', reasons.normal);
      expect(stage.ends).toEqual(significant ? ['shutdown'] : []);
    },
  );
});
