// Law: what is asked of judges, and what one answers, is data that whoever has it judged and whoever judges read alike.
import type { Rule } from './rules.ts';

export interface JudgeInput {
  readonly question: string;
  readonly criteria?: readonly string[];
  readonly rules?: readonly Rule[];
}

/** `files`: the candidate is a docket, and what it names is judged. `result`, the default: the candidate itself is. */
export interface OpinionInput extends JudgeInput {
  readonly of?: 'result' | 'files';
}

export interface Opinion {
  readonly accept: boolean;
  readonly by: 'rules' | 'model';
  readonly reasons: readonly string[];
}

/** What a judge finds the candidate under. */
export const candidateName = 'candidate.json';
