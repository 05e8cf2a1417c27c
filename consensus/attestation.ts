// Law: an attestation is one verifier's signed judgement of one candidate under one named relation, made once, outside any vote. It
// carries what the verifier found itself, so that a lie in either direction is on record. An expiry is a member's word that an
// attempt ran out of time; enough of them move the task to its next attempt.
import type { NodeId } from '../actors/system/index.ts';
import type { ByteReader, ByteWriter } from '../protocols/wire/index.ts';
import { MalformedBytes } from '../protocols/wire/index.ts';
import {
  defineStatement,
  digestBytes,
  readNode,
  readTaskAttempt,
  type Statement,
  type TaskAttempt,
  textLimits,
  writeNode,
  writeTaskAttempt,
  writeText,
} from './statement.ts';

/** Names a relation and pins its parameters, before anything is executed. */
export interface RelationRef {
  readonly id: string;
  readonly version: number;
  /** 32 bytes; all zero where the relation has no parameters. */
  readonly paramsHash: Uint8Array;
}

export interface Attestation extends TaskAttempt {
  /** 32 bytes. */
  readonly callDigest: Uint8Array;
  /** 32 bytes: `candidates.digest` of the candidate judged. */
  readonly candidateDigest: Uint8Array;
  readonly relation: RelationRef;
  readonly verdict: 1 | -1;
  /** Fixed point, 32 bits, in the relation's own unit; 0 where the relation has none. */
  readonly score: number;
  /** 32 bytes: digest of what the verifier computed itself. */
  readonly ownDigest: Uint8Array;
  readonly modelFamily: string;
  readonly verifier: NodeId;
  readonly signature: Uint8Array;
}

export interface Expired extends TaskAttempt {
  readonly member: NodeId;
  readonly signature: Uint8Array;
}

export function writeRelation(writer: ByteWriter, relation: RelationRef): void {
  writeText(writer, relation.id, textLimits.relation);
  writer.u32(relation.version).fixed(relation.paramsHash, digestBytes);
}

export function readRelation(reader: ByteReader): RelationRef {
  return { id: reader.text(textLimits.relation), version: reader.u32(), paramsHash: reader.fixed(digestBytes) };
}

export const attestations: Statement<Attestation> = defineStatement<Attestation>({
  domain: 'parley/attestation/1',
  signer: (attestation) => attestation.verifier,
  write(writer, attestation) {
    writeTaskAttempt(writer, attestation);
    writer.fixed(attestation.callDigest, digestBytes).fixed(attestation.candidateDigest, digestBytes);
    writeRelation(writer, attestation.relation);
    writer.i32(attestation.verdict).i32(attestation.score).fixed(attestation.ownDigest, digestBytes);
    writeText(writer, attestation.modelFamily, textLimits.modelFamily);
    writeNode(writer, attestation.verifier);
  },
  read: (reader) => ({
    ...readTaskAttempt(reader),
    callDigest: reader.fixed(digestBytes),
    candidateDigest: reader.fixed(digestBytes),
    relation: readRelation(reader),
    verdict: readVerdict(reader),
    score: reader.i32(),
    ownDigest: reader.fixed(digestBytes),
    modelFamily: reader.text(textLimits.modelFamily),
    verifier: readNode(reader),
  }),
});

function readVerdict(reader: ByteReader): 1 | -1 {
  const verdict = reader.i32();
  if (verdict !== 1 && verdict !== -1) throw new MalformedBytes(`a verdict is 1 or -1, not ${verdict}`);
  return verdict;
}

export const expiries: Statement<Expired> = defineStatement<Expired>({
  domain: 'parley/expired/1',
  signer: (expired) => expired.member,
  write(writer, expired) {
    writeTaskAttempt(writer, expired);
    writeNode(writer, expired.member);
  },
  read: (reader) => ({ ...readTaskAttempt(reader), member: readNode(reader) }),
});
