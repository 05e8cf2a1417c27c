// Law: what a payload means is its question's to say. The judgement is deterministic: every honest node with the same records gives the
// same answer; a node that lacks a record says so and is asked again.
import type { Certificate, Domain, EngineOutput, Subject } from '../../consensus/index.ts';

export type Judgement = { readonly ok: true } | { readonly ok: false; readonly reason: string } | 'unknown';

export interface Question {
  readonly domain: Domain;
  judge(subject: Subject, payload: Uint8Array, epoch: number): Judgement;
  decided(decided: {
    readonly subject: Subject;
    readonly payload: Uint8Array;
    readonly certificate: Certificate;
  }): void;
  /** Nothing is decided in that epoch any more: this node proposes nothing in it. */
  isOver?(epoch: number): boolean;
  /** A vote that this node saw and accepted; for people who watch. */
  voted?(vote: Extract<EngineOutput, { type: 'vote' }>): void;
  /** Peers take part in it, or this node leads it, and has nothing to propose. */
  wanted?(subject: Subject, epoch: number): void;
  workflowOf?(subject: Subject): string | undefined;
}
