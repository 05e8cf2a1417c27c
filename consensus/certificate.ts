// Law: a certificate proves its decision to anyone who has the epoch's config, and to nobody by trust: distinct members of enough weight
// signed the same value in the same round of the same instance, and that instance is this mesh's, this epoch's and this config's.
import type { Crypto, NodeId } from '../actors/system/index.ts';
import { type EpochConfig, maxMembers } from '../protocols/mesh/index.ts';
import { ByteReader, ByteWriter, compareText, MalformedBytes } from '../protocols/wire/index.ts';
import type { ValueId, VoteKind } from './core.ts';
import { type Check, type EpochView, epochViewOf, thresholdsIn } from './epoch.ts';
import {
  decodeEntry,
  type Entry,
  type InstanceId,
  instanceIdOf,
  maxRound,
  readSubject,
  type Subject,
  writeSubject,
} from './messages.ts';
import { soundnessOf, type Thresholds } from './quorum.ts';
import {
  type HeldEntry,
  readSignedEntry,
  type SignedEntry,
  verifySignedEntry,
  writeSignedEntry,
} from './signed-entry.ts';

const kinds = ['FAST', 'COMMIT', 'POLKA'] as const;
/** FAST: enough round-0 prevotes to decide. COMMIT: a quorum of precommits. POLKA: a quorum of prevotes, which decides nothing by itself. */
export type CertificateKind = (typeof kinds)[number];

export interface Certificate {
  readonly kind: CertificateKind;
  readonly subject: Subject;
  readonly instance: InstanceId;
  readonly epoch: number;
  /** Lower-case hex. */
  readonly configHash: string;
  readonly round: number;
  readonly value: ValueId;
  /** Sorted by signer, each once. */
  readonly votes: readonly SignedEntry[];
}

const certificateDomain = 'parley/certificate/1';

export function encodeCertificate(certificate: Certificate): Uint8Array {
  const writer = new ByteWriter(certificateDomain).u8(kinds.indexOf(certificate.kind));
  return writeSubject(writer, certificate.subject)
    .hash(certificate.instance)
    .u32(certificate.epoch)
    .hash(certificate.configHash)
    .u32(certificate.round)
    .hash(certificate.value)
    .list(certificate.votes, writeSignedEntry)
    .finish();
}

/** Structure only; `verifyCertificate` says whether it proves anything. Throws MalformedBytes. */
export function decodeCertificate(bytes: Uint8Array): Certificate {
  const reader = new ByteReader(bytes, certificateDomain);
  const kind = kinds[reader.u8()];
  if (kind === undefined) throw new MalformedBytes('an unknown kind of certificate');
  const certificate: Certificate = {
    kind,
    subject: readSubject(reader),
    instance: reader.hash(),
    epoch: reader.u32(),
    configHash: reader.hash(),
    round: reader.u32(),
    value: reader.hash(),
    votes: reader.list(maxMembers, readSignedEntry),
  };
  reader.end();
  if (certificate.round > maxRound) throw new MalformedBytes(`round ${certificate.round} exceeds ${maxRound}`);
  return certificate;
}

export function votesCertified(kind: CertificateKind): VoteKind {
  return kind === 'COMMIT' ? 'precommit' : 'prevote';
}

export function weightNeeded(kind: CertificateKind, thresholds: Thresholds): number {
  return kind === 'FAST' ? thresholds.fast : thresholds.quorum;
}

/** Whether `certificate` proves its value under `config` in the mesh of that id. Needs nothing but its arguments. */
export function verifyCertificate(
  certificate: Certificate,
  config: EpochConfig,
  meshId: Uint8Array,
  crypto: Crypto,
): Check {
  if (certificate.epoch !== config.epoch)
    return refuse(`it is of epoch ${certificate.epoch}, the config of epoch ${config.epoch}`);
  const soundness = soundnessOf(
    config.members.map((member) => member.weight),
    config,
  );
  if (!soundness.sound) return refuse(`the config is unsound: ${soundness.reason}`);
  return verifyCertificateIn(certificate, epochViewOf(config, meshId, crypto), crypto);
}

/** As `verifyCertificate`, for one who verifies many: `isKnown` may vouch for entries whose signature was verified before. */
export function verifyCertificateIn(
  certificate: Certificate,
  epoch: EpochView,
  crypto: Crypto,
  isKnown: (signed: SignedEntry) => boolean = () => false,
): Check {
  const { kind, instance, round, value, votes } = certificate;
  if (certificate.epoch !== epoch.scope.epoch)
    return refuse(`it is of epoch ${certificate.epoch}, not ${epoch.scope.epoch}`);
  if (certificate.configHash !== epoch.configHash) return refuse('it was made under another config');
  if (instanceIdOf(epoch.scope, certificate.subject, crypto) !== instance)
    return refuse('its instance is not of this mesh, epoch, config and key');
  if (kind === 'FAST' && round !== 0) return refuse('only round 0 decides on prevotes alone');
  const wanted = votesCertified(kind);
  let weight = 0;
  let before: NodeId | undefined;
  for (const signed of votes) {
    const share = epoch.weights.get(signed.signer);
    if (share === undefined) return refuse(`${signed.signer} is not a member of epoch ${epoch.scope.epoch}`);
    if (before !== undefined && compareText(before, signed.signer) >= 0) {
      return refuse(before === signed.signer ? `${signed.signer} signed twice` : 'its votes are not sorted by signer');
    }
    before = signed.signer;
    let entry: Entry;
    try {
      entry = decodeEntry(signed.entry);
    } catch (error) {
      if (error instanceof MalformedBytes) return refuse(`the vote of ${signed.signer} is malformed: ${error.message}`);
      throw error;
    }
    if (entry.type !== 'vote') return refuse(`${signed.signer} signed a proposal, not a vote`);
    const { vote } = entry;
    if (vote.instance !== instance) return refuse(`${signed.signer} voted in another instance`);
    if (vote.kind !== wanted) return refuse(`${signed.signer} signed a ${vote.kind}, not a ${wanted}`);
    if (vote.round !== round) return refuse(`${signed.signer} voted in round ${vote.round}, not ${round}`);
    if (vote.value !== value)
      return refuse(`${signed.signer} voted for ${vote.value === null ? 'nil' : 'another value'}`);
    if (!isKnown(signed) && !verifySignedEntry(signed, crypto))
      return refuse(`the signature of ${signed.signer} does not verify`);
    weight += share;
  }
  const needed = weightNeeded(kind, thresholdsIn(epoch, certificate.subject.domain));
  return weight >= needed ? { ok: true } : refuse(`its votes weigh ${weight} of the ${needed} needed`);
}

/** The certificate from `votes` of distinct signers for its value: sorted, and no more of them than needed. Undefined where they weigh too little. */
export function assembleCertificate(
  about: Pick<Certificate, 'kind' | 'subject' | 'instance' | 'round' | 'value'>,
  votes: readonly HeldEntry[],
  epoch: EpochView,
): Certificate | undefined {
  const needed = weightNeeded(about.kind, thresholdsIn(epoch, about.subject.domain));
  const chosen: SignedEntry[] = [];
  let weight = 0;
  for (const vote of [...votes].sort((a, b) => compareText(a.signer, b.signer))) {
    if (weight >= needed) break;
    chosen.push(vote.export());
    weight += epoch.weights.get(vote.signer) ?? 0;
  }
  return weight >= needed
    ? { ...about, epoch: epoch.scope.epoch, configHash: epoch.configHash, votes: chosen }
    : undefined;
}

function refuse(reason: string): Check {
  return { ok: false, reason };
}
