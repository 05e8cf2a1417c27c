import { describe, expect, test } from 'vitest';
import { virtualWorld } from './index.ts';

describe('the virtual world', () => {
  test('runs timers in the order of their times, equal ones in the order they were set', async () => {
    const world = virtualWorld(1);
    const seen: string[] = [];
    for (const [atMs, name] of [
      [5, 'c'],
      [1, 'a'],
      [5, 'd'],
      [1, 'b'],
      [0, 'zero'],
    ] as const)
      world.scheduler.at(atMs, () => seen.push(`${name}@${world.clock.monotonicMs()}`));
    await world.advance(4);
    expect(seen).toEqual(['zero@0', 'a@1', 'b@1']);
    await world.advance(1);
    expect(seen.slice(3)).toEqual(['c@5', 'd@5']);
  });

  test('keeps that order among hundreds of timers, cancelled ones left out', async () => {
    const world = virtualWorld(1);
    const { random } = world;
    const seen: number[] = [];
    const due: { atMs: number; number: number }[] = [];
    for (let number = 0; number < 500; number++) {
      const atMs = random.below(60);
      const cancel = world.scheduler.at(atMs, () => seen.push(number));
      if (random.chance(0.3)) cancel();
      else due.push({ atMs, number });
    }
    expect(world.pendingTimers).toBe(due.length);
    await world.advance(60);
    expect(seen).toEqual(due.sort((a, b) => a.atMs - b.atMs || a.number - b.number).map(({ number }) => number));
    expect(world.pendingTimers).toBe(0);
  });

  test('lets promises settle before the next timer, and deferred work before both', async () => {
    const world = virtualWorld(1);
    const seen: string[] = [];
    world.scheduler.at(0, () => {
      seen.push('first timer');
      void Promise.resolve()
        .then(() => Promise.resolve())
        .then(() => seen.push('promise'));
      world.scheduler.defer(() => seen.push('deferred'));
      world.scheduler.yield(() => seen.push('yielded'));
    });
    world.scheduler.at(0, () => seen.push('second timer'));
    await world.advance();
    expect(seen).toEqual(['first timer', 'promise', 'deferred', 'second timer', 'yielded']);
  });

  test('what is set for now after everything of now has run, runs too', async () => {
    const world = virtualWorld(1);
    const order: string[] = [];
    for (const round of ['a', 'b', 'c']) {
      world.scheduler.at(5, () => order.push(round));
      await world.advance(round === 'a' ? 5 : 0);
    }
    expect(order).toEqual(['a', 'b', 'c']);
  });

  test('cancelling twice or after firing is harmless', async () => {
    const world = virtualWorld(1);
    let fired = 0;
    const cancel = world.scheduler.at(1, () => fired++);
    await world.advance(1);
    cancel();
    cancel();
    expect(fired).toBe(1);
    expect(world.pendingTimers).toBe(0);
  });

  test('the wall clock can jump, the monotonic one cannot', async () => {
    const world = virtualWorld(1);
    const startMs = world.clock.wallMs();
    world.skewWallClock(-60_000);
    await world.advance(1000);
    expect(world.clock.wallMs() - startMs).toBe(-59_000);
    expect(world.clock.monotonicMs()).toBe(1000);
  });

  test('one seed gives one world', () => {
    expect(virtualWorld(4).random.u32()).toBe(virtualWorld(4).random.u32());
    expect(virtualWorld(4).random.u32()).not.toBe(virtualWorld(5).random.u32());
  });
});
