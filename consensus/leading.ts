// Law: a leader of a later round without a polka proposes only what a set of round-0 reports permits, and it builds that set from reports
// whose values it holds and found valid: honest reports alone always suffice, so waiting for them ends. Where nobody led round 0, what it
// proposes has more reporters than may lie, or is that there is no agreement.
import type { NodeId } from '../actors/system/index.ts';
import { compareText } from '../protocols/wire/index.ts';
import type { Ballots, HeldVote } from './ballots.ts';
import type { CoreState, ValueId } from './core.ts';
import { type EpochView, thresholdsIn } from './epoch.ts';
import { type Report, weightsOf } from './fast-path.ts';
import type { InstanceHost } from './instance-host.ts';
import type { Judge } from './judging.ts';
import { encodeReportSet } from './justification.ts';
import { type Domain, isLeaderless, noAgreement, noHash, valueIdOf } from './messages.ts';
import type { OwnStatements } from './own-statements.ts';
import type { Pacer } from './pacer.ts';
import type { Proposals } from './proposals.ts';
import type { Rules } from './rules.ts';
import type { HeldEntry } from './signed-entry.ts';

interface ReportPlan {
  /** The value to propose; undefined where the reports leave the choice and the leader has nothing to propose. */
  readonly value: ValueId | undefined;
  /** Sorted by signer. */
  readonly prevotes: readonly HeldEntry[];
  readonly proposals: readonly HeldEntry[];
}

export interface ProposalPlan {
  /** Undefined where any value would do and this node has none. */
  readonly value: ValueId | undefined;
  readonly justification: Uint8Array | undefined;
}

/** What a node does in a round it leads. */
export class Leading {
  readonly #order: readonly NodeId[];
  readonly #host: InstanceHost;
  readonly #ballots: Ballots;
  readonly #proposals: Proposals;
  readonly #own: OwnStatements;
  readonly #judge: Judge;
  readonly #pacer: Pacer;
  readonly #domain: Domain;

  constructor(
    domain: Domain,
    order: readonly NodeId[],
    host: InstanceHost,
    ballots: Ballots,
    proposals: Proposals,
    own: OwnStatements,
    judge: Judge,
    pacer: Pacer,
  ) {
    this.#domain = domain;
    this.#order = order;
    this.#host = host;
    this.#ballots = ballots;
    this.#proposals = proposals;
    this.#own = own;
    this.#judge = judge;
    this.#pacer = pacer;
  }

  /** What may be proposed in `core.round`, or undefined while something for it is missing. `offer` is what this node would like. */
  plan(core: CoreState, offer: ValueId | undefined, readCore: () => CoreState): ProposalPlan | undefined {
    const { round, validRound, validValue } = core;
    if (validValue !== null) {
      const justification = this.#own.polka(validRound, validValue);
      if (this.#pacer.ask([validValue], readCore) || justification === undefined) return undefined;
      return { value: validValue, justification };
    }
    if (round === 0) return { value: offer, justification: undefined };
    const plan = isLeaderless(this.#domain) ? this.#fromAnswers(readCore) : this.#fromReports(offer, readCore);
    if (plan === undefined) return undefined;
    if ([...plan.prevotes, ...plan.proposals].some((held) => !held.isSealed)) this.#host.sealNow();
    const [prevotes, proposals] = [plan.prevotes, plan.proposals].map((list) => list.map((held) => held.export()));
    return { value: plan.value, justification: encodeReportSet({ prevotes: prevotes!, proposals: proposals! }) };
  }

  #fromReports(offer: ValueId | undefined, readCore: () => CoreState): ReportPlan | undefined {
    const reported = reportedValues(this.#ballots);
    this.#pacer.ask(reported, readCore);
    for (const value of reported) this.#judge.isValid(value);
    const { epoch, rules } = this.#host;
    const own = offer ?? this.#proposals.validValues()[0];
    return planFromReports(this.#ballots, this.#proposals, epoch, rules, this.#order[0]!, own);
  }

  /**
   * Without a leader in round 0 every report counts, whether or not its answer is here: what is proposed is backed by an honest member, who
   * holds it.
   */
  #fromAnswers(readCore: () => CoreState): ReportPlan | undefined {
    const { epoch, rules, crypto } = this.#host;
    const chosen: HeldVote[] = [];
    for (const each of this.#ballots.all('prevote', 0)) {
      const stands = each.vote.value === null || each.vote.proposalHash === noHash;
      if (stands && !chosen.some(({ held }) => held.signer === each.held.signer)) chosen.push(each);
    }
    const judgement = rules.judgeReports(reportsOf(chosen, epoch), thresholdsIn(epoch, this.#domain), undefined);
    if (!judgement.admissible) return undefined;
    const value = judgement.forced ?? judgement.backed?.[0] ?? valueIdOf(noAgreement, crypto);
    if (this.#pacer.ask([value], readCore)) return undefined;
    return { value, prevotes: bySigner(chosen), proposals: [] };
  }
}

function reportsOf(votes: readonly HeldVote[], epoch: EpochView): Report[] {
  return votes.map(({ vote, held }) => ({
    signer: held.signer,
    weight: epoch.weights.get(held.signer) ?? 0,
    value: vote.value,
  }));
}

function bySigner(votes: readonly HeldVote[]): HeldEntry[] {
  return votes.map(({ held }) => held).sort((a, b) => compareText(a.signer, b.signer));
}

/** The proposal the reports at hand permit, or undefined where more of them are needed. `ownValue` is what this leader would like. */
function planFromReports(
  ballots: Ballots,
  proposals: Proposals,
  epoch: EpochView,
  rules: Pick<Rules, 'judgeReports'>,
  leader: NodeId,
  ownValue: ValueId | undefined,
): ReportPlan | undefined {
  const chosen: HeldVote[] = [];
  for (const each of ballots.all('prevote', 0)) {
    const { vote, held } = each;
    const isListed = chosen.some((other) => other.held.signer === held.signer);
    if (!isListed && (vote.value === null || isUsable(vote.value, vote.proposalHash, proposals))) chosen.push(each);
  }
  const reports = reportsOf(chosen, epoch);
  const judgement = rules.judgeReports(reports, epoch.thresholds, {
    id: leader,
    weight: epoch.weights.get(leader) ?? 0,
  });
  if (!judgement.admissible) return undefined;
  const named = new Set(chosen.flatMap(({ vote }) => (vote.value === null ? [] : [vote.proposalHash])));
  return {
    value: judgement.forced ?? weightsOf(reports)[0]?.[0] ?? ownValue,
    prevotes: bySigner(chosen),
    proposals: [...named].map((hash) => proposals.reported(hash)!.held),
  };
}

/** Values that members report, each once. */
export function reportedValues(ballots: Ballots): ValueId[] {
  const values = new Set<ValueId>();
  for (const { vote } of ballots.all('prevote', 0)) if (vote.value !== null) values.add(vote.value);
  return [...values];
}

function isUsable(value: ValueId, proposalHash: string, proposals: Proposals): boolean {
  return (
    proposals.reported(proposalHash)?.proposal.value === value &&
    proposals.payload(value) !== undefined &&
    proposals.validity(value) === true
  );
}
