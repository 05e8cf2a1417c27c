// Law: the door of the gateway room.
export type { ApiError } from './api.ts';
export type {
  ActorRow,
  ActorsReply,
  AmendRequest,
  DoctorReport,
  InviteReply,
  InviteRequest,
  LeaveReply,
  LeaveRequest,
  MembersReply,
  NodeStatus,
  PeerStatus,
} from './api-mesh.ts';
export type { AuditProofRequest, AuditReply, BusEventReply, BusGroupLine, BusReply } from './api-records.ts';
export type {
  BlobReply,
  OpenReply,
  OpenRequest,
  PlanReply,
  PlanRequest,
  TaskDetail,
  WorkflowDetail,
  WorkflowEvent,
  WorkflowState,
  WorkflowSummary,
} from './api-work.ts';
export { boundCrowd, type CrowdLimits, checkMs } from './crowd.ts';
export { GatewayError } from './error.ts';
export { createGateway, type GatewayOptions, type RunningGateway } from './gateway.ts';
export { createWorkflowServices, type WorkflowServices } from './services.ts';
