// Law: whether a decision holds is a pure function of its bytes and of one epoch's config. Nothing is recomputed, no model is asked,
// and every node and every offline verifier comes to the same answer, with the reason in words.
import type { Crypto, NodeId } from '../actors/system/index.ts';
import { type EpochConfig, type Member, workersOf } from '../protocols/mesh/index.ts';
import { compareText, equalBytes } from '../protocols/wire/index.ts';
import { type Attestation, attestations, expiries } from './attestation.ts';
import { candidates, failureDigest } from './candidate.ts';
import {
  type Acceptance,
  type Decision,
  type Endorsement,
  foreignStatement,
  isRefusal,
  type Reassignment,
  type Rejection,
} from './decision.ts';
import { foreignFamily, sameTaskAttempt } from './judgement.ts';
import { judgeRefusal } from './refusal.ts';
import { type RelationTerms, relationNamed, sameRelation } from './relation.ts';
import type { TaskAttempt } from './statement.ts';
import { endorsingWeight, expiryWeight, totalWeight } from './weights.ts';

/** The members a decision is judged against. */
export interface Electorate {
  /** 32 bytes. */
  readonly meshId: Uint8Array;
  readonly config: EpochConfig;
}

export type Verdict = { readonly ok: true } | { readonly ok: false; readonly reason: string };

/** What the plan demands of a task: without it a decision could choose its own rule. */
export interface TaskTerms extends TaskAttempt {
  readonly callDigest: Uint8Array;
  readonly skill: string;
  readonly skillVersion: string;
  readonly endorsement: Endorsement;
  readonly relation: RelationTerms;
}

const refuse = (reason: string): Verdict => ({ ok: false, reason });
const holds: Verdict = { ok: true };

/**
 * The validity rule. It says that the decision is internally sound and borne out by members; whether it is what the plan asked for is
 * `judgeAgainstTerms`, and a voter needs both.
 */
export function judgeDecision(
  decision: Decision,
  electorate: Electorate,
  crypto: Pick<Crypto, 'sha256' | 'verify'>,
): Verdict {
  const { config, meshId } = electorate;
  if (!equalBytes(decision.meshId, meshId)) return refuse('it belongs to another mesh');
  if (decision.epoch !== config.epoch)
    return refuse(`it belongs to epoch ${decision.epoch}, and the members given are those of epoch ${config.epoch}`);
  if (isRefusal(decision)) return judgeRefusal(decision, config, crypto);
  return decision.kind === 'REASSIGN'
    ? judgeReassignment(decision, config, crypto)
    : judgeOutcome(decision, config, crypto);
}

function judgeReassignment(decision: Reassignment, config: EpochConfig, crypto: Pick<Crypto, 'verify'>): Verdict {
  const signers = signersIn(config, [decision.expired.map((expired) => expired.member)]);
  if (typeof signers === 'string') return refuse(signers);
  for (const expired of decision.expired) {
    if (!sameTaskAttempt(expired, decision))
      return refuse(`the expiry of ${nameOf(config, expired.member)} is about another attempt`);
  }
  const needed = expiryWeight(config);
  const weight = weigh(signers);
  if (weight < needed)
    return refuse(`expiries of weight ${weight} where ${needed} of ${totalWeight(config)} are needed`);
  for (const expired of decision.expired) {
    if (!expiries.verify(expired, crypto))
      return refuse(`the expiry of ${nameOf(config, expired.member)} is not signed by its key`);
  }
  return holds;
}

function judgeOutcome(
  decision: Acceptance | Rejection,
  config: EpochConfig,
  crypto: Pick<Crypto, 'sha256' | 'verify'>,
): Verdict {
  const { candidate, endorsement } = decision;
  const verifiers = (list: readonly Attestation[]): NodeId[] => list.map((attestation) => attestation.verifier);
  const lists: [NodeId[], NodeId[], NodeId[]] = [
    [candidate.executor],
    verifiers(decision.attestations),
    verifiers(decision.dissent),
  ];
  const signers = signersIn(config, lists, candidate.executor);
  if (typeof signers === 'string') return refuse(signers);
  const foreign = foreignStatement(decision);
  if (foreign !== undefined) return refuse(`${foreign.what} (${nameOf(config, foreign.signer)})`);
  if (decision.kind === 'REJECT' && !equalBytes(failureDigest(decision.failure, crypto), decision.resultDigest))
    return refuse('its failure is not the one that was attested');

  const relation = relationNamed(decision.relation);
  if (relation === undefined)
    return refuse(
      `it uses relation '${decision.relation.id}' version ${decision.relation.version}, which is not known here; nothing can be concluded from it`,
    );
  // All that these two can be given as parameters is how many are to attest: no attestation would pin them.
  const isPlain = (relation.id === 'exact' || relation.id === 'canonical') && decision.kind === 'ACCEPT';
  if (isPlain && decision.attestations.length === 0 && decision.relation.paramsHash.some((byte) => byte !== 0))
    return refuse(`its relation '${relation.id}' asks for attestations, and it has none`);
  // In the order of their signers above: the executor, then these.
  for (const [i, attestation] of [...decision.attestations, ...decision.dissent].entries()) {
    const contradiction = foreignFamily(attestation, signers[i + 1]!) ?? relation.contradiction(attestation, candidate);
    if (contradiction !== undefined)
      return refuse(`the attestation of ${nameOf(config, attestation.verifier)} ${contradiction}`);
  }

  const endorsers = signers.slice(0, 1 + decision.attestations.length);
  if (endorsement.rule === 'site') {
    const outsider = endorsers.find((member) => member.site !== endorsement.site);
    if (outsider !== undefined)
      return refuse(`it rests on site ${endorsement.site}, and ${outsider.name} is of site ${outsider.site}`);
    if (weigh(endorsers) === 0) return refuse(`it rests on the word of ${endorsers[0]!.name} alone, which is a worker`);
  } else {
    const needed = endorsingWeight(config);
    if (needed === undefined)
      return refuse(`f = ${config.f} among a weight of ${totalWeight(config)} leaves no sound quorum`);
    const weight = weigh(endorsers);
    if (weight < needed)
      return refuse(`it is borne out by a weight of ${weight} where ${needed} of ${totalWeight(config)} are needed`);
  }

  if (!candidates.verify(candidate, crypto))
    return refuse(`the candidate is not signed by ${nameOf(config, candidate.executor)}`);
  const candidateDigest = candidates.digest(candidate, crypto);
  for (const attestation of [...decision.attestations, ...decision.dissent]) {
    if (!equalBytes(attestation.candidateDigest, candidateDigest))
      return refuse(`the attestation of ${nameOf(config, attestation.verifier)} judged another candidate`);
    if (!attestations.verify(attestation, crypto))
      return refuse(`the attestation of ${nameOf(config, attestation.verifier)} is not signed by its key`);
  }
  return holds;
}

/** Whether the decision answers exactly what the plan demands. */
export function judgeAgainstTerms(decision: Decision, terms: TaskTerms): Verdict {
  if (!sameTaskAttempt(decision, terms)) return refuse('it is about another attempt than the plan’s');
  if (decision.kind === 'REASSIGN') return holds;
  if (!equalBytes(decision.callDigest, terms.callDigest)) return refuse('it answers another call than the plan’s');
  if (decision.skill !== terms.skill || decision.skillVersion !== terms.skillVersion) {
    return refuse(
      `it was made by ${decision.skill} ${decision.skillVersion}, and the plan asks for ${terms.skill} ${terms.skillVersion}`,
    );
  }
  if (!sameRelation(decision.relation, terms.relation))
    return refuse(`it was compared by '${decision.relation.id}', and the plan asks for '${terms.relation.id}'`);
  const asked = terms.endorsement;
  if (isRefusal(decision)) {
    if (asked.rule === 'site')
      return refuse(`it rests on a quorum of members, and the plan asks for ${ruleInWords(asked)}`);
    const few = decision.refused
      .map(({ refusing }) => missingAttestations(refusing, terms.relation, 'refused'))
      .find((reason) => reason !== undefined);
    return few === undefined ? holds : refuse(few);
  }
  const got = decision.endorsement;
  const isSameRule = asked.rule === 'site' ? got.rule === 'site' && got.site === asked.site : got.rule === 'quorum';
  if (!isSameRule) return refuse(`it rests on ${ruleInWords(got)}, and the plan asks for ${ruleInWords(asked)}`);
  const missing = decision.kind === 'ACCEPT' ? missingAttestations(decision.attestations, terms.relation) : undefined;
  return missing === undefined ? holds : refuse(missing);
}

/**
 * Why `agreeing` are fewer than the plan asks for, be it to accept or to refuse, or undefined where they suffice. A failure is judged by
 * weight alone: it needs no taste.
 * That each is of the family it names, and all are of different members, is `judgeDecision`'s to say.
 */
export function missingAttestations(
  agreeing: readonly Pick<Attestation, 'modelFamily'>[],
  { atLeast, families }: Pick<RelationTerms, 'atLeast' | 'families'>,
  did: 'attested' | 'refused' = 'attested',
): string | undefined {
  if (agreeing.length < atLeast)
    return `${agreeing.length} members ${did} it besides its executor, and the plan asks for ${atLeast}`;
  const found = new Set(agreeing.map(({ modelFamily }) => modelFamily)).size;
  return found < families
    ? `its attestations come from ${found} model families, and the plan asks for ${families}`
    : undefined;
}

function ruleInWords(endorsement: Endorsement): string {
  return endorsement.rule === 'site' ? `site ${endorsement.site}'s own word` : 'a quorum of members';
}

/**
 * The members behind `lists`, in order; or why not: someone is no member, appears twice, or a list is not sorted by id. `executor` may be a
 * worker: what it made is judged by members, and its own word weighs nothing.
 */
function signersIn(config: EpochConfig, lists: readonly (readonly NodeId[])[], executor?: NodeId): Member[] | string {
  const byId = new Map(config.members.map((member) => [member.id, member]));
  const worker = workersOf(config).find(({ id }) => id === executor);
  if (worker !== undefined) byId.set(worker.id, { ...worker, weight: 0 });
  const signers: Member[] = [];
  const seen = new Set<NodeId>();
  for (const list of lists) {
    for (const [i, id] of list.entries()) {
      const member = byId.get(id);
      if (member === undefined) return `${id} is not a member of epoch ${config.epoch}`;
      if (seen.has(id)) return `${member.name} signed twice`;
      if (i > 0 && compareText(list[i - 1]!, id) > 0) return 'its statements are not sorted by signer';
      seen.add(id);
      signers.push(member);
    }
  }
  return signers;
}

function weigh(members: readonly Member[]): number {
  return members.reduce((sum, member) => sum + member.weight, 0);
}

function nameOf(config: EpochConfig, id: NodeId): string {
  return [...config.members, ...workersOf(config)].find((node) => node.id === id)?.name ?? id;
}
