// Law: the routes reach the node through these services and no other way.
import type { AuditProofFile, EvidenceFile } from '../../actors/proof/index.ts';
import type { EventBus } from '../../protocols/events/index.ts';
import type {
  ActorsReply,
  AmendRequest,
  DoctorReport,
  InviteReply,
  InviteRequest,
  LeaveReply,
  LeaveRequest,
  MembersReply,
  NodeStatus,
} from './api-mesh.ts';
import type { AuditProofRequest, AuditReply } from './api-records.ts';
import type {
  BlobReply,
  OpenReply,
  OpenRequest,
  PlanReply,
  PlanRequest,
  WorkflowDetail,
  WorkflowEvent,
  WorkflowSummary,
} from './api-work.ts';

export interface GatewayServices {
  plan(request: PlanRequest): Promise<PlanReply>;
  storeBlob(name: string, source: AsyncIterable<Uint8Array>): Promise<BlobReply>;
  readBlob(digest: string): Promise<AsyncIterable<Uint8Array>>;
  open(request: OpenRequest): Promise<OpenReply>;
  list(): readonly WorkflowSummary[];
  detail(prefix: string): Promise<WorkflowDetail>;
  /** All events so far, then live ones; ends with the workflow or when `signal` aborts. */
  events(prefix: string, signal: AbortSignal): AsyncIterable<WorkflowEvent>;
  certificate(prefix: string): Promise<Uint8Array>;
  /** `secret`: the client's own, where the key it opened under ends in `#` and its SHA-256: then this node's word is enough. */
  cancel(prefix: string, reason: string, secret?: string): Promise<WorkflowDetail>;
  /** The current epoch's where `epoch` is undefined. */
  audit(epoch: number | undefined, from: number): AuditReply;
  auditProof(request: AuditProofRequest): AuditProofFile;
  auditEvidence(): EvidenceFile;
  /** The event bus; opened at its first use. */
  bus(): Promise<EventBus>;
  status(): Promise<NodeStatus>;
  /** Watches the node's actors for that long. */
  actors(overMs: number): Promise<ActorsReply>;
  doctor(): Promise<DoctorReport>;
  invite(request: InviteRequest): Promise<InviteReply>;
  members(): MembersReply;
  amend(request: AmendRequest): Promise<MembersReply>;
  /** Resolves when the members go on without this node; it still runs. */
  leave(request: LeaveRequest): Promise<LeaveReply>;
  /** Asks the node to end; returns before it has. */
  stop(): void;
  failed(error: unknown): void;
}
