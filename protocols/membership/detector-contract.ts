// Law: see detector.ts. This is what goes into the machine and what comes out of it.
import type { NodeId, Random } from '../../actors/system/index.ts';
import type { MemberChange, MemberView } from './members.ts';
import type { SwimMessage } from './messages.ts';
import type { MemberRecord, RecordBook, RecordContent } from './record.ts';
import type { DetectorSettings } from './settings.ts';

export type DetectorInput =
  | { readonly kind: 'tick' }
  | { readonly kind: 'message'; readonly from: NodeId; readonly message: SwimMessage }
  /** A transport's connection came or went: a hint that starts a comparison or a suspicion at once. */
  | { readonly kind: 'peer'; readonly node: NodeId; readonly up: boolean }
  /** Nodes that should be there (the members of the epoch): in the view as `unknown` until heard of. */
  | { readonly kind: 'expect'; readonly nodes: readonly NodeId[] }
  /** What this node says of itself has changed. */
  | { readonly kind: 'update'; readonly content: RecordContent }
  /** This node goes: say so, then fall silent. */
  | { readonly kind: 'leave' };

export type DetectorOutput =
  /** `everyPath`: by every transport that reaches `to`; one that is stuck must not speak for the node. */
  | { readonly kind: 'send'; readonly to: NodeId; readonly message: SwimMessage; readonly everyPath: boolean }
  | MemberChange
  /** A claim that broke a rule, to be counted against its sender. */
  | { readonly kind: 'refused'; readonly from: NodeId; readonly reason: string };

export interface DetectorOptions {
  readonly self: NodeId;
  readonly random: Random;
  readonly book: RecordBook;
  readonly content: RecordContent;
  /** Above every incarnation of an earlier life where that is known: the wall clock in milliseconds does. */
  readonly incarnation: number;
  /** Whose records are kept at all. A node that is not accepted itself watches: it probes nobody, has no news, and asks now and then. */
  readonly accepts: (id: NodeId) => boolean;
  readonly settings?: Partial<DetectorSettings>;
  readonly nowMs: number;
}

export interface Detector {
  handle(input: DetectorInput, nowMs: number): readonly DetectorOutput[];
  /** Give it a `tick` at this time. Changes with every `handle`. */
  readonly nextMs: number;
  /** Every other node heard of, sorted by id. */
  view(): readonly MemberView[];
  /** This node's own record. */
  readonly own: MemberRecord;
  /** 0 = well; see `createAwareness`. */
  readonly healthScore: number;
}
