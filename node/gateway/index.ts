// Law: the door of the gateway room.
export type {
  ActorRow,
  ActorsReply,
  AmendRequest,
  ApiError,
  AuditProofRequest,
  AuditReply,
  BlobReply,
  BusEventReply,
  BusGroupLine,
  BusReply,
  DoctorReport,
  InviteReply,
  InviteRequest,
  LeaveReply,
  LeaveRequest,
  MembersReply,
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
} from './api.ts';
export { boundCrowd, type CrowdLimits, checkMs } from './crowd.ts';
export { createGateway, type GatewayOptions, type RunningGateway } from './gateway.ts';
export { GatewayError } from './server.ts';
export { createWorkflowServices, type WorkflowServices } from './services.ts';
