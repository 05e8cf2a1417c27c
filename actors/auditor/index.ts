// Law: the door of the auditor room.
export { type AuditorArgs, type AuditorMessage, auditorActor } from './auditor.ts';
export { auditLane, chargeEvidence, encodeEvidenceEntry, learnEvidence } from './evidence.ts';
