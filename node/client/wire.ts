// Law: the client speaks exactly the contract of node/gateway/api.ts; its types come from there and nowhere else.
export type {
  ApiError,
  BlobReply,
  DoctorReport,
  InviteReply,
  InviteRequest,
  NodeStatus,
  OpenReply,
  OpenRequest,
  PeerStatus,
  PlanReply,
  PlanRequest,
  TaskDetail,
  WorkflowDetail,
  WorkflowEvent,
  WorkflowState,
  WorkflowSummary,
} from '../gateway/index.ts';
