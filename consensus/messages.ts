// Law: what is voted on is named by 32 bytes that bind mesh, epoch, config, domain and key, so a vote can never be replayed anywhere else;
// every signed statement has exactly one encoding, and votes, proposals and values never share one.
import type { Crypto } from '../actors/system/index.ts';
import { ByteReader, ByteWriter, hex, MalformedBytes } from '../protocols/wire/index.ts';
import type { Ballot, ValueId, VoteKind } from './core.ts';

/** Lower-case hex SHA-256 that names an instance. */
export type InstanceId = string;
export const domains = ['verdict', 'config', 'log', 'model', 'exact'] as const;
/**
 * `exact`: what every honest member that finds an answer finds the same bytes for. Nobody leads round 0 of it: each prevotes its own
 * answer, so equal answers decide one delay after the last of them, and unequal ones end in `noAgreement`.
 */
export type Domain = (typeof domains)[number];

export function isLeaderless(domain: Domain): boolean {
  return domain === 'exact';
}

/** What a leaderless instance decides where no answer has the backing of more members than may lie. */
export const noAgreement: Uint8Array = new ByteWriter('parley/no-agreement/1').finish();

/** What an instance is about: the question, of which there is one instance per mesh and epoch. */
export interface Subject {
  readonly domain: Domain;
  /** At most `maxKeyBytes`, canonical by its domain's own encoding. */
  readonly key: Uint8Array;
}

/** Under which membership a statement was made. */
export interface Scope {
  /** 32 bytes. */
  readonly meshId: Uint8Array;
  readonly epoch: number;
  /** 32 bytes. */
  readonly configHash: Uint8Array;
}

export interface Vote {
  readonly kind: VoteKind;
  readonly instance: InstanceId;
  readonly round: number;
  readonly value: Ballot;
  /**
   * The round of the polka that let an honest member vote so: the proposal's polka or its own lock on the same value, whichever is later;
   * −1 for none, for nil and for precommits. It makes amnesia evident from two votes.
   */
  readonly polkaRound: number;
  /** Hash of the proposal's bytes that a prevote is for; 64 zeros for nil and for precommits. */
  readonly proposalHash: string;
}

/** The signed part of a proposal. Payload and justification travel beside it and are bound by their hashes. */
export interface Proposal {
  readonly instance: InstanceId;
  readonly round: number;
  readonly value: ValueId;
  /** The round of the polka that justifies re-proposing the value; −1 without one. */
  readonly polkaRound: number;
  /** Hash of the polka certificate, or of the set of round-0 reports (rounds ≥ 1 without a polka); 64 zeros in round 0. */
  readonly justificationHash: string;
}

export type Entry =
  | { readonly type: 'vote'; readonly vote: Vote }
  | { readonly type: 'proposal'; readonly proposal: Proposal };

export const maxKeyBytes = 1024;
export const maxPayloadBytes = 256 * 1024;
export const maxRound = 1_000_000;
export const maxEntryBytes = 256;
export const noHash = '0'.repeat(64);

const instanceDomain = 'parley/instance/1';
const voteDomain = 'parley/vote/1';
const proposalDomain = 'parley/proposal/1';

export function instanceIdOf(scope: Scope, subject: Subject, crypto: Pick<Crypto, 'sha256'>): InstanceId {
  const writer = new ByteWriter(instanceDomain).fixed(scope.meshId, 32).u32(scope.epoch).fixed(scope.configHash, 32);
  return writeSubject(writer, subject).finishInto((bytes) => hex.encode(crypto.sha256(bytes)));
}

/** The `index`-th 32 bits of an instance's hash: uniform, so good for tables and draws. */
export function idWord(id: InstanceId, index: number): number {
  let word = 0;
  for (let at = 8 * index; at < 8 * index + 8; at++) {
    const code = id.charCodeAt(at);
    // '0' to '9' are 48 to 57, 'a' to 'f' 97 to 102.
    word = (word << 4) | (code < 58 ? code - 48 : code - 87);
  }
  return word >>> 0;
}

/** The name of a payload: consensus votes on this. */
export function valueIdOf(payload: Uint8Array, crypto: Pick<Crypto, 'sha256'>): ValueId {
  return hex.encode(crypto.sha256(payload));
}

/** Throws RangeError where the key is too long or the domain unknown. */
export function writeSubject<Writer extends ByteWriter>(writer: Writer, subject: Subject): Writer {
  if (subject.key.length > maxKeyBytes)
    throw new RangeError(`an instance key of ${subject.key.length} bytes exceeds ${maxKeyBytes}`);
  return writer.u8(domains.indexOf(subject.domain)).bytes(subject.key);
}

export function readSubject(reader: ByteReader): Subject {
  const domain = domains[reader.u8()];
  if (domain === undefined) throw new MalformedBytes('an unknown instance domain');
  return { domain, key: reader.bytes(maxKeyBytes) };
}

export function encodeVote(vote: Vote): Uint8Array {
  return new ByteWriter(voteDomain)
    .u8(vote.kind === 'prevote' ? 0 : 1)
    .hash(vote.instance)
    .u32(vote.round)
    .bool(vote.value !== null)
    .hash(vote.value ?? noHash)
    .i32(vote.polkaRound)
    .hash(vote.proposalHash)
    .finish();
}

export function encodeProposal(proposal: Proposal): Uint8Array {
  return new ByteWriter(proposalDomain)
    .hash(proposal.instance)
    .u32(proposal.round)
    .hash(proposal.value)
    .i32(proposal.polkaRound)
    .hash(proposal.justificationHash)
    .finish();
}

/** Throws MalformedBytes on anything that the two encoders above would not have written. */
export function decodeEntry(bytes: Uint8Array): Entry {
  if (startsWith(bytes, votePrefix)) return { type: 'vote', vote: readVote(bytes) };
  const reader = new ByteReader(bytes);
  const domain = reader.text(64);
  if (domain !== proposalDomain) throw new MalformedBytes(`an entry is a vote or a proposal, not '${domain}'`);
  const proposal = readProposal(reader);
  reader.end();
  return { type: 'proposal', proposal };
}

const votePrefix = new ByteWriter(voteDomain).finish();
/** Where the fields of a vote stand after its prefix: every vote is as long as every other, and they are most of what is ever decoded. */
const at = { kind: 0, instance: 1, round: 33, present: 37, value: 38, polkaRound: 70, proposalHash: 74, end: 106 };

function startsWith(bytes: Uint8Array, prefix: Uint8Array): boolean {
  for (let i = 0; i < prefix.length; i++) if (bytes[i] !== prefix[i]) return false;
  return true;
}

const voteFields = Buffer.alloc(at.end);

function readVote(bytes: Uint8Array): Vote {
  const length = bytes.length - votePrefix.length;
  if (length !== at.end) throw new MalformedBytes(`a vote has ${at.end} bytes of fields, not ${length}`);
  const fields = voteFields;
  for (let i = 0; i < length; i++) fields[i] = bytes[votePrefix.length + i]!;
  const kindByte = fields[at.kind]!;
  if (kindByte > 1) throw new MalformedBytes(`${kindByte} is no kind of vote`);
  const kind: VoteKind = kindByte === 0 ? 'prevote' : 'precommit';
  const instance = fields.toString('hex', at.instance, at.round);
  const round = checkRound(fields.readUInt32BE(at.round));
  const present = fields[at.present]!;
  if (present > 1) throw new MalformedBytes(`${present} is not a boolean`);
  const value = fields.toString('hex', at.value, at.polkaRound);
  const polkaRound = checkPolkaRound(fields.readInt32BE(at.polkaRound), round);
  const proposalHash = fields.toString('hex', at.proposalHash, at.end);
  if (present === 0 && value !== noHash) throw new MalformedBytes('a vote for nil carries a value');
  if ((present === 0 || kind === 'precommit') && (polkaRound !== -1 || proposalHash !== noHash)) {
    throw new MalformedBytes('only a prevote for a value names a polka or a proposal');
  }
  return { kind, instance, round, value: present === 1 ? value : null, polkaRound, proposalHash };
}

function readProposal(reader: ByteReader): Proposal {
  const instance = reader.hash();
  const round = checkRound(reader.u32());
  const value = reader.hash();
  const polkaRound = checkPolkaRound(reader.i32(), round);
  const justificationHash = reader.hash();
  if ((round === 0) !== (justificationHash === noHash))
    throw new MalformedBytes('a proposal is justified in every round but 0');
  return { instance, round, value, polkaRound, justificationHash };
}

function checkRound(round: number): number {
  if (round > maxRound) throw new MalformedBytes(`round ${round} exceeds ${maxRound}`);
  return round;
}

function checkPolkaRound(polkaRound: number, round: number): number {
  if (polkaRound < -1 || (polkaRound !== -1 && polkaRound >= round))
    throw new MalformedBytes(`polka round ${polkaRound} is not before round ${round}`);
  return polkaRound;
}
