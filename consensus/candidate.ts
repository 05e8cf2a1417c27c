// Law: a candidate is one executor's signed word: "I ran this call for this attempt, and this came out". Its digest covers the
// executor, so that two executors with equal results still made two statements, and an attestation tells whose it judged.
import type { Crypto, NodeId } from '../actors/system/index.ts';
import { ByteReader, ByteWriter } from '../protocols/wire/index.ts';
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

export interface Candidate extends TaskAttempt {
  readonly skill: string;
  readonly skillVersion: string;
  /** 32 bytes: what was asked (skill, input, files); defined by whoever composes calls. */
  readonly callDigest: Uint8Array;
  /** `failure` is a judgement about the input that every honest node reaches alike; it is certified like a result. */
  readonly outcome: 'result' | 'failure';
  /** 32 bytes: SHA-256 of the output, or `failureDigest` of the failure. */
  readonly resultDigest: Uint8Array;
  /** Of the output, or of the encoded failure. */
  readonly sizeBytes: number;
  readonly executor: NodeId;
  readonly signature: Uint8Array;
}

export interface Failure {
  readonly code: string;
  /** At most 4 KiB of UTF-8. */
  readonly message: string;
}

export const candidates: Statement<Candidate> = defineStatement<Candidate>({
  domain: 'parley/candidate/1',
  signer: (candidate) => candidate.executor,
  write(writer, candidate) {
    writeTaskAttempt(writer, candidate);
    writeText(writer, candidate.skill, textLimits.skill);
    writeText(writer, candidate.skillVersion, textLimits.skillVersion);
    writer
      .fixed(candidate.callDigest, digestBytes)
      .bool(candidate.outcome === 'failure')
      .fixed(candidate.resultDigest, digestBytes)
      .u64(candidate.sizeBytes);
    writeNode(writer, candidate.executor);
  },
  read: (reader) => ({
    ...readTaskAttempt(reader),
    skill: reader.text(textLimits.skill),
    skillVersion: reader.text(textLimits.skillVersion),
    callDigest: reader.fixed(digestBytes),
    outcome: reader.bool() ? 'failure' : 'result',
    resultDigest: reader.fixed(digestBytes),
    sizeBytes: reader.u64(),
    executor: readNode(reader),
  }),
});

const failureDomain = 'parley/failure/1';

/** The canonical failure record: what a failed candidate's `resultDigest` and `sizeBytes` speak of. */
export function encodeFailure(failure: Failure): Uint8Array {
  const writer = new ByteWriter(failureDomain);
  writeText(writer, failure.code, textLimits.failureCode);
  writeText(writer, failure.message, textLimits.failureMessage);
  return writer.finish();
}

/** Throws MalformedBytes on anything `encodeFailure` would not have written. */
export function decodeFailure(bytes: Uint8Array): Failure {
  const reader = new ByteReader(bytes, failureDomain);
  const failure = { code: reader.text(textLimits.failureCode), message: reader.text(textLimits.failureMessage) };
  reader.end();
  return failure;
}

export function failureDigest(failure: Failure, crypto: Pick<Crypto, 'sha256'>): Uint8Array {
  return crypto.sha256(encodeFailure(failure));
}
