// Law: the door of the auditor room.
export { type AuditorArgs, type AuditorMessage, auditLane, auditorActor } from './auditor.ts';
