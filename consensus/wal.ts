// Law: a write-ahead log never lies about what was written. Reading one gives exactly one of three answers:
//   clean      every byte belongs to a record, in sequence, each chained to the one before;
//   torn-tail  so up to `validBytes`, and after it no later record begins anywhere: a write that a crash cut short. Truncate there, go on;
//   damaged    a record after a hole, or a whole record out of sequence or off the chain: something durable was lost or altered.
//              Whoever has voted from this log must not vote again.
// Hence every prefix of a log is clean or torn, and any flipped bit in a record that another record follows is damage. What this
// file cannot tell apart from a torn write is damage to the last record alone, and a log cut back at a record's end: for both, a node
// compares its head with what its peers last heard of it before it votes. (One exception, on the safe side: a torn record whose payload
// embeds a record of this very log with a coming sequence number is called damage.)
// Write each flush as one record: then a flush is durable as a whole or torn as a whole, in whatever order its pages reached the disk.
// A log that was rewritten begins with a base record, which continues the head of the log it replaces: sequence numbers never go back, so
// peers who saw the old log tell an old copy from the new one. How far the rewriting went stands in it, since what was written whole
// before it replaced anything is never torn.
import type { Crypto } from '../actors/system/index.ts';
import { ByteReader, ByteWriter, equalBytes, MalformedBytes } from '../protocols/wire/index.ts';
import { crc32c } from './crc32c.ts';

/** The end of a log: its last record's sequence number and hash. */
export interface LogHead {
  readonly sequence: number;
  /** 32 bytes. */
  readonly hash: Uint8Array;
}

/** Before the first record, whose sequence number is 1: no run of zero bytes ever reads as a record. */
export const logStart: LogHead = { sequence: 0, hash: new Uint8Array(32) };

export const recordPayloadMaxBytes = 1 << 26;

/** length u32 ‖ CRC-32C u32 (of everything else) ‖ sequence u64 ‖ hash of the record before, 32 bytes ‖ payload of `length` bytes. */
const headerBytes = 48;
const checksumAt = 4;
const sequenceAt = 8;
const previousAt = 16;
const baseDomain = 'parley/log-base/1';

export interface LogRecord {
  readonly sequence: number;
  /** A view into the bytes that were read. */
  readonly payload: Uint8Array;
}

export interface LogReading {
  readonly verdict: 'clean' | 'torn-tail' | 'damaged';
  /** Everything before the first byte that is not part of a good record. */
  readonly records: readonly LogRecord[];
  readonly validBytes: number;
  readonly head: LogHead;
  /** What is wrong and where, unless clean. */
  readonly problem?: string;
}

/** The bytes of the record that follows `after`, and the head it makes. Throws RangeError where the payload exceeds 64 MiB. */
export function encodeRecord(
  payload: Uint8Array,
  after: LogHead,
  crypto: Pick<Crypto, 'sha256'>,
): { readonly bytes: Uint8Array; readonly head: LogHead } {
  if (payload.length > recordPayloadMaxBytes)
    throw new RangeError(`a record of ${payload.length} bytes exceeds its limit of ${recordPayloadMaxBytes}`);
  // Every byte of it is written below.
  const bytes = new Uint8Array(Buffer.allocUnsafeSlow(headerBytes + payload.length).buffer);
  const view = new DataView(bytes.buffer);
  const sequence = after.sequence + 1;
  view.setUint32(0, payload.length);
  view.setBigUint64(sequenceAt, BigInt(sequence));
  bytes.set(after.hash, previousAt);
  bytes.set(payload, headerBytes);
  view.setUint32(checksumAt, checksum(bytes));
  return { bytes, head: { sequence, hash: crypto.sha256(bytes) } };
}

/**
 * The log that takes the place of one which ends at `after` and says what `payloads` say: the bytes in parts, and the head it makes. Throws
 * RangeError where a payload exceeds 64 MiB.
 */
export function rewriteLog(
  payloads: readonly Uint8Array[],
  after: LogHead,
  crypto: Pick<Crypto, 'sha256'>,
): { readonly parts: readonly Uint8Array[]; readonly head: LogHead } {
  const through = after.sequence + 1 + payloads.length;
  let head = after;
  const parts = [new ByteWriter(baseDomain).u64(through).finish(), ...payloads].map((payload) => {
    const record = encodeRecord(payload, head, crypto);
    head = record.head;
    return record.bytes;
  });
  return { parts, head };
}

/** Reads a log that continues `after` (`logStart` for a log from its beginning, or rewritten). Never throws on the bytes. */
export function readLog(bytes: Uint8Array, after: LogHead, crypto: Pick<Crypto, 'sha256'>): LogReading {
  const base = after.sequence === 0 ? readBase(bytes) : undefined;
  const reading = readRecords(bytes, base === undefined ? after : base.head, crypto);
  if (base === undefined) return reading;
  const records = reading.records.slice(1);
  // Its rewritten part was durable before it had a name.
  if (reading.head.sequence >= base.through) return { ...reading, records };
  return {
    ...reading,
    records,
    verdict: 'damaged',
    problem: `the log was rewritten up to record ${base.through} and can be read up to record ${reading.head.sequence}`,
  };
}

function readRecords(bytes: Uint8Array, after: LogHead, crypto: Pick<Crypto, 'sha256'>): LogReading {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const records: LogRecord[] = [];
  let head = after;
  let at = 0;
  while (at < bytes.length) {
    const end = recordEnd(bytes, view, at);
    const read = { records, validBytes: at, head };
    if (end === undefined) {
      const next = nextRecord(bytes, view, at, head.sequence) ?? (at === 0 ? anyRecord(bytes, view) : undefined);
      if (next === undefined)
        return {
          ...read,
          verdict: 'torn-tail',
          problem: `the log ends within record ${head.sequence + 1}, at byte ${at}`,
        };
      return {
        ...read,
        verdict: 'damaged',
        problem: `record ${head.sequence + 1} at byte ${at} is unreadable, and record ${next.sequence} follows at byte ${next.at}`,
      };
    }
    const sequence = readSequence(view, at);
    if (sequence !== head.sequence + 1)
      return {
        ...read,
        verdict: 'damaged',
        problem: `record ${sequence} stands where ${head.sequence + 1} belongs, at byte ${at}`,
      };
    if (!equalBytes(bytes.subarray(at + previousAt, at + headerBytes), head.hash)) {
      return {
        ...read,
        verdict: 'damaged',
        problem: `record ${sequence} at byte ${at} does not continue the record before it`,
      };
    }
    records.push({ sequence, payload: bytes.subarray(at + headerBytes, end) });
    head = { sequence, hash: crypto.sha256(bytes.subarray(at, end)) };
    at = end;
  }
  return { verdict: 'clean', records, validBytes: at, head };
}

function checksum(record: Uint8Array): number {
  return crc32c(record.subarray(0, checksumAt), record.subarray(sequenceAt));
}

/** Where the whole, unaltered record at `at` ends; undefined where there is none. Says nothing about its place in the log. */
function recordEnd(bytes: Uint8Array, view: DataView, at: number): number | undefined {
  if (bytes.length - at < headerBytes) return undefined;
  const end = at + headerBytes + view.getUint32(at);
  if (end > bytes.length) return undefined;
  return checksum(bytes.subarray(at, end)) === view.getUint32(at + checksumAt) ? end : undefined;
}

/**
 * The first record with a coming sequence number after a bad one at `badAt`, at whatever byte it begins. The sequence number is looked at
 * before the checksum, which keeps the search linear: a hole holds at most one lost record per `headerBytes`.
 */
function nextRecord(
  bytes: Uint8Array,
  view: DataView,
  badAt: number,
  lastSequence: number,
): { readonly at: number; readonly sequence: number } | undefined {
  for (let at = badAt + 1; at + headerBytes <= bytes.length; at++) {
    const sequence = readSequence(view, at);
    const isComing = sequence > lastSequence && sequence <= lastSequence + 1 + (at - badAt) / headerBytes;
    if (isComing && recordEnd(bytes, view, at) !== undefined) return { at, sequence };
  }
  return undefined;
}

/**
 * A whole record anywhere after a bad beginning, of whatever number: the log may be a rewritten one, and its numbers are not known then.
 * Another record follows it, or the end does; looking at that before the checksum keeps the search linear.
 */
function anyRecord(bytes: Uint8Array, view: DataView): { readonly at: number; readonly sequence: number } | undefined {
  for (let at = 1; at + headerBytes <= bytes.length; at++) {
    const end = at + headerBytes + view.getUint32(at);
    if (end > bytes.length) continue;
    const sequence = readSequence(view, at);
    const isFollowed = end + sequenceAt + 8 > bytes.length || readSequence(view, end) === sequence + 1;
    if (isFollowed && sequence > 0 && recordEnd(bytes, view, at) !== undefined) return { at, sequence };
  }
  return undefined;
}

/** What a rewritten log says at its beginning; undefined where it does not begin like one. */
function readBase(bytes: Uint8Array): { readonly head: LogHead; readonly through: number } | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const end = recordEnd(bytes, view, 0);
  const sequence = end === undefined ? 0 : readSequence(view, 0);
  if (end === undefined || sequence === 0 || !Number.isSafeInteger(sequence)) return undefined;
  try {
    const reader = new ByteReader(bytes.subarray(headerBytes, end), baseDomain);
    const through = reader.u64();
    reader.end();
    return { head: { sequence: sequence - 1, hash: bytes.slice(previousAt, headerBytes) }, through };
  } catch (error) {
    if (error instanceof MalformedBytes) return undefined;
    throw error;
  }
}

function readSequence(view: DataView, at: number): number {
  return view.getUint32(at + sequenceAt) * 0x1_0000_0000 + view.getUint32(at + sequenceAt + 4);
}
