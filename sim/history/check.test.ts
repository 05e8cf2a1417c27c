import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createRandom } from '../../actors/system/index.ts';
import { checkHistory, defaultLimits, smallestViolation } from './check.ts';
import { type Action, type History, type Operation, prefixOf } from './operation.ts';
import { isLinearizable } from './testing/brute-force.ts';
import { recordStore } from './testing/store.ts';

/** Any history of a few operations, true or not: each has a place to begin and, unless open, one to end. */
const values = fc.constantFrom('a', 'b');
const actions: fc.Arbitrary<Action> = fc.oneof(
  fc.record({ kind: fc.constant('read' as const), value: fc.constantFrom(null, 'a', 'b', 'aa', 'ab', 'ba') }),
  fc.record({ kind: fc.constant('write' as const), value: values }),
  fc.record({ kind: fc.constant('append' as const), value: values }),
  fc.record({ kind: fc.constant('settle' as const), value: values }),
  fc.record({
    kind: fc.constant('compare-and-set' as const),
    from: fc.constantFrom(null, 'a', 'b'),
    to: values,
    outcome: fc.constantFrom('set' as const, 'refused' as const),
  }),
);
const histories: fc.Arbitrary<History> = fc
  .array(
    fc.record({
      action: actions,
      key: fc.constantFrom('x', 'x', 'y'),
      begin: fc.nat(40),
      length: fc.nat(12),
      open: fc.nat(5),
    }),
    { maxLength: 7 },
  )
  .map((drawn) => {
    const ends = drawn.flatMap(({ begin, length, open }, i) => [
      { at: begin, i, isReturn: false },
      ...(open === 0 ? [] : [{ at: begin + length + 0.5, i, isReturn: true }]),
    ]);
    const order = ends.sort((a, b) => a.at - b.at || a.i - b.i);
    const operations = drawn.map(({ action, key }, i): Operation => {
      const returned = order.findIndex((each) => each.i === i && each.isReturn);
      const isOpen = returned < 0;
      return {
        process: String(i),
        key,
        action: isOpen && action.kind === 'compare-and-set' ? { ...action, outcome: 'open' } : action,
        invokedAt: order.findIndex((each) => each.i === i && !each.isReturn),
        returnedAt: isOpen ? undefined : returned,
      };
    });
    return { operations, initial: null, lines: order.map((_, i) => i + 1) };
  });

describe('the checker', () => {
  it('says of every small history what trying all orders says, also where its table forgets at once', () => {
    let violations = 0;
    fc.assert(
      fc.property(histories, (history) => {
        const expected = isLinearizable(history) ? 'ok' : 'violation';
        if (expected === 'violation') violations++;
        expect(checkHistory(history).verdict).toBe(expected);
        expect(checkHistory(history, { ...defaultLimits, memoryBytes: 1 }).verdict).toBe(expected);
      }),
      { numRuns: 3_000, seed: 5 },
    );
    expect(violations).toBeGreaterThan(500);
    expect(violations).toBeLessThan(2_500);
  });

  it('blames the shortest prefix: as it stands it cannot be put in order, and with one event less it can', () => {
    fc.assert(
      fc.property(histories, (history) => {
        const blame = smallestViolation(history);
        expect(blame === undefined).toBe(isLinearizable(history));
        if (blame === undefined) return;
        expect(isLinearizable(prefixOf(history, blame.places))).toBe(false);
        expect(isLinearizable(prefixOf(history, blame.places - 1))).toBe(true);
        expect(blame.last.returnedAt).toBe(blame.places - 1);
      }),
      { numRuns: 500, seed: 6 },
    );
  });

  for (const kind of ['text', 'register'] as const)
    it(`settles thousands of operations of many clients on ${kind}s in 16 MB`, () => {
      const seed =
        kind === 'text'
          ? { clients: 50, operations: 4_000, keys: 10, kind }
          : { clients: 10, operations: 1_000, keys: 1, kind, lost: 0.01 };
      const limits = { memoryBytes: 16 * 2 ** 20, steps: 400_000 };
      for (let run = 1; run <= 3; run++) {
        const right = checkHistory(recordStore({ ...seed, random: createRandom(run) }), limits);
        expect(right.verdict).toBe('ok');
        expect(right.tableBytes).toBeLessThanOrEqual(limits.memoryBytes);
        // The few values of a register come again and again: there a stale read may be a fresh one.
        if (kind === 'register') continue;
        const wrong = checkHistory(recordStore({ ...seed, random: createRandom(run), stale: true }), limits);
        expect(wrong.verdict).toBe('violation');
      }
    });

  it('says unknown, and never ok, where its steps run out', () => {
    const hard = recordStore({
      random: createRandom(1),
      clients: 8,
      operations: 200,
      keys: 1,
      kind: 'register',
      lost: 0.05,
    });
    expect(checkHistory(hard).verdict).toBe('ok');
    expect(checkHistory(hard, { ...defaultLimits, steps: 40 }).verdict).toBe('unknown');
  });
});
