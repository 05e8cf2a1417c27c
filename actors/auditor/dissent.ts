// Law: whoever signed something else than what was decided is named with the statement; whoever spoke of a candidate that this node has
// not seen is not, for what it said of it cannot be told here yet. Where results need not be equal, a result is another one only in the
// eyes of members of endorsing weight: a member that disagrees stands as such in the
// certificate, and may be right by its own measure.
import {
  type Acceptance,
  attestations,
  candidates,
  endorsingWeight,
  exact,
  type Rejection,
  sameRelation,
  weightOf,
} from '../../consensus/index.ts';
import type { EpochConfig } from '../../protocols/mesh/index.ts';
import { equalBytes, hex } from '../../protocols/wire/index.ts';
import type { Crypto, NodeId } from '../system/index.ts';
import type { AttemptRecord } from '../workflow/index.ts';

export interface Contradicting {
  readonly node: NodeId;
  /** In words, for people. */
  readonly what: string;
  /** Encoded, with the node's signature. */
  readonly statement: Uint8Array;
}

/** Statements of the attempt that `decision` contradicts. */
export function contradicting(
  attempt: Pick<AttemptRecord, 'candidates' | 'attestations'>,
  decision: Acceptance | Rejection,
  crypto: Pick<Crypto, 'sha256'>,
  config: EpochConfig,
): Contradicting[] {
  // Nodes of one site each answer for what they hold, and need not hold the same.
  if (decision.endorsement.rule === 'site') return [];
  if (decision.kind === 'ACCEPT' && decision.relation.id !== exact.id) return beyondRelation(attempt, decision, config);
  const { resultDigest, sizeBytes, callDigest, skill, skillVersion } = decision;
  const outcome = decision.kind === 'REJECT' ? 'failure' : 'result';
  const found: Contradicting[] = [];
  /** Whether the candidate of that digest is of the certified result. One of another call or skill says nothing about this one. */
  const seen = new Map([[hex.encode(candidates.digest(decision.candidate, crypto)), true]]);
  for (const [node, { candidate, digest }] of attempt.candidates) {
    if (!equalBytes(candidate.callDigest, callDigest)) continue;
    if (candidate.skill !== skill || candidate.skillVersion !== skillVersion) continue;
    // A failure may have the digest of a result, and a digest may come with a size that is not its own: those are other results.
    const isCertified =
      candidate.outcome === outcome &&
      candidate.sizeBytes === sizeBytes &&
      equalBytes(candidate.resultDigest, resultDigest);
    seen.set(digest, isCertified);
    if (!isCertified) {
      const what = 'signed a result other than the certified one';
      found.push({ node, what, statement: candidates.encode(candidate) });
    }
  }
  for (const { attestation } of attempt.attestations.values()) {
    const isOfCertified = seen.get(hex.encode(attestation.candidateDigest));
    if (isOfCertified === undefined || isOfCertified === (attestation.verdict === 1)) continue;
    const what = isOfCertified ? 'disputed the certified result' : 'vouched for a result other than the certified one';
    found.push({ node: attestation.verifier, what, statement: attestations.encode(attestation) });
  }
  return found;
}

/** Under a relation that allows for differences: results that members of endorsing weight measured as different from their own. */
function beyondRelation(
  attempt: Pick<AttemptRecord, 'candidates' | 'attestations'>,
  decision: Acceptance,
  config: EpochConfig,
): Contradicting[] {
  const found: Contradicting[] = [];
  for (const [node, { candidate, digest }] of attempt.candidates) {
    if (!equalBytes(candidate.callDigest, decision.callDigest)) continue;
    const against = [...attempt.attestations.values()]
      .map(({ attestation }) => attestation)
      .filter(
        ({ candidateDigest, verdict, verifier, relation }) =>
          verdict === -1 &&
          verifier !== node &&
          hex.encode(candidateDigest) === digest &&
          sameRelation(relation, decision.relation),
      )
      .map(({ verifier }) => verifier);
    if (weightOf(config, against) < (endorsingWeight(config) ?? Number.POSITIVE_INFINITY)) continue;
    const what =
      decision.relation.id === 'judges'
        ? 'signed a result that the judges refused'
        : 'signed a result beyond what the relation allows';
    found.push({ node, what, statement: candidates.encode(candidate) });
  }
  return found;
}
