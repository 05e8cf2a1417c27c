// Law: a proposal of a later round carries its own permission: the polka that made its value valid, or a set of round-0 reports that
// does not force another value. Whoever signs a proposal that its justification does not permit has signed its own conviction.
import type { Crypto, NodeId } from '../actors/system/index.ts';
import { maxMembers } from '../protocols/mesh/index.ts';
import { ByteReader, ByteWriter, compareText, hex, MalformedBytes } from '../protocols/wire/index.ts';
import { decodeCertificate, verifyCertificateIn } from './certificate.ts';
import type { ValueId } from './core.ts';
import { type Check, type EpochView, thresholdsIn } from './epoch.ts';
import { type judgeReports, permits, type Report } from './fast-path.ts';
import {
  type Domain,
  decodeEntry,
  isLeaderless,
  noAgreement,
  noHash,
  type Proposal,
  type Vote,
  valueIdOf,
} from './messages.ts';
import { readSignedEntry, type SignedEntry, verifySignedEntry, writeSignedEntry } from './signed-entry.ts';

/** Round-0 prevotes, and the round-0 leader's signed proposals of the values they name. */
export interface ReportSet {
  readonly prevotes: readonly SignedEntry[];
  readonly proposals: readonly SignedEntry[];
}

const reportSetDomain = 'parley/reports/1';
/** At most two proposals matter: one more than an honest leader signs. Others prove no more. */
const maxProposals = 4;
/** A polka of 256 members with long paths fits; what is longer is refused before it is parsed. */
export const maxJustificationBytes = 512 * 1024;

export function encodeReportSet(reports: ReportSet): Uint8Array {
  return new ByteWriter(reportSetDomain)
    .list(reports.prevotes, writeSignedEntry)
    .list(reports.proposals, writeSignedEntry)
    .finish();
}

/** Throws MalformedBytes. */
export function decodeReportSet(bytes: Uint8Array): ReportSet {
  const reader = new ByteReader(bytes, reportSetDomain);
  const reports = {
    prevotes: reader.list(maxMembers, readSignedEntry),
    proposals: reader.list(maxProposals, readSignedEntry),
  };
  reader.end();
  return reports;
}

/** What checking a justification needs to know about its instance. */
export interface JustificationContext {
  readonly epoch: EpochView;
  readonly crypto: Crypto;
  readonly domain: Domain;
  /** Members in the order in which they lead. */
  readonly order: readonly NodeId[];
  readonly judge: typeof judgeReports;
  /** Entries whose signature was verified before. */
  readonly isKnown?: (signed: SignedEntry) => boolean;
}

/** Whether `bytes` permit `proposal`, which somebody signed and whose hash of them must match. Round 0 needs no justification. */
export function checkJustification(
  proposal: Proposal,
  bytes: Uint8Array | undefined,
  context: JustificationContext,
): Check {
  if (proposal.round === 0) {
    if (isLeaderless(context.domain)) return refuse('nobody proposes in round 0 of its domain');
    return proposal.polkaRound === -1 && proposal.justificationHash === noHash
      ? { ok: true }
      : refuse('round 0 has no earlier polka');
  }
  if (bytes === undefined) return refuse('its justification is missing');
  if (hex.encode(context.crypto.sha256(bytes)) !== proposal.justificationHash)
    return refuse('its justification is not the one it was signed with');
  try {
    return proposal.polkaRound >= 0 ? checkPolka(proposal, bytes, context) : checkReports(proposal, bytes, context);
  } catch (error) {
    if (error instanceof MalformedBytes) return refuse(`its justification is malformed: ${error.message}`);
    throw error;
  }
}

function checkPolka(proposal: Proposal, bytes: Uint8Array, context: JustificationContext): Check {
  const polka = decodeCertificate(bytes);
  if (polka.kind !== 'POLKA') return refuse(`it names a polka and carries a ${polka.kind} certificate`);
  if (polka.instance !== proposal.instance) return refuse('its polka is of another instance');
  if (polka.round !== proposal.polkaRound)
    return refuse(`its polka is of round ${polka.round}, not ${proposal.polkaRound}`);
  if (polka.value !== proposal.value) return refuse('its polka is for another value');
  return verifyCertificateIn(polka, context.epoch, context.crypto, context.isKnown);
}

function checkReports(proposal: Proposal, bytes: Uint8Array, context: JustificationContext): Check {
  const set = decodeReportSet(bytes);
  const { epoch, crypto, domain } = context;
  // Without a leader in round 0 a report stands for itself.
  const leader = isLeaderless(domain) ? undefined : context.order[0]!;
  const proposed = new Map<ValueId, string>();
  for (const signed of set.proposals) {
    const entry = decodeEntry(signed.entry);
    if (entry.type !== 'proposal' || signed.signer !== leader)
      return refuse('its reports rest on something that is no proposal of round 0');
    if (entry.proposal.round !== 0 || entry.proposal.instance !== proposal.instance)
      return refuse('its reports rest on a proposal of another round or instance');
    if (!verified(signed, context)) return refuse(`the signature of ${signed.signer} on a proposal does not verify`);
    proposed.set(entry.proposal.value, hex.encode(context.crypto.sha256(signed.entry)));
  }
  const reports: Report[] = [];
  let before: NodeId | undefined;
  for (const signed of set.prevotes) {
    const weight = context.epoch.weights.get(signed.signer);
    if (weight === undefined) return refuse(`${signed.signer}, who reports, is not a member`);
    if (before !== undefined && compareText(before, signed.signer) >= 0)
      return refuse('its reports are not sorted by signer, each once');
    before = signed.signer;
    const entry = decodeEntry(signed.entry);
    if (entry.type !== 'vote' || !isReport(entry.vote, proposal))
      return refuse(`${signed.signer} reports something that is no prevote of round 0`);
    const { value, proposalHash } = entry.vote;
    if (value !== null && (leader === undefined ? noHash : proposed.get(value)) !== proposalHash)
      return refuse(`${signed.signer} reports a value that nobody is shown to have proposed`);
    if (!verified(signed, context)) return refuse(`the signature of ${signed.signer} on a report does not verify`);
    reports.push({ signer: signed.signer, weight, value });
  }
  const judgement = context.judge(
    reports,
    thresholdsIn(epoch, domain),
    leader === undefined ? undefined : { id: leader, weight: epoch.weights.get(leader) ?? 0 },
  );
  if (!judgement.admissible) return refuse(`its reports are not admissible: ${judgement.reason}`);
  if (!permits(judgement, proposal.value, valueIdOf(noAgreement, crypto)))
    return refuse(
      judgement.forced === undefined ? 'its value is not backed by them' : 'its reports force another value',
    );
  return { ok: true };
}

function isReport(vote: Vote, proposal: Proposal): boolean {
  return vote.kind === 'prevote' && vote.round === 0 && vote.instance === proposal.instance;
}

function verified(signed: SignedEntry, context: JustificationContext): boolean {
  return context.isKnown?.(signed) === true || verifySignedEntry(signed, context.crypto);
}

function refuse(reason: string): Check {
  return { ok: false, reason };
}
