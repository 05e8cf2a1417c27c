// Law: an instance acts on the world only through its host, which batches what all instances of one call say under one signature.
import type { Crypto, NodeId } from '../actors/system/index.ts';
import type { EngineLimits, EngineOutput, Timeouts } from './engine-types.ts';
import type { EpochView } from './epoch.ts';
import type { FrameBuilder } from './frame.ts';
import type { InstanceId, Subject } from './messages.ts';
import type { InstanceRecord } from './record.ts';
import type { Rules } from './rules.ts';
import type { HeldEntry } from './signed-entry.ts';

export interface InstanceHost {
  /** The voting member this is; undefined for an observer. */
  readonly self: NodeId | undefined;
  readonly epoch: EpochView;
  readonly crypto: Crypto;
  readonly rules: Rules;
  readonly timeouts: Timeouts;
  readonly limits: EngineLimits;
  /** Queues an own statement: it is sealed, written down and sent to all at the end of the call. */
  sign(entry: Uint8Array): HeldEntry;
  /** Runs when all inputs of the call are taken in, before anything is sealed: for what one of them may make needless. */
  lastly(run: () => void): void;
  /** Seals what is queued now, for a statement that has to show an earlier one of the same call. */
  sealNow(): void;
  /** Runs when everything said in this call is sealed: for whatever exports entries. */
  afterSeal(run: () => void): void;
  toAll(): FrameBuilder;
  to(node: NodeId): FrameBuilder;
  record(instance: InstanceId, subject: Subject): InstanceRecord;
  /** Has what another member said written down; `record` is for what came without its batch. */
  remember(held: HeldEntry, record: () => InstanceRecord): void;
  /** Has it in the log that is being rewritten, by its batch or in `record`. */
  keep(held: HeldEntry, record: InstanceRecord): void;
  /** What is to be written down is written at the end of this call, whether or not this node says anything in it. */
  due(): void;
  emit(output: EngineOutput): void;
  /** The payload or justification of that hash is wanted by `instance`. */
  awaits(hash: string, instance: InstanceId): void;
  /** Whether there is room for an undecided payload that `proposer` proposed in `instance`; it is taken if so, until the instance is settled. */
  holds(instance: InstanceId, proposer: NodeId, sizeBytes: number): boolean;
  /** `instance` has decided; what it awaited, it awaits no more. */
  settled(instance: InstanceId, awaited: Iterable<string>): void;
  isSuspected(node: NodeId): boolean;
}
