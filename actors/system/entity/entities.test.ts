import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ask, createSystem, defineActor, entities, entity, type Message } from '../index.ts';
import { memoryJournal, virtualWorld } from '../testing/index.ts';
import { alone, durablePurse, type Purse, single } from './testing/purse.ts';

test('a virtual actor comes to life with its first message, one per id, under its id', async () => {
  const { system, of, add, starts, world, awake } = single();
  expect(awake()).toBe(0);
  expect(await add('ann', 5)).toBe(5);
  expect(await add('bob', 1)).toBe(1);
  expect(await add('ann', 2)).toBe(7);
  expect(starts).toEqual(['ann', 'bob']);
  for (const id of ['', '$x', 'a/b', 'é 🙂']) expect(await add(id, 1)).toBe(1);
  const asked = ask(system, of('a/b'), { type: 'where' }, { timeoutMs: 1000 });
  await world.advance();
  expect(await asked).toBe('n1/purses/a%2Fb');
  expect(() => of('\ud800')).toThrow(RangeError);
});

test('one that has nothing to do for long enough is put to sleep, and wakes for the next message', async () => {
  const { add, starts, world, awake } = single({ passivateAfterMs: 1000 });
  await add('ann', 5);
  await world.advance(900);
  await add('ann', 5);
  await world.advance(900);
  expect(awake()).toBe(1);
  await world.advance(200);
  expect(awake()).toBe(0);
  expect(world.pendingTimers).toBeLessThanOrEqual(1);
  expect(await add('ann', 3)).toBe(3);
  expect(starts).toEqual(['ann', 'ann']);
});

test('rivetkit: it does not sleep while a promise, a timer, a pipe or a stash of its own is open', async () => {
  for (const type of ['slow', 'timer', 'pipe'] as const) {
    const { of, world, awake } = single({ passivateAfterMs: 1000 });
    of('ann').tell({ type, forMs: 5000 });
    await world.advance(4900);
    expect([type, awake()]).toEqual([type, 1]);
    await world.advance(2200);
    expect([type, awake()]).toEqual([type, 0]);
  }
  const { of, world, awake } = single({ passivateAfterMs: 1000 });
  of('ann').tell({ type: 'stash', forMs: 1 });
  await world.advance(10_000);
  expect(awake()).toBe(1);
});

test('a message that comes after an actor was told to sleep waits for its next life', async () => {
  const { world, system, of, add, starts } = single({ passivateAfterMs: 1000 });
  const late = defineActor<{ readonly type: 'now' }, null>({
    kind: 'late',
    // Due with the sweep and started before it: its message stands behind the sweep in the region's mailbox.
    start: (ctx) => {
      ctx.after(1000, { type: 'now' });
      return null;
    },
    receive: () => void of('ann').tell({ type: 'timer', forMs: 1 }),
  });
  await world.advance();
  system.spawn(late, undefined);
  await add('ann', 5);
  await world.advance(1000);
  expect(starts).toEqual(['ann', 'ann']);
  expect(system.deadLetters.count).toBe(0);
  expect(await add('ann', 1)).toBe(1);
});

test('no message falls between two lives, whenever it comes', async () => {
  const { system, of, world } = single({ passivateAfterMs: 10 });
  let letters = 0;
  system.deadLetters.subscribe(() => letters++);
  const answers: Promise<number>[] = [];
  await fc.assert(
    fc.asyncProperty(fc.array(fc.integer({ min: 0, max: 25 }), { maxLength: 30 }), async (pauses) => {
      for (const pauseMs of pauses) {
        answers.push(ask(system, of('ann'), { type: 'add', cents: 1 }, { timeoutMs: 1000 }));
        answers.push(ask(system, of('ann'), { type: 'add', cents: 1 }, { timeoutMs: 1000 }));
        await world.advance(pauseMs);
      }
    }),
    { numRuns: 30 },
  );
  await world.advance(100);
  expect((await Promise.allSettled(answers)).every(({ status }) => status === 'fulfilled')).toBe(true);
  expect(letters).toBe(0);
});

test('a crash ends that life: its asks fail at once, the next message finds a new one', async () => {
  const { of, add, starts, system, world } = single();
  await add('ann', 5);
  of('ann').tell({ type: 'crash' });
  const asked = ask(system, of('ann'), { type: 'add', cents: 1 }, { timeoutMs: 1000 });
  asked.catch(() => {});
  await world.advance();
  await expect(asked).rejects.toMatchObject({ code: 'stopped', reason: { kind: 'error' } });
  expect(await add('ann', 2)).toBe(2);
  expect(starts).toHaveLength(2);
});

test('beyond the number that may be awake a message is refused, not forgotten', async () => {
  const { add, system } = single({ maxAwake: 2 });
  await add('a', 1);
  await add('b', 1);
  await expect(add('c', 1)).rejects.toMatchObject({ code: 'refused' });
  expect(system.deadLetters.count).toBe(1);
  expect(await add('a', 1)).toBe(2);
});

test('a virtual actor has no end to watch', async () => {
  const { system, of, world } = single();
  const said: string[] = [];
  const watcher = defineActor<Message, null>({
    kind: 'watcher',
    start: (ctx) => {
      try {
        ctx.monitor(of('ann'));
      } catch (error) {
        said.push((error as Error).message);
      }
      return null;
    },
    receive: () => undefined,
  });
  system.spawn(watcher, undefined);
  await world.advance();
  expect(said).toEqual(['/purses/ann is a virtual actor: it is always there, so there is no end to watch']);
});

test('a durable virtual actor sleeps and wakes with its state', async () => {
  const world = virtualWorld(1);
  const system = createSystem('n1', world);
  const journal = memoryJournal();
  const region = system.spawn(entities({ actor: durablePurse(journal), passivateAfterMs: 100 }), alone, {
    name: 'purses',
  });
  const add = async (cents: number) => {
    const asked = ask(system, entity<Purse>(region, 'ann'), { type: 'add', cents }, { timeoutMs: 1000 });
    await world.advance();
    return asked;
  };
  expect(await add(5)).toBe(5);
  await world.advance(1000);
  expect(system.inspect().children[0]!.children).toEqual([]);
  expect(await add(2)).toBe(7);
});
