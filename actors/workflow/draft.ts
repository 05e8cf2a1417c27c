// Law: a decision is drafted from statements on the record alone, by one rule: the candidate with the most endorsing weight, ties by the
// smaller digest. Two nodes with the same record draft the same decision; a decision is drafted only if it would be judged valid.
import {
  type Attestation,
  attestationFault,
  type Candidate,
  type Decision,
  type Expired,
  endorsingWeight,
  expiryWeight,
  type Failure,
  sameTaskAttempt,
  type TaskTerms,
} from '../../consensus/index.ts';
import type { EpochConfig } from '../../protocols/mesh/index.ts';
import { compareText, equalBytes } from '../../protocols/wire/index.ts';
import { type AttemptRecord, weightOf } from './record.ts';

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
  const best = backings(attempt, terms, config)
    .filter((backing) => carries(backing, terms, config))
    .sort((a, b) => b.weight - a.weight || compareText(a.digest, b.digest))[0];
  const { callDigest, skill, skillVersion, endorsement, relation, ...about } = terms;
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
            isVoter(attestation.verifier, terms, config) &&
            attestationFault(attestation, candidate, terms) === undefined,
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

/** Whether a statement of `id` may stand in the decision: a member, and for a site's own word one of that site. */
function isVoter(id: string, terms: TaskTerms, config: EpochConfig): boolean {
  const member = config.members.find((candidate) => candidate.id === id);
  return member !== undefined && (terms.endorsement.rule === 'quorum' || member.site === terms.endorsement.site);
}

function carries(backing: Backing, terms: TaskTerms, config: EpochConfig): boolean {
  if (!isVoter(backing.candidate.executor, terms, config)) return false;
  if (terms.endorsement.rule === 'site') return true;
  return backing.weight >= (endorsingWeight(config) ?? Number.POSITIVE_INFINITY);
}
