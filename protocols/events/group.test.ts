// Law: see group.ts. A board and a log in memory, so that another's claim comes exactly when the test wants it.
import { expect, it } from 'vitest';
import { createCrypto, realClock, realScheduler, until } from '../../test/support/world.ts';
import type { BusEvent } from './bus.ts';
import { joinGroup } from './group.ts';
import type { GroupBoard, ShareRecord } from './log.ts';

it('hands out nothing more of a share that another consumer has claimed since, whatever is ready', async () => {
  const clock = realClock();
  const records = new Map<string, ShareRecord>();
  const heard = new Map<string, number>();
  const watchers = new Set<() => void>();
  const board: GroupBoard = {
    ...{ settleMs: 0, spreadMs: 0, commitMs: 10 },
    records: () => records,
    async write(updates) {
      for (const { source, record } of updates) records.set(source, record);
      return updates.map(() => true);
    },
    beat: () => void heard.set('me', clock.monotonicMs()),
    heard: () => heard,
    onChange(handler) {
      watchers.add(handler);
      return () => void watchers.delete(handler);
    },
    close() {},
  };
  let given = 0;
  const handled: string[] = [];
  const membership = await joinGroup(
    {
      clock,
      scheduler: realScheduler(clock),
      crypto: createCrypto(),
      trace: () => {},
      putAside: async () => {},
      boards: { open: async () => board, list: async () => [], close: async () => {} },
      log: {
        batchEveryMs: 0,
        append: async () => ({ source: '0', sequence: 1 }),
        sources: () => ['0'],
        head: async () => 0,
        open: () => ({
          async next() {
            await new Promise((resolve) => setTimeout(resolve, 5));
            const event = { id: `e${++given}`, key: 'k', note: '', data: new Uint8Array(0) };
            return { sequence: given, batch: { topic: 'orders', partition: 0, atMs: 0, events: [event] } };
          },
          close() {},
        }),
        close: async () => {},
      },
    },
    'orders',
    'billing',
    'me',
    { leaseMs: 600, handle: (events: readonly BusEvent[]) => void handled.push(...events.map(({ id }) => id)) },
  );
  await until('some to be handled', () => handled.length > 5);
  const { generation } = records.get('0')!;
  heard.set('another', clock.monotonicMs() + 60_000);
  records.set('0', { ...records.get('0')!, owner: 'another', generation: generation + 1 });
  const before = handled.length;
  // Not told of it: the record alone must do.
  await new Promise((resolve) => setTimeout(resolve, 300));
  expect(handled.length).toBe(before);
  expect(records.get('0')!.owner).toBe('another');
  await membership.leave();
});
