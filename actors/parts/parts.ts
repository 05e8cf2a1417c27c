// Law: a role owns what it does, not what it knows. What several roles know of (members, lanes, workflows, who is alive) stands here once;
// each part keeps its own law, and the actors are what drives them.
import type { EpochConfig, MeshChain } from '../../protocols/mesh/index.ts';
import type { Identity, PostOffice, RefusalTable } from '../../protocols/wire/index.ts';
import type { SkillManifest } from '../planner/index.ts';
import type { ActorRef, BlobRef, Message, NodeId, World } from '../system/index.ts';
import type { Board, WorkflowRecord } from '../workflow/index.ts';
import type { EventHub } from './events.ts';
import type { Ledger } from './ledger.ts';

/** Who seems to be there. A hint: it moves soft roles and shortens waits, and never changes a quorum. */
export interface View {
  /** Connected, or heard of within the detector's patience; always true for this node. */
  isLive(id: NodeId): boolean;
  state(id: NodeId): 'alive' | 'suspect' | 'dead' | 'unknown';
  /** What the node says of itself; absent until heard. */
  presence(id: NodeId): Presence | undefined;
  onChange(handler: () => void): () => void;
}

export interface Presence {
  readonly name: string;
  readonly site: string;
  readonly skills: readonly string[];
  readonly addresses: readonly string[];
  /** The node's local socket, of use to clients on the same machine. */
  readonly socket: string;
  readonly version: string;
  readonly load: number;
  /** What tables this node keeps to itself: their names and columns, never a row. */
  readonly dataSets: readonly { readonly name: string; readonly columns: readonly string[] }[];
}

/** Writes to this node's lanes. Resolves when the entry is durable here; peers get it at once. */
export interface LaneWriter {
  append(lane: string, body: Uint8Array): Promise<void>;
}

export interface BlobExchange {
  /** Resolves when the blob is in the local store; pulls it from whoever has it, `likely` first. Rejects with NetworkError when nobody gave it. */
  obtain(ref: BlobRef, likely: readonly NodeId[]): Promise<void>;
  has(digest: string): Promise<boolean>;
  /** Marks a blob as one that never leaves this node, whoever asks. */
  keepPrivate(digest: string): void;
  isPrivate(digest: string): boolean;
}

export interface DataSetPolicy {
  readonly minimumGroupSize: number;
  readonly allow: readonly string[];
}

/** The tables that stay at this node. */
export interface DataSets {
  /** Undefined where this node has no such data set; throws where its file cannot be read. */
  open(
    name: string,
  ): Promise<{ readonly fileName: string; readonly blob: BlobRef; readonly policy: DataSetPolicy } | undefined>;
  describe(): Promise<readonly { readonly name: string; readonly columns: readonly string[] }[]>;
}

/** Where an actor that others talk to leaves its ref when it starts; a restart keeps the ref, a new life replaces it. */
export interface Place<M extends Message> {
  ref: ActorRef<M> | undefined;
}

export interface Parts {
  readonly world: World;
  readonly identity: Identity;
  readonly chain: MeshChain;
  readonly office: PostOffice;
  readonly board: Board;
  readonly lanes: LaneWriter;
  readonly blobs: BlobExchange;
  readonly dataSets: DataSets;
  readonly view: View;
  readonly events: EventHub;
  /** Members convicted by their own signatures. */
  readonly ledger: Ledger;
  /** What was dropped and who sent it: a fault of theirs or of a link, not yet an accusation. */
  readonly refusals: RefusalTable;
  readonly manifests: readonly SkillManifest[];
  /** The record of a workflow, read back from the lanes where it is archived; undefined where there is none, or its entries are lost. */
  readonly recall: (workflow: string) => Promise<WorkflowRecord | undefined>;
}

/** The members of `config` that seem to be there now. */
export function liveMembers(config: EpochConfig, view: View): readonly NodeId[] {
  return config.members.map(({ id }) => id).filter((id) => view.isLive(id));
}
