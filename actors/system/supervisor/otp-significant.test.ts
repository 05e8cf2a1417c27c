// Significant children in OTP's supervisor_SUITE (Apache-2.0), each case named after its own.
import { describe, expect, test } from 'vitest';
import { killed, type SupervisorMessage, supervisor, supervisorHandle } from '../index.ts';
import { counts, reasons, Stage } from './testing/stage.ts';

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

  test.each(modes.slice(1))(
    'otp significant_bystander: one_for_one, %s: significant siblings of one that dies live on',
    async (autoShutdown) => {
      const stage = new Stage();
      const rules = { restart: 'transient', significant: true } as const;
      const { handle } = await stage.supervise({
        autoShutdown,
        children: [stage.child('a'), stage.child('b', rules), stage.child('c', rules)],
      });
      await stage.die(handle, 'a', killed);
      expect(stage.ends).toEqual([]);
      expect(counts(handle)).toEqual([3, 3, 0, 3]);
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
