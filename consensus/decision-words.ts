// Law: what a decision rests on is said in words that follow from its statements alone: who found what, by what measure, and who said otherwise.
import type { NodeId } from '../actors/system/index.ts';
import { type EpochConfig, type Member, workersOf } from '../protocols/mesh/index.ts';
import { compareText } from '../protocols/wire/index.ts';
import { type Acceptance, type Decision, isRefusal } from './decision.ts';
import type { Refusal } from './refusal.ts';
import { totalWeight, weightOf } from './weights.ts';

/** For example "recomputed by amber, birch and dune (3 of 4); cedar disagreed". For a decision that `judgeDecision` accepts. */
export function endorsementInWords(decision: Decision, config: EpochConfig): string {
  const members = (ids: readonly NodeId[]): Member[] => config.members.filter((member) => ids.includes(member.id));
  if (isRefusal(decision)) return refusalInWords(decision, config);
  if (decision.kind === 'REASSIGN') {
    const expired = members(decision.expired.map((statement) => statement.member));
    return `attempt ${decision.attempt} ran out of time, say ${namesInWords(expired)} (${shareInWords(expired, config)})`;
  }
  const endorsers = members([
    decision.candidate.executor,
    ...decision.attestations.map((attestation) => attestation.verifier),
  ]);
  const { id } = decision.relation;
  if (decision.kind === 'ACCEPT' && id !== 'exact' && endorsers.length > 1) return likenessInWords(decision, config);
  const what = decision.kind === 'REJECT' ? 'found to fail alike' : endorsers.length === 1 ? 'computed' : 'recomputed';
  const by =
    decision.endorsement.rule === 'site'
      ? `${what} by ${namesInWords(endorsers)}, on site ${decision.endorsement.site}'s own word`
      : `${what} by ${namesInWords(endorsers)} (${shareInWords(endorsers, config)})`;
  const dissenters = members(decision.dissent.map((attestation) => attestation.verifier));
  return dissenters.length === 0 ? by : `${by}; ${namesInWords(dissenters)} disagreed`;
}

/** For example "computed by amber, and computed by birch and dune alike under numeric, at most 40% of what it allows apart (3 of 4)". */
function likenessInWords(decision: Acceptance, config: EpochConfig): string {
  const { relation, candidate, attestations: agreeing, dissent, endorsement } = decision;
  const members = (ids: readonly NodeId[]): Member[] => config.members.filter((member) => ids.includes(member.id));
  const others = members(agreeing.map(({ verifier }) => verifier));
  const [executor] = members([candidate.executor]);
  const worst = Math.max(0, ...agreeing.map(({ score }) => score));
  const measure = worst === 0 ? '' : `, at most ${Math.ceil(worst / 10_000)}% of what it allows apart`;
  const families = new Set(agreeing.map(({ modelFamily }) => modelFamily)).size;
  const found =
    relation.id === 'judges'
      ? `accepted by the judges of ${namesInWords(others)}, of ${familiesInWords(families)}`
      : `computed by ${namesInWords(others)} alike under ${relation.id}${measure}`;
  const share =
    endorsement.rule === 'site'
      ? `on site ${endorsement.site}'s own word`
      : `(${shareInWords([executor!, ...others], config)})`;
  const dissenters = members(dissent.map(({ verifier }) => verifier));
  const against = dissenters.length === 0 ? '' : `; ${namesInWords(dissenters)} disagreed`;
  return `computed by ${executor!.name}, and ${found} ${share}${against}`;
}

/**
 * For example "the results of amber and birch refused by the judges birch (large), cedar (small) and dune (tiny), of 3 model families; elm would
 * have accepted one". Which judge said what of which result stands in the decision.
 */
function refusalInWords({ refused }: Refusal, config: EpochConfig): string {
  const nameOf = (id: NodeId): string =>
    [...config.members, ...workersOf(config)].find((node) => node.id === id)?.name ?? id;
  const saying = (list: 'refusing' | 'dissent') => refused.flatMap((held) => held[list]);
  const judges = new Map(
    saying('refusing').map(({ verifier, modelFamily }) => [verifier, `${nameOf(verifier)} (${modelFamily})`]),
  );
  const families = new Set(saying('refusing').map(({ modelFamily }) => modelFamily)).size;
  const others = [...new Set(saying('dissent').map(({ verifier }) => nameOf(verifier)))];
  const executors = refused.map(({ candidate }) => nameOf(candidate.executor));
  const against = others.length === 0 ? '' : `; ${inWords(others)} would have accepted one`;
  return `the ${executors.length === 1 ? 'result' : 'results'} of ${inWords(executors)} refused by the ${judges.size === 1 ? 'judge' : 'judges'} ${inWords([...judges.values()])}, of ${familiesInWords(families)}${against}`;
}

function familiesInWords(count: number): string {
  return `${count} model ${count === 1 ? 'family' : 'families'}`;
}

function namesInWords(members: readonly Member[]): string {
  return inWords(members.map((member) => member.name));
}

function inWords(unsorted: readonly string[]): string {
  const names = [...unsorted].sort(compareText);
  return names.length < 2 ? (names[0] ?? 'nobody') : `${names.slice(0, -1).join(', ')} and ${names.at(-1)}`;
}

function shareInWords(members: readonly Member[], config: EpochConfig): string {
  const isWeighted = config.members.some((member) => member.weight !== 1);
  return isWeighted
    ? `weight ${weightOf(
        config,
        members.map(({ id }) => id),
      )} of ${totalWeight(config)}`
    : `${members.length} of ${config.members.length}`;
}
