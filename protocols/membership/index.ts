// Law: the door of the membership room: who seems to be there, by SWIM and Lifeguard, and who comes first for a key. It suspects; only a
// decided config changes a quorum.
export { createDetector } from './detector.ts';
export type { Detector, DetectorInput, DetectorOptions, DetectorOutput } from './detector-contract.ts';
export { pick } from './gossip.ts';
export type { MemberChange, MemberView } from './members.ts';
export { type Claim, type MemberState, maxClaims, type SwimMessage, swimSchema } from './messages.ts';
export {
  createRecordBook,
  type MemberRecord,
  type RecordBook,
  type RecordContent,
  type SignedRecord,
} from './record.ts';
export { rendezvous } from './rendezvous.ts';
export type { DetectorSettings } from './settings.ts';
