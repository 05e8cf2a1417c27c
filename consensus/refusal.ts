// Law: judges reject by their signatures. A refusal shows results of executors heavier than all that may lie, so that an honest one's is
// among them, and of each the attestations of judges that refused it: enough of them, of enough model families, that no minority could say
// so for the others, and that those who are left could not accept it any more.
import type { Crypto, NodeId } from '../actors/system/index.ts';
import { type EpochConfig, type Member, type Worker, workersOf } from '../protocols/mesh/index.ts';
import {
  type ByteReader,
  type ByteWriter,
  compareText,
  equalBytes,
  hex,
  MalformedBytes,
} from '../protocols/wire/index.ts';
import { type Attestation, attestations, readRelation, writeRelation } from './attestation.ts';
import { type Candidate, candidates } from './candidate.ts';
import type { Check } from './epoch.ts';
import {
  type Asked,
  attestationFault,
  checkLength,
  foreignAttestation,
  readJudgements,
  sameTaskAttempt,
  statementsMax,
  writeJudgement,
} from './judgement.ts';
import { relationNamed } from './relation.ts';
import {
  digestBytes,
  readNode,
  signatureBytes,
  type TaskAttempt,
  textLimits,
  writeNode,
  writeText,
} from './statement.ts';
import { endorsingWeight, totalWeight, weightOf } from './weights.ts';

export interface RefusedCandidate {
  readonly candidate: Candidate;
  /** Verdict -1, sorted by verifier: what the refusal rests on. */
  readonly refusing: readonly Attestation[];
  /** Verdict +1, sorted by verifier: on record, without effect. */
  readonly dissent: readonly Attestation[];
}

/** The work was done and its judges refused it. */
export interface Refusal extends Asked {
  readonly kind: 'REJECT';
  readonly skill: string;
  readonly skillVersion: string;
  /** Sorted by executor. */
  readonly refused: readonly RefusedCandidate[];
}

/**
 * Weight of judges that must refuse a result made by an executor of `executorWeight`; undefined where the config has no sound quorum. As much
 * as an acceptance takes besides the executor's own word, and so much that the others cannot accept the result any more: whichever is more.
 * The larger of the two is more than half of all who may judge, and more than f.
 */
export function refusingWeight(config: Pick<EpochConfig, 'members' | 'f'>, executorWeight: number): number | undefined {
  const endorsing = endorsingWeight(config);
  if (endorsing === undefined) return undefined;
  return Math.max(endorsing - executorWeight, totalWeight(config) - endorsing + 1);
}

/** Whether the executors of refused results are heavier than all that may lie: no liars alone get a task rejected by doing it badly. */
export function isHonestAmong(executors: readonly NodeId[], config: Pick<EpochConfig, 'members' | 'f'>): boolean {
  return weightOf(config, executors) > config.f;
}

/** After what every decision begins with. Throws MalformedBytes where a statement in it is about something else. */
export function writeRefusal(writer: ByteWriter, refusal: Refusal): void {
  const foreign = foreignInRefusal(refusal);
  if (foreign !== undefined) throw new MalformedBytes(`a decision cannot be written: ${foreign.what}`);
  writer.fixed(refusal.callDigest, digestBytes);
  writeText(writer, refusal.skill, textLimits.skill);
  writeText(writer, refusal.skillVersion, textLimits.skillVersion);
  writeRelation(writer, refusal.relation);
  checkLength(refusal.refused);
  writer.list(refusal.refused, (w, { candidate, refusing, dissent }) => {
    w.fixed(candidate.resultDigest, digestBytes).u64(candidate.sizeBytes);
    writeNode(w, candidate.executor);
    w.fixed(candidate.signature, signatureBytes);
    for (const list of [refusing, dissent]) {
      checkLength(list);
      w.list(list, writeJudgement);
    }
  });
}

/** Throws MalformedBytes on anything `writeRefusal` would not have written. */
export function readRefusal(reader: ByteReader, about: TaskAttempt, crypto: Pick<Crypto, 'sha256'>): Refusal {
  const callDigest = reader.fixed(digestBytes);
  const skill = reader.text(textLimits.skill);
  const skillVersion = reader.text(textLimits.skillVersion);
  const relation = readRelation(reader);
  const asked: Asked = { ...about, callDigest, relation };
  const refused = reader.list(statementsMax, (r): RefusedCandidate => {
    const made = { resultDigest: r.fixed(digestBytes), sizeBytes: r.u64() };
    const executor = readNode(r);
    const signature = r.fixed(signatureBytes);
    const outcome = 'result' as const;
    const candidate = { ...about, skill, skillVersion, callDigest, outcome, ...made, executor, signature };
    const digest = candidates.digest(candidate, crypto);
    return {
      candidate,
      refusing: readJudgements(r, asked, digest, -1),
      dissent: readJudgements(r, asked, digest, 1),
    };
  });
  return { ...asked, kind: 'REJECT', skill, skillVersion, refused };
}

interface Foreign {
  readonly signer: NodeId;
  readonly what: string;
}

/** The first statement in it that is about something else, or undefined. Candidate digests are left to the signatures. */
function foreignInRefusal(refusal: Refusal): Foreign | undefined {
  for (const { candidate, refusing, dissent } of refusal.refused) {
    const { executor: signer } = candidate;
    if (!sameTaskAttempt(candidate, refusal)) return { signer, what: 'a candidate is about another attempt' };
    if (!equalBytes(candidate.callDigest, refusal.callDigest))
      return { signer, what: 'a candidate answers another call' };
    if (candidate.skill !== refusal.skill || candidate.skillVersion !== refusal.skillVersion)
      return { signer, what: 'a candidate was made by another skill' };
    if (candidate.outcome !== 'result') return { signer, what: 'a failure is not judged' };
    for (const [list, verdict] of [
      [refusing, -1],
      [dissent, 1],
    ] as const) {
      for (const attestation of list) {
        const what =
          foreignAttestation(attestation, refusal) ??
          (attestation.verdict === verdict
            ? undefined
            : `with verdict ${attestation.verdict} stands among those with ${verdict}`);
        if (what !== undefined) return { signer: attestation.verifier, what: `an attestation ${what}` };
      }
    }
  }
  return undefined;
}

/** The validity rule of a refusal, for a decision of this mesh and epoch. */
export function judgeRefusal(refusal: Refusal, config: EpochConfig, crypto: Pick<Crypto, 'sha256' | 'verify'>): Check {
  const { refused } = refusal;
  const nameOf = (id: NodeId): string => nodeIn(config, id)?.name ?? id;
  if (refusal.relation.id !== 'judges' || relationNamed(refusal.relation) === undefined)
    return refuse(
      `it uses relation '${refusal.relation.id}' version ${refusal.relation.version}, by which nobody judges`,
    );
  const foreign = foreignInRefusal(refusal);
  if (foreign !== undefined) return refuse(`${foreign.what} (${nameOf(foreign.signer)})`);
  const executors = refused.map(({ candidate }) => candidate.executor);
  const unsorted = outOfOrder(executors);
  if (unsorted !== undefined) return refuse(unsorted);
  const outsider = executors.find((id) => nodeIn(config, id) === undefined);
  if (outsider !== undefined) return refuse(`${outsider} is not a member of epoch ${config.epoch}`);
  if (!isHonestAmong(executors, config))
    return refuse(
      `it shows the results of executors of weight ${weightOf(config, executors)}, and as many may lie (f = ${config.f})`,
    );
  for (const held of refused) {
    const check = judgeRefused(held, refusal, config, crypto);
    if (!check.ok) return check;
  }
  return { ok: true };
}

function judgeRefused(
  { candidate, refusing, dissent }: RefusedCandidate,
  refusal: Refusal,
  config: EpochConfig,
  crypto: Pick<Crypto, 'sha256' | 'verify'>,
): Check {
  const { executor } = candidate;
  const nameOf = (id: NodeId): string => nodeIn(config, id)?.name ?? id;
  const judges = [...refusing, ...dissent];
  for (const list of [refusing, dissent]) {
    const unsorted = outOfOrder(list.map(({ verifier }) => verifier));
    if (unsorted !== undefined) return refuse(unsorted);
  }
  const twice = refusing.find(({ verifier }) => dissent.some((other) => other.verifier === verifier));
  if (twice !== undefined) return refuse(`${nameOf(twice.verifier)} signed twice`);
  for (const attestation of judges) {
    const { verifier } = attestation;
    const member = config.members.find(({ id }) => id === verifier);
    if (member === undefined) return refuse(`${verifier} is not a member of epoch ${config.epoch}`);
    if (verifier === executor) return refuse(`${member.name} judged its own result`);
    const fault = attestationFault(attestation, candidate, refusal, member);
    if (fault !== undefined) return refuse(`the attestation of ${member.name} ${fault}`);
  }
  const needed = refusingWeight(config, weightOf(config, [executor]));
  if (needed === undefined)
    return refuse(`f = ${config.f} among a weight of ${totalWeight(config)} leaves no sound quorum`);
  const weight = weightOf(
    config,
    refusing.map(({ verifier }) => verifier),
  );
  if (weight < needed)
    return refuse(
      `the result of ${nameOf(executor)} is refused by a weight of ${weight} where ${needed} of ${totalWeight(config)} are needed`,
    );
  if (!candidates.verify(candidate, crypto)) return refuse(`the candidate is not signed by ${nameOf(executor)}`);
  const digest = hex.encode(candidates.digest(candidate, crypto));
  for (const attestation of judges) {
    if (hex.encode(attestation.candidateDigest) !== digest)
      return refuse(`the attestation of ${nameOf(attestation.verifier)} judged another candidate`);
    if (!attestations.verify(attestation, crypto))
      return refuse(`the attestation of ${nameOf(attestation.verifier)} is not signed by its key`);
  }
  return { ok: true };
}

function nodeIn(config: EpochConfig, id: NodeId): Member | Worker | undefined {
  return [...config.members, ...workersOf(config)].find((node) => node.id === id);
}

/** Each stands once, in the order of ids. */
function outOfOrder(ids: readonly NodeId[]): string | undefined {
  const isSorted = ids.every((id, i) => i === 0 || compareText(ids[i - 1]!, id) < 0);
  return isSorted ? undefined : 'its statements are not sorted by signer, each once';
}

function refuse(reason: string): Check {
  return { ok: false, reason };
}
