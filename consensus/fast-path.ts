// Law: a value that may have been decided by round-0 prevotes alone is the only one a later round without a polka may propose. The rule
// is the equivocation-aware led variant: it is relative to the reports at hand, and two reported values convict the round-0 leader.
import type { NodeId } from '../actors/system/index.ts';
import type { Ballot, ValueId } from './core.ts';
import type { Thresholds } from './quorum.ts';

/** What one member says it prevoted in round 0. A value counts as reported only with the round-0 leader's signed proposal of it. */
export interface Report {
  readonly signer: NodeId;
  readonly weight: number;
  readonly value: Ballot;
}

export type ReportJudgement =
  /** `forced`: the only value that may be proposed; undefined where any may. */
  | { readonly admissible: true; readonly forced: ValueId | undefined }
  | { readonly admissible: false; readonly reason: string };

/** Judges a set of reports of distinct members. `leader` led round 0, whether or not it reported. */
export function judgeReports(
  reports: readonly Report[],
  thresholds: Thresholds,
  leader: { readonly id: NodeId; readonly weight: number },
): ReportJudgement {
  const { available, p, f } = thresholds;
  const values = new Set(reports.flatMap(({ value }) => (value === null ? [] : [value])));
  const equivocated = values.size > 1;
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
  const weights = new Map<ValueId, number>();
  for (const { value, weight } of counted) if (value !== null) weights.set(value, (weights.get(value) ?? 0) + weight);
  const threshold = Math.max(1, total - p - f + (equivocated ? leader.weight : 0));
  const forced = [...weights].filter(([, weight]) => weight >= threshold).map(([value]) => value);
  if (forced.length > 1) return { admissible: false, reason: 'more than one value would be forced' };
  return { admissible: true, forced: forced[0] };
}
