// Law: safety rests on these few pure functions, gathered here so that the tests can plant a bug in each and watch it being caught.
// Production knows only `soundRules`; the door does not export a way to pass others.
import { learnPolka, stepCore } from './core.ts';
import { judgeReports } from './fast-path.ts';
import { type Domain, isLeaderless } from './messages.ts';
import { thresholdsOf } from './quorum.ts';
import { applyVote } from './vote-keeper.ts';

export interface Rules {
  readonly thresholds: typeof thresholdsOf;
  readonly core: typeof stepCore;
  readonly learnPolka: typeof learnPolka;
  readonly applyVote: typeof applyVote;
  readonly judgeReports: typeof judgeReports;
  /** Whether an instance begins in the calm form: for the tests that compare it with the whole machine. */
  readonly beginsCalm: (domain: Domain) => boolean;
}

export const soundRules: Rules = {
  thresholds: thresholdsOf,
  core: stepCore,
  learnPolka,
  applyVote,
  judgeReports,
  beginsCalm: (domain) => !isLeaderless(domain),
};
