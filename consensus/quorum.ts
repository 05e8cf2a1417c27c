// Law: every threshold comes from this one function of (weights, f, c, p), in integers; a config that cannot keep its promise is
// refused in words before anybody votes under it. Thresholds count members of the epoch, never responses.
import type { EpochConfig } from '../protocols/mesh/index.ts';

/** What a config declares: its members' weights and how much weight may lie (f), be silent besides (c), be slow on the fast path (p). */
export interface FaultBudget {
  readonly f: number;
  readonly c: number;
  readonly p: number;
}

export interface Thresholds extends FaultBudget {
  readonly totalWeight: number;
  /** Votes that make a polka or a commit: any two quorums share more than f. */
  readonly quorum: number;
  /** What a node can always wait for; the least weight of a set of round-0 reports. */
  readonly available: number;
  /** More than f: at least one honest member among them. */
  readonly skip: number;
  /** Round-0 prevotes that decide at once. */
  readonly fast: number;
}

export type Soundness =
  | { readonly sound: true; readonly thresholds: Thresholds }
  | { readonly sound: false; readonly reason: string };

export class UnsoundQuorum extends Error {
  override readonly name = 'UnsoundQuorum';
}

/** The least weight such that any two sets of it share more than f: floor((W + f) / 2) + 1. With f = 0 a majority. */
export function voteQuorum(totalWeight: number, f: number): number {
  return Math.floor((totalWeight + f) / 2) + 1;
}

/** The largest p under which the led, equivocation-aware fast path stays sound. */
export function largestFastSlack(totalWeight: number, f: number, c: number): number {
  return f === 0 ? c : Math.max(0, Math.floor((totalWeight - 3 * f - c + 1) / 2));
}

/**
 * The budgets a mesh of `count` members of weight 1 starts with: as many liars as it can bear, then as many more silent ones. Without
 * the latter, six members with a site of two down would wait for ever for a fifth report whenever one of the two was to lead.
 */
export function defaultFaultBudget(count: number): FaultBudget {
  const f = count >= 4 ? Math.floor((count - 1) / 3) : 0;
  const c = Math.floor((count - 1 - 3 * f) / 2);
  return { f, c, p: largestFastSlack(count, f, c) };
}

/**
 * The strongest budget for members of these weights; of weight 1 each, `defaultFaultBudget`. A member heavier than all that may lie leaves
 * no Byzantine tolerance: it alone would break the promise.
 */
export function faultBudgetOf(weights: readonly number[]): FaultBudget {
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  const budget = defaultFaultBudget(total);
  if (budget.f === 0 || weights.every((weight) => weight <= budget.f)) return budget;
  const c = Math.floor((total - 1) / 2);
  return { f: 0, c, p: c };
}

/** Whether (weights, f, c, p) make sound quorums for the round machine and for the led fast path, and which. */
export function soundnessOf(weights: readonly number[], budget: FaultBudget): Soundness {
  const { f, c, p } = budget;
  const refuse = (reason: string): Soundness => ({ sound: false, reason });
  for (const [name, value] of [
    ['f', f],
    ['c', c],
    ['p', p],
  ] as const) {
    if (!Number.isSafeInteger(value) || value < 0)
      return refuse(`${name} is ${value}; it is a whole number, at least 0`);
  }
  if (weights.length === 0) return refuse('there are no members');
  const wrong = weights.find((weight) => !Number.isSafeInteger(weight) || weight < 1);
  if (wrong !== undefined) return refuse(`a member weighs ${wrong}; weights are whole numbers, at least 1`);
  const totalWeight = weights.reduce((sum, weight) => sum + weight, 0);
  if (totalWeight <= 3 * f + 2 * c) {
    return refuse(
      `a total weight of ${totalWeight} cannot tolerate ${f} lying and ${c} silent: it takes more than 3·${f} + 2·${c} = ${3 * f + 2 * c}`,
    );
  }
  const heaviest = weights.reduce((most, weight) => Math.max(most, weight), 0);
  // A leader that equivocates must fit into f, or the two-values case of the fast path rests on nothing.
  if (f > 0 && heaviest > f)
    return refuse(
      `a member weighs ${heaviest}, more than the ${f} that may lie: one liar would already break the promise`,
    );
  const slackMax = largestFastSlack(totalWeight, f, c);
  if (p > slackMax) {
    return refuse(
      `the fast path cannot spare ${p}: with weight ${totalWeight}, f = ${f}, c = ${c} at most p = ${slackMax} is sound`,
    );
  }
  const quorum = voteQuorum(totalWeight, f);
  if (quorum - p <= f)
    return refuse(`a quorum of ${quorum} and a fast decision without ${p} could meet in liars only (f = ${f})`);
  return {
    sound: true,
    thresholds: { totalWeight, f, c, p, quorum, available: totalWeight - f - c, skip: f + 1, fast: totalWeight - p },
  };
}

/**
 * The thresholds of an instance without a leader in round 0. Everybody may report something else there, and nobody's proposal convicts, so
 * the fast path spares less: W > 3f + c + 2p instead of W ≥ 3f + c + 2p − 1. All else is as with a leader.
 */
export function leaderlessThresholds(thresholds: Thresholds): Thresholds {
  const { totalWeight, f, c, fast } = thresholds;
  const p = Math.min(thresholds.p, Math.max(0, Math.floor((totalWeight - 3 * f - c - 1) / 2)));
  return { ...thresholds, p, fast: fast + thresholds.p - p };
}

/** Throws UnsoundQuorum with the reason in words. */
export function thresholdsOf(config: Pick<EpochConfig, 'members' | 'f' | 'c' | 'p'>): Thresholds {
  const result = soundnessOf(
    config.members.map((member) => member.weight),
    config,
  );
  if (!result.sound) throw new UnsoundQuorum(result.reason);
  return result.thresholds;
}

/** What a certificate under `config` promises, for people: "3 of 4 members, any 1 may be lying". Throws UnsoundQuorum. */
export function toleranceInWords(config: Pick<EpochConfig, 'members' | 'f' | 'c' | 'p'>): string {
  const { totalWeight, quorum, f, c } = thresholdsOf(config);
  const count = config.members.length;
  const equal = config.members.every((member) => member.weight === 1);
  const share = equal
    ? `${quorum} of ${count} ${count === 1 ? 'member' : 'members'}`
    : `weight ${quorum} of ${totalWeight} (${count} members)`;
  const some = (weight: number): string => (equal ? `any ${weight}` : `any weighing up to ${weight} together`);
  if (f > 0) return `${share}, ${some(f)} may be lying${c > 0 ? ` and ${some(c)} more silent` : ''}`;
  return `${share}, ${c > 0 ? `${some(c)} may be silent` : 'none may be missing'}; no Byzantine tolerance`;
}
