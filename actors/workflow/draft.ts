// Law: a decision is drafted from statements on the record alone, by one rule: the candidate that best represents the others
// (`betterBacking`), else a refusal of all there is, else the next attempt. Two nodes with the same record draft the same decision; a
// decision is drafted only if it would be judged valid.
import {
  type Attestation,
  attestationFault,
  betterBacking,
  type Candidate,
  type Decision,
  type Expired,
  endorsingWeight,
  expiryWeight,
  type Failure,
  isHonestAmong,
  missingAttestations,
  refusingWeight,
  sameTaskAttempt,
  type TaskTerms,
  weightOf,
} from '../../consensus/index.ts';
import { type EpochConfig, type Member, type Worker, workersOf } from '../../protocols/mesh/index.ts';
import { compareText, equalBytes } from '../../protocols/wire/index.ts';
import type { AttemptRecord } from './record.ts';

interface Backing {
  readonly candidate: Candidate;
  readonly digest: string;
  readonly failure: Failure | undefined;
  readonly agreeing: readonly Attestation[];
  readonly dissenting: readonly Attestation[];
  readonly weight: number;
}

/** Undefined where the record does not (yet) carry a valid decision under `terms`. */
export function draftDecision(attempt: AttemptRecord, terms: TaskTerms, config: EpochConfig): Decision | undefined {
  const all = backings(attempt, terms, config);
  const best = all
    .filter((backing) => carries(backing, terms, config))
    .sort((a, b) => betterBacking(scored(a), scored(b), config.f))[0];
  const { callDigest, skill, skillVersion, endorsement, relation: asked, ...about } = terms;
  const relation = { id: asked.id, version: asked.version, paramsHash: asked.paramsHash };
  if (best !== undefined) {
    const { candidate, agreeing, dissenting, failure } = best;
    const judged = {
      ...about,
      callDigest,
      skill,
      skillVersion,
      endorsement,
      relation,
      resultDigest: candidate.resultDigest,
      sizeBytes: candidate.sizeBytes,
      candidate,
      attestations: agreeing,
      dissent: dissenting,
    };
    // The board took a failed candidate only with the failure its digest speaks of.
    return failure === undefined ? { ...judged, kind: 'ACCEPT' } : { ...judged, kind: 'REJECT', failure };
  }
  const made = all.filter(
    ({ candidate, failure }) => failure === undefined && executorOf(candidate.executor, terms, config) !== undefined,
  );
  if (isRefused(made, terms, config)) {
    const refused = made
      .map(({ candidate, agreeing, dissenting }) => ({ candidate, refusing: dissenting, dissent: agreeing }))
      .sort((a, b) => compareText(a.candidate.executor, b.candidate.executor));
    return { ...about, kind: 'REJECT', callDigest, skill, skillVersion, relation, refused };
  }
  const expired = [...attempt.expired.values()]
    .filter((statement) => weightOf(config, [statement.member]) > 0 && sameTaskAttempt(statement, terms))
    .sort((a, b) => compareText(a.member, b.member));
  if (
    weightOf(
      config,
      expired.map(({ member }) => member),
    ) >= expiryWeight(config)
  )
    return { ...about, kind: 'REASSIGN', expired: expired satisfies Expired[] };
  return undefined;
}

const scored = (backing: Backing) => ({ ...backing, scores: backing.agreeing.map(({ score }) => score) });

/** Each candidate that answers the call, with who bore it out and who did not. */
export function backings(attempt: AttemptRecord, terms: TaskTerms, config: EpochConfig): Backing[] {
  const byVerifier = (list: Attestation[]): Attestation[] => list.sort((a, b) => compareText(a.verifier, b.verifier));
  return [...attempt.candidates.values()]
    .filter(({ candidate }) => answers(candidate, terms))
    .map(({ candidate, digest, failure }) => {
      const judged = [...attempt.attestations.entries()]
        .filter(
          ([key, { attestation }]) =>
            key.endsWith(`|${digest}`) &&
            attestation.verifier !== candidate.executor &&
            isSound(attestation, candidate, terms, config),
        )
        .map(([, { attestation }]) => attestation);
      const agreeing = byVerifier(judged.filter(({ verdict }) => verdict === 1));
      const dissenting = byVerifier(judged.filter(({ verdict }) => verdict === -1));
      return {
        candidate,
        digest,
        failure,
        agreeing,
        dissenting,
        weight: weightOf(config, [candidate.executor, ...agreeing.map(({ verifier }) => verifier)]),
      };
    });
}

/** One ill-fitting statement must not spoil the decision of the others: what is about anything else is left out here. */
export function answers(candidate: Candidate, terms: TaskTerms): boolean {
  return (
    sameTaskAttempt(candidate, terms) &&
    equalBytes(candidate.callDigest, terms.callDigest) &&
    candidate.skill === terms.skill &&
    candidate.skillVersion === terms.skillVersion
  );
}

/** The member whose statement may stand in the decision: any, and for a site's own word one of that site. */
function voterOf(id: string, { endorsement }: TaskTerms, config: EpochConfig): Member | undefined {
  const member = config.members.find((candidate) => candidate.id === id);
  return endorsement.rule === 'quorum' || member?.site === endorsement.site ? member : undefined;
}

/** A worker's result may be decided on too; its word for it weighs nothing. */
function executorOf(id: string, terms: TaskTerms, config: EpochConfig): Member | Worker | undefined {
  const worker = workersOf(config).find((candidate) => candidate.id === id);
  if (worker === undefined) return voterOf(id, terms, config);
  return terms.endorsement.rule === 'quorum' || worker.site === terms.endorsement.site ? worker : undefined;
}

function isSound(attestation: Attestation, candidate: Candidate, terms: TaskTerms, config: EpochConfig): boolean {
  const verifier = voterOf(attestation.verifier, terms, config);
  return verifier !== undefined && attestationFault(attestation, candidate, terms, verifier) === undefined;
}

function carries(backing: Backing, terms: TaskTerms, config: EpochConfig): boolean {
  if (executorOf(backing.candidate.executor, terms, config) === undefined) return false;
  if (backing.failure === undefined && missingAttestations(backing.agreeing, terms.relation) !== undefined)
    return false;
  if (terms.endorsement.rule === 'site') return backing.weight > 0;
  return backing.weight >= (endorsingWeight(config) ?? Number.POSITIVE_INFINITY);
}

/**
 * Judges refused every result there is, and an honest executor's among them. One on which they are not agreed yet may still be accepted:
 * it is waited for, until the attempt's time is up.
 */
function isRefused(made: readonly Backing[], terms: TaskTerms, config: EpochConfig): boolean {
  const { relation, endorsement } = terms;
  if (relation.id !== 'judges' || endorsement.rule === 'site') return false;
  const executors = made.map(({ candidate }) => candidate.executor);
  return (
    isHonestAmong(executors, config) &&
    made.every(
      ({ candidate, dissenting }) =>
        missingAttestations(dissenting, relation) === undefined &&
        weightOf(
          config,
          dissenting.map(({ verifier }) => verifier),
        ) >= (refusingWeight(config, weightOf(config, [candidate.executor])) ?? Number.POSITIVE_INFINITY),
    )
  );
}
