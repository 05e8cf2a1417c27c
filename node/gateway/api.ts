// Law: this is everything a client can ask of a node. HTTP/1.1 on the node's local socket; JSON bodies; errors are {error: ApiError}
// with a status that fits; `…/events` streams one JSON object per line and ends when the workflow has ended.
//
//   POST /v1/plans                    PlanRequest → PlanReply                      makes or checks a plan; nothing runs
//   PUT  /v1/blobs?name=NAME          raw bytes → BlobReply                        an input file, stored by content
//   GET  /v1/blobs/:digest            raw bytes
//   POST /v1/workflows                OpenRequest → OpenReply                      accepted: survives this node's death
//   GET  /v1/workflows                WorkflowSummary[]
//   GET  /v1/workflows/:id            WorkflowDetail                               :id may be a unique prefix
//   GET  /v1/workflows/:id/events     application/x-ndjson of WorkflowEvent        from the beginning, then live
//   GET  /v1/workflows/:id/certificate  the certificate file, once completed
//   POST /v1/workflows/:id/cancel     {reason?} → WorkflowDetail
//   GET  /v1/audit?epoch=E&from=I     AuditReply                                   the log of an epoch, the current one's where none is named
//   GET  /v1/audit/evidence           EvidenceFile                                 what convicts members, for anybody to check; 404 where there is none
//   POST /v1/audit/proof              AuditProofRequest → AuditProofFile           409 `not_ready` where an entry is not logged yet
//   GET  /v1/bus                      BusReply                                     what carries the event bus, and its groups
//   POST /v1/bus/:topic               {events: [{key, data, id?}]} → {positions}   at most 1,000 events, `data` in base64; durable when answered
//   GET  /v1/bus/:topic?from=F        application/x-ndjson of BusEventReply        live until the client goes; F: new, first, or positions joined by ','
//   GET  /v1/bus/:topic/groups/:group?from=F  application/x-ndjson of BusGroupLine  joins the group as a consumer; F: first or new
//   POST /v1/bus/consumers/:consumer  {batch, isLast?} → {}                        handled: the next line may come; 409 where nothing waits for it
//   GET  /v1/status                   NodeStatus
//   GET  /v1/actors?overMs=T          ActorsReply                                  watches the node's actors for T ms (1,000; at most 60,000), then answers
//   GET  /v1/doctor                   DoctorReport
//   POST /v1/invites                  InviteRequest → InviteReply
//   GET  /v1/members                  MembersReply                                 who votes in the current epoch, and what is proposed of whom
//   POST /v1/members                  AmendRequest → MembersReply                  this member's word on what a member is to weigh
//   POST /v1/leave                    LeaveRequest → LeaveReply                    the members go on without this node; it still runs
//   POST /v1/stop                     {} → {}                                      drains and ends the process
import type { BlobRef, FileProfile, NodeId } from '../../actors/system/index.ts';

export interface ApiError {
  /** Stable, for programs: `not_found`, `bad_request`, `abstained`, `needs_approval`, `denied`, `no_quorum`, `not_ready`, `expired`, `conflict`, `internal`. */
  readonly code: string;
  /** What happened, to what. */
  readonly message: string;
  /** What to do about it. */
  readonly hint?: string;
}

/** What a member is to weigh from the next epoch on: 0 removes it; undefined takes back what this node said before. */
export interface AmendRequest {
  /** A member's name or node id. */
  readonly member: string;
  readonly weight?: number | undefined;
}

export interface MembersReply {
  readonly epoch: number;
  /** In words. */
  readonly tolerance: string;
  readonly members: readonly {
    readonly name: string;
    readonly id: NodeId;
    readonly weight: number;
    readonly site: string;
    readonly operator: string;
    readonly modelFamily: string;
  }[];
  /** Nodes that run tasks and have no vote. */
  readonly workers: readonly {
    readonly name: string;
    readonly id: NodeId;
    readonly site: string;
    readonly operator: string;
    readonly modelFamily: string;
  }[];
  /** Changes that members approve and that are not decided. They lapse with the epoch. */
  readonly proposed: readonly {
    readonly member: string;
    readonly weight: number;
    /** Names. */
    readonly approvedBy: readonly string[];
    readonly approvedWeight: number;
    readonly neededWeight: number;
    /** What the mesh would tolerate then, in words; or why the change is not possible. */
    readonly outcome: string;
    readonly isPossible: boolean;
  }[];
}

export interface BlobReply {
  readonly name: string;
  readonly blob: BlobRef;
  readonly profile: FileProfile;
}

export interface PlanRequest {
  /** Words, or an explicit plan (already bound to blobs), never both. */
  readonly words?: string;
  readonly plan?: unknown;
  readonly files: readonly { readonly name: string; readonly blob: BlobRef }[];
}

/** `plan` is the JSON of actors/plan's Plan; post it back unchanged to open the workflow. */
export type PlanReply =
  | {
      readonly kind: 'plan';
      readonly plan: unknown;
      readonly digest: string;
      readonly risk: 'read-only' | 'writes' | 'external' | 'destructive';
      /** Lines that say which words became what. */
      readonly explanation: readonly string[];
      readonly warnings: readonly string[];
    }
  | {
      readonly kind: 'abstain';
      readonly reason: string;
      readonly message: string;
      readonly questions: readonly string[];
      readonly candidates: readonly { readonly skill: string; readonly title: string; readonly example: string }[];
    };

export interface OpenRequest {
  readonly words: string;
  readonly plan: unknown;
  /** The same key always names the same workflow: a repeat is answered with the first one. */
  readonly idempotencyKey: string;
  /** True where a person saw the plan and said yes (or gave --yes). Needed for any risk but read-only. */
  readonly approved: boolean;
}

export interface OpenReply {
  readonly workflow: string;
  /** How many other members hold the intent, its plan and its files. */
  readonly heldBy: number;
  readonly repeated: boolean;
}

export type WorkflowState = 'running' | 'waiting-for-quorum' | 'completed' | 'failed' | 'cancelled';

export interface WorkflowSummary {
  readonly workflow: string;
  readonly words: string;
  readonly state: WorkflowState;
  readonly openedAtMs: number;
  readonly endedAtMs?: number;
  readonly tasksDone: number;
  readonly tasks: number;
  readonly steward?: string;
  readonly message?: string;
}

export interface TaskDetail {
  readonly task: string;
  readonly skill: string;
  readonly state: 'waiting' | 'running' | 'accepted' | 'rejected' | 'unavailable';
  readonly attempt: number;
  readonly executors: readonly string[];
  readonly verifiers: readonly string[];
  readonly endorsedBy: readonly string[];
  readonly dissent: readonly string[];
  /** In words: who recomputed it, or on whose word it rests. */
  readonly basis?: string;
  readonly resultDigest?: string;
  readonly message?: string;
}

export interface WorkflowDetail extends WorkflowSummary {
  readonly plan: unknown;
  readonly planDigest: string;
  readonly taskDetails: readonly TaskDetail[];
  /** The answer's bytes, UTF-8 canonical JSON, once completed; `json` is null where they are no JSON or more than 16 MiB. */
  readonly result?: {
    readonly digest: string;
    readonly sizeBytes: number;
    readonly skill: string;
    readonly json: unknown;
  };
  readonly cost?: {
    readonly durationMs: number;
    readonly computeMs: number;
    readonly tokens: number;
    readonly runs: number;
  };
  readonly files: readonly { readonly name: string; readonly path: string }[];
}

/** `key` is the same on every node, so a client that reconnects elsewhere shows nothing twice. `node` is a member's name. */
export type WorkflowEvent = { readonly key: string; readonly atMs: number } & (
  | {
      readonly type: 'opened';
      readonly node: string;
      readonly words: string;
      readonly tasks: readonly { readonly task: string; readonly skill: string }[];
    }
  | { readonly type: 'steward'; readonly node: string }
  | {
      readonly type: 'assigned';
      readonly task: string;
      readonly attempt: number;
      readonly executors: readonly string[];
      readonly verifiers: readonly string[];
      readonly node: string;
    }
  | {
      readonly type: 'candidate';
      readonly task: string;
      readonly attempt: number;
      readonly node: string;
      readonly outcome: 'result' | 'failure';
      readonly digest: string;
      readonly durationMs: number;
      readonly message?: string;
    }
  | {
      readonly type: 'attestation';
      readonly task: string;
      readonly attempt: number;
      readonly node: string;
      readonly of: string;
      readonly verdict: 1 | -1;
      readonly digest: string;
      readonly durationMs: number;
    }
  | {
      readonly type: 'fault';
      readonly task: string;
      readonly attempt: number;
      readonly node: string;
      readonly message: string;
    }
  | {
      readonly type: 'vote';
      readonly task: string;
      readonly attempt: number;
      readonly node: string;
      readonly kind: 'prevote' | 'precommit';
      readonly round: number;
      readonly value: string | null;
    }
  | {
      readonly type: 'decided';
      readonly task: string;
      readonly attempt: number;
      readonly decision: 'ACCEPT' | 'REJECT' | 'REASSIGN';
      readonly path: 'FAST' | 'COMMIT';
      readonly signers: readonly string[];
      readonly basis: string;
      readonly message?: string;
    }
  | { readonly type: 'evidence'; readonly node: string; readonly message: string }
  | { readonly type: 'waiting'; readonly message: string; readonly needed: number; readonly live: number }
  | { readonly type: 'resumed'; readonly message: string }
  | { readonly type: 'ended'; readonly state: 'completed' | 'failed' | 'cancelled'; readonly message: string }
);

export type MeshRole = 'member' | 'worker' | 'observer';

export interface PeerStatus {
  readonly id: NodeId;
  readonly name: string;
  readonly site: string;
  readonly role: MeshRole;
  readonly self: boolean;
  readonly connected: boolean;
  readonly state: 'alive' | 'suspect' | 'dead' | 'unknown';
  /** Local socket of that node, where it runs on this machine and said so. */
  readonly socket?: string;
  readonly skills: readonly string[];
  readonly load?: number;
}

export interface NodeStatus {
  readonly mesh: {
    readonly id: string;
    readonly name: string;
    readonly epoch: number;
    readonly members: number;
    readonly tolerance: string;
    readonly quorum: number;
    readonly live: number;
  };
  readonly node: {
    readonly id: NodeId;
    readonly name: string;
    readonly site: string;
    readonly folder: string;
    readonly addresses: readonly string[];
    readonly version: string;
    readonly uptimeMs: number;
    readonly rssBytes: number;
    readonly role: MeshRole;
  };
  readonly peers: readonly PeerStatus[];
  readonly workflows: { readonly running: number; readonly ended: number };
  /** What was dropped and who sent it. */
  readonly refusals: readonly { readonly from: string; readonly reason: string; readonly count: number }[];
  /** What this node handed to the network since it started, by message type. */
  readonly sent: readonly { readonly type: string; readonly count: number; readonly sizeBytes: number }[];
  /** Members named by evidence or dissent. */
  readonly named: readonly { readonly node: string; readonly what: string; readonly count: number }[];
  readonly sandbox: string;
}

/** One actor of the node, its parent before it in the list. */
export interface ActorRow {
  /** Names from the root, such as `/node/consensus`. */
  readonly path: string;
  /** Of this life: an actor that was stopped and spawned again has another one. */
  readonly uid: number;
  /** 0 for the root. */
  readonly depth: number;
  readonly kind: string;
  readonly phase: 'new' | 'starting' | 'running' | 'stopping' | 'held' | 'ended';
  /** Waits for a promise of its own. */
  readonly suspended: boolean;
  readonly mailboxDepth: number;
  readonly mailboxCapacity: number;
  readonly stashDepth: number;
  readonly restarts: number;
  /** Messages since its spawn. */
  readonly handled: number;
  readonly messagesPerSecond: number;
  /** Why it crashed last, in words. */
  readonly lastError?: string;
}

export interface ActorsReply {
  readonly node: string;
  /** How long the node was watched for `messagesPerSecond`. */
  readonly overMs: number;
  /** Messages that no actor took, since the node started. */
  readonly deadLetters: number;
  readonly actors: readonly ActorRow[];
  /** Actors beyond those listed. */
  readonly omitted: number;
}

export interface LeaveRequest {
  /** How long work in hand may take before the node leaves all the same. */
  readonly drainForMs: number;
}

export interface LeaveReply {
  /** The first epoch without this node. */
  readonly epoch: number;
  /** Nothing was running any more. */
  readonly drained: boolean;
  readonly members: number;
  /** What the mesh tolerates from now on, in words. */
  readonly tolerance: string;
}

export interface DoctorReport {
  readonly checks: readonly {
    readonly subject: string;
    readonly check: string;
    readonly ok: boolean;
    /** Worth knowing, and nothing is wrong: `ok` is true. */
    readonly isNote?: boolean;
    readonly detail: string;
    /** Present on every failed line. */
    readonly fix?: string;
  }[];
}

export interface AuditReply {
  readonly epoch: number;
  /** Entries in the log now. */
  readonly size: number;
  readonly from: number;
  readonly entries: readonly {
    readonly index: number;
    readonly kind: string;
    readonly what: string;
    readonly digest: string;
  }[];
  /** A C2SP signed note with cosignatures of quorum weight, once there is one. */
  readonly checkpoint?: string;
}

/** Entries by what they say: `key` and `digest` in lower-case hex. */
export interface AuditProofRequest {
  readonly entries: readonly {
    readonly epoch: number;
    readonly kind: 'verdict' | 'config' | 'evidence' | 'close';
    readonly key: string;
    readonly digest: string;
  }[];
  /** A checkpoint that the asker has, and that the one in the reply must extend. */
  readonly since?: { readonly epoch: number; readonly size: number } | undefined;
}

/** An event of the bus; `data` in base64. */
export interface BusEventReply {
  readonly topic: string;
  readonly key: string;
  readonly id: string;
  readonly atMs: number;
  readonly data: string;
  /** In a dead-letter topic: where it came from and why it is there. */
  readonly note?: string;
  /** For `from`: what comes after this event. */
  readonly position: string;
}
/** What a consumer of a group is given; nothing more of the source comes before `batch` is acknowledged. */
export interface BusGroupLine {
  readonly consumer: string;
  readonly batch: number;
  readonly events: readonly BusEventReply[];
}
export interface BusReply {
  /** What carries the bus: `jetstream` or `lanes`. */
  readonly kind: string;
  readonly groups: readonly {
    readonly topic: string;
    readonly group: string;
    readonly shares: readonly {
      readonly source: string;
      readonly consumer: string;
      readonly released: boolean;
      readonly sequence: number;
      readonly count: number;
      readonly attempts: number;
    }[];
  }[];
}

export interface InviteRequest {
  readonly role: MeshRole;
  readonly validForMs: number;
}
export interface InviteReply {
  readonly ticket: string;
  readonly expiresAtMs: number;
}
