// Law: tests that need signed candidates, attestations and decisions make them here, by name: amber, birch, cedar, dune … on one mesh.
import {
  type Acceptance,
  type Attestation,
  attestations,
  type Candidate,
  candidates,
  type Decision,
  defaultFaultBudget,
  type Endorsement,
  encodeFailure,
  exact,
  expiries,
  failureDigest,
  judgeDecision,
  type Reassignment,
  type Refusal,
  type RefusedCandidate,
  type Rejection,
  relationOf,
  type TaskAttempt,
} from '../../consensus/index.ts';
import type { EpochConfig, Member } from '../../protocols/mesh/index.ts';
import { compareText, type Identity, utf8 } from '../../protocols/wire/index.ts';
import { createCrypto, testIdentity } from './world.ts';

export const crypto = createCrypto();
export const digest = (text: string): Uint8Array => crypto.sha256(utf8.encode(text));
export const names = ['amber', 'birch', 'cedar', 'dune', 'elm', 'fern', 'grove', 'hazel'] as const;

/** A mesh of `count` members called amber, birch, cedar …; `site` gives each one's site. */
export function testMesh(
  count: number,
  options: {
    readonly site?: (i: number) => string;
    readonly weight?: (i: number) => number;
    readonly modelFamily?: (i: number) => string;
    readonly f?: number;
  } = {},
) {
  const identities = names.slice(0, count).map((_, i) => testIdentity(i, crypto));
  const byName = new Map<string, Identity>(names.slice(0, count).map((name, i) => [name, identities[i]!]));
  const members: Member[] = identities
    .map((identity, i) => ({
      id: identity.id,
      weight: options.weight?.(i) ?? 1,
      name: names[i]!,
      site: options.site?.(i) ?? 'north',
      operator: 'op',
      modelFamily: options.modelFamily?.(i) ?? 'none',
    }))
    .sort((a, b) => compareText(a.id, b.id));
  const config: EpochConfig = {
    epoch: 3,
    members,
    ...defaultFaultBudget(count),
    ...(options.f === undefined ? {} : { f: options.f }),
    previous: new Uint8Array(32),
  };
  return { config, meshId: digest('mesh'), who: (name: string): Identity => byName.get(name)! };
}

export const mesh = testMesh(4);
export const about: TaskAttempt = {
  meshId: mesh.meshId,
  epoch: 3,
  workflow: digest('workflow'),
  planDigest: digest('plan'),
  task: 'count-sections',
  attempt: 2,
};
export const output = utf8.encode('[["admin",12]]');

export type Fields<T> = { -readonly [K in keyof T]?: T[K] };

export function candidateBy(name: string, fields: Fields<Candidate> = {}): Candidate {
  const { id, secretKey } = mesh7.who(name);
  const claim = {
    ...about,
    skill: 'table.query',
    skillVersion: '1',
    callDigest: digest('call'),
    outcome: 'result' as const,
    resultDigest: crypto.sha256(output),
    sizeBytes: output.length,
    executor: id,
    ...fields,
  };
  return candidates.sign(claim, secretKey, crypto);
}

export function attestationBy(name: string, candidate: Candidate, fields: Fields<Attestation> = {}): Attestation {
  const { id, secretKey } = mesh7.who(name);
  const { meshId, epoch, workflow, planDigest, task, attempt, callDigest } = candidate;
  const judgement = {
    meshId,
    epoch,
    workflow,
    planDigest,
    task,
    attempt,
    callDigest,
    candidateDigest: candidates.digest(candidate, crypto),
    relation: { id: exact.id, version: exact.version, paramsHash: exact.paramsHash },
    verdict: 1 as const,
    score: 0,
    ownDigest: candidate.resultDigest,
    modelFamily: 'none',
    verifier: id,
    ...fields,
  };
  return attestations.sign(judgement, secretKey, crypto);
}

/** Identities do not depend on the mesh: this one names them all, members or not. */
export const mesh7 = testMesh(7);

export const sorted = (list: readonly Attestation[]): Attestation[] =>
  [...list].sort((a, b) => compareText(a.verifier, b.verifier));

export function acceptance(
  by: readonly string[],
  options: {
    readonly candidate?: Candidate;
    readonly dissent?: readonly Attestation[];
    readonly endorsement?: Endorsement;
    readonly attested?: readonly Attestation[];
  } = {},
): Acceptance {
  const candidate = options.candidate ?? candidateBy(by[0]!);
  return {
    ...about,
    kind: 'ACCEPT',
    callDigest: candidate.callDigest,
    skill: candidate.skill,
    skillVersion: candidate.skillVersion,
    resultDigest: candidate.resultDigest,
    sizeBytes: candidate.sizeBytes,
    endorsement: options.endorsement ?? { rule: 'quorum' },
    relation: { id: exact.id, version: exact.version, paramsHash: exact.paramsHash },
    candidate,
    attestations: sorted(options.attested ?? by.slice(1).map((name) => attestationBy(name, candidate))),
    dissent: sorted(options.dissent ?? []),
  };
}

export const failure = { code: 'missing_column', message: "no column 'installed_size' in packages.csv" };

export function rejection(by: readonly string[]): Rejection {
  const candidate = candidateBy(by[0]!, {
    outcome: 'failure',
    resultDigest: failureDigest(failure, crypto),
    sizeBytes: encodeFailure(failure).length,
  });
  return { ...acceptance(by, { candidate }), kind: 'REJECT', failure };
}

/** What members judge by in these tests: two of them, of two model families, must agree. */
export const judgesRelation = relationOf({ kind: 'judges', skill: 'judge', atLeast: 2, families: 2 }, crypto);
const judging = { id: judgesRelation.id, version: judgesRelation.version, paramsHash: judgesRelation.paramsHash };

/** `name`'s word on work it was asked to judge; its family is that of its member in `config`. */
export function judgementBy(
  name: string,
  candidate: Candidate,
  accepts: boolean,
  config: EpochConfig = mesh.config,
  fields: Fields<Attestation> = {},
): Attestation {
  const modelFamily = config.members.find((member) => member.name === name)?.modelFamily ?? 'none';
  const verdict = accepts ? 1 : -1;
  const ownDigest = digest(`what ${name} said`);
  return attestationBy(name, candidate, { relation: judging, verdict, ownDigest, modelFamily, ...fields });
}

export function refusedCandidate(
  candidate: Candidate,
  no: readonly string[],
  yes: readonly string[] = [],
  config: EpochConfig = mesh.config,
): RefusedCandidate {
  const said = (list: readonly string[], accepts: boolean): Attestation[] =>
    sorted(list.map((name) => judgementBy(name, candidate, accepts, config)));
  return { candidate, refusing: said(no, false), dissent: said(yes, true) };
}

export function refusal(refused: readonly RefusedCandidate[]): Refusal {
  const [first] = refused;
  const { callDigest, skill, skillVersion } = first?.candidate ?? amberCandidate;
  const inOrder = [...refused].sort((a, b) => compareText(a.candidate.executor, b.candidate.executor));
  return { ...about, kind: 'REJECT', callDigest, skill, skillVersion, relation: judging, refused: inOrder };
}

export function reassignment(by: readonly string[], fields: Fields<TaskAttempt> = {}): Reassignment {
  const expired = by.map((name) =>
    expiries.sign({ ...about, ...fields, member: mesh7.who(name).id }, mesh7.who(name).secretKey, crypto),
  );
  return { ...about, kind: 'REASSIGN', expired: expired.sort((a, b) => compareText(a.member, b.member)) };
}

export const disagreement = (name: string, candidate: Candidate): Attestation =>
  attestationBy(name, candidate, { verdict: -1, ownDigest: digest('other') });
export const reasonOf = (
  decision: Decision,
  electorate: { meshId: Uint8Array; config: EpochConfig } = mesh,
): string | undefined => {
  const verdict = judgeDecision(decision, electorate, crypto);
  return verdict.ok ? undefined : verdict.reason;
};
export const amberCandidate = candidateBy('amber');
export const samples: readonly (readonly [string, Decision])[] = [
  [
    'an acceptance with dissent',
    acceptance(['amber', 'birch', 'dune'], {
      candidate: amberCandidate,
      dissent: [disagreement('cedar', amberCandidate)],
    }),
  ],
  ['an acceptance on a site’s word', acceptance(['amber'], { endorsement: { rule: 'site', site: 'north' } })],
  ['a rejection', rejection(['dune', 'amber', 'birch'])],
  ['a reassignment', reassignment(['cedar', 'amber', 'birch'])],
  [
    'a refusal by judges',
    refusal([
      refusedCandidate(amberCandidate, ['birch', 'cedar', 'dune']),
      refusedCandidate(candidateBy('birch'), ['amber', 'dune'], ['cedar']),
    ]),
  ],
];
