// Law: the door of the checkers.
export { areAccountsSettled, checkAccounts } from './accounts.ts';
export { createAuditCheck } from './audit.ts';
export { createBurdenCheck } from './burden.ts';
export { type ChatterCheck, createChatterCheck } from './chatter.ts';
export { createClientCheck } from './clients.ts';
export { createEffectCheck } from './effects.ts';
export { createEpochs } from './epochs.ts';
export { createFencingCheck } from './fencing.ts';
export { createHealthCheck } from './health.ts';
export { createHoldingCheck } from './holding.ts';
export { checkJoining, isJoiningSettled } from './joining.ts';
export { createLaneCheck } from './lanes.ts';
export { createMeter, type Meters, quantile, type TypeCount } from './meter.ts';
export { createResultCheck } from './results.ts';
export {
  checkAudit,
  checkLanes,
  checkMembership,
  checkQuiet,
  checkSettled,
  isAnyRunning,
  isMembershipExact,
  isSettled,
  knownWorkflows,
  laneRows,
} from './settled.ts';
export { createSometimes, type SometimesName, sometimesNames } from './sometimes.ts';
export { createSupervisionCheck } from './supervision.ts';
export { type Book, createBook, type Violation } from './violations.ts';
export { createVoteCheck, type Said } from './votes.ts';
