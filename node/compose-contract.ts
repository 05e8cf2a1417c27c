// Law: see compose.ts. This is what a node is put together from, and what it then is to whoever runs it.
import type { AuditBook } from '../actors/audit-log/index.ts';
import type { KeeperMessage } from '../actors/consensus/index.ts';
import type { Approvals, LeaveOutcome } from '../actors/epochs/index.ts';
import type { MutableView } from '../actors/membership/index.ts';
import type { DataSets, Parts, Place } from '../actors/parts/index.ts';
import type { Planning } from '../actors/planner/index.ts';
import type { PlannerMessage } from '../actors/planning/index.ts';
import type { ExitReason, System, World } from '../actors/system/index.ts';
import type { EventBus } from '../protocols/events/index.ts';
import type { Identity } from '../protocols/wire/index.ts';
import type { Admittance } from './admittance.ts';

export interface ComposeOptions {
  readonly world: World;
  readonly identity: Identity;
  readonly admittance: Admittance;
  readonly name: string;
  readonly site: string;
  readonly version: string;
  /** Called once, with the function that keeps a payload at this node. */
  readonly dataSets: (keepPrivate: (digest: string) => void) => DataSets;
  readonly addresses: () => readonly string[];
  /** The node's local socket, told to clients through its peers; empty where it has none. */
  readonly socket: string;
  /** Skill runs of each pool at the same time. */
  readonly parallelMax: number;
  /** Finished workflows whose records stay in memory; left out, as many as the board keeps. */
  readonly finishedMax?: number | undefined;
}

export interface ComposedNode {
  /** The event bus on this mesh's lanes, opened at its first use. */
  laneEvents(): Promise<EventBus>;
  readonly parts: Parts;
  readonly audit: AuditBook;
  readonly approvals: Approvals;
  readonly view: MutableView;
  readonly system: System;
  readonly keeper: Place<KeeperMessage>;
  plan(words: string, files: Extract<PlannerMessage, { type: 'plan' }>['files']): Promise<Planning>;
  /** Resolves when the tree has ended, by `stop` or because what kept failing in it used up its patience: then the process should end too. */
  readonly ended: Promise<ExitReason>;
  /** Leaves the mesh: takes no new work, finishes what is in hand, and is a member no more when the others decide so. */
  leave(timeoutMs: number): Promise<LeaveOutcome>;
  /** Ends the tree, then what it stood on. The World's own ports stay the caller's to close. */
  stop(): Promise<void>;
}
