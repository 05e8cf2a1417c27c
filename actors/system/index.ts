// Law: this is the door of the actor runtime: what is not listed here is private to it.
export { AskError, type AskErrorCode } from './ask.ts';
export { CreditedReceiver, CreditedSender } from './credit.ts';
export { durable } from './durable/durable.ts';
export {
  type Journal,
  JournalConflict,
  JournalDamage,
  type JournalEntry,
  type Snapshot,
  type Snapshots,
} from './durable/journal.ts';
export { keyValueJournal, keyValueSnapshots } from './durable/key-value-journal.ts';
export type { Decision, DurableDef, DurablePorts, Owed, Persist } from './durable/types.ts';
export { type EntitiesDef, type EntitiesMessage, entities, entity } from './entity/region.ts';
export type { EntityView } from './entity/view.ts';
export { type ActorLoad, type ActorReport, loadBetween } from './inspect.ts';
export { createRandom } from './random.ts';
export { give } from './remote/buffers.ts';
export type { Groups } from './remote/groups.ts';
export type { GroupEvent } from './remote/local-groups.ts';
export type { Refusal, RefusalReason } from './remote/refusals.ts';
export { type Remote, remoteOf, sameActor } from './remote/remote.ts';
export type { BufferNetwork, FrameNetwork } from './remote/session.ts';
export { DeathPactError } from './signals.ts';
export type { SupervisorMessage } from './supervisor/shell.ts';
export {
  type AutoShutdown,
  type Backoff,
  type ChildCounts,
  type ChildRules,
  type ChildSpec,
  type ChildState,
  child,
  type DynamicSpec,
  type Intensity,
  type Restart,
  type Result,
  type Run,
  type SpecErrorCode,
  type StartChildError,
  type Strategy,
  type SupervisorSpec,
  SupervisorSpecError,
} from './supervisor/spec.ts';
export {
  type DynamicSupervisorHandle,
  dynamicSupervisor,
  dynamicSupervisorHandle,
  type SupervisorHandle,
  supervisor,
  supervisorHandle,
} from './supervisor/supervisor.ts';
export { ask, createSystem, type System, type SystemWorld } from './system.ts';
export {
  type ActorAddress,
  type ActorDef,
  type ActorRef,
  type Askable,
  type AskInput,
  type AskOptions,
  type Context,
  type DeadLetterListener,
  type DeadLetterReason,
  defineActor,
  type ExitReason,
  type Ignore,
  ignore,
  killed,
  type MailboxSpec,
  type Message,
  type MonitorId,
  type Next,
  noproc,
  normal,
  type ReplyOf,
  type ReplyTo,
  type Schema,
  type Signal,
  type SpawnOptions,
  type Stash,
  type Stop,
  shutdown,
  stop,
  type TimerId,
  type TraceContext,
  type Unasked,
} from './types.ts';
export {
  type AppendFile,
  BlobMismatch,
  type BlobRef,
  type Blobs,
  type Clock,
  type Crypto,
  type FileProfile,
  type KeyValue,
  type Log,
  type LogLevel,
  type Network,
  NetworkError,
  type NetworkErrorCode,
  type NodeId,
  type PeerEvent,
  type Random,
  type Sandbox,
  type Scheduler,
  type SkillCall,
  type SkillOutcome,
  type Storage,
  type World,
} from './world.ts';
