// Law: an epoch that is over is closed by the last entry of its log. What it certified and logged stays proven for ever; what its keys sign
// afterwards, however many of them, counts for nothing where the closing checkpoint is asked for, and convicts where it contradicts.
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { encodeMeshEntry, meshLane } from '../../actors/epochs/index.ts';
import {
  auditProofFile,
  buildCertificateFile,
  certifiedEntries,
  evidenceFile,
  verifyAuditProof,
  verifyCertificateFile,
  verifyEvidenceFile,
  withAuditProof,
} from '../../actors/proof/index.ts';
import { encodeWorkflowEntry, type WorkflowRecord, workflowLane } from '../../actors/workflow/index.ts';
import {
  type Decision,
  decodeAuditEntry,
  encodeCertificate,
  encodeDecision,
  expiries,
  verdictKey,
} from '../../consensus/index.ts';
// @ts-expect-error: a program of its own, in plain JavaScript
import { verifyCertificate as verifyIndependently } from '../../docs/independent-verifier.mjs';
import { compareText, utf8 } from '../../protocols/wire/index.ts';
import { certify } from '../support/certify.ts';
import { crypto, InProcessMesh, planOf, task } from '../support/in-process-mesh.ts';

let mesh: InProcessMesh;
const remaining = ['amber', 'birch', 'cedar', 'dune'];
const partsAt = (name: string) => mesh.node(name).composed.parts;
const bookAt = (name: string) => mesh.node(name).composed.audit;
const meshId = (): string => partsAt('amber').chain.meshIdHex;

async function complete(key: string): Promise<string> {
  const workflow = await mesh.open('amber', planOf([task('one')]), key);
  expect(await mesh.ended(workflow, remaining)).toEqual(remaining.map(() => 'completed'));
  return workflow;
}

/** Elm leaves, and with it the epoch ends. */
async function endEpoch(): Promise<void> {
  for (const name of remaining)
    await mesh.say(name, meshLane, encodeMeshEntry({ kind: 'amend', epoch: 0, node: mesh.idOf('elm'), weight: 0 }));
  await mesh.until('the next epoch', () => remaining.every((name) => partsAt(name).chain.current.epoch === 1));
}

async function closed(): Promise<void> {
  const isClosed = (name: string): boolean => bookAt(name).log(0).isClosed && bookAt(name).isCosigned(0);
  await mesh.until('the log of epoch 0 to be closed', () => remaining.every(isClosed), 120_000);
}

const certificateOf = (workflow: string, at = 'birch'): Uint8Array =>
  buildCertificateFile(mesh.record(at, workflow)!, partsAt(at).chain)!;

function proofOf(certificate: Uint8Array, at = 'cedar'): ReturnType<typeof auditProofFile> {
  const proofs = certifiedEntries(certificate).map((entry) => bookAt(at).prove(entry.epoch, entry)!);
  return auditProofFile(partsAt(at).chain, proofs);
}

const bytesOf = (file: unknown): Uint8Array => utf8.encode(JSON.stringify(file));

/** What all five keys of epoch 0 together can certify of the first attempt, whenever they like: that its time was up. */
function reassigned(record: WorkflowRecord): {
  readonly decision: Decision;
  readonly entry: Uint8Array;
  readonly bytes: Uint8Array;
} {
  const { chain } = partsAt('amber');
  const config = chain.config(0)!;
  const { certified } = record.tasks.get('one')!.attempts.get(0)!;
  const { meshId: of, epoch, workflow, planDigest, attempt } = certified!.decision;
  const about = { meshId: of, epoch, workflow, planDigest, task: 'one', attempt };
  const identities = mesh.names.map((name) => mesh.identityOf(name));
  const expired = identities
    .map(({ id, secretKey }) => expiries.sign({ ...about, member: id }, secretKey, crypto))
    .sort((a, b) => compareText(a.member, b.member));
  const decision: Decision = { ...about, kind: 'REASSIGN', expired };
  const bytes = encodeDecision(decision);
  const subject = { domain: 'verdict', key: verdictKey(about) } as const;
  const certificate = encodeCertificate(certify({ identities, config, meshId: chain.meshId, subject, payload: bytes }));
  const said = {
    kind: 'decided',
    workflow: record.workflow,
    task: 'one',
    attempt,
    decision: bytes,
    certificate,
  } as const;
  return { decision, bytes: certificate, entry: encodeWorkflowEntry({ ...said, atMs: 1 }) };
}

beforeEach(async () => {
  mesh = await InProcessMesh.start({ count: 5 });
});
afterEach(() => mesh.end());

describe('an epoch that is over', () => {
  it('has a closed log, whose checkpoint proves its certificates offline, inside the file or beside it', async () => {
    const workflow = await complete('while-it-lasted');
    await endEpoch();
    const certificate = certificateOf(workflow);
    const known = { crypto, meshId: meshId() };
    // The file alone is as good as ever for whoever does not know that the epoch is over, and says so to who does.
    expect(verifyCertificateFile(certificate, known)).toMatchObject({ ok: true });
    expect(verifyCertificateFile(certificate, { ...known, currentEpoch: 1 })).toMatchObject({
      ok: false,
      reason: expect.stringMatching(/epoch 0, which is over, and does not show/),
      hint: expect.stringMatching(/--embed/),
    });
    await closed();
    const log = bookAt('amber').log(0);
    expect(decodeAuditEntry(log.leaf(log.size - 1)!)).toMatchObject({ kind: 'close', epoch: 0 });
    const proof = proofOf(certificate);
    expect(verifyAuditProof(bytesOf(proof), { ...known, certificate })).toMatchObject({ ok: true });
    const carrying = withAuditProof(certificate, proof);
    const verdict = verifyCertificateFile(carrying, { ...known, currentEpoch: 1 });
    expect(verdict.ok ? verdict.lines.join('\n') : verdict.reason).toMatch(
      /logged .* which closed it, cosigned by weight [45]/,
    );
    const proven: unknown = verifyIndependently(Buffer.from(carrying), meshId());
    expect(proven).toMatchObject({ workflow, isLogClosed: true });

    // Any byte of it that is changed is noticed.
    const text = Buffer.from(carrying).toString('utf8');
    const start = text.indexOf('"audit"');
    let tried = 0;
    for (let at = start + 12; at < carrying.length - 4; at += 61) {
      const flipped = Buffer.from(carrying);
      flipped[at] = flipped[at]! ^ 1;
      expect(verifyCertificateFile(flipped, { ...known, currentEpoch: 1 }).ok, `byte ${at}`).toBe(false);
      // It does not mind white space, which says nothing; whatever it accepts says the same.
      let independently = proven;
      try {
        independently = verifyIndependently(flipped, meshId());
      } catch {}
      expect(independently, `byte ${at}`).toEqual(proven);
      tried++;
    }
    expect(tried).toBeGreaterThan(20);
  });

  it('is proven by its last checkpoint and by no earlier one', async () => {
    const workflow = await complete('under-an-early-checkpoint');
    const certificate = certificateOf(workflow);
    const [entry] = certifiedEntries(certificate);
    await mesh.until('a checkpoint', () => bookAt('amber').prove(0, entry!) !== undefined, 60_000);
    const early = bookAt('amber').prove(0, entry!)!;
    expect(early.closing).toBeUndefined();
    const beside = (): Uint8Array => bytesOf(auditProofFile(partsAt('amber').chain, [early]));
    const known = { crypto, meshId: meshId(), certificate };
    expect(verifyAuditProof(beside(), known)).toMatchObject({ ok: true });
    const carrying = withAuditProof(certificate, auditProofFile(partsAt('amber').chain, [early]));
    expect(verifyCertificateFile(carrying, { crypto, meshId: meshId() })).toMatchObject({ ok: true });
    const first = auditProofFile(partsAt('amber').chain, [early]);
    await endEpoch();
    await closed();
    // Whoever kept the earlier one can see that nothing was rewritten since.
    const grown = bookAt('dune').proveGrowth(0, 1)!;
    const lateProof = bookAt('dune').prove(0, entry!)!;
    const since = { epoch: 0, size: 1, proof: grown };
    const growing = auditProofFile(partsAt('dune').chain, [lateProof], since);
    expect(verifyAuditProof(bytesOf(growing), { ...known, since: bytesOf(first) })).toMatchObject({
      ok: true,
      lines: expect.arrayContaining([expect.stringMatching(/at size 3 begins as it was at size 1/)]),
    });
    for (const wrong of [
      { ...since, size: 2 },
      { ...since, proof: grown.toReversed() },
      { ...since, proof: [] },
    ])
      expect(
        verifyAuditProof(bytesOf(auditProofFile(partsAt('dune').chain, [lateProof], wrong)), {
          ...known,
          since: bytesOf(first),
        }),
      ).toMatchObject({ ok: false, reason: expect.stringMatching(/not shown to begin as it was/) });
    expect(bookAt('dune').proveGrowth(0, 4)).toBeUndefined();
    expect(verifyAuditProof(beside(), known)).toMatchObject({
      ok: false,
      reason: expect.stringMatching(/epoch 0 is over, and its checkpoint at size 1 is not the one that closed/),
    });
    expect(verifyCertificateFile(carrying, { crypto, meshId: meshId(), currentEpoch: 1 })).toMatchObject({ ok: false });
    // What closes one checkpoint does not close another.
    const late = bookAt('amber').prove(0, entry!)!;
    const mixed = auditProofFile(partsAt('amber').chain, [{ ...early, closing: late.closing }]);
    expect(verifyAuditProof(bytesOf(mixed), known)).toMatchObject({ ok: false });
  });

  it('has no place for what all of its keys certify afterwards: nodes refuse it, and so do verifiers that know the epoch', async () => {
    const plan = planOf([task('one', { skill: 'slow', input: { ms: 1 } })]);
    await complete('before-the-end');
    await endEpoch();
    await closed();
    // Opened in the old epoch after its end; its members' keys are all in one hand now.
    const { workflow, entry } = mesh.opening(plan, 'opened-too-late', 0);
    await mesh.say('amber', workflowLane, entry);
    await mesh.time.advance(3_000);
    const record = mesh.record('amber', workflow)!;
    expect(record.ended).toBeUndefined();
    expect(record.tasks.get('one')?.attempts.get(0)?.certified).toBeUndefined();
    const about = {
      meshId: partsAt('amber').chain.meshId,
      epoch: 0,
      workflow: Buffer.from(workflow, 'hex'),
      planDigest: Buffer.from(record.opened!.planDigest, 'hex'),
      task: 'one',
      attempt: 0,
    };
    const fake = { decision: { ...about, kind: 'REASSIGN', expired: [] } };
    const pretended = {
      ...record,
      tasks: new Map([['one', { task: 'one', attempts: new Map([[0, { certified: fake }]]) }]]),
    };
    const late = reassigned(pretended as unknown as WorkflowRecord);
    await mesh.say('birch', workflowLane, late.entry);
    await mesh.time.advance(3_000);
    for (const name of ['amber', 'cedar', 'dune']) {
      expect([name, mesh.record(name, workflow)!.tasks.get('one')?.attempts.get(0)?.certified]).toEqual([
        name,
        undefined,
      ]);
      const reasons = partsAt(name)
        .refusals.list()
        .map(({ detail }) => detail)
        .join('\n');
      expect(reasons).toMatch(/came to light after its log was closed/);
    }
  });
});

it('two certificates for one question convict at least f + 1 of those who signed both, at every node and offline', async () => {
  const workflow = await complete('decided-twice');
  const before = mesh.record('cedar', workflow)!.tasks.get('one')!.attempts.get(0)!.certified!;
  const second = reassigned(mesh.record('amber', workflow)!);
  await mesh.say('birch', workflowLane, second.entry);
  await mesh.time.advance(3_000);
  for (const name of remaining) {
    // What was decided first stays, and who acted on it was right to.
    const { certified } = mesh.record(name, workflow)!.tasks.get('one')!.attempts.get(0)!;
    expect(certified!.decisionBytes).toEqual(before.decisionBytes);
    const guilty = partsAt(name)
      .ledger.charges()
      .filter(({ what }) => /equivocated: two prevotes/.test(what));
    expect(new Set(guilty.map(({ node }) => node)).size).toBeGreaterThanOrEqual(partsAt(name).chain.current.f + 1);
    const file = bytesOf(evidenceFile(partsAt(name).chain, bookAt(name).evidence()));
    const verdict = verifyEvidenceFile(file, { crypto, meshId: meshId() });
    expect(verdict.ok ? verdict.lines.join('\n') : verdict.reason).toMatch(/signed two prevotes in one round/);
    expect(verifyEvidenceFile(file, { crypto, meshId: '00'.repeat(32) }).ok).toBe(false);
    const text = Buffer.from(file).toString('utf8');
    const at = text.indexOf('"evidence":["') + 200;
    const changed = text.slice(0, at) + (text[at] === 'A' ? 'B' : 'A') + text.slice(at + 1);
    expect(verifyEvidenceFile(Buffer.from(changed), { crypto, meshId: meshId() }).ok).toBe(false);
  }
});
