// Law: the door of consensus: pure and synchronous. Time, chance, storage and the wire are the caller's.

export { type Attestation, attestations, type Expired, expiries, type RelationRef } from './attestation.ts';
export {
  type AuditBatch,
  type AuditEntry,
  AuditLog,
  auditKey,
  auditOrigin,
  closingEntry,
  cosignerKeys,
  decodeAuditBatch,
  decodeAuditEntry,
  encodeAuditBatch,
  encodeAuditEntry,
  hasGrown,
  isLogged,
  openCheckpoint,
} from './audit-log.ts';
export { type Candidate, candidates, decodeFailure, encodeFailure, type Failure, failureDigest } from './candidate.ts';
export {
  assembleCertificate,
  type Certificate,
  type CertificateKind,
  decodeCertificate,
  encodeCertificate,
  verifyCertificate,
} from './certificate.ts';
export { configKey, judgeConfigChange, judgeGenesis, verifyConfigLink, workersPerConfigMax } from './config-change.ts';
export {
  type Ballot,
  type CoreInput,
  type CoreOutput,
  type CoreState,
  initialCore,
  stepCore,
  type TimeoutKind,
  type ValueId,
  type VoteKind,
} from './core.ts';
export { verifyDecided } from './decided.ts';
export {
  type Acceptance,
  type Decision,
  decisionId,
  decodeDecision,
  type Endorsement,
  encodeDecision,
  isRefusal,
  type Reassignment,
  type Rejection,
  readVerdictKey,
  verdictKey,
} from './decision.ts';
export {
  type Electorate,
  judgeAgainstTerms,
  judgeDecision,
  missingAttestations,
  type TaskTerms,
  type Verdict,
} from './decision-judge.ts';
export { endorsementInWords } from './decision-words.ts';
export { createEngine } from './engine.ts';
export {
  defaultLimits,
  type Engine,
  type EngineInput,
  type EngineLimits,
  type EngineOptions,
  type EngineOutput,
  type Timeouts,
  type TimerKind,
} from './engine-types.ts';
export { type Check, type EpochView, epochViewOf, leaderOrder } from './epoch.ts';
export {
  decodeEvidence,
  type Evidence,
  encodeEvidence,
  evidenceBetween,
  instanceOfEvidence,
  verifyEvidence,
} from './evidence.ts';
export { decodeFrame, type Frame, maxFrameBytes } from './frame.ts';
export { defaultQueueLimits, InputQueue, type QueueLimits } from './input-queue.ts';
export { comparedBytesMax } from './json-text.ts';
export { attestationFault, sameTaskAttempt } from './judgement.ts';
export { isAdmissibleKey } from './key-admission.ts';
export { jointCommitted, jointVote, majorityCommitted, majorityVote, type VoteResult } from './majority.ts';
export {
  appendLeaf,
  type CompactRange,
  consistencyProof,
  emptyRange,
  type HashAt,
  inclusionProof,
  leafHash,
  nodeHash,
  rangeRoot,
  rootAt,
  verifyConsistency,
  verifyInclusion,
} from './merkle.ts';
export {
  type Domain,
  decodeEntry,
  type Entry,
  type InstanceId,
  instanceIdOf,
  isLeaderless,
  maxKeyBytes,
  maxPayloadBytes,
  noAgreement,
  type Scope,
  type Subject,
  valueIdOf,
} from './messages.ts';
export {
  type Checkpoint,
  checkpointText,
  cosign,
  isSignedBy,
  type NoteKey,
  type NoteSignature,
  noteMaxBytes,
  parseCheckpoint,
  parseNote,
  renderNote,
  type SignedNote,
  signNote,
} from './note.ts';
export {
  defaultFaultBudget,
  type FaultBudget,
  faultBudgetOf,
  largestFastSlack,
  leaderlessThresholds,
  type Soundness,
  soundnessOf,
  type Thresholds,
  thresholdsOf,
  toleranceInWords,
  UnsoundQuorum,
} from './quorum.ts';
export { decodeRecord as decodeEngineRecord, type EngineRecord } from './record.ts';
export {
  isHonestAmong,
  type Refusal,
  type RefusedCandidate,
  refusingWeight,
} from './refusal.ts';
export {
  exact,
  type Judgement,
  type KnownRelation,
  type Relation,
  type RelationTerms,
  relationNamed,
  relationOf,
  sameRelation,
} from './relation.ts';
export { type RelationSpec, relationProblems, type SpecProblem, type ValueRelation } from './relation-spec.ts';
export { type Backing, betterBacking } from './representative.ts';
export { openBatch, verifySignedEntry } from './signed-entry.ts';
export type { Signed, Statement, TaskAttempt, Unsigned } from './statement.ts';
export { applyVote, emptyKeeper, type KeeperOutput, type KeptVote, type VoteKeeper } from './vote-keeper.ts';
export {
  encodeRecord,
  type LogHead,
  type LogReading,
  type LogRecord,
  logStart,
  readLog,
  recordPayloadMaxBytes,
  rewriteLog,
} from './wal.ts';
export { endorsingWeight, expiryWeight, weightOf } from './weights.ts';
