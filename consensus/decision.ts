// Law: a decision is the whole of what consensus votes on for one task attempt, in one encoding whose hash is the value voted for. What
// its statements share is written once: a statement about anything else has no place in it.
import type { Crypto, NodeId } from '../actors/system/index.ts';
import { ByteReader, ByteWriter, equalBytes, MalformedBytes } from '../protocols/wire/index.ts';
import { type Attestation, type Expired, readRelation, writeRelation } from './attestation.ts';
import { type Candidate, candidates, type Failure } from './candidate.ts';
import {
  type Asked,
  checkLength,
  foreignAttestation,
  readJudgements,
  sameTaskAttempt,
  statementsMax,
  writeJudgement,
} from './judgement.ts';
import { type Refusal, readRefusal, writeRefusal } from './refusal.ts';
import {
  digestBytes,
  readNode,
  readTaskAttempt,
  signatureBytes,
  type TaskAttempt,
  textLimits,
  writeNode,
  writeTaskAttempt,
  writeText,
} from './statement.ts';

/**
 * Who must bear out a result. `quorum`: members of endorsing weight, whoever they are. `site`: the members of one site, whose raw data
 * nobody else sees; such a decision rests on that site's word, and says so.
 */
export type Endorsement = { readonly rule: 'quorum' } | { readonly rule: 'site'; readonly site: string };

interface Judged extends Asked {
  readonly skill: string;
  readonly skillVersion: string;
  /** 32 bytes, and its size: those of the candidate. */
  readonly resultDigest: Uint8Array;
  readonly sizeBytes: number;
  readonly endorsement: Endorsement;
  /** The representative: the candidate the attestations judged. */
  readonly candidate: Candidate;
  /** Verdict +1, sorted by verifier. */
  readonly attestations: readonly Attestation[];
  /** Verdict -1, sorted by verifier: on record, without effect. */
  readonly dissent: readonly Attestation[];
}

export interface Acceptance extends Judged {
  readonly kind: 'ACCEPT';
}

/** The input can't be worked on, and members of endorsing weight found the same failure. */
export interface Rejection extends Judged {
  readonly kind: 'REJECT';
  readonly failure: Failure;
}

/** The attempt ran out of time; the next attempt may begin. */
export interface Reassignment extends TaskAttempt {
  readonly kind: 'REASSIGN';
  /** Sorted by member. */
  readonly expired: readonly Expired[];
}

/** A REJECT either of an input that fails everybody alike, or of work that its judges refused. */
export type Decision = Acceptance | Rejection | Refusal | Reassignment;

export function isRefusal(decision: Decision): decision is Refusal {
  return 'refused' in decision;
}

const decisionDomain = 'parley/decision/1';
/** As they are numbered in the encoding: a REJECT has two forms. */
const forms = ['ACCEPT', 'REJECT', 'REASSIGN', 'refusal'] as const;

/** Throws MalformedBytes where a statement in it is about something else, or a field has no encoding. */
export function encodeDecision(decision: Decision): Uint8Array {
  const writer = new ByteWriter(decisionDomain);
  writeTaskAttempt(writer, decision);
  writer.u8(forms.indexOf(isRefusal(decision) ? 'refusal' : decision.kind));
  if (isRefusal(decision)) {
    writeRefusal(writer, decision);
    return writer.finish();
  }
  if (decision.kind === 'REASSIGN') {
    checkLength(decision.expired);
    writer.list(decision.expired, (w, expired) => {
      if (!sameTaskAttempt(expired, decision))
        throw new MalformedBytes('an expiry in a decision is about another attempt');
      writeNode(w, expired.member);
      w.fixed(expired.signature, signatureBytes);
    });
    return writer.finish();
  }
  const foreign = foreignStatement(decision);
  if (foreign !== undefined) throw new MalformedBytes(`a decision cannot be written: ${foreign.what}`);
  writer.fixed(decision.callDigest, digestBytes);
  writeText(writer, decision.skill, textLimits.skill);
  writeText(writer, decision.skillVersion, textLimits.skillVersion);
  writer.fixed(decision.resultDigest, digestBytes).u64(decision.sizeBytes);
  if (decision.kind === 'REJECT') {
    writeText(writer, decision.failure.code, textLimits.failureCode);
    writeText(writer, decision.failure.message, textLimits.failureMessage);
  }
  writer.bool(decision.endorsement.rule === 'site');
  if (decision.endorsement.rule === 'site') writeText(writer, decision.endorsement.site, textLimits.site);
  writeRelation(writer, decision.relation);
  writeNode(writer, decision.candidate.executor);
  writer.fixed(decision.candidate.signature, signatureBytes);
  for (const list of [decision.attestations, decision.dissent]) {
    checkLength(list);
    writer.list(list, writeJudgement);
  }
  return writer.finish();
}

/**
 * Throws MalformedBytes on anything `encodeDecision` would not have written. What comes back is well formed, not yet true: `judgeDecision`
 * says whether it holds.
 */
export function decodeDecision(bytes: Uint8Array, crypto: Pick<Crypto, 'sha256'>): Decision {
  const reader = new ByteReader(bytes, decisionDomain);
  const about = readTaskAttempt(reader);
  const kind = forms[reader.u8()];
  if (kind === undefined) throw new MalformedBytes('a decision is ACCEPT, REJECT or REASSIGN');
  if (kind === 'refusal') {
    const refusal = readRefusal(reader, about, crypto);
    reader.end();
    return refusal;
  }
  if (kind === 'REASSIGN') {
    const expired = reader.list(statementsMax, (r) => ({
      ...about,
      member: readNode(r),
      signature: r.fixed(signatureBytes),
    }));
    reader.end();
    return { ...about, kind, expired };
  }
  const callDigest = reader.fixed(digestBytes);
  const skill = reader.text(textLimits.skill);
  const skillVersion = reader.text(textLimits.skillVersion);
  const resultDigest = reader.fixed(digestBytes);
  const sizeBytes = reader.u64();
  const failure =
    kind === 'REJECT'
      ? { code: reader.text(textLimits.failureCode), message: reader.text(textLimits.failureMessage) }
      : undefined;
  const endorsement: Endorsement = reader.bool()
    ? { rule: 'site', site: reader.text(textLimits.site) }
    : { rule: 'quorum' };
  const relation = readRelation(reader);
  const candidate: Candidate = {
    ...about,
    skill,
    skillVersion,
    callDigest,
    outcome: failure === undefined ? 'result' : 'failure',
    resultDigest,
    sizeBytes,
    executor: readNode(reader),
    signature: reader.fixed(signatureBytes),
  };
  const candidateDigest = candidates.digest(candidate, crypto);
  const asked: Asked = { ...about, callDigest, relation };
  const attested = readJudgements(reader, asked, candidateDigest, 1);
  const dissent = readJudgements(reader, asked, candidateDigest, -1);
  reader.end();
  const judged: Judged = {
    ...about,
    callDigest,
    skill,
    skillVersion,
    resultDigest,
    sizeBytes,
    endorsement,
    relation,
    candidate,
    attestations: attested,
    dissent,
  };
  return failure === undefined ? { ...judged, kind: 'ACCEPT' } : { ...judged, kind: 'REJECT', failure };
}

/** The value consensus votes for: 32 bytes. */
export function decisionId(decision: Decision, crypto: Pick<Crypto, 'sha256'>): Uint8Array {
  return crypto.sha256(encodeDecision(decision));
}

/** The instance key of a verdict: at most one decision is ever made under it. */
export function verdictKey(about: Pick<TaskAttempt, 'workflow' | 'planDigest' | 'task' | 'attempt'>): Uint8Array {
  const writer = new ByteWriter('parley/verdict/1')
    .fixed(about.workflow, digestBytes)
    .fixed(about.planDigest, digestBytes);
  writeText(writer, about.task, textLimits.task);
  return writer.u32(about.attempt).finish();
}

/** Throws MalformedBytes on anything `verdictKey` would not have written. */
export function readVerdictKey(key: Uint8Array): Pick<TaskAttempt, 'workflow' | 'planDigest' | 'task' | 'attempt'> {
  const reader = new ByteReader(key, 'parley/verdict/1');
  const about = {
    workflow: reader.fixed(digestBytes),
    planDigest: reader.fixed(digestBytes),
    task: reader.text(textLimits.task),
    attempt: reader.u32(),
  };
  reader.end();
  return about;
}

/** The first statement in the decision that is about something else, or undefined. Candidate digests are left to the signatures. */
export function foreignStatement(
  decision: Acceptance | Rejection,
): { readonly signer: NodeId; readonly what: string } | undefined {
  const { candidate } = decision;
  const foreign = (signer: NodeId, what: string) => ({ signer, what });
  if (!sameTaskAttempt(candidate, decision))
    return foreign(candidate.executor, 'the candidate is about another attempt');
  if (!equalBytes(candidate.callDigest, decision.callDigest))
    return foreign(candidate.executor, 'the candidate answers another call');
  if (candidate.skill !== decision.skill || candidate.skillVersion !== decision.skillVersion)
    return foreign(candidate.executor, 'the candidate was made by another skill');
  if (!equalBytes(candidate.resultDigest, decision.resultDigest) || candidate.sizeBytes !== decision.sizeBytes)
    return foreign(candidate.executor, 'the candidate has another result');
  if ((candidate.outcome === 'failure') !== (decision.kind === 'REJECT'))
    return foreign(candidate.executor, `a candidate with a ${candidate.outcome} cannot carry ${decision.kind}`);
  for (const [list, verdict] of [
    [decision.attestations, 1],
    [decision.dissent, -1],
  ] as const) {
    for (const attestation of list) {
      const what = foreignAttestation(attestation, decision);
      if (what !== undefined) return foreign(attestation.verifier, `an attestation ${what}`);
      if (attestation.verdict !== verdict) {
        return foreign(
          attestation.verifier,
          `an attestation with verdict ${attestation.verdict} stands among those with ${verdict}`,
        );
      }
    }
  }
  return undefined;
}
