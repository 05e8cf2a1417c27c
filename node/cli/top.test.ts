import { writeFileSync } from 'node:fs';
import { afterEach, expect, test } from 'vitest';
import type { ActorRow, ActorsReply } from '../client/index.ts';
import { type TopOptions, top } from './commands/top.ts';
import { FakeNode, memorySession, newRecord } from './testing/index.ts';

const row = (path: string, depth: number, more: Partial<ActorRow> = {}): ActorRow => ({
  path,
  uid: depth,
  depth,
  kind: 'any',
  phase: 'running',
  suspended: false,
  mailboxDepth: 0,
  mailboxCapacity: 1024,
  stashDepth: 0,
  restarts: 0,
  handled: 0,
  messagesPerSecond: 0,
  ...more,
});

const actors: readonly ActorRow[] = [
  row('/', 0),
  row('/node', 1, { kind: 'supervisor', handled: 7, messagesPerSecond: 0.5 }),
  row('/node/slow', 2, { mailboxDepth: 90, stashDepth: 10, suspended: true, handled: 4, messagesPerSecond: 12.5 }),
  row('/node/frail', 2, {
    restarts: 3,
    handled: 1200,
    messagesPerSecond: 480.2,
    lastError: 'Error: out of\u001b[2Jpaper',
  }),
];

let fake: FakeNode;
afterEach(() => fake.stop());

async function look(options: Partial<TopOptions>, session = memorySession(), more: Partial<ActorsReply> = {}) {
  const asked: number[] = [];
  fake = await FakeNode.start({
    name: 'amber',
    record: newRecord(),
    actors: (overMs) => {
      asked.push(overMs);
      if (asked.length === 3) session.stop.abort(new Error('Ctrl-C'));
      return { node: 'amber', overMs: 1003, deadLetters: 2, actors, omitted: 0, ...more };
    },
  });
  const folder = fake.socket.replace(/\/node\.sock$/, '');
  writeFileSync(`${folder}/node.json`, '{}');
  writeFileSync(`${folder}/socket`, fake.socket);
  const ended = top(session, { once: true, interval: 250, sort: 'tree', folder, ...options });
  return { ended, session, asked };
}

test('one look shows the tree with rates, what waits, restarts and the last error, and nothing a terminal would act on', async () => {
  const { ended, session, asked } = await look({});
  await ended;
  expect(asked).toEqual([250]);
  expect(session.lines).toEqual([
    'amber · 4 actors · 493 messages/s · 100 waiting · 3 restarts · 2 dead letters · over 1.00 s',
    'actor      msg/s   waiting  restarts  handled  state    last error',
    '/                                           0  running',
    '  node       0.5                            7  running',
    '    slow    12.5  100/1024                  4  awaits',
    '    frail    480                   3     1200  running  Error: out of\ufffd[2Jpaper',
  ]);
});

test.each([
  ['rate', ['/node/frail', '/node/slow']],
  ['mailbox', ['/node/slow', '/']],
  ['restarts', ['/node/frail', '/']],
] as const)('sorted by %s the busiest come first, by their whole path', async (sort, first) => {
  const { ended, session } = await look({ sort });
  await ended;
  expect(session.lines.slice(2, 4).map((line) => line.split(' ')[0])).toEqual(first);
});

test('without --once it looks again and again until it is interrupted, each time on a cleared screen that is not exceeded', async () => {
  const { ended, session, asked } = await look({ once: false }, memorySession({ width: 80, height: 6 }), {
    omitted: 5,
  });
  await expect(ended).rejects.toThrow('Ctrl-C');
  expect(asked).toHaveLength(3);
  const screens = session.lines.join('\n').split('\u001b[H\u001b[J').slice(1);
  expect(screens.length).toBeGreaterThanOrEqual(2);
  for (const screen of screens) expect(screen.trimEnd().split('\n').length).toBeLessThanOrEqual(5);
  expect(screens[0]).toContain('and 7 more: a taller terminal or --once shows more');
});

test('where it is not a terminal each look follows the last, whole', async () => {
  const { ended, session } = await look({ once: false });
  await expect(ended).rejects.toThrow('Ctrl-C');
  expect(session.lines.join('\n')).not.toContain('\u001b');
  expect(session.lines.filter((line) => line.includes('frail')).length).toBeGreaterThanOrEqual(2);
});

test('-o json prints what the node said, and an interval over a minute is refused', async () => {
  const { ended, session } = await look({}, memorySession({ json: true }));
  await ended;
  expect(JSON.parse(session.lines.join('\n'))).toMatchObject({
    node: 'amber',
    deadLetters: 2,
    actors: [{}, {}, {}, {}],
  });
  await expect(top(memorySession(), { once: true, interval: 60_001, sort: 'tree' })).rejects.toMatchObject({
    exitCode: 2,
  });
});
