// Law: the door of the epochs room: who is let in, and how the chain of configs grows, is kept and is caught up with.
export {
  type AdmissionArgs,
  type AdmissionMessage,
  admissionActor,
  createObservers,
  encodeMeshEntry,
  meshLane,
  noteMeshEntry,
  type Observers,
} from './admission.ts';
export { type Amendment, type Approvals, amended, approvedWeight, createApprovals } from './amendments.ts';
export { type ChainStore, openChainStore } from './chain-store.ts';
export { configQuestion } from './config-question.ts';
export { createDepartures, type Departures, type LeaveOutcome, leaveMesh } from './departures.ts';
export { type Invites, openInvites } from './invites.ts';
export { joinMesh } from './messages.ts';
export { createGuilty, type Guilty, type RemovalArgs, removalActor, removalOf } from './removal.ts';
export { decidedPerEpoch } from './renewal.ts';
