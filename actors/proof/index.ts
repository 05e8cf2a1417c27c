// Law: the door of the proof room: making certificate files and checking them offline.
export {
  type AuditProofFile,
  type AuditVerification,
  auditProofFile,
  certifiedEntries,
  checkpointOf,
  inWords,
  verifyAuditProof,
} from './audit.ts';
export { buildCertificateFile } from './build.ts';
export {
  type EvidenceFile,
  type EvidenceVerification,
  evidenceFile,
  isEvidenceFile,
  verifyEvidenceFile,
} from './evidence-file.ts';
export { type About, certificateFileMaxBytes } from './file.ts';
export { withAuditProof } from './logged.ts';
export { type Verification, type VerifyOptions, verifyCertificateFile } from './verify.ts';
