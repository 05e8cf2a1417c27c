// Law: see fold.ts. What each kind of entry may change, and what is refused and why.
import { describe, expect, it } from 'vitest';
import { attestations, candidates, encodeCertificate, verdictKey } from '../../consensus/index.ts';
import { encodeBody, utf8 } from '../../protocols/wire/index.ts';
import { certify } from '../../test/support/certify.ts';
import { crypto } from '../../test/support/decisions.ts';
import { planOf, task } from '../../test/support/in-process-mesh.ts';
import { applyAll, Scribe, type Written } from '../../test/support/scribe.ts';
import { planBytes } from '../plan/index.ts';
import { draftDecision } from './draft.ts';
import { decodeWorkflowEntry, encodeWorkflowEntry, type WorkflowEntry } from './entries.ts';
import { attemptOf, taskStatus } from './record.ts';

describe('an entry is refused by name', () => {
  const scribe = new Scribe(planOf([task('one')]));
  const terms = scribe.terms('one');
  const right = scribe.candidate('amber', terms, '[1]');
  const refusal = (written: Written): string => {
    const board = scribe.board();
    applyAll(board, [scribe.opened('amber')]);
    try {
      board.apply(written.author, written.body);
      return 'it is taken';
    } catch (error) {
      return `${(error as Error).name}: ${(error as Error).message}`;
    }
  };
  const retold = (written: Written, more: object): Written => ({
    author: written.author,
    body: encodeWorkflowEntry({ ...decodeWorkflowEntry(written.body), ...more } as WorkflowEntry),
  });
  const foreign = new Scribe(planOf([task('one')]), { key: 'another-workflow' });
  const outsider = new Scribe(planOf([task('one')]), { count: 7 });

  it.each<readonly [string, Written, RegExp]>([
    ['bytes that are no body', { author: scribe.id('dune'), body: Uint8Array.of(0xc1) }, /MalformedBytes/],
    [
      'a body that is no entry',
      { author: scribe.id('dune'), body: encodeBody({ kind: 'praise' }, 100) },
      /not a workflow entry/,
    ],
    [
      'a candidate of another author',
      { ...scribe.said('amber', right), author: scribe.id('dune') },
      /its author did not sign/,
    ],
    [
      'a candidate with another signature',
      scribe.said('amber', { ...right, signature: new Uint8Array(64) }),
      /its author did not sign/,
    ],
    [
      'a candidate under another workflow',
      retold(scribe.said('amber', foreign.candidate('amber', foreign.terms('one'), '[1]')), {
        workflow: scribe.workflow,
      }),
      /another task attempt/,
    ],
    [
      'a candidate of another plan',
      scribe.said('amber', scribe.candidate('amber', terms, '[1]', { planDigest: new Uint8Array(32) })),
      /another task attempt/,
    ],
    [
      'a candidate of another epoch',
      scribe.said('amber', scribe.candidate('amber', terms, '[1]', { epoch: 4 })),
      /another task attempt/,
    ],
    [
      'a candidate of another mesh',
      scribe.said('amber', scribe.candidate('amber', terms, '[1]', { meshId: new Uint8Array(32) })),
      /another task attempt/,
    ],
    ['a candidate beside another attempt', retold(scribe.said('amber', right), { attempt: 1 }), /another task attempt/],
    [
      'a result with a failure',
      retold(scribe.said('amber', right), { failure: { code: 'x', message: 'y' } }),
      /comes with its failure/,
    ],
    [
      'a failure without its words',
      retold(scribe.said('amber', scribe.candidate('amber', terms, undefined)), { failure: undefined }),
      /comes with its failure/,
    ],
    [
      'a failure with other words',
      retold(scribe.said('amber', scribe.candidate('amber', terms, undefined)), {
        failure: { code: 'x', message: 'y' },
      }),
      /another failure/,
    ],
    [
      'a failure of another size',
      scribe.said('amber', scribe.candidate('amber', terms, undefined, { sizeBytes: 1 })),
      /another failure/,
    ],
    [
      'an attestation of another author',
      { ...scribe.attested('birch', right), author: scribe.id('dune') },
      /its author did not sign/,
    ],
    [
      'an expiry of another author',
      { ...scribe.expired('birch', 'one'), author: scribe.id('dune') },
      /its author did not sign/,
    ],
    [
      'a task that the plan does not have',
      retold(scribe.fault('birch', 'one'), { task: 'two' }),
      /the plan does not have/,
    ],
    [
      'an attempt that no task gets',
      retold(scribe.fault('birch', 'one'), { attempt: 3 }),
      /attempt 3 of a task that gets 3/,
    ],
    [
      'the word of one who is no member of the epoch',
      { ...scribe.fault('birch', 'one'), author: outsider.id('fern') },
      /no member of epoch 0/,
    ],
    [
      'a cancellation by one who is no member',
      { ...scribe.cancelled('birch'), author: outsider.id('fern') },
      /no member of epoch 0/,
    ],
    [
      'an opening by one who is no member',
      { ...scribe.opened('birch'), author: outsider.id('fern') },
      /no member of epoch 0/,
    ],
    [
      'an opening of another plan than its name says',
      retold(scribe.opened('birch'), { workflow: '0'.repeat(64) }),
      /not the one its workflow is named after/,
    ],
    [
      'an opening under another key than its name says',
      retold(scribe.opened('birch'), { workflow: '0'.repeat(64), idempotencyKey: 'another-key' }),
      /not the one its workflow/,
    ],
    [
      'a plan that is not canonical',
      retold(scribe.opened('birch'), {
        workflow: '0'.repeat(64),
        plan: utf8.encode(`${utf8.decode(planBytes(scribe.plan))} `),
      }),
      /PlanInvalid/,
    ],
  ])('%s', (_what, written, reason) => {
    expect(refusal(written)).toMatch(reason);
  });

  it.each([
    [
      'that waits for itself',
      planOf([task('one', { after: ['two'] }), task('two', { after: ['one'] })]),
      /waits for itself/,
    ],
    ['with a skill nobody has', planOf([task('one', { skill: 'conjure' })]), /unknown skill/],
    ['whose answer is no task', planOf([task('one')], { result: 'two' }), /names no task/],
    ['with two tasks of one name', planOf([task('one'), task('one')]), /used twice/],
    ['that hides its risk', planOf([task('one', { skill: 'report.write' })]), /declares risk "read-only"/],
  ])('a plan %s', (_what, impossible, reason) => {
    const other = new Scribe(impossible);
    const board = other.board();
    expect(() => applyAll(board, [other.opened('amber')])).toThrow(reason);
    expect(board.all()).toEqual([]);
  });

  it('more attestations than there can be candidates', () => {
    const board = scribe.board();
    applyAll(board, [scribe.opened('amber')]);
    const attest = (i: number): void =>
      applyAll(board, [scribe.attested('dune', scribe.candidate('amber', terms, `[${i}]`))]);
    for (let i = 0; i < 4; i++) attest(i);
    expect(() => attest(5)).toThrow(/more attestations than there are candidates/);
  });
});

describe('a decision', () => {
  const scribe = new Scribe(planOf([task('one'), task('two')]));
  const terms = scribe.terms('one');
  const right = scribe.candidate('amber', terms, '[1]');
  const record = scribe.opening();
  const support = [scribe.said('amber', right), scribe.attested('birch', right), scribe.attested('cedar', right)];
  const board = scribe.board();
  applyAll(board, [scribe.opened('amber'), ...support]);
  Object.assign(attemptOf(record, 'one', 0), board.get(scribe.workflow)!.tasks.get('one')!.attempts.get(0)!);
  const decided = scribe.decided('dune', record, 'one');
  const entry = decodeWorkflowEntry(decided.body) as Extract<WorkflowEntry, { kind: 'decided' }>;
  const apply = (more: Partial<typeof entry>): string => {
    const fresh = scribe.board();
    applyAll(fresh, [scribe.opened('amber')]);
    try {
      fresh.apply(decided.author, encodeWorkflowEntry({ ...entry, ...more }));
      return taskStatus(fresh.get(scribe.workflow)!, scribe.plan.tasks[0]!).state;
    } catch (error) {
      return (error as Error).message;
    }
  };

  it('proves itself, whoever shows it: even one who is no member', () => {
    expect(apply({})).toBe('accepted');
    const fresh = scribe.board();
    applyAll(fresh, [
      scribe.opened('amber'),
      { ...decided, author: new Scribe(scribe.plan, { count: 7 }).id('grove') },
    ]);
    expect(taskStatus(fresh.get(scribe.workflow)!, scribe.plan.tasks[0]!).state).toBe('accepted');
  });

  it('with a flipped byte anywhere, or beside another task, is refused', () => {
    for (const part of ['decision', 'certificate'] as const) {
      for (let at = 0; at < entry[part].length; at += 97) {
        const bytes = entry[part].slice();
        bytes[at]! ^= 1;
        expect([part, at, apply({ [part]: bytes })]).not.toEqual([part, at, 'accepted']);
      }
    }
    expect(apply({ task: 'two' })).toMatch(/another task than its entry/);
    expect(apply({ attempt: 1 })).toMatch(/another task than its entry/);
  });

  it('with a polka for a certificate is refused: that is a step on the way', () => {
    const { certified } = attemptOf(record, 'one', 0);
    const polka = encodeCertificate({ ...certified!.certificate, kind: 'POLKA' });
    expect(apply({ certificate: polka })).toMatch(/polka|does not hold/);
  });

  it('with a certificate of the same members about something else is refused', () => {
    const subject = { domain: 'verdict', key: verdictKey({ ...terms, task: 'two' }) } as const;
    const identities = ['amber', 'birch', 'cedar', 'dune'].map((name) => scribe.who(name));
    const { meshId, current: config } = scribe.chain;
    const other = certify({ identities, config, meshId, subject, payload: entry.decision });
    expect(apply({ certificate: encodeCertificate(other) })).toMatch(/about another task attempt/);
  });
});

describe('statements', () => {
  it('of a candidate and an attestation read back as they were signed', () => {
    const scribe = new Scribe(planOf([task('one')]));
    const right = scribe.candidate('amber', scribe.terms('one'), '[1]');
    const board = scribe.board();
    applyAll(board, [scribe.opened('amber'), scribe.said('amber', right), scribe.attested('birch', right)]);
    const attempt = board.get(scribe.workflow)!.tasks.get('one')!.attempts.get(0)!;
    expect(candidates.encode(attempt.candidates.get(scribe.id('amber'))!.candidate)).toEqual(candidates.encode(right));
    const { attestation } = attempt.attestations.values().next().value!;
    expect(attestations.verify(attestation, crypto)).toBe(true);
  });
});

describe('a worker', () => {
  const scribe = new Scribe(planOf([task('count')]), { workers: ['elm'] });
  const board = scribe.board();
  const terms = scribe.terms('count', 0, scribe.opening());
  const result = scribe.candidate('elm', terms, '[1]');
  applyAll(board, [scribe.opened('amber'), scribe.assigned('birch', 'count', ['elm', 'amber'], ['birch', 'elm'])]);
  const attempt = board.get(scribe.workflow)!.tasks.get('count')!.attempts.get(0)!;

  it('may be an executor, and nobody’s assignment makes it a verifier', () => {
    expect([attempt.executors.has(scribe.id('elm')), attempt.verifiers.has(scribe.id('elm'))]).toEqual([true, false]);
  });

  it('shows its result, which stands by members’ words alone', () => {
    applyAll(board, [scribe.said('elm', result)]);
    expect([...attempt.candidates.keys()]).toEqual([scribe.id('elm')]);
    const config = scribe.chain.current;
    applyAll(board, [scribe.attested('amber', result), scribe.attested('birch', result)]);
    expect(draftDecision(attempt, terms, config)).toBeUndefined();
    applyAll(board, [scribe.attested('cedar', result)]);
    expect(draftDecision(attempt, terms, config)).toMatchObject({
      kind: 'ACCEPT',
      candidate: { executor: scribe.id('elm') },
    });
  });

  it('is refused whatever else it says', () => {
    const others = [
      scribe.opened('elm'),
      scribe.assigned('elm', 'count', ['elm'], []),
      scribe.attested('elm', scribe.candidate('amber', terms, '[1]')),
      scribe.expired('elm', 'count'),
      scribe.cancelled('elm', 'because'),
    ];
    for (const { author, body } of others) expect(() => board.apply(author, body)).toThrow(/no member of epoch 0/);
  });
});
