// Law: the door of the audit-log room.
export { type AuditLogArgs, type AuditLogMessage, auditLogActor } from './actor.ts';
export { type AuditBook, type AuditProof, openAuditBook } from './book.ts';
