// Law: work that its judges refuse is rejected by a decision of its own, which says who of which family said no, and proves itself offline. A
// minority of judges can neither force it nor prevent it, and a judge that says both is named by its own two signatures.
import { afterEach, describe, expect, it } from 'vitest';
import type { LaneWriter } from '../../actors/parts/index.ts';
import type { PlanTask } from '../../actors/plan/index.ts';
import {
  buildCertificateFile,
  evidenceFile,
  verifyCertificateFile,
  verifyEvidenceFile,
} from '../../actors/proof/index.ts';
import type { SkillCall, SkillOutcome } from '../../actors/system/index.ts';
import { encodeWorkflowEntry, workflowLane } from '../../actors/workflow/index.ts';
import {
  attestations,
  type Decision,
  endorsementInWords,
  isRefusal,
  type Refusal,
  type RelationSpec,
} from '../../consensus/index.ts';
// @ts-expect-error: a program of its own, in plain JavaScript
import { verifyCertificate as verifyIndependently } from '../../docs/independent-verifier.mjs';
import { utf8 } from '../../protocols/wire/index.ts';
import { crypto, InProcessMesh, type InProcessOptions, planOf, task } from '../support/in-process-mesh.ts';

let mesh: InProcessMesh;
afterEach(() => mesh.end());
const everyone = ['amber', 'birch', 'cedar', 'dune'];
const families = ['large', 'large', 'small', 'tiny'];

type Outcome = (call: SkillCall, honest: SkillOutcome) => SkillOutcome;
const json = (value: unknown): SkillOutcome => ({
  kind: 'result',
  output: utf8.encode(JSON.stringify(value)),
  durationMs: 5,
});
/** Writes `text` where it executes; as a judge says `accepts`, or what is honest where that is left out. */
const member =
  (text: string, accepts?: boolean): Outcome =>
  (call, honest) =>
    call.skill === 'echo'
      ? json(text)
      : call.skill !== 'judge' || accepts === undefined
        ? honest
        : json({ accept: accepts });

async function start(members: readonly Outcome[], more: Partial<InProcessOptions> = {}): Promise<void> {
  const outcome = Object.fromEntries(members.map((each, i) => [everyone[i]!, each]));
  mesh = await InProcessMesh.start({ count: 4, outcome, modelFamily: (i) => families[i]!, ...more });
}

const relation: RelationSpec = {
  kind: 'judges',
  skill: 'judge',
  input: { forbidden: 'nonsense' },
  atLeast: 2,
  families: 2,
};

async function decide(
  key: string,
  at: readonly string[] = everyone,
  more: { readonly relation?: RelationSpec; readonly task?: Partial<PlanTask> } = {},
): Promise<{ readonly workflow: string; readonly states: unknown[]; readonly decisions: readonly Decision[] }> {
  const one = task('one', { relation: more.relation ?? relation, ...more.task });
  const workflow = await mesh.open(at[0]!, planOf([one]), key);
  const states = await mesh.ended(workflow, at, 120_000);
  await mesh.time.advance(1_000);
  const attempts = [...mesh.record(at[0]!, workflow)!.tasks.get('one')!.attempts.values()];
  return { workflow, states, decisions: attempts.map(({ certified }) => certified!.decision) };
}

const nameOf = (id: string): string => everyone.find((name) => mesh.idOf(name) === id) ?? id;
const refusedBy = (decision: Refusal): string[] => [
  ...new Set(decision.refused.flatMap(({ refusing }) => refusing.map(({ verifier }) => nameOf(verifier)))),
];

/** What every node's file proves to both verifiers. */
function provenNone(workflow: string, at: readonly string[] = everyone): Uint8Array {
  const { chain } = mesh.node(at[0]!).composed.parts;
  let last: Uint8Array | undefined;
  for (const name of at) {
    last = buildCertificateFile(mesh.record(name, workflow)!, chain)!;
    expect(verifyCertificateFile(last, { crypto, meshId: chain.meshIdHex })).toMatchObject({
      ok: true,
      about: { failed: 'one (echo): its judges refused it' },
    });
    expect(verifyIndependently(Buffer.from(last), chain.meshIdHex)).toMatchObject({
      failedTask: 'one',
      kind: 'REJECT',
    });
  }
  return last!;
}

const nonsense = ['nonsense 1', 'nonsense 2', 'nonsense 3', 'nonsense 4'];

describe('work that all its judges refuse', () => {
  it('is rejected by a decision that names them with their families, and accuses nobody', async () => {
    await start(nonsense.map((text) => member(text)));
    const { workflow, states, decisions } = await decide('all-of-them-refuse');
    expect(states).toEqual(everyone.map(() => 'failed'));
    const [decision, ...more] = decisions;
    expect(more).toEqual([]);
    if (decision === undefined || !isRefusal(decision)) throw new Error('not refused');
    expect(decision).toMatchObject({ kind: 'REJECT', relation: { id: 'judges' } });
    expect(decision.refused.length).toBeGreaterThanOrEqual(2);
    for (const { refusing } of decision.refused) {
      expect(new Set(refusing.map(({ modelFamily }) => modelFamily)).size).toBeGreaterThanOrEqual(2);
      expect(refusing.length).toBeGreaterThanOrEqual(2);
    }
    expect(endorsementInWords(decision, mesh.node('amber').composed.parts.chain.current)).toMatch(
      /^the results of \w+ and \w+ refused by the judges [\w(), ]+ and \w+ \(\w+\), of [23] model families$/,
    );
    for (const name of everyone) expect([name, mesh.accused(name)]).toEqual([name, []]);

    const file = provenNone(workflow);
    const { meshIdHex } = mesh.node('amber').composed.parts.chain;
    const options = { crypto, meshId: meshIdHex };
    expect(verifyCertificateFile(file, { ...options, result: utf8.encode('"nonsense 1"') })).toMatchObject({
      ok: false,
      reason: expect.stringMatching(/there is no result/),
    });
    const text = Buffer.from(file).toString('utf8');
    for (const [from, to] of [
      ['parley-no-result/1', 'parley-certificate/1'],
      ['"families": 2', '"families": 3'],
      ['"atLeast": 2', '"atLeast": 1'],
      ['"forbidden": "nonsense"', '"forbidden": "everything"'],
      ['its judges refused it', 'its judges liked it'],
    ] as const) {
      expect(text).toContain(from);
      const changed = Buffer.from(text.replace(from, to));
      expect([from, verifyCertificateFile(changed, options).ok]).toEqual([from, false]);
      if (from !== 'its judges refused it') expect(() => verifyIndependently(changed, meshIdHex)).toThrow();
    }
  });

  it('is given to others as often as the plan says, and then rejected', async () => {
    await start(nonsense.map((text) => member(text)));
    const { workflow, states, decisions } = await decide('three-attempts-refused', everyone, {
      relation: { ...relation, attempts: 3 },
    });
    expect(states).toEqual(everyone.map(() => 'failed'));
    expect(decisions.map((decision) => isRefusal(decision))).toEqual([true, true, true]);
    provenNone(workflow);
    // The proof lacks nothing that it rests on: without an attempt that was refused before, it proves nothing.
    const { chain } = mesh.node('amber').composed.parts;
    const parsed = JSON.parse(Buffer.from(buildCertificateFile(mesh.record('amber', workflow)!, chain)!).toString());
    const cut = Buffer.from(`${JSON.stringify({ ...parsed, decisions: parsed.decisions.slice(0, 2) }, null, 1)}\n`);
    expect(verifyCertificateFile(cut, { crypto }).ok).toBe(false);
    expect(() => verifyIndependently(cut, chain.meshIdHex)).toThrow(/not settled/);
  });

  it('comes to a result where the next attempt falls to somebody who does better', async () => {
    // The two who are asked first write nonsense, whoever they are.
    let written = 0;
    const writer: Outcome = (call, honest) => (call.skill === 'echo' && written++ < 2 ? json('nonsense') : honest);
    await start(everyone.map(() => writer));
    const { workflow, states, decisions } = await decide('somebody-does-better', everyone, {
      relation: { ...relation, attempts: 3 },
    });
    expect(states).toEqual(everyone.map(() => 'completed'));
    expect(decisions.map(({ kind }) => kind)).toEqual(['REJECT', 'ACCEPT']);
    const { chain } = mesh.node('amber').composed.parts;
    const file = buildCertificateFile(mesh.record('amber', workflow)!, chain)!;
    expect(verifyCertificateFile(file, { crypto, meshId: chain.meshIdHex })).toMatchObject({ ok: true });
    expect(verifyIndependently(Buffer.from(file), chain.meshIdHex)).toMatchObject({ workflow });
  });

  it('leaves an optional task without its output, and the answer goes on', async () => {
    await start(nonsense.map((text) => member(text)));
    const drafted = task('draft', { relation: { ...relation, attempts: 3 }, optional: true });
    const read = { files: { draft: { task: 'draft' } }, after: ['draft'] };
    const answer = task('answer', { ...read, skill: 'slow', input: { ms: 10, missing: [] } });
    const workflow = await mesh.open('amber', planOf([drafted, answer], { result: 'answer' }), 'an-optional-draft');
    expect(await mesh.ended(workflow, everyone, 60_000)).toEqual(everyone.map(() => 'completed'));
    const { chain } = mesh.node('amber').composed.parts;
    const file = buildCertificateFile(mesh.record('amber', workflow)!, chain)!;
    expect(verifyCertificateFile(file, { crypto, meshId: chain.meshIdHex })).toMatchObject({ ok: true });
    expect(verifyIndependently(Buffer.from(file), chain.meshIdHex)).toMatchObject({ workflow });
  });
});

describe('one judge that lies', () => {
  const honest = everyone.slice(0, 3);

  it('by always saying yes prevents no rejection, and stands in it as who would have accepted', async () => {
    await start([member('nonsense'), member('nonsense'), member('nonsense'), member('nonsense', true)]);
    for (let i = 0; i < 3; i++) {
      const { workflow, states, decisions } = await decide(`one-always-says-yes-${i}`, honest);
      expect(states).toEqual(honest.map(() => 'failed'));
      const decision = decisions.at(-1)!;
      if (!isRefusal(decision)) throw new Error(`not refused: ${decision.kind}`);
      expect(refusedBy(decision)).not.toContain('dune');
      provenNone(workflow, honest);
    }
  });

  it('by always saying no gets nothing rejected', async () => {
    await start([member('a poem'), member('a poem'), member('a poem'), member('a poem', false)]);
    for (let i = 0; i < 3; i++) {
      const { states, decisions } = await decide(`one-always-says-no-${i}`, honest);
      expect(states).toEqual(honest.map(() => 'completed'));
      expect(decisions.map(({ kind }) => kind)).toEqual(['ACCEPT']);
    }
  });

  it('and is silent besides delays a rejection by no attempt', async () => {
    await start(
      nonsense.map((text) => member(text)),
      { modelFamily: (i) => `family-${i}` },
    );
    await mesh.stopNode('dune');
    await mesh.time.advance(5_000);
    const { states, decisions } = await decide('one-judge-is-away', honest);
    expect(states).toEqual(honest.map(() => 'failed'));
    expect(decisions.map((decision) => isRefusal(decision))).toEqual([true]);
  });
});

it('a judge is asked once about the same bytes, whoever made them', async () => {
  await start(everyone.map(() => member('the same poem')));
  const { states } = await decide('the-same-bytes-twice');
  expect(states).toEqual(everyone.map(() => 'completed'));
  for (const { name, runs } of mesh.live)
    expect([name, runs.filter(({ skill }) => skill === 'judge').length]).toEqual([name, 1]);
});

it('a judge that says yes and no to one result is convicted by its own two signatures, wherever they are seen', async () => {
  const five = ['amber', 'birch', 'cedar', 'dune', 'elm'];
  const honest = five.slice(0, 4);
  mesh = await InProcessMesh.start({ count: 5, modelFamily: (i) => `family-${i}` });
  const workflow = await mesh.open('amber', planOf([task('one', { relation })]), 'a-judge-says-both');
  expect(await mesh.ended(workflow, five, 60_000)).toEqual(five.map(() => 'completed'));
  await mesh.time.advance(1_000);
  const elm = mesh.identityOf('elm');
  const attempt = mesh.record('amber', workflow)!.tasks.get('one')!.attempts.get(0)!;
  const said = [...attempt.attestations.values()].find(
    ({ attestation }) => attestation.verifier === elm.id,
  )!.attestation;
  const { signature: _, ...unsigned } = said;
  const otherwise = attestations.sign({ ...unsigned, verdict: said.verdict === 1 ? -1 : 1 }, elm.secretKey, crypto);
  const entry = { kind: 'attestation', workflow, task: 'one', attempt: 0, durationMs: 1, atMs: 0 } as const;
  await mesh.say('elm', workflowLane, encodeWorkflowEntry({ ...entry, attestation: attestations.encode(otherwise) }));
  const chainAt = (at: string) => mesh.node(at).composed.parts.chain;
  await mesh.until('elm to be removed', () => honest.every((at) => !chainAt(at).isMember(elm.id)), 60_000);
  for (const at of honest) {
    expect([at, mesh.accused(at)]).toEqual([at, ['elm']]);
    const file = utf8.encode(JSON.stringify(evidenceFile(chainAt(at), mesh.node(at).composed.audit.evidence())));
    const verdict = verifyEvidenceFile(file, { crypto, meshId: chainAt(at).meshIdHex });
    expect(verdict.ok ? verdict.lines.join() : verdict.reason).toMatch(/^elm .* said yes and no to the same result/);
  }
});

it('an honest judge whose model answers differently each time still says one thing of one result', async () => {
  // It takes its time, and its disk is slow: between its judgement and its record it looks at the candidate again.
  const slowly: RelationSpec = { ...relation, skill: 'slow', input: { ms: 2_000 } };
  let asked = 0;
  const moody: Outcome = (call, honest) => (call.skill === 'slow' ? json({ accept: asked++ % 2 === 0 }) : honest);
  const kind: Outcome = (call, honest) => (call.skill === 'slow' ? json({ accept: true }) : honest);
  await start([kind, kind, kind, moody]);
  const parts = mesh.node('dune').composed.parts as { lanes: LaneWriter };
  const { lanes } = parts;
  parts.lanes = {
    append: async (lane, body) => {
      const { clock, scheduler } = mesh.node('dune').world;
      await new Promise<void>((resolve) => void scheduler.at(clock.monotonicMs() + 1_500, resolve));
      return lanes.append(lane, body);
    },
  };
  for (let i = 0; i < 4; i++) await decide(`a-moody-judge-${i}`, everyone, { relation: slowly });
  await mesh.time.advance(5_000);
  expect(asked).toBeGreaterThan(0);
  for (const name of everyone) expect([name, mesh.accused(name)]).toEqual([name, []]);
});
