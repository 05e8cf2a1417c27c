import { describe, expect, it } from 'vitest';
import { encodeFailure, failureDigest } from '../../consensus/index.ts';
import { createMemoryStorage } from '../../protocols/lanes/testing/index.ts';
import { hex, utf8 } from '../../protocols/wire/index.ts';
import { crypto } from '../../test/support/decisions.ts';
import { once, refOf, task } from '../../test/support/in-process-mesh.ts';
import type { DataSetPolicy, Parts } from '../parts/index.ts';
import type { Json } from '../plan/index.ts';
import type { BlobRef, SkillCall, SkillOutcome } from '../system/index.ts';
import type { BoundCall } from '../workflow/index.ts';
import { runCall } from './runs.ts';

const rows = utf8.encode('name,salary\nada,7\n');
const placed = task('one', {
  skill: 'table.aggregate',
  placement: { site: 'north', dataSet: 'ledger' },
  endorsement: 'site',
});
const call = (input: Json, files: BoundCall['files'] = {}, of = placed): BoundCall => ({ task: of, input, files });

/** A node with a data set `ledger` under `policy`, and a sandbox that answers `outcome`. */
function nodeOf(options: {
  readonly policy?: Partial<DataSetPolicy>;
  readonly outcome?: SkillOutcome;
  readonly has?: boolean;
  readonly obtain?: (ref: BlobRef) => Promise<void>;
}) {
  const storage = createMemoryStorage(crypto);
  const calls: SkillCall[] = [];
  const kept: string[] = [];
  const policy = { minimumGroupSize: 5, allow: ['table.aggregate'], ...options.policy };
  const result: SkillOutcome = { kind: 'result', output: utf8.encode('[1]'), durationMs: 3 };
  const parts = {
    world: {
      crypto,
      storage,
      clock: { monotonicMs: () => 0, wallMs: () => 0 },
      sandbox: {
        run: async (asked: SkillCall) => {
          calls.push(asked);
          return options.outcome ?? result;
        },
      },
    },
    blobs: { obtain: options.obtain ?? (async () => {}), keepPrivate: (digest: string) => void kept.push(digest) },
    dataSets: {
      open: async (name: string) =>
        options.has === false || name !== 'ledger'
          ? undefined
          : { fileName: 'ledger.csv', blob: await storage.blobs.write(once(rows)), policy },
    },
  } as unknown as Parts;
  const run = (bound: BoundCall) => runCall(parts, 'ab'.repeat(32), bound, [], new AbortController().signal);
  return { run, calls, kept, storage };
}

describe('a site’s policy', () => {
  it.each<readonly [string, Json, Json]>([
    ['asks for no group size', {}, { minimumGroupSize: 5 }],
    ['asks for a smaller one', { minimumGroupSize: 1 }, { minimumGroupSize: 5 }],
    ['asks for a larger one', { minimumGroupSize: 9 }, { minimumGroupSize: 9 }],
    ['asks for something that is no number', { minimumGroupSize: 'none' }, { minimumGroupSize: 5 }],
    ['asks for less than nothing', { minimumGroupSize: -1 }, { minimumGroupSize: 5 }],
    ['keeps its other wishes', { groupBy: ['x'], minimumGroupSize: null }, { groupBy: ['x'], minimumGroupSize: 5 }],
  ])('holds where the plan %s', async (_what, input, expected) => {
    const { run, calls } = nodeOf({});
    await run(call(input));
    expect(calls.map((asked) => asked.input)).toEqual([expected]);
  });

  it('refuses a skill it does not allow, in words that every node of the site signs alike, and runs nothing', async () => {
    const { run, calls } = nodeOf({ policy: { allow: ['other.skill'] } });
    const failure = { code: 'policy_denied', message: "the site's policy does not allow table.aggregate on 'ledger'" };
    expect(await run(call({}))).toMatchObject({
      kind: 'failure',
      failure,
      digest: failureDigest(failure, crypto),
      sizeBytes: encodeFailure(failure).length,
    });
    expect(calls).toEqual([]);
  });

  it('keeps the table at the node, whatever comes of the run', async () => {
    const { run, kept, calls } = nodeOf({});
    await run(call({}));
    expect(kept).toEqual([hex.encode(crypto.sha256(rows))]);
    expect(calls[0]!.files['ledger.csv']).toEqual(refOf(rows));
  });

  it('a node without the data set says so, and nothing about the data', async () => {
    const { run, calls } = nodeOf({ has: false });
    expect(await run(call({}))).toEqual({
      kind: 'fault',
      code: 'no_data_set',
      message: "this node has no data set 'ledger'",
    });
    expect(calls).toEqual([]);
  });
});

describe('a run', () => {
  const plain = task('one');
  it('keeps its output for whoever needs it next, under its digest and size', async () => {
    const { run, storage } = nodeOf({});
    const outcome = await run(call({}, {}, plain));
    expect(outcome).toMatchObject({
      kind: 'result',
      digest: crypto.sha256(utf8.encode('[1]')),
      sizeBytes: 3,
      failure: undefined,
    });
    expect(await storage.blobs.has(hex.encode(crypto.sha256(utf8.encode('[1]'))))).toBe(true);
  });
  it('that cannot have its files says nothing about them', async () => {
    const { run, calls } = nodeOf({ obtain: async () => Promise.reject(new Error('nobody gave it')) });
    expect(await run(call({}, { 'a.csv': refOf(rows) }, plain))).toEqual({
      kind: 'fault',
      code: 'payload',
      message: 'nobody gave it',
    });
    expect(calls).toEqual([]);
  });
  it('that faults is no candidate', async () => {
    const fault: SkillOutcome = { kind: 'fault', code: 'memory', message: 'too much', durationMs: 1 };
    expect(await nodeOf({ outcome: fault }).run(call({}, {}, plain))).toEqual({
      kind: 'fault',
      code: 'memory',
      message: 'too much',
    });
  });
  it.each([0, 1])('whose failure is cut inside a character still has an encoding (%i)', async (shift) => {
    const message = `${'x'.repeat(998 + shift)}😀 and more`;
    const outcome = await nodeOf({ outcome: { kind: 'failure', code: 'bad', message, durationMs: 1 } }).run(
      call({}, {}, plain),
    );
    if (outcome.kind !== 'failure') throw new Error('it is a failure');
    expect(outcome.failure!.message.isWellFormed()).toBe(true);
    expect(outcome.digest).toEqual(failureDigest(outcome.failure!, crypto));
  });
});
