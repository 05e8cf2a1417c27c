// Law: any scenario that the recorded traces could hold can come out of here: every operation, every reason, every rule of a child, also
// specifications that must be refused.
import fc from 'fast-check';
import type { Restart } from '../spec.ts';
import type { Operation, Scenario } from './otp-scenario.ts';

const restart = fc.constantFrom<Restart>('permanent', 'transient', 'temporary');
const id = fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f');

export function scenarios(): fc.Arbitrary<Scenario> {
  return fc.constantFrom('never', 'any_significant', 'all_significant' as const).chain((autoShutdown) => {
    // One in fifty is significant where it must not be, so that most scenarios are played and some are refused.
    const rules = fc
      .record({ restart, significant: fc.boolean(), anyhow: fc.nat(49) })
      .map(({ anyhow, significant, ...rule }) => ({
        ...rule,
        significant: significant && (anyhow === 0 || (rule.restart !== 'permanent' && autoShutdown !== 'never')),
      }));
    const operation: fc.Arbitrary<Operation> = fc.oneof(
      {
        weight: 6,
        arbitrary: fc.record({
          k: fc.constant('die' as const),
          id,
          r: fc.constantFrom('boom', 'kill', 'normal', 'shutdown', '{shutdown,x}' as const),
        }),
      },
      { weight: 2, arbitrary: fc.record({ k: fc.constant('fail' as const), id, n: fc.integer({ min: 1, max: 3 }) }) },
      {
        weight: 3,
        arbitrary: fc.record({ k: fc.constantFrom('ignore', 'terminate', 'restart', 'delete' as const), id }),
      },
      {
        weight: 1,
        arbitrary: fc
          .tuple(id, rules)
          .map(([child, rule]) => ({ k: 'start' as const, id: child, restart: rule.restart, sig: rule.significant })),
      },
    );
    return fc.record({
      strategy: fc.constantFrom('one_for_one', 'one_for_all', 'rest_for_one' as const),
      intensity: fc.integer({ min: 0, max: 4 }),
      autoShutdown: fc.constant(autoShutdown as Scenario['autoShutdown']),
      children: fc
        .array(rules, { minLength: 1, maxLength: 5 })
        .map((list) => list.map((rule, index) => ({ ...rule, id: 'abcde'[index]! }))),
      ops: fc.array(operation, { maxLength: 14 }),
    });
  });
}
