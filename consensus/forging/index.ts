// Law: the door for tests of whole nodes that need statements no engine would sign.
export { FrameBuilder } from '../frame.ts';
export { encodeReportSet } from '../justification.ts';
export { encodeProposal, encodeVote, noHash } from '../messages.ts';
export { HeldEntry, type SignedEntry, sealBatch } from '../signed-entry.ts';
