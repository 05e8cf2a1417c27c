// Law: a leader of a later round without a polka proposes only what a set of round-0 reports permits, and it builds that set from reports
// whose values it holds and found valid: honest reports alone always suffice, so waiting for them ends.
import type { NodeId } from '../actors/system/index.ts';
import { compareText } from '../protocols/wire/index.ts';
import type { Ballots, HeldVote } from './ballots.ts';
import type { ValueId } from './core.ts';
import type { EpochView } from './epoch.ts';
import type { Report } from './fast-path.ts';
import type { ReportSet } from './justification.ts';
import type { Proposals } from './proposals.ts';
import type { Rules } from './rules.ts';
import type { HeldEntry } from './signed-entry.ts';

export interface ReportPlan {
  /** The value to propose; undefined where the reports leave the choice and the leader has nothing to propose. */
  readonly value: ValueId | undefined;
  /** Sorted by signer. */
  readonly prevotes: readonly HeldEntry[];
  readonly proposals: readonly HeldEntry[];
}

export function exportPlan(plan: ReportPlan): ReportSet {
  return { prevotes: plan.prevotes.map((held) => held.export()), proposals: plan.proposals.map((held) => held.export()) };
}

export function isSealed(plan: ReportPlan): boolean {
  return [...plan.prevotes, ...plan.proposals].every((held) => held.isSealed);
}

/** The proposal the reports at hand permit, or undefined where more of them are needed. `ownValue` is what this leader would like. */
export function planFromReports(
  ballots: Ballots,
  proposals: Proposals,
  epoch: EpochView,
  rules: Pick<Rules, 'judgeReports'>,
  leader: NodeId,
  ownValue: ValueId | undefined,
): ReportPlan | undefined {
  const chosen: HeldVote[] = [];
  for (const votes of ballots.of('prevote', 0).values()) {
    const usable = votes.find(({ vote }) => vote.value === null || isUsable(vote.value, vote.proposalHash, proposals));
    if (usable !== undefined) chosen.push(usable);
  }
  const reports: Report[] = chosen.map(({ vote, held }) => ({
    signer: held.signer,
    weight: epoch.weights.get(held.signer) ?? 0,
    value: vote.value,
  }));
  const judgement = rules.judgeReports(reports, epoch.thresholds, { id: leader, weight: epoch.weights.get(leader) ?? 0 });
  if (!judgement.admissible) return undefined;
  const named = new Set(chosen.flatMap(({ vote }) => (vote.value === null ? [] : [vote.proposalHash])));
  return {
    value: judgement.forced ?? heaviest(reports) ?? ownValue,
    prevotes: chosen.map(({ held }) => held).sort((a, b) => compareText(a.signer, b.signer)),
    proposals: [...named].map((hash) => proposals.reported(hash)!.held),
  };
}

/** Values that members report, each once. */
export function reportedValues(ballots: Ballots): ValueId[] {
  const values = new Set<ValueId>();
  for (const votes of ballots.of('prevote', 0).values()) for (const { vote } of votes) if (vote.value !== null) values.add(vote.value);
  return [...values];
}

function isUsable(value: ValueId, proposalHash: string, proposals: Proposals): boolean {
  return proposals.reported(proposalHash)?.proposal.value === value && proposals.payload(value) !== undefined && proposals.validity(value) === true;
}

/** The most reported value; ties go to the smaller name, so that every leader would choose alike. */
function heaviest(reports: readonly Report[]): ValueId | undefined {
  const weights = new Map<ValueId, number>();
  for (const { value, weight } of reports) if (value !== null) weights.set(value, (weights.get(value) ?? 0) + weight);
  return [...weights].sort(([a, left], [b, right]) => right - left || compareText(a, b))[0]?.[0];
}
