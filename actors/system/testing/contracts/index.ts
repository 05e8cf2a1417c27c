// Law: the door of the suites that every implementation of a port passes; they run inside vitest only.
export { type JournalHarness, journalContract, type SnapshotsHarness, snapshotsContract } from './journal.ts';
