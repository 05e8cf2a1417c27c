// Law: the door of the workflow room: what is said about workflows, the record folded from it, and the decisions it can carry.
export { type Board, type BoardChange, type Contradiction, createBoard, EpochUnknown } from './board.ts';
export { backings, draftDecision, weightOf } from './draft.ts';
export { decodeWorkflowEntry, encodeWorkflowEntry, type WorkflowEntry, workflowId, workflowLane } from './entries.ts';
export {
  type AttemptRecord,
  attemptOf,
  attemptsMax,
  type BoundCall,
  boundCall,
  type Certified,
  emptyRecord,
  failureOf,
  type Opened,
  outputsOf,
  type Progress,
  progressOf,
  resultBlob,
  type TaskStatus,
  taskStatus,
  type WorkflowRecord,
} from './record.ts';
export { callDigest, endorsementOf, termsOf } from './terms.ts';
