// Law: a lane entry has one encoding and one hash, and its signature covers a header small enough to prove a lane's head without its
// body. The hash covers the signature too: a flipped bit anywhere breaks the chain, and signing one place twice is a fork.
import type { Crypto, NodeId } from '../../actors/system/index.ts';
import {
  ByteReader,
  ByteWriter,
  equalBytes,
  type Identity,
  MalformedBytes,
  nodeIdOf,
  publicKeyOf,
} from '../wire/index.ts';

export interface LaneEntry {
  /** The mesh id, 32 bytes. */
  readonly mesh: Uint8Array;
  readonly author: NodeId;
  /** The class, for example `workflow` or `audit`: lower-case letters, digits, '-', at most 32. */
  readonly lane: string;
  /** From 1, without holes. */
  readonly sequence: number;
  /** `entryHash` of the entry before; 32 zero bytes in the first. */
  readonly previous: Uint8Array;
  /** Hybrid logical time as an unsigned 64-bit integer: later than the entry's before. */
  readonly hlc: bigint;
  readonly body: Uint8Array;
  /** 64 bytes. */
  readonly signature: Uint8Array;
}

/** One (author, class): what names a lane. */
export interface LaneName {
  readonly author: NodeId;
  readonly lane: string;
}

export const maxEntryBodyBytes = 256 * 1024;
/** What an entry's encoding adds to its body, at most. */
export const entryOverheadBytes = 256;
export const noPrevious: Uint8Array = new Uint8Array(32);

const entryDomain = 'parley/lane-entry/1';
const headerDomain = 'parley/lane-header/1';
const lanePattern = /^[a-z][a-z0-9-]{0,31}$/;

export function isLaneName(lane: string): boolean {
  return lanePattern.test(lane);
}

type Header = Omit<LaneEntry, 'body' | 'signature'>;

function writeFields(writer: ByteWriter, entry: Header): ByteWriter {
  if (!isLaneName(entry.lane)) throw new MalformedBytes(`'${entry.lane}' is not a lane's name`);
  if (entry.sequence < 1) throw new MalformedBytes('an entry is numbered from 1');
  return writer
    .fixed(entry.mesh, 32)
    .fixed(publicKeyOf(entry.author), 32)
    .text(entry.lane)
    .u64(entry.sequence)
    .fixed(entry.previous, 32)
    .u32(Number(entry.hlc >> 32n))
    .u32(Number(entry.hlc & 0xffff_ffffn));
}

function readFields(reader: ByteReader): Header {
  const header: Header = {
    mesh: reader.fixed(32),
    author: nodeIdOf(reader.fixed(32)),
    lane: reader.text(32),
    sequence: reader.u64(),
    previous: reader.fixed(32),
    hlc: (BigInt(reader.u32()) << 32n) | BigInt(reader.u32()),
  };
  if (!isLaneName(header.lane)) throw new MalformedBytes(`'${header.lane}' is not a lane's name`);
  if (header.sequence < 1) throw new MalformedBytes('an entry is numbered from 1');
  return header;
}

export function encodeEntry(entry: LaneEntry): Uint8Array {
  if (entry.body.length > maxEntryBodyBytes)
    throw new MalformedBytes(`a body of ${entry.body.length} bytes exceeds its limit of ${maxEntryBodyBytes}`);
  return writeFields(new ByteWriter(entryDomain), entry).bytes(entry.body).fixed(entry.signature, 64).finish();
}

/** Structure only: `verifyEntry` says whether the author signed it. Throws MalformedBytes on anything `encodeEntry` would not write. */
export function decodeEntry(bytes: Uint8Array): LaneEntry {
  const reader = new ByteReader(bytes, entryDomain);
  const header = readFields(reader);
  const entry: LaneEntry = { ...header, body: reader.bytes(maxEntryBodyBytes), signature: reader.fixed(64) };
  reader.end();
  return entry;
}

/** What the author signs: everything but the body, which stands in it by its digest. */
function headerBytes(entry: Omit<LaneEntry, 'signature'>, crypto: Pick<Crypto, 'sha256'>): Uint8Array {
  return writeFields(new ByteWriter(headerDomain), entry).fixed(crypto.sha256(entry.body), 32).finish();
}

export function signEntry(
  fields: Omit<LaneEntry, 'author' | 'signature'>,
  identity: Pick<Identity, 'id' | 'secretKey'>,
  crypto: Pick<Crypto, 'sha256' | 'sign'>,
): LaneEntry {
  const unsigned = { ...fields, author: identity.id };
  return { ...unsigned, signature: crypto.sign(identity.secretKey, headerBytes(unsigned, crypto)) };
}

export function verifyEntry(entry: LaneEntry, crypto: Pick<Crypto, 'sha256' | 'verify'>): boolean {
  return crypto.verify(publicKeyOf(entry.author), headerBytes(entry, crypto), entry.signature);
}

/** 32 bytes. */
export function entryHash(entry: LaneEntry, crypto: Pick<Crypto, 'sha256'>): Uint8Array {
  return crypto.sha256(headerBytes(entry, crypto), entry.signature);
}

/** What proves that a lane reached a sequence: the header and its signature, without the body. About 250 bytes. */
export interface LaneHeadProof extends LaneName {
  readonly mesh: Uint8Array;
  readonly sequence: number;
  readonly hash: Uint8Array;
}

export const maxHeadProofBytes = 512;

export function encodeHeadProof(entry: LaneEntry, crypto: Pick<Crypto, 'sha256'>): Uint8Array {
  return new ByteWriter().bytes(headerBytes(entry, crypto)).fixed(entry.signature, 64).finish();
}

/** Throws MalformedBytes where the bytes are no head proof or its author did not sign it. */
export function openHeadProof(bytes: Uint8Array, crypto: Pick<Crypto, 'sha256' | 'verify'>): LaneHeadProof {
  const outer = new ByteReader(bytes);
  const header = outer.bytes(maxHeadProofBytes);
  const signature = outer.fixed(64);
  outer.end();
  const reader = new ByteReader(header, headerDomain);
  const fields = readFields(reader);
  reader.fixed(32);
  reader.end();
  if (!crypto.verify(publicKeyOf(fields.author), header, signature))
    throw new MalformedBytes('a head proof is signed by its author');
  return {
    mesh: fields.mesh,
    author: fields.author,
    lane: fields.lane,
    sequence: fields.sequence,
    hash: crypto.sha256(header, signature),
  };
}

/**
 * Self-contained proof that an author forked a lane: two different entries it signed for one place, or an entry and a successor that
 * names another predecessor. Anyone can check it offline with `verifyFork`.
 */
export interface LaneFork extends LaneName {
  /** The place both entries claim, or that of the first of the two. */
  readonly sequence: number;
  /** Encoded entries; the one kept in the lane first. */
  readonly kept: Uint8Array;
  readonly other: Uint8Array;
}

export function verifyFork(fork: LaneFork, mesh: Uint8Array, crypto: Pick<Crypto, 'sha256' | 'verify'>): boolean {
  try {
    const entries = [decodeEntry(fork.kept), decodeEntry(fork.other)] as const;
    for (const entry of entries) {
      if (!equalBytes(entry.mesh, mesh) || entry.author !== fork.author || entry.lane !== fork.lane) return false;
      if (!verifyEntry(entry, crypto)) return false;
    }
    const [first, second] = entries[0].sequence <= entries[1].sequence ? entries : [entries[1], entries[0]];
    if (first.sequence !== fork.sequence) return false;
    if (second.sequence === first.sequence) return !equalBytes(fork.kept, fork.other);
    return second.sequence === first.sequence + 1 && !equalBytes(second.previous, entryHash(first, crypto));
  } catch (error) {
    if (error instanceof MalformedBytes) return false;
    throw error;
  }
}
