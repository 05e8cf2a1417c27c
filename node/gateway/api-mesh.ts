// Law: what a node tells of its mesh and of itself, and what a client may ask it to change there. The routes stand in api.ts.
import type { NodeId } from '../../actors/system/index.ts';

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
  /** By what this node has seen signed, never by the peer's own word. A named worker is asked no more. */
  readonly trust: 'full' | 'named';
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

export interface InviteRequest {
  readonly role: MeshRole;
  readonly validForMs: number;
}

export interface InviteReply {
  readonly ticket: string;
  readonly expiresAtMs: number;
}
