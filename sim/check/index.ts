// Law: the door of the checkers.
export { createHealthCheck } from './health.ts';
export { createResultCheck } from './results.ts';
export { checkAudit, checkLanes, checkSettled, isSettled, laneRows } from './settled.ts';
export { createSometimes, type SometimesName, sometimesNames } from './sometimes.ts';
export { type Book, createBook, type Violation } from './violations.ts';
export { consensusFrame, createVoteCheck, type Said } from './votes.ts';
