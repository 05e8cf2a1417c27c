// Law: see board.ts. This is what the board answers and tells, and what it is made of.
import type { Certificate, Evidence } from '../../consensus/index.ts';
import type { MeshChain } from '../../protocols/mesh/index.ts';
import type { SkillManifest } from '../planner/index.ts';
import type { Clock, Crypto, Log, NodeId } from '../system/index.ts';
import type { ArchivedWorkflow, EntryPlace, KnownWorkflow } from './archive.ts';
import type { WorkflowEntry } from './entries.ts';
import type { Certified, WorkflowRecord } from './record.ts';

export interface BoardChange {
  readonly record: WorkflowRecord;
  readonly author: NodeId;
  readonly entry: WorkflowEntry;
}

/** Somebody signed two things that cannot both be so. */
export interface Contradiction {
  readonly author: NodeId;
  readonly workflow: string;
  readonly what: string;
  /** Where its own two signatures prove it to anybody. */
  readonly evidence?: Evidence | undefined;
}

export interface Board {
  get(workflow: string): WorkflowRecord | undefined;
  /** The workflow opened with this key and plan, in whatever epoch. `planDigest` is lower-case hex. */
  byRequest(idempotencyKey: string, planDigest: string): KnownWorkflow | undefined;
  /** The first workflow that this node itself opened with `key`. */
  openedHere(key: string): KnownWorkflow | undefined;
  /** `openedHere`, or else the first one seen with `key`: any member may have used it, for another plan. */
  byIdempotencyKey(key: string): KnownWorkflow | undefined;
  /** All records in memory, in order of opening as far as known. */
  all(): readonly WorkflowRecord[];
  /** Workflows that are over and whose records are not in memory, the oldest first. */
  archived(): readonly ArchivedWorkflow[];
  archivedAt(workflow: string): ArchivedWorkflow | undefined;
  /** There were more than are kept: of some that are over nothing is known here any more. */
  hasForgotten(): boolean;
  /** Where the entries of a workflow are. */
  placesOf(workflow: string): readonly EntryPlace[];
  /**
   * Puts an archived workflow's record together again from its entries, without telling anybody; undefined where they are not all there.
   * What came for it meanwhile is taken then.
   */
  restore(
    workflow: string,
    entries: readonly { readonly author: NodeId; readonly body: Uint8Array }[],
  ): WorkflowRecord | undefined;
  /** Something came for an archived workflow: it waits until the record is restored. */
  onWanted(handler: (workflow: string) => void): () => void;
  /** Records that have not ended. */
  running(): readonly WorkflowRecord[];
  /** Records with something left to do: not ended, or with a decision that is in no lane yet. */
  unfinished(): readonly WorkflowRecord[];
  /**
   * Throws MalformedBytes or PlanInvalid with the reason where the entry is refused. Repeats are harmless. What speaks of a workflow or an
   * epoch that is not known here waits for it. `sequence` is its place in the author's lane: without the places of its entries a record
   * stays in memory.
   */
  apply(author: NodeId, body: Uint8Array, sequence?: number): void;
  /** What the engine of this node decided or learned; its certificate was verified there. */
  decided(workflow: string, certified: Certified): void;
  onChange(handler: (change: BoardChange) => void): () => void;
  onContradiction(handler: (found: Contradiction) => void): () => void;
  /** Two certificates that hold and decide one question differently: more members lied than the mesh tolerates. */
  onConflict(handler: (found: Conflict) => void): () => void;
}

export interface Conflict {
  readonly workflow: string;
  readonly certificates: readonly [Certificate, Certificate];
}

export interface BoardOptions {
  readonly chain: MeshChain;
  readonly crypto: Crypto;
  readonly clock: Clock;
  readonly self: NodeId;
  /** A plan that these cannot carry out is refused. */
  readonly manifests: readonly SkillManifest[];
  readonly log: Log;
  /** Whether the certificate's epoch was closed without it. */
  readonly isLate?: (certificate: Certificate) => boolean;
  /** Finished workflows whose records stay in memory. */
  readonly finishedMax?: number;
}
