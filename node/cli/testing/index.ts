// Law: the door of the CLI's test kit.
export { FakeNode, type FakeNodeOptions, newRecord, readOnlyPlan } from './fake-node.ts';
export { type MemorySession, memorySession } from './memory-session.ts';
