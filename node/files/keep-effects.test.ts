// Law: see keep-effects.ts. Time is virtual: what is due runs when the test says so.
import { expect, test } from 'vitest';
import type { Parts } from '../../actors/parts/index.ts';
import { NetworkError } from '../../actors/system/index.ts';
import type { WorkflowRecord } from '../../actors/workflow/index.ts';
import { recordingLog, turnsOfTheLoop } from '../../test/support/world.ts';
import { keepEffects } from './index.ts';

function kept(outcomes: readonly (Error | undefined)[]) {
  const { log, lines } = recordingLog();
  const due = new Map<number, { readonly atMs: number; readonly run: () => void }>();
  const handlers = new Set<(change: { readonly record: WorkflowRecord }) => void>();
  let nowMs = 0;
  let timers = 0;
  const attemptsAtMs: number[] = [];
  const stop = keepEffects(
    {
      board: {
        onChange: (handler: (change: { readonly record: WorkflowRecord }) => void) => {
          handlers.add(handler);
          return () => handlers.delete(handler);
        },
      },
      world: {
        log,
        clock: { monotonicMs: () => nowMs },
        scheduler: {
          at(atMs: number, run: () => void) {
            const timer = timers++;
            due.set(timer, { atMs, run });
            return () => due.delete(timer);
          },
        },
      },
    } as unknown as Pick<Parts, 'board' | 'world'>,
    async () => {
      const outcome = outcomes[attemptsAtMs.push(nowMs) - 1];
      if (outcome !== undefined) throw outcome;
    },
  );
  const changed = (state: string, workflow = 'w'): void => {
    for (const handler of handlers) handler({ record: { workflow, ended: { state } } as unknown as WorkflowRecord });
  };
  /** Until nothing is due any more. */
  const pass = async (): Promise<void> => {
    await turnsOfTheLoop(2);
    for (const [timer, { atMs, run }] of due) {
      due.delete(timer);
      nowMs = atMs;
      run();
      await turnsOfTheLoop(2);
    }
  };
  return { changed, pass, stop, due, attemptsAtMs, lines };
}

const alone = new NetworkError('unreachable', 'no peer is connected');

test('an effect whose payload nobody could give is tried again, ever less often, until it is carried out', async () => {
  const { changed, pass, due, attemptsAtMs, lines } = kept(Array.from({ length: 8 }, () => alone));
  changed('failed');
  changed('completed');
  await pass();
  expect(attemptsAtMs).toEqual([0, 1_000, 3_000, 7_000, 15_000, 31_000, 63_000, 123_000, 183_000]);
  expect([due.size, [...new Set(lines.map(({ level }) => level))]]).toEqual([0, ['warn']]);
});

test('one that fails for the node’s own reasons is an error and tried again, too', async () => {
  const { changed, pass, attemptsAtMs, lines } = kept([new Error('the disk is full')]);
  changed('completed');
  await pass();
  expect([attemptsAtMs, lines.map(({ level }) => level)]).toEqual([[0, 1_000], ['error']]);
});

test('one carried out in another attempt is not tried again, and a workflow waits once', async () => {
  const { changed, due, attemptsAtMs } = kept([alone, alone]);
  changed('completed');
  changed('completed');
  await turnsOfTheLoop(2);
  expect([attemptsAtMs.length, due.size]).toEqual([2, 1]);
  changed('completed');
  await turnsOfTheLoop(2);
  expect([attemptsAtMs.length, due.size]).toEqual([3, 0]);
});

test('the first thousand workflows wait, the next is an error that says how to have it done', async () => {
  const { changed, due, lines } = kept(Array.from({ length: 1_001 }, () => alone));
  for (let n = 0; n <= 1_000; n++) changed('completed', `w${n}`);
  await turnsOfTheLoop(2);
  expect(due.size).toBe(1_000);
  expect(lines.filter(({ level }) => level === 'error')).toMatchObject([{ fields: { workflow: 'w1000' } }]);
});

test('nothing is tried and no timer is left once the node stops', async () => {
  const { changed, pass, stop, due, attemptsAtMs } = kept([alone, alone]);
  changed('completed');
  await turnsOfTheLoop(2);
  changed('completed', 'under way');
  stop();
  changed('completed', 'later');
  await pass();
  expect([attemptsAtMs.length, due.size]).toEqual([2, 0]);
});
