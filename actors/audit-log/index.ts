// Law: the door of the audit-log room.
export { type AuditLogArgs, type AuditLogMessage, auditLogActor } from './actor.ts';
export { openAuditBook } from './book.ts';
export type { AuditBook, AuditProof } from './book-contract.ts';
