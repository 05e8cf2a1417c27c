import { describe, expect, it } from 'vitest';
import type { Decision } from '../../consensus/index.ts';
import { encodeEntry, type LaneEntry, signEntry } from '../../protocols/lanes/index.ts';
import { encodeBody, utf8 } from '../../protocols/wire/index.ts';
import { Swarm } from '../swarm.ts';
import { createAuditCheck } from './audit.ts';
import { createChatterCheck } from './chatter.ts';
import { createClientCheck } from './clients.ts';
import { createFencingCheck } from './fencing.ts';
import { createLaneCheck, laneEntriesType } from './lanes.ts';
import { createBook } from './violations.ts';

/** Nobody runs in it: what a checker hears is told by the test. */
const stage = (liars: readonly number[] = []) => {
  const swarm = new Swarm({ seed: 1, nodes: 4 });
  const book = createBook(() => ({ atMs: 0, event: 0, node: 0 }));
  const isHonest = (index: number): boolean => !liars.includes(index);
  return {
    swarm,
    book,
    isHonest,
    options: { swarm, book, isHonest },
    laws: () => book.violations.map(({ law }) => law),
  };
};

describe('lanes', () => {
  const entryOf = (swarm: Swarm, author: number, sequence: number, body: string): Uint8Array => {
    const { identity } = swarm.nodes[author]!;
    const fields: Omit<LaneEntry, 'author' | 'signature'> = {
      mesh: swarm.meshId,
      lane: 'workflow',
      sequence,
      previous: new Uint8Array(32),
      hlc: 1n,
      body: utf8.encode(body),
    };
    return encodeEntry(signEntry(fields, identity, swarm.crypto));
  };
  const send = (swarm: Swarm, from: number, entries: readonly Uint8Array[]) => ({
    from,
    to: (from + 1) % 4,
    carried: 'frame' as const,
    type: laneEntriesType,
    author: swarm.nodes[from]!.id,
    body: encodeBody({ entries: [...entries], more: false }, 100_000),
    sizeBytes: 0,
    id: 0,
  });

  it('an honest author that writes another entry at a place it has used is seen, whoever passes either on', () => {
    const { swarm, options, laws } = stage();
    const check = createLaneCheck(options);
    check.sent!(send(swarm, 0, [entryOf(swarm, 0, 1, 'a'), entryOf(swarm, 0, 2, 'b')]));
    check.sent!(send(swarm, 2, [entryOf(swarm, 0, 2, 'b')]));
    expect(laws()).toEqual([]);
    check.sent!(send(swarm, 1, [entryOf(swarm, 0, 2, 'c')]));
    expect(laws()).toEqual(['one-lane']);
  });

  it('a liar’s two entries are its own business', () => {
    const { swarm, options, laws } = stage([3]);
    const check = createLaneCheck(options);
    check.sent!(send(swarm, 0, [entryOf(swarm, 3, 1, 'a'), entryOf(swarm, 3, 1, 'b')]));
    check.sent!(send(swarm, 3, [entryOf(swarm, 0, 1, 'a')]));
    check.sent!(send(swarm, 3, [entryOf(swarm, 0, 1, 'b')]));
    expect(laws()).toEqual([]);
  });

  it('an entry that is held without the one before it is seen on the disk', () => {
    const { swarm, options, laws } = stage();
    const row = (sequence: number): [string, Uint8Array] => [
      `e/workflow/${swarm.nodes[0]!.id}/${String(sequence).padStart(16, '0')}`,
      new Uint8Array(1),
    ];
    swarm.nodes[1]!.disk.tables.set('lanes', new Map([row(1), row(2), row(3)]));
    const check = createLaneCheck(options);
    check.finish();
    expect(laws()).toEqual([]);
    swarm.nodes[1]!.disk.tables.set('lanes', new Map([row(1), row(3)]));
    check.finish();
    expect(laws()).toEqual(['causal-order']);
  });
});

describe('fencing', () => {
  const tell = (check: ReturnType<typeof createFencingCheck>, attempt: number, kind: Decision['kind'], index = 0) =>
    check.board!(
      { index, name: `node-${index}` } as never,
      {
        record: {
          workflow: 'w'.repeat(64),
          tasks: new Map([['one', { attempts: new Map([[attempt, { certified: { decision: { kind } } }]]) }]]),
        },
        entry: { kind: 'decided', task: 'one', attempt },
      } as never,
    );
  it('a task may be taken back and then end, and at no node end twice', () => {
    const { options, laws } = stage();
    const check = createFencingCheck(options);
    tell(check, 0, 'REASSIGN');
    tell(check, 1, 'ACCEPT');
    tell(check, 1, 'ACCEPT', 2);
    // A node that was away hears of the older attempt later.
    tell(check, 0, 'REASSIGN', 3);
    expect(laws()).toEqual([]);
    tell(check, 2, 'REJECT', 3);
    expect(laws()).toEqual(['fencing']);
  });
  it('what has ended is not taken back', () => {
    const { options, laws } = stage();
    const check = createFencingCheck(options);
    tell(check, 0, 'ACCEPT');
    tell(check, 0, 'REASSIGN', 1);
    expect(laws()).toEqual(['fencing']);
  });
});

describe('clients', () => {
  const submitted = (check: ReturnType<typeof createClientCheck>, key: string, workflow: string, node = 0) =>
    check.submitted!({
      key,
      workflow,
      node,
      life: 0,
      askedAtMs: 0,
      heldBy: 3,
      refused: undefined,
      work: undefined as never,
    });
  it('a key that names two workflows is in no order, unless a liar says so', () => {
    const { options, laws } = stage([3]);
    const check = createClientCheck(options);
    submitted(check, 'a', 'w1');
    submitted(check, 'a', 'w1', 1);
    submitted(check, 'b', 'w2', 1);
    submitted(check, 'a', 'w3', 3);
    check.finish();
    expect(laws()).toEqual([]);
    submitted(check, 'a', 'w3', 2);
    check.finish();
    expect(laws()).toEqual(['linearizable']);
  });
  it('a workflow with one end at one node and another at another is in no order', () => {
    const { options, laws } = stage();
    const check = createClientCheck(options);
    const ended = (index: number, state: string) =>
      check.board!(
        { index, name: `node-${index}`, lives: 1 } as never,
        { record: { workflow: 'w', ended: { state } } } as never,
      );
    ended(0, 'failed');
    ended(1, 'failed');
    ended(2, 'cancelled');
    check.finish();
    expect(laws()).toEqual([]);
    ended(2, 'completed');
    check.finish();
    expect(laws()).toEqual(['linearizable']);
  });
});

it('the audit log of one size has one root, everywhere and in every life, and does not shrink while a node lives', () => {
  const { options, laws } = stage();
  const check = createAuditCheck(options);
  const look = (index: number, lives: number, size: number, root: number): void =>
    check.ending!(
      {
        index,
        name: `node-${index}`,
        lives,
        process: {
          composed: {
            audit: { log: () => ({ size, root: () => new Uint8Array(32).fill(root) }) },
            parts: { chain: { current: { epoch: 0 } } },
          },
        },
      } as never,
      undefined,
    );
  look(0, 1, 1, 7);
  look(1, 1, 2, 8);
  look(0, 1, 2, 8);
  look(0, 2, 1, 7);
  expect(laws()).toEqual([]);
  look(2, 1, 2, 9);
  expect(laws()).toEqual(['audit-prefix']);
  look(1, 1, 1, 7);
  expect(laws()).toEqual(['audit-prefix', 'audit-grows']);
});

describe('quiet', () => {
  it('nodes that have nothing to do and say the same to each other again and again are seen, and liars are not', async () => {
    const { swarm, options, laws } = stage([3]);
    const check = createChatterCheck(options);
    const say = (from: number, to: number, times: number): void => {
      for (let i = 0; i < times; i++)
        check.sent!({
          ...{ from, to, carried: 'frame', type: 'lane.frontier', author: swarm.nodes[from]!.id },
          ...{ body: new Uint8Array(), sizeBytes: 0, id: i },
        });
    };
    say(0, 1, 1_000);
    check.begin();
    await swarm.run(10_000);
    say(0, 2, 200);
    say(3, 1, 1_000);
    check.finish();
    expect(laws()).toEqual([]);
    say(1, 2, 300);
    check.finish();
    expect(laws()).toEqual(['chatter']);
  });
});
