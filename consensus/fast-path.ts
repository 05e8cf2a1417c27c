// Law: a value that may have been decided by round-0 prevotes alone is the only one a later round without a polka may propose. The rule
// is relative to the reports at hand. Where a leader proposed in round 0 it is equivocation-aware: two reported values convict that leader.
// Where nobody did, every member may have reported an answer of its own, and only what an honest one found may be proposed later.
import type { NodeId } from '../actors/system/index.ts';
import { compareText } from '../protocols/wire/index.ts';
import type { Ballot, ValueId } from './core.ts';
import type { Thresholds } from './quorum.ts';

/** What one member says it prevoted in round 0. A value counts as reported only with the round-0 leader's signed proposal of it. */
export interface Report {
  readonly signer: NodeId;
  readonly weight: number;
  readonly value: Ballot;
}

export type ReportJudgement =
  | {
      readonly admissible: true;
      /** The only value that may be proposed; undefined where the reports force none. */
      readonly forced: ValueId | undefined;
      /** Without a leader: values that an honest member reports, heaviest first; then one of them is proposed, or none. Undefined with one. */
      readonly backed?: readonly ValueId[];
    }
  | { readonly admissible: false; readonly reason: string };

export interface RoundLeader {
  readonly id: NodeId;
  readonly weight: number;
}

/** Judges a set of reports of distinct members. `leader` led round 0, whether or not it reported; undefined where nobody did. */
export function judgeReports(
  reports: readonly Report[],
  thresholds: Thresholds,
  leader: RoundLeader | undefined,
): ReportJudgement {
  const { available, p, f } = thresholds;
  const values = new Set(reports.flatMap(({ value }) => (value === null ? [] : [value])));
  const equivocated = leader !== undefined && values.size > 1;
  if (equivocated && f === 0) return { admissible: false, reason: 'two values were reported where nobody may lie' };
  // A leader that signed two proposals is one of the liars: its own report is void, and so much weight less can lie elsewhere.
  const counted = equivocated ? reports.filter(({ signer }) => signer !== leader.id) : reports;
  const total = counted.reduce((sum, { weight }) => sum + weight, 0);
  if (total < available) {
    return {
      admissible: false,
      reason: `reports of weight ${total}${equivocated ? " beside the leader's" : ''} are not the ${available} needed`,
    };
  }
  const weights = weightsOf(counted);
  const threshold = Math.max(1, total - p - f + (equivocated ? leader.weight : 0));
  const forced = weights.filter(([, weight]) => weight >= threshold).map(([value]) => value);
  if (forced.length > 1) return { admissible: false, reason: 'more than one value would be forced' };
  if (leader !== undefined) return { admissible: true, forced: forced[0] };
  return {
    admissible: true,
    forced: forced[0],
    backed: weights.filter(([, weight]) => weight > f).map(([value]) => value),
  };
}

/** Values with the weight that reports them, heaviest first; ties go to the smaller name, so that everybody sorts alike. */
export function weightsOf(reports: readonly Report[]): [ValueId, number][] {
  const weights = new Map<ValueId, number>();
  for (const { value, weight } of reports) if (value !== null) weights.set(value, (weights.get(value) ?? 0) + weight);
  return [...weights].sort(([a, left], [b, right]) => right - left || compareText(a, b));
}

/** Whether a set of reports that was judged so lets `value` be proposed. `none` is what is proposed where no answer is backed. */
export function permits(
  judgement: Extract<ReportJudgement, { admissible: true }>,
  value: ValueId,
  none: ValueId | undefined,
): boolean {
  const { forced, backed } = judgement;
  if (forced !== undefined) return value === forced;
  if (backed === undefined) return true;
  return backed.length > 0 ? backed.includes(value) : value === none;
}
