// Law: what the keeper holds, and what it is told. One engine and one log of votes per epoch; whatever waits is bounded.
import type { Engine, EngineInput, EngineOutput, InputQueue, InstanceId, Subject } from '../../consensus/index.ts';
import type { Changes, Parts, Place, Waker } from '../parts/index.ts';
import type { Crypto, NodeId } from '../system/index.ts';
import type { Position } from './frame-message.ts';
import type { VoteLog } from './log.ts';
import type { PositionBook } from './position.ts';
import type { Question } from './question.ts';

export type KeeperMessage =
  /** Of this node's own: a timer of its engine. */
  | { readonly type: 'input'; readonly epoch: number; readonly input: EngineInput }
  /** Frames wait in the queues. */
  | { readonly type: 'heard' }
  /** Those of peers that were refused too often have waited. */
  | { readonly type: 'rested' }
  | { readonly type: 'propose'; readonly epoch: number; readonly subject: Subject; readonly payload: Uint8Array }
  /** Workflows changed: what waits for them is judged again. */
  | { readonly type: 'changed' }
  | { readonly type: 'rejudge' }
  | { readonly type: 'suspects' }
  | { readonly type: 'new-epoch' }
  | { readonly type: 'opened'; readonly epoch: number; readonly log: VoteLog; readonly rollback: string | undefined }
  | { readonly type: 'flushed'; readonly epoch: number; readonly outputs: readonly EngineOutput[] }
  | { readonly type: 'crashed'; readonly error: Error };

export interface KeeperArgs {
  readonly parts: Parts;
  readonly questions: readonly Question[];
  readonly place: Place<KeeperMessage>;
  /** What the engine verifies votes with. */
  readonly crypto: Crypto;
  readonly positions: PositionBook;
}

export interface Epoch {
  readonly epoch: number;
  readonly engine: Engine;
  readonly log: VoteLog;
  readonly inputs: InputQueue;
  isFlushing: boolean;
  /** How far the log goes, sealed, for the frames that follow the last write. */
  position: Position | undefined;
}

export interface KeeperState extends KeeperArgs {
  readonly changes: Changes;
  /** Has the queues looked at, once however much arrives. */
  readonly ears: Waker;
  readonly epochs: Map<number, Epoch>;
  /** What waits for each epoch that is open or being opened. */
  readonly queues: Map<number, InputQueue>;
  /** Payloads this node cannot judge yet: the record they speak of has not arrived. */
  readonly unjudged: Map<string, Extract<EngineOutput, { type: 'validate' }> & { readonly epoch: number }>;
  readonly subjects: Map<InstanceId, Subject>;
  readonly suspected: Set<NodeId>;
  /** Kinds of evidence, with their culprits, that this node has shown to the others. */
  readonly shown: Set<string>;
  /** Logs of epochs that are being opened. */
  readonly opening: Set<VoteLog>;
  /** What this node wants in an epoch whose log is not known to be its last word yet. */
  readonly held: Map<number, KeeperMessage[]>;
  isResting: boolean;
  isOver: boolean;
  readonly leave: readonly (() => void)[];
}
