// Law: results that need not be equal are accepted where enough members find them like their own, and what was accepted proves itself
// offline, under the plan's relation. A member beyond what is allowed is overruled, and named where the others measured it so.
import { afterEach, describe, expect, it } from 'vitest';
import type { PlanTask } from '../../actors/plan/index.ts';
import { buildCertificateFile, verifyCertificateFile } from '../../actors/proof/index.ts';
import type { SkillCall, SkillOutcome } from '../../actors/system/index.ts';
import { type Decision, endorsementInWords, type RelationSpec } from '../../consensus/index.ts';
// @ts-expect-error: a program of its own, in plain JavaScript
import { verifyCertificate as verifyIndependently } from '../../docs/independent-verifier.mjs';
import { hex, utf8 } from '../../protocols/wire/index.ts';
import { crypto, InProcessMesh, type InProcessOptions, planOf, task } from '../support/in-process-mesh.ts';

let mesh: InProcessMesh;
afterEach(() => mesh.end());
const everyone = ['amber', 'birch', 'cedar', 'dune'];

type Outcome = (call: SkillCall, honest: SkillOutcome) => SkillOutcome;
const finds =
  (output: string): Outcome =>
  (call, honest) =>
    call.skill === 'judge' ? honest : { kind: 'result', output: utf8.encode(output), durationMs: 5 };

/** A mesh whose members find these outputs, in order, for whatever they are asked. */
async function start(outputs: readonly string[], more: Partial<InProcessOptions> = {}): Promise<void> {
  const outcome = Object.fromEntries(outputs.map((output, i) => [everyone[i]!, finds(output)]));
  mesh = await InProcessMesh.start({ count: outputs.length, outcome, ...more });
}

/** Lets the mesh carry out one task under `relation`; what was decided of it, attempt by attempt, at the first node. */
async function decide(
  relation: RelationSpec,
  more: { readonly key?: string; readonly at?: readonly string[]; readonly task?: Partial<PlanTask> } = {},
): Promise<{ readonly workflow: string; readonly decisions: readonly Decision[]; readonly states: unknown[] }> {
  const at = more.at ?? mesh.names;
  const workflow = await mesh.open(at[0]!, planOf([task('one', { ...more.task, relation })]), more.key);
  const states = await mesh.ended(workflow, at, 120_000);
  await mesh.time.advance(1_000);
  const attempts = [...mesh.record(at[0]!, workflow)!.tasks.get('one')!.attempts.values()];
  return { workflow, states, decisions: attempts.map(({ certified }) => certified!.decision) };
}

/** Every node's certificate file proves the same result to both verifiers; returns what was certified. */
async function proven(workflow: string, at: readonly string[] = mesh.names): Promise<string> {
  const { chain } = mesh.node(at[0]!).composed.parts;
  const results = new Set<string>();
  for (const name of at) {
    const file = buildCertificateFile(mesh.record(name, workflow)!, chain)!;
    const verdict = verifyCertificateFile(file, { crypto, meshId: chain.meshIdHex });
    expect(verdict).toMatchObject({ ok: true });
    const { resultDigest } = verifyIndependently(Buffer.from(file), chain.meshIdHex) as { resultDigest: string };
    results.add(resultDigest);
    // Whoever answers for it holds it: those who agreed had to look at it.
    expect([name, await mesh.node(name).storage.blobs.has(resultDigest)]).toEqual([name, true]);
  }
  const [digest] = results;
  expect(results.size).toBe(1);
  const chunks: Uint8Array[] = [];
  for await (const chunk of mesh.node(at[0]!).storage.blobs.read(digest!)) chunks.push(chunk);
  return Buffer.concat(chunks).toString('utf8');
}

const nameOf = (id: string): string => mesh.names.find((name) => mesh.idOf(name) === id) ?? id;
const numeric: RelationSpec = { kind: 'numeric', absolute: '0.05' };

describe('a skill whose numbers differ a little from node to node', () => {
  it('passes by tolerance, with the differences on record, and accuses nobody', async () => {
    await start(['{"mean":10.00}', '{"mean":10.01}', '{"mean":10.02}', '{"mean":10.04}']);
    const { workflow, decisions, states } = await decide(numeric);
    expect(states).toEqual(everyone.map(() => 'completed'));
    expect(decisions).toMatchObject([{ kind: 'ACCEPT', relation: { id: 'numeric' }, dissent: [] }]);
    const [decision] = decisions;
    const scores = decision?.kind === 'ACCEPT' ? decision.attestations.map(({ score }) => score) : [];
    expect(scores.some((score) => score > 0 && score <= 1_000_000)).toBe(true);
    expect(endorsementInWords(decision!, mesh.node('amber').composed.parts.chain.current)).toMatch(
      /^computed by \w+, and computed by [\w, ]+ alike under numeric, at most \d+% of what it allows apart \([34] of 4\)$/,
    );
    expect(await proven(workflow)).toMatch(/^\{"mean":10\.0[0124]\}$/);
    for (const name of everyone) expect([name, mesh.accused(name)]).toEqual([name, []]);
  });

  it('does not pass where the plan asks for equal bytes', async () => {
    await start(['{"mean":10.00}', '{"mean":10.01}', '{"mean":10.02}', '{"mean":10.04}']);
    const startedMs = mesh.time.clock.monotonicMs();
    const { decisions, states } = await decide({ kind: 'exact' });
    // Three attempts, and no minute of waiting for what cannot come any more.
    expect(mesh.time.clock.monotonicMs() - startedMs).toBeLessThan(20_000);
    expect(states).toEqual(everyone.map(() => 'failed'));
    expect(decisions.map(({ kind }) => kind)).toEqual(['REASSIGN', 'REASSIGN', 'REASSIGN']);
  });

  it('overrules a member that lies beyond tolerance, whoever it is asked by, and every other member names it', async () => {
    await start(['{"mean":10.00}', '{"mean":10.01}', '{"mean":10.02}', '{"mean":99}']);
    const honest = everyone.slice(0, 3);
    let wasNamed = false;
    // It is an executor in some of them, and only those it signs a candidate in can convict it.
    for (let i = 0; i < 6 && !wasNamed; i++) {
      const { workflow, decisions, states } = await decide(numeric, { key: `beyond-tolerance-${i}`, at: honest });
      expect(states).toEqual(honest.map(() => 'completed'));
      const [decision] = decisions;
      if (decision?.kind !== 'ACCEPT') throw new Error('not accepted');
      expect(honest).toContain(nameOf(decision.candidate.executor));
      expect(decision.attestations.map(({ verifier }) => nameOf(verifier))).not.toContain('dune');
      expect(await proven(workflow, honest)).toMatch(/10\.0[012]/);
      const candidates = mesh.record('amber', workflow)!.tasks.get('one')!.attempts.get(0)!.candidates;
      wasNamed = candidates.has(mesh.idOf('dune'));
      for (const name of honest) expect([name, mesh.accused(name)]).toEqual([name, wasNamed ? ['dune'] : []]);
    }
    expect(wasNamed).toBe(true);
  });

  it('refuses, as a failure that all reach alike, an output that nobody could compare', async () => {
    await start(everyone.map(() => '{"mean":-0}'));
    const { decisions, states } = await decide(numeric);
    expect(states).toEqual(everyone.map(() => 'failed'));
    expect(decisions).toMatchObject([{ kind: 'REJECT', failure: { code: 'incomparable_output' } }]);
  });

  it('is tried again at once by others where those who were asked first are the outliers', async () => {
    // Only the two in the middle have three like themselves.
    await start(['0.00', '0.05', '0.09', '0.14']);
    let accepted = 0;
    for (let i = 0; i < 3; i++) {
      const { decisions } = await decide(numeric, { key: `outliers-first-${i}` });
      expect(decisions.slice(0, -1).map(({ kind }) => kind)).toEqual(decisions.slice(1).map(() => 'REASSIGN'));
      const last = decisions.at(-1);
      if (last?.kind !== 'ACCEPT') continue;
      expect(['birch', 'cedar']).toContain(nameOf(last.candidate.executor));
      accepted++;
    }
    // One whose three attempts all fell to the outliers fails; not most of them.
    expect(accepted).toBeGreaterThanOrEqual(2);
  });

  it('is accepted around a middle that enough are near, though its ends are no likeness of each other', async () => {
    await start(['0.00', '0.04', '0.08', '0.04']);
    const { decisions } = await decide(numeric);
    expect(decisions[0]).toMatchObject({ kind: 'ACCEPT' });
    for (const name of everyone) expect([name, mesh.accused(name)]).toEqual([name, []]);
  });
});

describe('vectors, and objects of several kinds', () => {
  it('are accepted field by field', async () => {
    await start([
      '{"city":"Oslo","embedding":[1000,20,-3],"km":417.2}',
      '{"km":417.3,"city":"Oslo","embedding":[1000,21,-3]}',
      '{"city":"Oslo","embedding":[999,20,-4],"km":417.25}',
      '{"city":"Rome","embedding":[-3,20,1000],"km":417.2}',
    ]);
    const relation: RelationSpec = {
      kind: 'fields',
      fields: {
        embedding: { kind: 'embedding', microradians: 5_000, model: 'quantized-1' },
        km: { kind: 'numeric', relative: '0.001' },
      },
    };
    const honest = everyone.slice(0, 3);
    const { workflow, states } = await decide(relation, { at: honest });
    expect(states).toEqual(honest.map(() => 'completed'));
    expect(await proven(workflow, honest)).toContain('Oslo');
  });
});

describe('judges', () => {
  const relation: RelationSpec = {
    kind: 'judges',
    skill: 'judge',
    input: { forbidden: 'nonsense' },
    atLeast: 2,
    families: 2,
  };
  const texts = ['"a poem"', '"another poem"', '"a third"', '"a fourth"'];

  it('of enough model families accept what nobody could recompute', async () => {
    await start(texts, { modelFamily: (i) => ['large', 'large', 'small', 'tiny'][i]! });
    const { workflow, decisions } = await decide(relation);
    const [decision] = decisions;
    if (decision?.kind !== 'ACCEPT') throw new Error('not accepted');
    expect(new Set(decision.attestations.map(({ modelFamily }) => modelFamily)).size).toBeGreaterThanOrEqual(2);
    expect(texts).toContain(await proven(workflow));
    expect(endorsementInWords(decision, mesh.node('amber').composed.parts.chain.current)).toMatch(
      /and accepted by the judges of [\w, ]+, of [23] model families/,
    );
    // They judged and did not write poems themselves.
    const wrote = mesh.live.filter(({ runs }) => runs.some(({ skill }) => skill === 'echo'));
    expect(wrote.length).toBe(2);
    for (const name of everyone) expect([name, mesh.accused(name)]).toEqual([name, []]);
  });

  it('of one family are not enough: the attempt is given up at once, by decision', async () => {
    await start(texts, { modelFamily: () => 'large' });
    const { decisions, states } = await decide(relation);
    expect(states).toEqual(everyone.map(() => 'failed'));
    expect(decisions.map(({ kind }) => kind)).toEqual(['REASSIGN', 'REASSIGN', 'REASSIGN']);
  });

  it('pass over what they refuse, and name who wrote it', async () => {
    await start(['"nonsense"', ...texts.slice(1)], { modelFamily: (i) => `family-${i}` });
    const honest = everyone.slice(1);
    for (let i = 0; i < 6; i++) {
      const { workflow, states } = await decide(relation, { key: `refused-by-judges-${i}`, at: honest });
      expect(states).toEqual(honest.map(() => 'completed'));
      expect(await proven(workflow, honest)).not.toContain('nonsense');
    }
    for (const name of honest) expect([name, mesh.accused(name)]).toEqual([name, ['amber']]);
  });
});

it('a certificate proves nothing under another relation than its plan names', async () => {
  await start(['1.00', '1.01', '1.02', '1.03']);
  const { workflow } = await decide(numeric);
  const { chain } = mesh.node('amber').composed.parts;
  const record = mesh.record('amber', workflow)!;
  const text = Buffer.from(buildCertificateFile(record, chain)!).toString('utf8');
  for (const [from, to] of [
    ['"absolute": "0.05"', '"absolute": "0.06"'],
    ['"kind": "numeric"', '"kind": "nothing"'],
  ] as const) {
    expect(text).toContain(from);
    const changed = Buffer.from(text.replace(from, to));
    expect(verifyCertificateFile(changed, { crypto, meshId: chain.meshIdHex }).ok).toBe(false);
    expect(() => verifyIndependently(changed, hex.encode(chain.meshId))).toThrow();
  }
});
