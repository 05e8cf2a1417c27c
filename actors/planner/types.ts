// Law: the planner answers with a plan or with what it lacks; there is no third answer and no guess.
import type { Plan } from '../plan/index.ts';
import type { BlobRef, FileProfile } from '../system/index.ts';
import type { SiteProfile } from './data.ts';
import type { SkillManifest } from './manifest.ts';

export interface PlannerRequest {
  /** The intent, at most `planLimits.goalChars` characters. English. */
  readonly words: string;
  readonly files: readonly FileProfile[];
  /** Payloads by file name; a folder's files as `folder/file`. */
  readonly fileBlobs: ReadonlyMap<string, BlobRef>;
  readonly manifests: readonly SkillManifest[];
  /** Sites that hold private data sets, for "across all sites". */
  readonly sites?: readonly SiteProfile[];
}

export type AbstainReason =
  | 'missing-slot'
  | 'tie'
  | 'unexplained-words'
  | 'cannot-do'
  | 'no-skill'
  /** None of the files can be read: other words would not help. */
  | 'unreadable-file';

export interface Candidate {
  readonly skill: string;
  readonly title: string;
  /** A sentence that would be understood. */
  readonly example: string;
  /** BM25; comparable only within one answer. */
  readonly score: number;
}

export interface Abstention {
  readonly kind: 'abstain';
  readonly reason: AbstainReason;
  /** What stopped the planner and on which words, in one line. */
  readonly message: string;
  /** The slot that nothing filled. */
  readonly missing?: string;
  /** Words that no rule, manifest or data explained. */
  readonly unexplained?: readonly string[];
  /** The nearest skills, best first, at most three. */
  readonly candidates: readonly Candidate[];
  readonly questions: readonly string[];
}

export interface Planned {
  readonly kind: 'plan';
  readonly plan: Plan;
  /** Lines for the user: which words became what, and what was assumed. */
  readonly explanation: readonly string[];
  /** 1 where every word was explained and nothing assumed; each assumption takes a tenth off. An order, not a probability. */
  readonly confidence: number;
}

export type Planning = Planned | Abstention;
