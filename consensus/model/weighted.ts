// Law: the judge of reports is right for every membership, not only for equal weights: whatever set of reports it admits, a value that
// may have been decided is the one it forces; and whoever has waited for the reports it must wait for is never left without a proposal.
import type { Report } from '../fast-path.ts';
import { leaderlessThresholds, soundnessOf, type Thresholds } from '../quorum.ts';
import type { Judge } from './rules.ts';

export interface WeightedOutcome {
  readonly memberships: number;
  readonly sets: number;
  /** Sets that permit a value although another may have been decided. */
  readonly unsafe: number;
  /** Sets one need not wait beyond, and that permit nothing. */
  readonly blocked: number;
}

export interface WeightedBounds {
  readonly membersMax: number;
  readonly weightMax: number;
  /** The judge on trial; it is told the thresholds it would be told in the engine. */
  readonly judge: Judge;
  /** How far beyond the largest sound slack p may go. 0 but for the mutant. */
  readonly beyondSlack: number;
  /** Nobody leads round 0, and everybody may report either value. */
  readonly isLeaderless?: boolean;
}

/** Tries every membership of 1 to `membersMax` members with weights of 1 to `weightMax` and every sound (f, c, p) on every set of reports. */
export function judgeAllMemberships({
  membersMax,
  weightMax,
  judge,
  beyondSlack,
  isLeaderless = false,
}: WeightedBounds): WeightedOutcome {
  const tally = { memberships: 0, sets: 0, unsafe: 0, blocked: 0 };
  for (let count = 1; count <= membersMax; count++) {
    for (const weights of ascending(count, weightMax)) {
      for (const led of soundThresholds(weights, isLeaderless ? 0 : beyondSlack)) {
        tally.memberships++;
        if (isLeaderless) {
          const { p, fast, ...rest } = leaderlessThresholds(led);
          const thresholds = { ...rest, p: p + beyondSlack, fast: fast - beyondSlack };
          for (const liars of liarsAmong(weights, led.f, undefined))
            judgeAllSets(weights, thresholds, undefined, liars, judge, tally);
          continue;
        }
        const thresholds = led;
        for (const leader of distinctBy(weights.keys(), (member) => weights[member]!)) {
          for (const liars of liarsAmong(weights, thresholds.f, leader))
            judgeAllSets(weights, thresholds, leader, liars, judge, tally);
        }
      }
    }
  }
  return tally;
}

/** Every (f, c, p) the engine calls sound for these weights, or, with `beyond`, only those with a slack that much beyond the largest sound one. */
function* soundThresholds(weights: readonly number[], beyond: number): Generator<Thresholds> {
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  for (let f = 0; 3 * f < total; f++) {
    for (let c = 0; 3 * f + 2 * c < total; c++) {
      let largest: Thresholds | undefined;
      for (let p = 0; p < total; p++) {
        const result = soundnessOf(weights, { f, c, p });
        if (!result.sound) break;
        largest = result.thresholds;
        if (beyond === 0) yield largest;
      }
      if (beyond > 0 && largest !== undefined) yield { ...largest, p: largest.p + beyond, fast: largest.fast - beyond };
    }
  }
}

/** Each member is absent, reports nil, or one of two values; honest members report a second value only under a lying leader. */
function judgeAllSets(
  weights: readonly number[],
  thresholds: Thresholds,
  leader: number | undefined,
  liars: ReadonlySet<number>,
  judge: Judge,
  tally: { sets: number; unsafe: number; blocked: number },
): void {
  // Without a leader, honest members report either value, as they do under a lying one.
  const hasLyingLeader = leader === undefined || liars.has(leader);
  const choices = hasLyingLeader ? 4 : 3;
  const lyingWeight = sumOf(weights, liars);
  const leaderOfRound = leader === undefined ? undefined : { id: String(leader), weight: weights[leader]! };
  const total = choices ** weights.length;
  for (let code = 0; code < total; code++) {
    const reports: Report[] = [];
    // What each value may have got: from those who report it, from honest members not heard, and from every liar.
    const possible = [0, lyingWeight, lyingWeight];
    const reported = [0, 0, 0];
    let rest = code;
    for (let member = 0; member < weights.length; member++) {
      const choice = rest % choices;
      rest = (rest - choice) / choices;
      const weight = weights[member]!;
      if (choice > 0) reports.push({ signer: String(member), weight, value: choice === 1 ? null : `v${choice - 1}` });
      if (choice > 1) reported[choice - 1]! += weight;
      if (liars.has(member)) continue;
      if (choice === 0 || choice === 2) possible[1]! += weight;
      if (choice === 3 || (choice === 0 && hasLyingLeader)) possible[2]! += weight;
    }
    tally.sets++;
    const judgement = judge(reports, thresholds, leaderOfRound);
    const hasTwoValues = reported[1]! > 0 && reported[2]! > 0;
    const waitedFor = reports.reduce(
      (sum, { signer, weight }) => (hasTwoValues && signer === leaderOfRound?.id ? sum : sum + weight),
      0,
    );
    if (!judgement.admissible) {
      if (waitedFor >= thresholds.available) tally.blocked++;
    } else if (
      possible.some(
        (weight, value) =>
          value > 0 && weight > lyingWeight && weight >= thresholds.fast && judgement.forced !== `v${value}`,
      )
    )
      tally.unsafe++;
  }
}

/** Every largest set of members weighing at most f, of those alike in weight and in whether they hold the leader one. */
function liarsAmong(weights: readonly number[], f: number, leader: number | undefined): Iterable<ReadonlySet<number>> {
  const sets: ReadonlySet<number>[] = [];
  for (let code = 0; code < 2 ** weights.length; code++) {
    const liars = new Set([...weights.keys()].filter((member) => (code >> member) & 1));
    const weight = sumOf(weights, liars);
    const isLargest = [...weights.keys()].every((member) => liars.has(member) || weight + weights[member]! > f);
    if (weight <= f && isLargest) sets.push(liars);
  }
  return distinctBy(
    sets,
    (liars) =>
      `${leader !== undefined && liars.has(leader)} ${[...liars]
        .map((member) => weights[member])
        .sort()
        .join()}`,
  );
}

function* distinctBy<T>(items: Iterable<T>, keyOf: (item: T) => unknown): Generator<T> {
  const seen = new Set<unknown>();
  for (const item of items) {
    const key = keyOf(item);
    if (seen.has(key)) continue;
    seen.add(key);
    yield item;
  }
}

/** Every ascending list of `count` weights in [least, most]: members are interchangeable. */
function* ascending(count: number, most: number, least = 1): Generator<number[]> {
  if (count === 0) {
    yield [];
    return;
  }
  for (let weight = least; weight <= most; weight++)
    for (const rest of ascending(count - 1, most, weight)) yield [weight, ...rest];
}

function sumOf(weights: readonly number[], members: ReadonlySet<number>): number {
  let sum = 0;
  for (const member of members) sum += weights[member]!;
  return sum;
}
