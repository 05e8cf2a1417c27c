// Law: a member's statement joins an attempt's record once, and only where it is about that very attempt and signed by that member. A second
// one that says otherwise is a contradiction; the first stays.
import {
  attestations,
  candidates,
  type Evidence,
  encodeFailure,
  expiries,
  failureDigest,
  sameTaskAttempt,
} from '../../consensus/index.ts';
import { equalBytes, hex, MalformedBytes } from '../../protocols/wire/index.ts';
import type { Crypto, NodeId } from '../system/index.ts';
import type { WorkflowEntryOf } from './entries.ts';
import type { AttemptRecord } from './record.ts';

type About = Parameters<typeof sameTaskAttempt>[0];

export interface FoldContext {
  /** What the statement must be about. */
  readonly about: About;
  readonly author: NodeId;
  readonly attempt: AttemptRecord;
  readonly crypto: Crypto;
  /** There is one candidate per member. */
  readonly candidatesMax: number;
}

export type Contradicts = (what: string, evidence?: Evidence) => void;

function checkAbout(statement: About, { about }: FoldContext): void {
  if (!sameTaskAttempt(statement, about))
    throw new MalformedBytes('a statement about another task attempt than its entry');
}

export function foldCandidate(
  entry: WorkflowEntryOf<'candidate'>,
  context: FoldContext,
  contradicts: Contradicts,
): boolean {
  const { author, attempt, crypto } = context;
  const candidate = candidates.decode(entry.candidate);
  const { failure, durationMs } = entry;
  checkAbout(candidate, context);
  if ((candidate.outcome === 'failure') !== (failure !== undefined))
    throw new MalformedBytes('a failed candidate comes with its failure, and no other does');
  if (
    failure !== undefined &&
    (!equalBytes(failureDigest(failure, crypto), candidate.resultDigest) ||
      encodeFailure(failure).length !== candidate.sizeBytes)
  )
    throw new MalformedBytes('a failed candidate beside another failure than its own');
  const digest = hex.encode(candidates.digest(candidate, crypto));
  const known = attempt.candidates.get(author);
  if (known?.digest === digest) return false;
  if (candidate.executor !== author || !candidates.verify(candidate, crypto))
    throw new MalformedBytes('a candidate that its author did not sign');
  if (known !== undefined) {
    contradicts('signed two different results of one attempt');
    return false;
  }
  attempt.candidates.set(author, { candidate, digest, durationMs, failure });
  return true;
}

export function foldAttestation(
  entry: WorkflowEntryOf<'attestation'>,
  context: FoldContext,
  contradicts: Contradicts,
): boolean {
  const { author, attempt, crypto, candidatesMax } = context;
  const attestation = attestations.decode(entry.attestation);
  checkAbout(attestation, context);
  const key = `${author}|${hex.encode(attestation.candidateDigest)}`;
  const known = attempt.attestations.get(key);
  if (known !== undefined && equalBytes(known.attestation.signature, attestation.signature)) return false;
  if (attestation.verifier !== author || !attestations.verify(attestation, crypto))
    throw new MalformedBytes('an attestation that its author did not sign');
  if (known !== undefined) {
    if (known.attestation.verdict !== attestation.verdict) {
      const both = { first: known.attestation, second: attestation };
      contradicts('attested one candidate both ways', { kind: 'judgements', culprit: author, ...both });
    }
    return false;
  }
  let others = 0;
  for (const other of attempt.attestations.keys()) if (other.startsWith(`${author}|`)) others++;
  if (others >= candidatesMax) throw new MalformedBytes('more attestations than there are candidates');
  attempt.attestations.set(key, { attestation, durationMs: entry.durationMs, said: entry.said });
  return true;
}

export function foldExpired(entry: WorkflowEntryOf<'expired'>, context: FoldContext): boolean {
  const { author, attempt, crypto } = context;
  const expired = expiries.decode(entry.expired);
  checkAbout(expired, context);
  if (attempt.expired.has(author)) return false;
  if (expired.member !== author || !expiries.verify(expired, crypto))
    throw new MalformedBytes('an expiry that its author did not sign');
  attempt.expired.set(author, expired);
  return true;
}
