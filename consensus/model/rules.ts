// Law: the model follows the protocol's own rules, the shipped judge of reports among them; a mutant is the same protocol with one
// rule bent, and says in words which.
import { judgeReports, type Report } from '../fast-path.ts';
import { type Thresholds, voteQuorum } from '../quorum.ts';

/** One bounded world: n members of weight 1, of which f lie. `rounds` and `values` bound what is explored. */
export interface Configuration {
  readonly mode: 'led' | 'leaderless';
  readonly n: number;
  readonly f: number;
  readonly c: number;
  readonly p: number;
  readonly rounds: number;
  readonly values: number;
}

export type Judge = typeof judgeReports;

export interface Rules {
  readonly thresholds: Thresholds;
  /** Votes that make a commit; `thresholds.quorum` is what makes a polka. */
  readonly commitQuorum: number;
  readonly judge: Judge;
  /** A later round without a polka needs reports that permit its value. */
  readonly needsReports: boolean;
  /** Reports are of distinct members. */
  readonly countsReportersOnce: boolean;
  /** A reported value comes with the round-0 leader's signed proposal of it. */
  readonly needsProposals: boolean;
  /** A locked member prevotes another value only for a polka. */
  readonly keepsLock: boolean;
  /** … and only for one at least as late as its lock. */
  readonly needsLaterPolka: boolean;
  /** A proposal that names a polka must carry it. */
  readonly needsPolka: boolean;
}

/** The thresholds as the engine computes them, without its check that they are sound: unsound ones are what some mutants are about. */
export function rulesOf({ n, f, c, p }: Configuration): Rules {
  const quorum = voteQuorum(n, f);
  return {
    thresholds: { totalWeight: n, f, c, p, quorum, available: n - f - c, skip: f + 1, fast: n - p },
    commitQuorum: quorum,
    judge: judgeReports,
    needsReports: true,
    countsReportersOnce: true,
    needsProposals: true,
    keepsLock: true,
    needsLaterPolka: true,
    needsPolka: true,
  };
}

export interface Mutant {
  readonly name: string;
  readonly configuration: Configuration;
  readonly bend: (rules: Rules) => Rules;
}

const four: Configuration = { mode: 'led', n: 4, f: 1, c: 0, p: 1, rounds: 2, values: 2 };
const fourLong: Configuration = { ...four, rounds: 3 };
const seven: Configuration = { mode: 'led', n: 7, f: 2, c: 0, p: 1, rounds: 2, values: 2 };

const distinctValues = (reports: readonly Report[]): number =>
  new Set(reports.flatMap(({ value }) => (value === null ? [] : [value]))).size;

/** The shipped judge with its threshold moved by `by` where `applies`: the threshold is |S0| - p - f, so moving p moves it. */
const withThreshold =
  (by: (total: number, thresholds: Thresholds) => number, applies: (values: number) => boolean) =>
  (rules: Rules): Rules => ({
    ...rules,
    judge: (reports, thresholds, leader) => {
      const values = distinctValues(reports);
      if (!applies(values)) return rules.judge(reports, thresholds, leader);
      const counted = values > 1 ? reports.filter(({ signer }) => signer !== leader?.id) : reports;
      const total = counted.reduce((sum, { weight }) => sum + weight, 0);
      return rules.judge(reports, { ...thresholds, p: thresholds.p - by(total, thresholds) }, leader);
    },
  });
const withThresholds =
  (change: (thresholds: Thresholds) => Partial<Thresholds>) =>
  (rules: Rules): Rules => ({ ...rules, thresholds: { ...rules.thresholds, ...change(rules.thresholds) } });
const equals: Configuration = { mode: 'leaderless', n: 4, f: 1, c: 0, p: 0, rounds: 2, values: 2 };
const unbent = (rules: Rules): Rules => rules;
export const oneValueThresholdUp = withThreshold(
  () => 1,
  (values) => values === 1,
);
export const twoValuesThresholdUp = withThreshold(
  () => 1,
  (values) => values > 1,
);
export const twoValuesThresholdDown = withThreshold(
  () => -1,
  (values) => values > 1,
);

export const anyThresholdUp = withThreshold(
  () => 1,
  () => true,
);
const anyThresholdDown = withThreshold(
  () => -1,
  () => true,
);

export const mutants: readonly Mutant[] = [
  { name: 'a later round needs no reports', configuration: four, bend: (rules) => ({ ...rules, needsReports: false }) },
  { name: 'one value reported: threshold one too high', configuration: four, bend: oneValueThresholdUp },
  { name: 'two values reported: threshold one too high', configuration: four, bend: twoValuesThresholdUp },
  { name: 'two values reported: threshold one too low', configuration: four, bend: twoValuesThresholdDown },
  {
    name: 'two values reported: threshold of the least set, not of the set at hand',
    configuration: seven,
    bend: withThreshold(
      (total, { available }) => available - total,
      (values) => values > 1,
    ),
  },
  {
    name: "two values reported: the leader's own report still counts",
    configuration: four,
    bend: (rules) => ({
      ...rules,
      judge: (reports, thresholds, leader) =>
        rules.judge(reports, thresholds, { weight: leader!.weight, id: 'nobody' }),
    }),
  },
  {
    name: 'reports of one member fewer are enough',
    configuration: four,
    bend: withThresholds(({ available }) => ({ available: available - 1 })),
  },
  {
    name: 'a reporter is counted as often as it is listed',
    configuration: four,
    bend: (rules) => ({ ...rules, countsReportersOnce: false }),
  },
  {
    name: 'reported values need no proposal of the leader',
    configuration: four,
    bend: (rules) => ({ ...rules, needsProposals: false }),
  },
  {
    name: 'fast decision with one prevote fewer',
    configuration: four,
    bend: withThresholds(({ fast }) => ({ fast: fast - 1 })),
  },
  {
    name: 'polka with one prevote fewer',
    configuration: four,
    bend: withThresholds(({ quorum }) => ({ quorum: quorum - 1 })),
  },
  {
    name: 'commit with one precommit fewer',
    configuration: fourLong,
    bend: (rules) => ({ ...rules, commitQuorum: rules.commitQuorum - 1 }),
  },
  {
    name: 'the lock does not hold against reports',
    configuration: fourLong,
    bend: (rules) => ({ ...rules, keepsLock: false }),
  },
  // With p = 1 a polka of round 0 is a fast decision here; without slack an old polka and a later lock can differ within three rounds.
  {
    name: 'any polka unlocks, however old',
    configuration: { ...fourLong, p: 0 },
    bend: (rules) => ({ ...rules, needsLaterPolka: false }),
  },
  {
    name: "a polka is taken on the proposer's word",
    configuration: four,
    bend: (rules) => ({ ...rules, needsPolka: false }),
  },
  {
    name: 'n = 3f, quorum n - f',
    configuration: { ...four, n: 3, p: 0 },
    bend: (rules) => ({ ...withThresholds(() => ({ quorum: 2 }))(rules), commitQuorum: 2 }),
  },
  {
    name: 'n = 3f + 2c, quorum n - f - c',
    configuration: { ...four, n: 5, c: 1, p: 0 },
    bend: (rules) => ({ ...withThresholds(() => ({ quorum: 3 }))(rules), commitQuorum: 3 }),
  },
  { name: 'led with n = 3f + c + 2p - 2', configuration: { ...four, n: 6, c: 1, p: 2 }, bend: unbent },
  {
    name: 'leaderless with n = 3f + c + 2p (n = 5)',
    configuration: { ...four, mode: 'leaderless', n: 5 },
    bend: unbent,
  },
  {
    name: 'leaderless: a later round needs no reports',
    configuration: equals,
    bend: (rules) => ({ ...rules, needsReports: false }),
  },
  { name: 'leaderless: threshold one too high', configuration: equals, bend: anyThresholdUp },
  { name: 'leaderless: threshold one too low', configuration: equals, bend: anyThresholdDown },
  {
    name: 'leaderless: threshold of the least set, not of the set at hand',
    configuration: equals,
    bend: withThreshold(
      (total, { available }) => available - total,
      () => true,
    ),
  },
  {
    name: 'leaderless: reports of one member fewer are enough',
    configuration: equals,
    bend: withThresholds(({ available }) => ({ available: available - 1 })),
  },
  {
    name: 'leaderless: a reporter is counted as often as it is listed',
    // With p = 0 all honest members back what is decided at once, so there is no other report to repeat.
    configuration: { ...equals, n: 6, p: 1 },
    bend: (rules) => ({ ...rules, countsReportersOnce: false }),
  },
  {
    name: 'leaderless: fast decision with one prevote fewer',
    configuration: equals,
    bend: withThresholds(({ fast }) => ({ fast: fast - 1 })),
  },
  {
    name: 'leaderless: polka with one prevote fewer',
    configuration: equals,
    bend: withThresholds(({ quorum }) => ({ quorum: quorum - 1 })),
  },
  { name: 'leaderless with n = 3f + c + 2p - 1 (n = 4)', configuration: { ...four, mode: 'leaderless' }, bend: unbent },
];

/** The configurations of reference §3.4, and those a mesh of 1 to 3 members starts with. */
export const configurations: readonly Configuration[] = [
  { mode: 'led', n: 4, f: 1, c: 0, p: 1, rounds: 3, values: 3 },
  { mode: 'led', n: 5, f: 1, c: 0, p: 1, rounds: 3, values: 3 },
  { mode: 'led', n: 7, f: 2, c: 0, p: 1, rounds: 2, values: 3 },
  { mode: 'led', n: 6, f: 1, c: 0, p: 2, rounds: 2, values: 3 },
  { mode: 'led', n: 6, f: 1, c: 1, p: 1, rounds: 2, values: 3 },
  { mode: 'led', n: 7, f: 1, c: 1, p: 2, rounds: 2, values: 3 },
  { mode: 'led', n: 1, f: 0, c: 0, p: 0, rounds: 3, values: 3 },
  { mode: 'led', n: 2, f: 0, c: 0, p: 0, rounds: 3, values: 3 },
  { mode: 'led', n: 3, f: 0, c: 1, p: 1, rounds: 3, values: 3 },
  { mode: 'led', n: 5, f: 0, c: 2, p: 2, rounds: 2, values: 3 },
  { mode: 'leaderless', n: 4, f: 1, c: 0, p: 0, rounds: 3, values: 3 },
  { mode: 'leaderless', n: 6, f: 1, c: 0, p: 1, rounds: 2, values: 3 },
  { mode: 'leaderless', n: 7, f: 2, c: 0, p: 0, rounds: 2, values: 3 },
  { mode: 'leaderless', n: 8, f: 1, c: 0, p: 2, rounds: 2, values: 3 },
];
