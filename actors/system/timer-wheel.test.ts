import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { virtualWorld } from './testing/index.ts';
import { CallEntry, TimerWheel } from './timer-wheel.ts';

describe('the wheel', () => {
  type Step =
    | { readonly kind: 'add'; readonly delayMs: number }
    | { readonly kind: 'cancel'; readonly which: number }
    | { readonly kind: 'advance'; readonly ms: number };
  const delays = fc.oneof(
    fc.integer({ min: 0, max: 130 }),
    fc.integer({ min: 0, max: 5000 }),
    fc.integer({ min: 0, max: 2 ** 33 }),
  );
  const steps: fc.Arbitrary<readonly Step[]> = fc.array(
    fc.oneof(
      { weight: 4, arbitrary: fc.record({ kind: fc.constant('add' as const), delayMs: delays }) },
      { weight: 1, arbitrary: fc.record({ kind: fc.constant('cancel' as const), which: fc.nat(30) }) },
      { weight: 2, arbitrary: fc.record({ kind: fc.constant('advance' as const), ms: delays }) },
    ),
    { maxLength: 40 },
  );

  test('fires exactly what a sorted list fires, at the same times and in the same order', async () => {
    await fc.assert(
      fc.asyncProperty(steps, async (script) => {
        const world = virtualWorld(1);
        const wheel = new TimerWheel(world.clock, world.scheduler);
        const fired: string[] = [];
        const expected: string[] = [];
        const entries: CallEntry[] = [];
        let pending: { readonly dueMs: number; readonly number: number }[] = [];
        for (const step of [...script, { kind: 'advance', ms: 2 ** 34 } as const]) {
          const nowMs = world.clock.monotonicMs();
          if (step.kind === 'add') {
            const number = entries.length;
            const entry = new CallEntry(() => fired.push(`${number}@${world.clock.monotonicMs()}`));
            entries.push(entry);
            pending.push({ dueMs: nowMs + step.delayMs, number });
            wheel.add(entry, step.delayMs);
          } else if (step.kind === 'cancel') {
            const entry = entries[step.which];
            if (entry !== undefined) wheel.cancel(entry);
            pending = pending.filter(({ number }) => number !== step.which);
          } else {
            await world.advance(step.ms);
            const due = pending.filter(({ dueMs }) => dueMs <= nowMs + step.ms);
            pending = pending.filter(({ dueMs }) => dueMs > nowMs + step.ms);
            due.sort((one, other) => one.dueMs - other.dueMs || one.number - other.number);
            expected.push(...due.map(({ dueMs, number }) => `${number}@${dueMs}`));
            expect(fired).toEqual(expected);
          }
        }
      }),
      { numRuns: 200 },
    );
  });

  test('one far timer wakes the world a handful of times, not once per tick', async () => {
    const world = virtualWorld(1);
    let armed = 0;
    const wheel = new TimerWheel(world.clock, {
      ...world.scheduler,
      at: (atMs, fire) => {
        armed++;
        return world.scheduler.at(atMs, fire);
      },
    });
    let firedMs = -1;
    wheel.add(new CallEntry(() => (firedMs = world.clock.monotonicMs())), 86_400_000);
    await world.advance(90_000_000);
    expect(firedMs).toBe(86_400_000);
    expect(armed).toBeLessThan(8);
  });

  test('a clock with fractions fires no timer early', async () => {
    const world = virtualWorld(1);
    const clock = { ...world.clock, monotonicMs: () => world.clock.monotonicMs() + 0.7 };
    const wheel = new TimerWheel(clock, {
      ...world.scheduler,
      at: (atMs, fire) => world.scheduler.at(atMs - 0.7, fire),
    });
    let firedMs = -1;
    wheel.add(new CallEntry(() => (firedMs = clock.monotonicMs())), 10);
    await world.advance(30);
    expect(firedMs).toBeGreaterThanOrEqual(10.7);
    expect(firedMs).toBeLessThan(12);
  });
});
