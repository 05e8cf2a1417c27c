// Law: evidence convicts by the culprit's own signatures and by nothing else. What an honest member signs, under any schedule, crash or
// message it may receive, never makes evidence against it.
import type { Crypto, NodeId } from '../actors/system/index.ts';
import type { EpochConfig } from '../protocols/mesh/index.ts';
import { ByteReader, ByteWriter, equalBytes, hex, MalformedBytes } from '../protocols/wire/index.ts';
import { type Attestation, attestations } from './attestation.ts';
import type { Certificate } from './certificate.ts';
import { type Check, epochViewOf, leaderOrder } from './epoch.ts';
import { judgeReports } from './fast-path.ts';
import { sameTaskAttempt } from './judgement.ts';
import { checkJustification, maxJustificationBytes } from './justification.ts';
import {
  decodeEntry,
  type Entry,
  type InstanceId,
  instanceIdOf,
  readSubject,
  type Subject,
  type Vote,
  writeSubject,
} from './messages.ts';
import { sameRelation } from './relation.ts';
import { readSignedEntry, type SignedEntry, verifySignedEntry, writeSignedEntry } from './signed-entry.ts';

/** Two statements of one member that an honest one never makes both. */
export interface PairEvidence {
  readonly kind: PairKind;
  readonly culprit: NodeId;
  readonly first: SignedEntry;
  readonly second: SignedEntry;
}

/** A proposal that its own justification does not permit, or that was not its signer's to make. */
export interface ProposalEvidence {
  readonly kind: 'unjustified';
  readonly culprit: NodeId;
  readonly subject: Subject;
  readonly proposal: SignedEntry;
  /** Absent where the signer did not lead that round at all. */
  readonly justification: Uint8Array | undefined;
}

/** A judge's yes and its no to the very same candidate, each under its signature. */
export interface JudgementEvidence {
  readonly kind: 'judgements';
  readonly culprit: NodeId;
  readonly first: Attestation;
  readonly second: Attestation;
}

export type Evidence = PairEvidence | ProposalEvidence | JudgementEvidence;

/** E1 two prevotes, E2 two precommits, E3 two proposals of one round; E4 amnesia: voting against one's own precommit without a later polka. */
const pairKinds = ['prevotes', 'precommits', 'proposals', 'amnesia'] as const;
export type PairKind = (typeof pairKinds)[number];

const evidenceDomain = 'parley/evidence/1';
/** After the pairs and the proposals. */
const judgementsByte = pairKinds.length + 1;
const attestationMaxBytes = 8_192;

export function encodeEvidence(evidence: Evidence): Uint8Array {
  const writer = new ByteWriter(evidenceDomain);
  if (evidence.kind === 'judgements') {
    writer.u8(judgementsByte);
    for (const said of [evidence.first, evidence.second]) writer.bytes(attestations.encode(said));
    return writer.finish();
  }
  if (evidence.kind !== 'unjustified') {
    writer.u8(pairKinds.indexOf(evidence.kind));
    writeSignedEntry(writer, evidence.first);
    writeSignedEntry(writer, evidence.second);
    return writer.finish();
  }
  writeSubject(writer.u8(pairKinds.length), evidence.subject);
  writeSignedEntry(writer, evidence.proposal);
  writer.bool(evidence.justification !== undefined);
  if (evidence.justification !== undefined) writer.bytes(evidence.justification);
  return writer.finish();
}

/** Throws MalformedBytes. */
export function decodeEvidence(bytes: Uint8Array): Evidence {
  const reader = new ByteReader(bytes, evidenceDomain);
  const kindByte = reader.u8();
  let evidence: Evidence;
  if (kindByte < pairKinds.length) {
    const first = readSignedEntry(reader);
    evidence = { kind: pairKinds[kindByte]!, culprit: first.signer, first, second: readSignedEntry(reader) };
  } else if (kindByte === pairKinds.length) {
    const subject = readSubject(reader);
    const proposal = readSignedEntry(reader);
    const justification = reader.bool() ? reader.bytes(maxJustificationBytes) : undefined;
    evidence = { kind: 'unjustified', culprit: proposal.signer, subject, proposal, justification };
  } else if (kindByte === judgementsByte) {
    const [first, second] = [0, 1].map(() => attestations.decode(reader.bytes(attestationMaxBytes)));
    evidence = { kind: 'judgements', culprit: first!.verifier, first: first!, second: second! };
  } else throw new MalformedBytes(`${kindByte} is no kind of evidence`);
  reader.end();
  return evidence;
}

/** How two votes of one member convict it, if they do. */
export function conflictOf(a: Vote, b: Vote): 'prevotes' | 'precommits' | 'amnesia' | undefined {
  if (a.instance !== b.instance) return undefined;
  if (a.kind === b.kind) return a.round === b.round ? (a.kind === 'prevote' ? 'prevotes' : 'precommits') : undefined;
  const precommit = a.kind === 'precommit' ? a : b;
  const prevote = a.kind === 'precommit' ? b : a;
  // A precommit is a lock; an honest prevote against it names a polka at least as late as the lock.
  const forgot = precommit.value !== null && prevote.value !== null && prevote.value !== precommit.value;
  return forgot && prevote.round > precommit.round && prevote.polkaRound < precommit.round ? 'amnesia' : undefined;
}

/**
 * What two certificates of one instance, each of which holds, prove against those who signed both. Where they decide different values it names
 * at least f + 1, unless they are of different rounds and what lies between is not shown.
 */
export function evidenceBetween(a: Certificate, b: Certificate): PairEvidence[] {
  const voteOf = ({ entry }: SignedEntry): Vote | undefined => {
    const decoded = decodeEntry(entry);
    return decoded.type === 'vote' ? decoded.vote : undefined;
  };
  const others = new Map(b.votes.map((signed) => [signed.signer, signed]));
  return a.votes.flatMap((first): PairEvidence[] => {
    const second = others.get(first.signer);
    const [one, other] = [voteOf(first), second && voteOf(second)];
    if (second === undefined || one === undefined || other === undefined || equalBytes(first.entry, second.entry))
      return [];
    const kind = conflictOf(one, other);
    return kind === undefined ? [] : [{ kind, culprit: first.signer, first, second }];
  });
}

/** Whether `evidence` convicts its culprit, a member under `config` in the mesh of that id. Needs nothing but its arguments. */
export function verifyEvidence(evidence: Evidence, config: EpochConfig, meshId: Uint8Array, crypto: Crypto): Check {
  if (!config.members.some((member) => member.id === evidence.culprit))
    return refuse(`${evidence.culprit} is not a member of epoch ${config.epoch}`);
  try {
    if (evidence.kind === 'judgements') return verifyJudgements(evidence, config, meshId, crypto);
    return evidence.kind === 'unjustified'
      ? verifyProposal(evidence, config, meshId, crypto)
      : verifyPair(evidence, crypto);
  } catch (error) {
    if (error instanceof MalformedBytes) return refuse(`a statement in it is malformed: ${error.message}`);
    throw error;
  }
}

function verifyPair(evidence: PairEvidence, crypto: Crypto): Check {
  const { kind, culprit, first, second } = evidence;
  if (first.signer !== culprit || second.signer !== culprit)
    return refuse('its two statements are not both of the culprit');
  if (equalBytes(first.entry, second.entry)) return refuse('its two statements are the same one');
  if (!pairConvicts(kind, decodeEntry(first.entry), decodeEntry(second.entry)))
    return refuse(`its two statements are not two conflicting ${kind}`);
  for (const signed of [first, second]) {
    if (!verifySignedEntry(signed, crypto)) return refuse(`a signature of ${culprit} does not verify`);
  }
  return { ok: true };
}

function pairConvicts(kind: PairKind, first: Entry, second: Entry): boolean {
  if (first.type === 'vote' && second.type === 'vote') return conflictOf(first.vote, second.vote) === kind;
  if (first.type !== 'proposal' || second.type !== 'proposal') return false;
  const { proposal: a } = first;
  const { proposal: b } = second;
  return kind === 'proposals' && a.instance === b.instance && a.round === b.round;
}

/**
 * Of one candidate a member says one thing, and it says it once: its word is durable before anybody hears it. Of the epoch of `config`, whose
 * key signed it.
 */
function verifyJudgements(
  { culprit, first, second }: JudgementEvidence,
  config: EpochConfig,
  meshId: Uint8Array,
  crypto: Crypto,
): Check {
  if (first.verifier !== culprit || second.verifier !== culprit)
    return refuse('its two statements are not both of the culprit');
  if (!equalBytes(first.meshId, meshId) || first.epoch !== config.epoch)
    return refuse('its statements are of another mesh or epoch');
  if (
    !sameTaskAttempt(first, second) ||
    !equalBytes(first.callDigest, second.callDigest) ||
    !equalBytes(first.candidateDigest, second.candidateDigest) ||
    !sameRelation(first.relation, second.relation)
  )
    return refuse('its two statements judge different things');
  if (first.verdict === second.verdict) return refuse('its two statements say the same');
  for (const said of [first, second])
    if (!attestations.verify(said, crypto)) return refuse(`a signature of ${culprit} does not verify`);
  return { ok: true };
}

function verifyProposal(evidence: ProposalEvidence, config: EpochConfig, meshId: Uint8Array, crypto: Crypto): Check {
  const { culprit, subject, proposal: signed, justification } = evidence;
  const entry = decodeEntry(signed.entry);
  if (entry.type !== 'proposal' || signed.signer !== culprit) return refuse('it shows no proposal of the culprit');
  const epoch = epochViewOf(config, meshId, crypto);
  if (instanceIdOf(epoch.scope, subject, crypto) !== entry.proposal.instance)
    return refuse('its instance is not of this mesh, epoch and config');
  if (!verifySignedEntry(signed, crypto)) return refuse(`the signature of ${culprit} does not verify`);
  const order = leaderOrder(entry.proposal.instance, epoch.weights.keys());
  if (order[entry.proposal.round % order.length] !== culprit) return { ok: true };
  if (justification === undefined) return refuse('the culprit led that round and its justification is not shown');
  const check = checkJustification(entry.proposal, justification, {
    epoch,
    crypto,
    domain: subject.domain,
    order,
    judge: judgeReports,
  });
  // A justification that is not the signed one says nothing about the signer.
  if (!check.ok && !isOfProposal(justification, entry, crypto))
    return refuse('the justification shown is not the one that was signed');
  return check.ok ? refuse('the proposal is justified') : { ok: true };
}

function isOfProposal(justification: Uint8Array, entry: Entry, crypto: Crypto): boolean {
  return entry.type === 'proposal' && hex.encode(crypto.sha256(justification)) === entry.proposal.justificationHash;
}

function refuse(reason: string): Check {
  return { ok: false, reason };
}

/** What the evidence is about, by its instance; of judgements the candidate. Evidence that was verified, or that the engine made, always has one. */
export function instanceOfEvidence(evidence: Evidence): InstanceId {
  if (evidence.kind === 'judgements') return hex.encode(evidence.first.candidateDigest);
  const entry = decodeEntry(evidence.kind === 'unjustified' ? evidence.proposal.entry : evidence.first.entry);
  return entry.type === 'vote' ? entry.vote.instance : entry.proposal.instance;
}
