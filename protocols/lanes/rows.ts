// Law: what a disk gives back is a claim, not a fact. A lane is read as the longest prefix whose every entry links to the one before and
// whose last entry its author signed; whatever lies behind a break is counted as damage and never served.
import type { Crypto, KeyValue } from '../../actors/system/index.ts';
import { ByteReader, ByteWriter, equalBytes, MalformedBytes } from '../wire/index.ts';
import {
  decodeEntry,
  entryHash,
  type LaneEntry,
  type LaneFork,
  type LaneName,
  maxEntryBodyBytes,
  noPrevious,
  verifyEntry,
} from './entry.ts';

/** Where a lane ends: its last verified entry. */
export interface LaneHead extends LaneName {
  readonly sequence: number;
  readonly hash: Uint8Array;
  readonly hlc: bigint;
}

export interface LaneDamage extends LaneName {
  /** The last sequence that could be verified; 0 where none could. */
  readonly keptSequence: number;
  /** The highest sequence the disk has a row for. */
  readonly highestSequence: number;
  readonly reason: string;
}

export class LaneDamaged extends Error {
  override readonly name = 'LaneDamaged';
}

const sequenceDigits = 16;

export function laneKey(name: LaneName): string {
  return `${name.lane}/${name.author}`;
}

export function entryKey(name: LaneName, sequence: number): string {
  return `e/${laneKey(name)}/${String(sequence).padStart(sequenceDigits, '0')}`;
}

const entryKeyPattern = /^e\/([a-z][a-z0-9-]{0,31})\/([1-9A-HJ-NP-Za-km-z]{1,64})\/([0-9]{16})$/;

export const forkRows = {
  key: (name: LaneName): string => `f/${laneKey(name)}`,
  encode: (fork: LaneFork): Uint8Array =>
    new ByteWriter().u64(fork.sequence).bytes(fork.kept).bytes(fork.other).finish(),
  async readAll(keyValue: KeyValue): Promise<LaneFork[]> {
    const found: LaneFork[] = [];
    for await (const { key, value } of keyValue.range('f/', 'f0')) {
      const [, lane, author] = key.split('/');
      if (lane === undefined || author === undefined) continue;
      const reader = new ByteReader(value);
      const limit = maxEntryBodyBytes * 2;
      found.push({ lane, author, sequence: reader.u64(), kept: reader.bytes(limit), other: reader.bytes(limit) });
    }
    return found;
  },
};

/** The highest sequence each of the node's own lanes is known to have reached, held here or not: survives a restart. */
export const markRows = {
  key: (lane: string): string => `k/${lane}`,
  encode: (sequence: number): Uint8Array => new ByteWriter().u64(sequence).finish(),
  async readAll(keyValue: KeyValue): Promise<Map<string, number>> {
    const marks = new Map<string, number>();
    for await (const { key, value } of keyValue.range('k/', 'k0')) marks.set(key.slice(2), new ByteReader(value).u64());
    return marks;
  },
};

/** Why `entry` cannot follow `head`, or `undefined` where it can. Signatures are the caller's. */
export function breakBetween(head: LaneHead | undefined, entry: LaneEntry): string | undefined {
  const expected = (head?.sequence ?? 0) + 1;
  if (entry.sequence !== expected) return `entry ${expected} is missing`;
  if (!equalBytes(entry.previous, head?.hash ?? noPrevious))
    return `entry ${entry.sequence} names another predecessor than entry ${expected - 1}`;
  if (head !== undefined && entry.hlc <= head.hlc) return `entry ${entry.sequence} is not later than its predecessor`;
  return undefined;
}

export function headOf(entry: LaneEntry, crypto: Pick<Crypto, 'sha256'>): LaneHead {
  return {
    author: entry.author,
    lane: entry.lane,
    sequence: entry.sequence,
    hash: entryHash(entry, crypto),
    hlc: entry.hlc,
  };
}

/** The entry a row holds. Throws LaneDamaged where it holds none, or another than its key says. */
export function openRow(name: LaneName, sequence: number, row: Uint8Array, mesh: Uint8Array): LaneEntry {
  const what = `entry ${sequence} of lane ${name.lane} of ${name.author}`;
  let entry: LaneEntry;
  try {
    entry = decodeEntry(row);
  } catch (error) {
    if (error instanceof MalformedBytes)
      throw new LaneDamaged(`${what} is damaged on this disk: ${error.message}`, { cause: error });
    throw error;
  }
  if (
    entry.author !== name.author ||
    entry.lane !== name.lane ||
    entry.sequence !== sequence ||
    !equalBytes(entry.mesh, mesh)
  ) {
    throw new LaneDamaged(`${what} is damaged on this disk: the row holds another entry`);
  }
  return entry;
}

/** Walks every lane on the disk once, in key order, one row in memory at a time. */
export async function verifyLanes(
  keyValue: KeyValue,
  mesh: Uint8Array,
  crypto: Pick<Crypto, 'sha256' | 'verify'>,
): Promise<{ readonly heads: LaneHead[]; readonly damage: LaneDamage[] }> {
  const heads: LaneHead[] = [];
  const damage: LaneDamage[] = [];
  let name: LaneName | undefined;
  let head: LaneHead | undefined;
  let highest = 0;
  let reason: string | undefined;

  const finish = async (): Promise<void> => {
    if (name === undefined) return;
    // The links vouch for every entry but the last: only its own signature does.
    while (head !== undefined) {
      const row = await keyValue.get(entryKey(name, head.sequence));
      if (row !== undefined && verifyEntry(openRow(name, head.sequence, row, mesh), crypto)) break;
      reason = `entry ${head.sequence} is not what its author signed`;
      const before = head.sequence - 1;
      const rowBefore = before === 0 ? undefined : await keyValue.get(entryKey(name, before));
      head = rowBefore === undefined ? undefined : headOf(openRow(name, before, rowBefore, mesh), crypto);
    }
    if (head !== undefined) heads.push(head);
    if (reason !== undefined)
      damage.push({ ...name, keptSequence: head?.sequence ?? 0, highestSequence: highest, reason });
  };

  for await (const { key, value } of keyValue.range('e/', 'e0')) {
    const match = entryKeyPattern.exec(key);
    if (match === null)
      throw new LaneDamaged(
        `the lane store has a row named '${key}', which is none of its own; restore this folder or remove it`,
      );
    const [, lane, author, digits] = match as unknown as [string, string, string, string];
    if (name?.lane !== lane || name.author !== author) {
      await finish();
      name = { author, lane };
      head = undefined;
      reason = undefined;
    }
    highest = Number(digits);
    if (reason !== undefined) continue;
    try {
      const entry = openRow(name, highest, value, mesh);
      reason = breakBetween(head, entry);
      if (reason === undefined) head = headOf(entry, crypto);
    } catch (error) {
      if (!(error instanceof LaneDamaged)) throw error;
      reason = error.message;
    }
  }
  await finish();
  return { heads, damage };
}
