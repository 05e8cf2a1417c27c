// Law: evidence of every kind, found by anybody, is verified by everybody, names its culprit at every node, stands in the audit log, is a
// file that a stranger can check, and removes the culprit at the next epoch.
import { afterEach, expect, it } from 'vitest';
import { auditLane, encodeEvidenceEntry } from '../../actors/auditor/index.ts';
import { evidenceFile, verifyEvidenceFile } from '../../actors/proof/index.ts';
import {
  encodeProposal,
  encodeReportSet,
  encodeVote,
  HeldEntry,
  noHash,
  type SignedEntry,
  sealBatch,
} from '../../consensus/forging/index.ts';
import {
  attestations,
  type Evidence,
  epochViewOf,
  exact,
  instanceIdOf,
  leaderOrder,
  type Subject,
} from '../../consensus/index.ts';
import { hex, utf8 } from '../../protocols/wire/index.ts';
import { crypto, InProcessMesh, planOf, task } from '../support/in-process-mesh.ts';

let mesh: InProcessMesh;
afterEach(() => mesh.end());

const [v, w] = ['v', 'w'].map((text) => hex.encode(crypto.sha256(utf8.encode(text)))) as [string, string];
const others = ['amber', 'birch', 'cedar', 'dune'];

/** What elm signs, about a question that it leads in round 0. */
function kindsOf(): Readonly<Record<string, Evidence>> {
  const { chain } = mesh.node('amber').composed.parts;
  const elm = mesh.identityOf('elm');
  const { scope, weights } = epochViewOf(chain.current, chain.meshId, crypto);
  let subject: Subject;
  let instance: string;
  let order: readonly string[];
  let key = 0;
  do {
    subject = { domain: 'model', key: utf8.encode(`question ${key++}`) };
    instance = instanceIdOf(scope, subject, crypto);
    order = leaderOrder(instance, weights.keys());
  } while (order[0] !== elm.id);
  const signed = (entry: Uint8Array): SignedEntry => {
    const held = new HeldEntry(entry, elm.id);
    sealBatch(elm, crypto, [held]);
    return held.export();
  };
  const vote = (kind: 'prevote' | 'precommit', round: number, value: string, polkaRound = -1): SignedEntry =>
    signed(encodeVote({ kind, instance, round, value, polkaRound, proposalHash: noHash }));
  const proposal = (round: number, value: string, justification?: Uint8Array): SignedEntry => {
    const justificationHash = justification === undefined ? noHash : hex.encode(crypto.sha256(justification));
    return signed(encodeProposal({ instance, round, value, polkaRound: -1, justificationHash }));
  };
  const pair = (kind: 'prevotes' | 'precommits' | 'proposals' | 'amnesia', first: SignedEntry, second: SignedEntry) =>
    ({ kind, culprit: elm.id, first, second }) as const;
  const nobody = encodeReportSet({ prevotes: [], proposals: [] });
  const judged = (verdict: 1 | -1) =>
    attestations.sign(
      {
        ...{ meshId: chain.meshId, epoch: 0, task: 'one', attempt: 0 },
        ...{ workflow: crypto.sha256(utf8.encode('workflow')), planDigest: crypto.sha256(utf8.encode('plan')) },
        ...{ callDigest: crypto.sha256(utf8.encode('call')), candidateDigest: crypto.sha256(utf8.encode('candidate')) },
        ...{ ownDigest: crypto.sha256(utf8.encode('own')), modelFamily: 'none', verifier: elm.id },
        relation: { id: exact.id, version: exact.version, paramsHash: exact.paramsHash },
        verdict,
        score: 0,
      },
      elm.secretKey,
      crypto,
    );
  const unjustified = { kind: 'unjustified', culprit: elm.id, subject } as const;
  return {
    'E1, two prevotes': pair('prevotes', vote('prevote', 0, v), vote('prevote', 0, w)),
    'E2, two precommits': pair('precommits', vote('precommit', 1, v), vote('precommit', 1, w)),
    'E3, two proposals': pair('proposals', proposal(0, v), proposal(0, w)),
    'E4, amnesia': pair('amnesia', vote('precommit', 1, v), vote('prevote', 2, w, 0)),
    'E5, a proposal on reports of nobody': { ...unjustified, proposal: proposal(5, v, nobody), justification: nobody },
    'a yes and a no to one result': { kind: 'judgements', culprit: elm.id, first: judged(1), second: judged(-1) },
    'E5, a proposal in a round of somebody else': {
      ...unjustified,
      proposal: proposal(1, v, nobody),
      justification: undefined,
    },
  };
}

it.each([
  'E1, two prevotes',
  'E2, two precommits',
  'E3, two proposals',
  'E4, amnesia',
  'E5, a proposal on reports of nobody',
  'E5, a proposal in a round of somebody else',
  'a yes and a no to one result',
])('%s', async (name) => {
  mesh = await InProcessMesh.start({ count: 5 });
  const evidence = kindsOf()[name]!;
  await mesh.say('amber', auditLane, encodeEvidenceEntry(evidence, undefined));
  const chainAt = (at: string) => mesh.node(at).composed.parts.chain;
  await mesh.until('elm to be removed', () => others.every((at) => !chainAt(at).isMember(mesh.idOf('elm'))));
  const bookAt = (at: string) => mesh.node(at).composed.audit;
  const isLogged = (at: string): boolean =>
    [0, 1].some((epoch) => bookAt(at).evidence().length === 1 && bookAt(at).log(epoch).size > 0);
  await mesh.until('the evidence to be logged', () => others.every(isLogged), 60_000);
  for (const at of others) {
    expect([at, mesh.accused(at), chainAt(at).current.epoch]).toEqual([at, ['elm'], 1]);
    const file = utf8.encode(JSON.stringify(evidenceFile(chainAt(at), bookAt(at).evidence())));
    const verdict = verifyEvidenceFile(file, { crypto, meshId: chainAt(at).meshIdHex });
    expect(verdict.ok ? verdict.lines.join('\n') : verdict.reason).toMatch(/elm/);
    const other = verifyEvidenceFile(file, { crypto, meshId: '00'.repeat(32) });
    expect(other.ok).toBe(false);
  }
});

it('E7, a result that the others measure as beyond what is allowed, is named by everybody and convicts nobody', async () => {
  const numbers = ['10.00', '10.01', '10.02', '10.03', '99'];
  const outcome = Object.fromEntries(
    [...others, 'elm'].map((name, i) => [
      name,
      () => ({ kind: 'result' as const, output: utf8.encode(`{"mean":${numbers[i]}}`), durationMs: 5 }),
    ]),
  );
  mesh = await InProcessMesh.start({ count: 5, outcome });
  const plan = planOf([task('one', { relation: { kind: 'numeric', absolute: '0.05' } })]);
  // It is an executor in some of them: only what it signs as its own result is held against it.
  for (let i = 0; i < 20 && !mesh.accused('amber').includes('elm'); i++) {
    const workflow = await mesh.open('amber', plan, `measured-beyond-${i}`);
    expect(await mesh.ended(workflow, others, 60_000)).toEqual(others.map(() => 'completed'));
    await mesh.time.advance(1_000);
  }
  // Long enough for a removal, were there evidence: see above.
  await mesh.time.advance(60_000);
  for (const at of others) {
    const { chain } = mesh.node(at).composed.parts;
    expect([at, mesh.accused(at)]).toEqual([at, ['elm']]);
    expect([at, chain.current.epoch, chain.isMember(mesh.idOf('elm'))]).toEqual([at, 0, true]);
    expect(mesh.node(at).composed.audit.evidence()).toEqual([]);
  }
  const { chain } = mesh.node('amber').composed.parts;
  const [statement] = mesh.node('amber').composed.parts.ledger.charges();
  expect(statement).toMatchObject({ node: mesh.idOf('elm'), what: 'signed a result beyond what the relation allows' });
  expect(chain.current.members.find(({ id }) => id === mesh.idOf('elm'))!.weight).toBe(1);
});
