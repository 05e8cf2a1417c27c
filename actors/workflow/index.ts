// Law: the door of the workflow room: what is said about workflows, the record folded from it, and the decisions it can carry.
export { type ArchivedWorkflow, type EntryPlace, type KnownWorkflow, lastingOutputs } from './archive.ts';
export { createBoard, openPerGatewayMax } from './board.ts';
export type { Board, BoardChange, BoardOptions, Conflict, Contradiction } from './board-contract.ts';
export { answers, backings, draftDecision } from './draft.ts';
export {
  cancelSecretMax,
  cancelSecretMin,
  decodeWorkflowEntry,
  encodeWorkflowEntry,
  isCancelSecret,
  openedPlanMaxBytes,
  type WorkflowEntry,
  workflowId,
  workflowLane,
} from './entries.ts';
export {
  type AttemptRecord,
  attemptOf,
  attemptsMax,
  type BoundCall,
  boundCall,
  type Certified,
  emptyRecord,
  endOf,
  failureOf,
  isCancelling,
  type Opened,
  outputsOf,
  type Progress,
  payloadsOf,
  progressOf,
  resultBlob,
  type TaskStatus,
  taskStatus,
  type WorkflowRecord,
} from './record.ts';
export { callDigest, endorsementOf, relationOfTask, termsOf } from './terms.ts';
