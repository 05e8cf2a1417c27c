import { describe, expect, it } from 'vitest';
import { exact } from '../../consensus/index.ts';
import { hex } from '../../protocols/wire/index.ts';
import { crypto } from '../../test/support/decisions.ts';
import { planOf, task } from '../../test/support/in-process-mesh.ts';
import { applyAll, Scribe } from '../../test/support/scribe.ts';
import type { PlanTask } from '../plan/index.ts';
import {
  attemptOf,
  attemptsMax,
  boundCall,
  endOf,
  outputsOf,
  payloadsOf,
  progressOf,
  taskStatus,
  type WorkflowRecord,
} from './record.ts';
import { callDigest, termsOf } from './terms.ts';

type Verdict = 'accept' | 'reject' | 'reassign';

/** Puts really decided verdicts on the record, in order. */
function decide(
  scribe: Scribe,
  record: WorkflowRecord,
  verdicts: readonly (readonly [string, Verdict, number?])[],
): void {
  for (const [name, verdict, number = 0] of verdicts) {
    const board = scribe.board();
    applyAll(board, [scribe.opened('amber')]);
    const terms = scribe.terms(name, number, record);
    if (verdict === 'reassign') {
      applyAll(
        board,
        ['amber', 'birch', 'cedar'].map((by) => scribe.expired(by, name, number)),
      );
    } else {
      const right = scribe.candidate('amber', terms, verdict === 'accept' ? `["${name}"]` : undefined);
      applyAll(board, [scribe.said('amber', right), scribe.attested('birch', right), scribe.attested('cedar', right)]);
    }
    const attempt = board.get(scribe.workflow)!.tasks.get(name)!.attempts.get(number)!;
    const { candidates, attestations, expired } = attempt;
    Object.assign(attemptOf(record, name, number), { candidates, attestations, expired });
    scribe.decided('amber', record, name, number);
  }
}

function recordOf(tasks: readonly PlanTask[], ...verdicts: readonly (readonly [string, Verdict, number?])[]) {
  const scribe = new Scribe(planOf(tasks));
  const record = scribe.opening();
  decide(scribe, record, verdicts);
  return {
    scribe,
    record,
    statusOf: (name: string) => taskStatus(record, scribe.plan.tasks.find(({ id }) => id === name)!),
  };
}

const chained = [task('one'), task('two', { after: ['one'], files: { 'one.json': { task: 'one' } } })];

describe('what a task came to', () => {
  it('is open until its attempt is decided, then what was decided', () => {
    expect(recordOf(chained).statusOf('one')).toMatchObject({ state: 'open', attempt: 0 });
    expect(recordOf(chained, ['one', 'accept']).statusOf('one')).toMatchObject({ state: 'accepted', attempt: 0 });
    expect(recordOf(chained, ['one', 'reject']).statusOf('one')).toMatchObject({ state: 'rejected', attempt: 0 });
  });

  it('is the next attempt after each reassignment, and unavailable after the last', () => {
    const reassigned = Array.from({ length: attemptsMax }, (_, i) => ['one', 'reassign', i] as const);
    expect(recordOf(chained, ...reassigned.slice(0, 1)).statusOf('one')).toMatchObject({ state: 'open', attempt: 1 });
    expect(recordOf(chained, ...reassigned).statusOf('one')).toMatchObject({
      state: 'unavailable',
      attempt: attemptsMax - 1,
    });
    const optional = [task('one', { optional: true }), task('two', { after: ['one'] })];
    expect(recordOf(optional, ['one', 'reassign']).statusOf('one')).toMatchObject({ state: 'unavailable', attempt: 0 });
  });

  it('is not a decision on a later attempt that no reassignment led to', () => {
    expect(recordOf(chained, ['one', 'accept', 1]).statusOf('one')).toMatchObject({ state: 'open', attempt: 0 });
  });
});

describe('how far a workflow is', () => {
  it('is the tasks whose turn it is, with their attempt', () => {
    const { record } = recordOf(chained);
    expect(progressOf(record)).toMatchObject({ kind: 'ready', tasks: [{ task: { id: 'one' }, attempt: 0 }] });
    const after = recordOf(chained, ['one', 'reassign'], ['one', 'accept', 1]);
    expect(progressOf(after.record)).toMatchObject({ kind: 'ready', tasks: [{ task: { id: 'two' }, attempt: 0 }] });
  });

  it('is done when no task is open and the answer is accepted', () => {
    const { record } = recordOf(chained, ['one', 'accept'], ['two', 'accept']);
    expect(progressOf(record)).toMatchObject({ kind: 'done', result: { decision: { task: 'two' } } });
  });

  it('is not done while a task beside the answer is open, so that whether it fails does not hang on what was heard first', () => {
    const beside = [task('answer'), task('report')];
    const plan = { result: 'answer' };
    const scribe = new Scribe(planOf(beside, plan));
    const record = scribe.opening();
    decide(scribe, record, [['answer', 'accept']]);
    expect(progressOf(record)).toMatchObject({ kind: 'ready', tasks: [{ task: { id: 'report' } }] });
    decide(scribe, record, [['report', 'reject']]);
    expect(progressOf(record)).toMatchObject({
      kind: 'failed',
      message: 'report (echo): no such column',
      certified: { decision: { task: 'report', kind: 'REJECT' } },
    });
  });

  it('is failed where a task that is needed has no output, with the task and the reason', () => {
    expect(progressOf(recordOf(chained, ['one', 'reject']).record)).toMatchObject({
      kind: 'failed',
      message: 'one (echo): no such column',
    });
    const tries = Array.from({ length: attemptsMax }, (_, i) => ['one', 'reassign', i] as const);
    expect(progressOf(recordOf(chained, ...tries).record)).toMatchObject({
      kind: 'failed',
      message: expect.stringMatching(/after 3 attempt/),
    });
  });

  it('goes on where what is missing was optional', () => {
    const optional = [
      task('one', { optional: true }),
      task('two', { after: ['one'], files: { 'one.json': { task: 'one' } } }),
    ];
    const { record } = recordOf(optional, ['one', 'reject']);
    expect(progressOf(record)).toMatchObject({ kind: 'ready', tasks: [{ task: { id: 'two' } }] });
    expect(boundCall(record, 'two')?.files).toEqual({});
    expect(outputsOf(record).get('one')).toEqual({ kind: 'absent', reason: 'no such column' });
  });

  it('is unknown before the opening', () => {
    const { record } = recordOf(chained);
    record.opened = undefined;
    expect(progressOf(record)).toEqual({ kind: 'unknown' });
    expect(boundCall(record, 'one')).toBeUndefined();
  });
});

describe('the end of a workflow', () => {
  const { scribe } = recordOf(chained);
  const config = scribe.chain.current;
  it('is none while it runs, and the certificates’ word where there is one', () => {
    expect(endOf(recordOf(chained).record, config)).toBeUndefined();
    const done = recordOf(chained, ['one', 'accept'], ['two', 'accept']).record;
    done.cancelledBy.set(scribe.id('amber'), 'too late');
    expect(endOf(done, config)).toEqual({ state: 'completed', message: 'certified' });
  });
  it('is a cancellation with the gateway’s own reason where there are several', () => {
    const { record } = recordOf(chained);
    for (const name of ['dune', 'cedar', 'amber']) record.cancelledBy.set(scribe.id(name), `says ${name}`);
    expect(endOf(record, config)).toEqual({ state: 'cancelled', message: 'says amber' });
  });
});

describe('what a task asks for', () => {
  it('is known only when what it waits for is certified, and then binds its output', () => {
    expect(boundCall(recordOf(chained).record, 'two')).toBeUndefined();
    const { record, scribe } = recordOf(chained, ['one', 'accept']);
    const { files } = boundCall(record, 'two')!;
    expect(Object.keys(files)).toEqual(['one.json']);
    expect(files['one.json']!.digest).toBe(hex.encode(crypto.sha256(new TextEncoder().encode('["one"]'))));
    expect(scribe.terms('two', 0, record).relation).toMatchObject({ id: exact.id, version: exact.version });
  });

  it('is named by the skill, the input, the files and the place: one digest for each', () => {
    const { record } = recordOf(chained, ['one', 'accept']);
    const call = boundCall(record, 'two')!;
    const placed = { ...call.task, placement: { site: 'north', dataSet: 'ledger' } };
    const others = [
      call,
      { ...call, task: { ...call.task, skill: 'fail' } },
      { ...call, input: { of: 'another' } },
      { ...call, files: { 'two.json': call.files['one.json']! } },
      { ...call, files: { 'one.json': { ...call.files['one.json']!, sizeBytes: 1 } } },
      { ...call, task: placed },
      { ...call, task: { ...placed, placement: { site: 'south', dataSet: 'ledger' } } },
    ].map((each) => hex.encode(callDigest(each, crypto)));
    expect(new Set(others).size).toBe(others.length);
    expect(hex.encode(callDigest({ ...call, files: { ...call.files } }, crypto))).toBe(others[0]);
  });

  it('is a site’s own word only for a task that is placed there', () => {
    const placed = task('one', { placement: { site: 'north', dataSet: 'ledger' }, endorsement: 'site' });
    const { record, scribe } = recordOf([placed]);
    expect(scribe.terms('one', 0, record).endorsement).toEqual({ rule: 'site', site: 'north' });
    expect(recordOf(chained).scribe.terms('one').endorsement).toEqual({ rule: 'quorum' });
  });

  it('cannot be said by a node that does not have the skill', () => {
    const { record, scribe } = recordOf(chained);
    expect(termsOf(record, 'one', 0, { chain: scribe.chain, crypto, skillVersion: () => undefined })).toBeUndefined();
  });

  it('reads each payload once', () => {
    const ref = { digest: 'ab'.repeat(32), sizeBytes: 3 };
    const plan = planOf([
      task('one', { files: { a: { blob: ref }, b: { blob: ref } } }),
      task('two', { files: { c: { blob: ref } } }),
    ]);
    expect(payloadsOf(plan)).toEqual([ref]);
  });
});
