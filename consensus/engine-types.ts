// Law: the engine talks to its shell in these words and no others: inputs in, ordered outputs out. The shell owns time, disk and wire.
import type { Crypto, NodeId } from '../actors/system/index.ts';
import type { EpochConfig } from '../protocols/mesh/index.ts';
import type { Identity } from '../protocols/wire/index.ts';
import type { Certificate } from './certificate.ts';
import type { TimeoutKind, ValueId } from './core.ts';
import type { Evidence } from './evidence.ts';
import type { InstanceId, Subject, Vote } from './messages.ts';

/** `resend` repeats what may have been lost, `fast` ends the wait for a decision at once; the others are Tendermint's. */
export type TimerKind = TimeoutKind | 'resend' | 'fast';

export interface Timeouts {
  /** First timeout of round 0, in milliseconds: at least four one-way delays. Grows by half of it per round. */
  readonly baseMs: number;
  readonly maxMs: number;
}

export interface EngineLimits {
  /** Undecided instances that one peer may have introduced and that this node did not start. */
  readonly joinedPerPeer: number;
  /** Payloads held that one member proposed and that are undecided, in bytes; more of them are asked for again when there is room. */
  readonly payloadBytesPerMember: number;
  /** Statements kept of what each member brings, its own or others', about instances this node does not know. */
  readonly strangersPerMember: number;
  /** Rounds ahead of the current one whose statements are kept; of later ones only the number is. */
  readonly futureRounds: number;
  /** Answers given to one peer about one instance. */
  readonly answersPerPeer: number;
  /** Decided instances whose votes are kept, so that who contradicts itself late is still convicted. */
  readonly settledWithVotes: number;
  /** Certificates and payloads kept of decided instances older than those, in bytes; of still older ones only that they were decided. */
  readonly closedBytes: number;
  /** Decided instances of which nothing is known but that they were; with these, no further ones of tasks begin in the epoch. */
  readonly forgotten: number;
}

export const defaultLimits: EngineLimits = {
  joinedPerPeer: 4096,
  payloadBytesPerMember: 16 * 1024 * 1024,
  strangersPerMember: 1024,
  futureRounds: 8,
  answersPerPeer: 64,
  settledWithVotes: 256,
  closedBytes: 64 * 1024 * 1024,
  forgotten: 1_000_000,
};

export interface EngineOptions {
  /** Undefined for an observer: it follows and verifies, and says nothing. A node that is no member of the epoch is an observer too. */
  readonly self: Identity | undefined;
  /** 32 bytes. */
  readonly meshId: Uint8Array;
  readonly config: EpochConfig;
  readonly crypto: Crypto;
  readonly timeouts: Timeouts;
  readonly limits?: Partial<EngineLimits>;
}

export type EngineInput =
  /** Take part in an instance, with a payload to propose if there is one. */
  | { readonly type: 'start'; readonly subject: Subject; readonly payload?: Uint8Array }
  /** A payload, valid in this node's own judgement, that it could propose now. */
  | { readonly type: 'offer'; readonly instance: InstanceId; readonly payload: Uint8Array }
  /** `from` is the authenticated peer that handed the frame over. */
  | { readonly type: 'frame'; readonly from: NodeId; readonly bytes: Uint8Array }
  /** The shell's judgement of a payload: deterministic, the same on every honest node. */
  | { readonly type: 'validated'; readonly instance: InstanceId; readonly value: ValueId; readonly ok: boolean }
  | { readonly type: 'timeout'; readonly instance: InstanceId; readonly kind: TimerKind; readonly round: number }
  /** The failure detector suspects `node`: rounds it leads are waited for less. Its next frame clears it. */
  | { readonly type: 'suspect'; readonly node: NodeId }
  /** One record of the log, in order, before anything else. */
  | { readonly type: 'restore'; readonly record: Uint8Array }
  /** All records are restored: re-send what was signed, arm the timers, repeat the decisions. */
  | { readonly type: 'resume' };

export type EngineOutput =
  /** Must be durable before any later output is carried out. */
  | { readonly type: 'persist'; readonly record: Uint8Array }
  /** `all`: every connected member, and observers that follow. */
  | { readonly type: 'send'; readonly to: NodeId | 'all'; readonly frame: Uint8Array }
  | {
      readonly type: 'validate';
      readonly instance: InstanceId;
      readonly subject: Subject;
      readonly value: ValueId;
      readonly payload: Uint8Array;
    }
  /** This node leads `round` and has nothing to propose: an `offer` would help. */
  | { readonly type: 'wanted'; readonly instance: InstanceId; readonly subject: Subject; readonly round: number }
  /** A peer brought up an instance that this node did not start; it votes in it from now on. */
  | { readonly type: 'joined'; readonly instance: InstanceId; readonly subject: Subject; readonly from: NodeId }
  | {
      readonly type: 'timer';
      readonly instance: InstanceId;
      readonly kind: TimerKind;
      readonly round: number;
      readonly delayMs: number;
    }
  /** At least once per instance: again after a restart, and when a decided instance is started again. */
  | {
      readonly type: 'decided';
      readonly instance: InstanceId;
      readonly subject: Subject;
      readonly value: ValueId;
      readonly payload: Uint8Array;
      readonly certificate: Certificate;
    }
  /** A vote that counts here, this node's own included; for those who watch. Decides nothing by itself. */
  | {
      readonly type: 'vote';
      readonly instance: InstanceId;
      readonly subject: Subject;
      readonly signer: NodeId;
      readonly vote: Vote;
    }
  | { readonly type: 'evidence'; readonly evidence: Evidence }
  /** Something from a peer was not accepted. Counted and attributed by the shell. */
  | { readonly type: 'refused'; readonly from: NodeId; readonly reason: string };

export interface Engine {
  handle(input: EngineInput): EngineOutput[];
  /** Many inputs at once: everything they make this node say goes under one signature and into one record. */
  handleAll(inputs: readonly EngineInput[]): EngineOutput[];
  instanceId(subject: Subject): InstanceId;
  /** Who leads `round` of an instance. */
  leader(instance: InstanceId, round: number): NodeId;
  /** Undecided instances this node takes part in. */
  readonly liveCount: number;
  /** The state as records, oldest facts first: what a log needs to hold that is rewritten now, between two calls. Never empty. */
  snapshot(): Uint8Array[];
}
