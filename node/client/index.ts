// Law: the door of the client room: a typed client of one mesh through any of its nodes.

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
} from '../gateway/index.ts';
export { busGroups, consumeEvents, type EventToSend, publishEvents, readEvents } from './events.ts';
export { type LocalFile, StoredFiles } from './files.ts';
export { type FollowOptions, follow } from './follow.ts';
export { MeshClient, type MeshClientOptions, type Move } from './mesh-client.ts';
export { ApiFailure, ConnectionLost, isListening } from './socket.ts';
