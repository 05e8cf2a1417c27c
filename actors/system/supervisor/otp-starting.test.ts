// Starting, stopping and administration in OTP's supervisor_SUITE (Apache-2.0), each case named after its own.
import { describe, expect, test } from 'vitest';
import { ignore, type SpecErrorCode, shutdown, supervisor } from '../index.ts';
import type { SupervisorSpec } from './spec.ts';
import { type ChildMessage, counts, reasons, Stage } from './testing/stage.ts';

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

  test('otp sup_start_error_return, sup_start_fail: a static child that fails ends the start; those before it stop in reverse order', async () => {
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
  test.each(bad)(
    'otp sup_start_error_return, sup_start_map_faulty_specs, child_specs, sup_flags: %s is refused before anything starts',
    (code, spec) => {
      expect(() => supervisor(spec as SupervisorSpec)).toThrow(expect.objectContaining({ code }));
    },
  );

  test('otp sup_flags: what a specification does not know is ignored', async () => {
    const stage = new Stage();
    const { handle } = await stage.supervise({ children: [stage.child('a')], colour: 'red' } as never);
    expect(counts(handle)).toEqual([1, 1, 0, 1]);
  });

  test('otp sup_start_ignore_init: a supervisor whose start says ignore is no failure: it ends normally, and its own supervisor keeps it, down', async () => {
    const stage = new Stage();
    const ignoring = { ...supervisor({ children: [] }), start: () => ignore };
    const alone = stage.system.spawn(ignoring, undefined);
    stage.probe.run((ctx) => ctx.monitor(alone));
    await stage.world.advance();
    expect(stage.ends).toEqual(['normal']);
    const { handle } = await stage.supervise({ children: [{ id: 'inner', actor: ignoring, args: undefined }] });
    expect(handle.children()).toMatchObject([{ id: 'inner', run: 'down' }]);
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
