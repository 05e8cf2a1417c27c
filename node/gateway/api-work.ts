// Law: what a client gives a node to do and hears of it: files, plans, workflows and their events. The routes stand in api.ts.
import type { BlobRef, FileProfile } from '../../actors/system/index.ts';

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
  /** Where members judge: what the decision holds of it. `of` is whose result was judged. */
  readonly judgements?: readonly Judgement[];
  /** What the attempts before this one came to, in words and in order. */
  readonly earlier?: readonly string[];
  readonly resultDigest?: string;
  readonly message?: string;
}

export interface Judgement {
  readonly node: string;
  readonly modelFamily: string;
  readonly of: string;
  readonly accepts: boolean;
  /** Why, in the judge's own words; where this node heard them. */
  readonly said?: string;
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
      /** It judged the result and did not make its own; `said` is why, in its words. */
      readonly isJudge?: true;
      readonly said?: string;
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
