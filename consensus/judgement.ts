// Law: a statement that stands in a decision leaves out what all of them share, and is put together again from the decision, so that one about
// anything else cannot stand there. What it may say is asked here, of whoever drafts, judges or verifies.
import type { Member } from '../protocols/mesh/index.ts';
import { type ByteReader, type ByteWriter, equalBytes, MalformedBytes } from '../protocols/wire/index.ts';
import type { Attestation, RelationRef } from './attestation.ts';
import type { Candidate } from './candidate.ts';
import { relationNamed, sameRelation } from './relation.ts';
import {
  digestBytes,
  readNode,
  signatureBytes,
  type TaskAttempt,
  textLimits,
  writeNode,
  writeText,
} from './statement.ts';

/** One statement per member. */
export const statementsMax = 256;

/** What the statements in a decision must be about. */
export interface Asked extends TaskAttempt {
  /** 32 bytes. */
  readonly callDigest: Uint8Array;
  readonly relation: RelationRef;
}

/** Throws MalformedBytes where there are more statements than members. */
export function checkLength(list: readonly unknown[]): void {
  if (list.length > statementsMax)
    throw new MalformedBytes(`a decision holds at most ${statementsMax} statements of a kind, not ${list.length}`);
}

export function writeJudgement(writer: ByteWriter, attestation: Attestation): void {
  writeNode(writer, attestation.verifier);
  writer.i32(attestation.score).fixed(attestation.ownDigest, digestBytes);
  writeText(writer, attestation.modelFamily, textLimits.modelFamily);
  writer.fixed(attestation.signature, signatureBytes);
}

/** Attestations of the candidate of that digest, all with the same verdict. Throws MalformedBytes. */
export function readJudgements(
  reader: ByteReader,
  { relation, ...about }: Asked,
  candidateDigest: Uint8Array,
  verdict: 1 | -1,
): Attestation[] {
  return reader.list(statementsMax, (r) => {
    const verifier = readNode(r);
    const score = r.i32();
    const ownDigest = r.fixed(digestBytes);
    const modelFamily = r.text(textLimits.modelFamily);
    const signature = r.fixed(signatureBytes);
    return { ...about, candidateDigest, relation, verdict, score, ownDigest, modelFamily, verifier, signature };
  });
}

export function sameTaskAttempt(a: TaskAttempt, b: TaskAttempt): boolean {
  return (
    a.task === b.task &&
    a.attempt === b.attempt &&
    a.epoch === b.epoch &&
    equalBytes(a.workflow, b.workflow) &&
    equalBytes(a.planDigest, b.planDigest) &&
    equalBytes(a.meshId, b.meshId)
  );
}

export function foreignAttestation(attestation: Attestation, asked: Asked): string | undefined {
  if (!sameTaskAttempt(attestation, asked)) return 'is about another attempt';
  if (!equalBytes(attestation.callDigest, asked.callDigest)) return 'is about another call';
  return sameRelation(attestation.relation, asked.relation) ? undefined : 'was made under another relation';
}

/**
 * Why an attestation of `candidate` cannot stand in a decision about what was asked, or undefined where it can. Whoever drafts a decision
 * asks this first: one liar's ill-fitting attestation, agreeing or not, must not spoil what the others said. Signature, membership and
 * the candidate's digest are the caller's to check; `verifier` is the member that signed.
 */
export function attestationFault(
  attestation: Attestation,
  candidate: Candidate,
  asked: Asked,
  verifier: Pick<Member, 'modelFamily'>,
): string | undefined {
  return (
    foreignAttestation(attestation, asked) ??
    foreignFamily(attestation, verifier) ??
    relationNamed(asked.relation)?.contradiction(attestation, candidate)
  );
}

/** Families are counted, so which one a member is of is what the members decided, not what it says. */
export function foreignFamily({ modelFamily }: Attestation, member: Pick<Member, 'modelFamily'>): string | undefined {
  return modelFamily === member.modelFamily
    ? undefined
    : `speaks for the model family '${modelFamily}', and its member is of '${member.modelFamily}'`;
}
