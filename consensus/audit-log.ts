// Law: an epoch has one audit log: batches in the order of their heights, each decided by the members, form one RFC 9162 tree that only
// grows. An entry names a decision, a change of members or a piece of evidence by what it is about and by its hash; it stands in the log
// once, and a batch says at which size it begins, so there is one tree for every sequence of decided batches. The last entry of an epoch
// closes its log: it names the config that followed, and what is not in the log then never will be.
import type { Crypto } from '../actors/system/index.ts';
import { configHash, type EpochConfig, maxMembers } from '../protocols/mesh/index.ts';
import { ByteReader, ByteWriter, compareBytes, hex, MalformedBytes, publicKeyOf } from '../protocols/wire/index.ts';
import type { Check } from './epoch.ts';
import {
  appendLeaf,
  type CompactRange,
  consistencyProof,
  emptyRange,
  inclusionProof,
  leafHash,
  rootAt,
  verifyConsistency,
  verifyInclusion,
} from './merkle.ts';
import { maxKeyBytes } from './messages.ts';
import { type Checkpoint, isSignedBy, type NoteKey, parseCheckpoint, parseNote } from './note.ts';
import { thresholdsOf } from './quorum.ts';

const kinds = ['verdict', 'config', 'evidence', 'close'] as const;

export interface AuditEntry {
  readonly kind: (typeof kinds)[number];
  /** The key of the instance that was decided; empty for evidence, and where the log is closed. */
  readonly key: Uint8Array;
  /** Lower-case hex SHA-256: of the decided payload, of the encoded evidence, or of the config that followed. */
  readonly digest: string;
}

export interface AuditBatch {
  readonly epoch: number;
  /** From 0. */
  readonly height: number;
  /** Entries in the log before this batch. */
  readonly sizeBefore: number;
  /** Sorted by their bytes, each once. */
  readonly entries: readonly AuditEntry[];
}

export const batchEntriesMax = 1_000;
/** Well below what a payload may be. */
export const batchBytesMax = 192 * 1024;

const entryDomain = 'parley/audit-entry/1';
const batchDomain = 'parley/audit-batch/1';

/** The instance key of the question "what is the batch at `height` of this epoch's log?". */
export function auditKey(height: number): Uint8Array {
  return new ByteWriter('parley/audit-key/1').u32(height).finish();
}

/** The last entry of the epoch before `next`. */
export function closingEntry(next: EpochConfig, crypto: Pick<Crypto, 'sha256'>): AuditEntry {
  return { kind: 'close', key: new Uint8Array(0), digest: hex.encode(configHash(next, crypto)) };
}

/** The leaf's bytes: they say in the clear what was logged, in which epoch. */
export function encodeAuditEntry(entry: AuditEntry, epoch: number): Uint8Array {
  return new ByteWriter(entryDomain)
    .u32(epoch)
    .u8(kinds.indexOf(entry.kind))
    .bytes(entry.key)
    .hash(entry.digest)
    .finish();
}

/** Throws MalformedBytes. */
export function decodeAuditEntry(bytes: Uint8Array): AuditEntry & { readonly epoch: number } {
  const reader = new ByteReader(bytes, entryDomain);
  const epoch = reader.u32();
  const kind = kinds[reader.u8()];
  if (kind === undefined) throw new MalformedBytes('an unknown kind of audit entry');
  const entry = { epoch, kind, key: reader.bytes(maxKeyBytes), digest: reader.hash() };
  reader.end();
  return entry;
}

export function encodeAuditBatch(batch: AuditBatch): Uint8Array {
  return new ByteWriter(batchDomain)
    .u32(batch.epoch)
    .u32(batch.height)
    .u64(batch.sizeBefore)
    .list(batch.entries, (writer, entry) => void writer.bytes(encodeAuditEntry(entry, batch.epoch)))
    .finish();
}

/** Throws MalformedBytes on anything `encodeAuditBatch` would not have written of a proper batch. */
export function decodeAuditBatch(bytes: Uint8Array): AuditBatch {
  const reader = new ByteReader(bytes, batchDomain);
  const epoch = reader.u32();
  const height = reader.u32();
  const sizeBefore = reader.u64();
  let before: Uint8Array | undefined;
  const entries = reader.list(batchEntriesMax, (r) => {
    const leaf = r.bytes(maxKeyBytes + 128);
    if (before !== undefined && compareBytes(before, leaf) >= 0)
      throw new MalformedBytes('the entries of a batch are sorted, each once');
    before = leaf;
    const { epoch: of, ...entry } = decodeAuditEntry(leaf);
    if (of !== epoch) throw new MalformedBytes('an entry of another epoch than its batch');
    return entry;
  });
  reader.end();
  if (entries.length === 0) throw new MalformedBytes('a batch has at least one entry');
  if (entries.length > 1 && entries.some(({ kind }) => kind === 'close'))
    throw new MalformedBytes('what closes a log stands alone in the last batch');
  return { epoch, height, sizeBefore, entries };
}

/** The log of one epoch as a node holds it: decided batches, applied in order. */
export class AuditLog {
  readonly epoch: number;
  readonly #crypto: Pick<Crypto, 'sha256'>;
  readonly #leaves: Uint8Array[] = [];
  readonly #places = new Map<string, number>();
  /** Hashes of full subtrees by level and index. */
  readonly #levels: Uint8Array[][] = [];
  #range: CompactRange = emptyRange;
  #height = 0;
  #isClosed = false;

  constructor(epoch: number, crypto: Pick<Crypto, 'sha256'>) {
    this.epoch = epoch;
    this.#crypto = crypto;
  }

  /** The height of the next batch. */
  get height(): number {
    return this.#height;
  }
  get size(): number {
    return this.#range.size;
  }

  /** Nothing follows any more. */
  get isClosed(): boolean {
    return this.#isClosed;
  }

  indexOf(entry: AuditEntry): number | undefined {
    return this.#places.get(this.#nameOf(encodeAuditEntry(entry, this.epoch)));
  }

  /** The next batch of `pending`: those not logged yet, sorted, as many as fit. Undefined where there are none. */
  nextBatch(pending: Iterable<AuditEntry>): AuditBatch | undefined {
    const leaves: { readonly leaf: Uint8Array; readonly entry: AuditEntry }[] = [];
    let sizeBytes = 0;
    for (const entry of pending) {
      const leaf = encodeAuditEntry(entry, this.epoch);
      if (this.#places.has(this.#nameOf(leaf))) continue;
      sizeBytes += leaf.length + 4;
      if (leaves.length >= batchEntriesMax || sizeBytes > batchBytesMax) break;
      leaves.push({ leaf, entry });
    }
    if (leaves.length === 0 || this.#isClosed) return undefined;
    leaves.sort((a, b) => compareBytes(a.leaf, b.leaf));
    const { epoch, height, size } = this;
    return { epoch, height, sizeBefore: size, entries: leaves.map(({ entry }) => entry) };
  }

  /**
   * Whether a member votes for `batch` next. 'unknown' where it may yet turn out right: earlier batches, or what an entry speaks of, have
   * not arrived. `isKnown`: this node saw that happen itself.
   */
  judge(batch: AuditBatch, isKnown: (entry: AuditEntry) => boolean): Check | 'unknown' {
    if (this.#isClosed) return { ok: false, reason: `the log of epoch ${this.epoch} is closed` };
    if (batch.epoch !== this.epoch || batch.height < this.#height)
      return { ok: false, reason: `height ${batch.height} of epoch ${batch.epoch} is not what comes next` };
    if (batch.height > this.#height) return 'unknown';
    if (batch.sizeBefore !== this.size)
      return { ok: false, reason: `it begins at size ${batch.sizeBefore}, the log has ${this.size}` };
    if (batch.entries.some((entry) => this.indexOf(entry) !== undefined))
      return { ok: false, reason: 'one of its entries is in the log already' };
    return batch.entries.every(isKnown) ? { ok: true } : 'unknown';
  }

  /** Takes the decided batch of the next height. Throws MalformedBytes where it does not follow. */
  apply(batch: AuditBatch): void {
    if (this.#isClosed || batch.epoch !== this.epoch || batch.height !== this.#height || batch.sizeBefore !== this.size)
      throw new MalformedBytes(`batch ${batch.height} at size ${batch.sizeBefore} does not follow ${this.#height}`);
    for (const entry of batch.entries) {
      const leaf = encodeAuditEntry(entry, this.epoch);
      this.#places.set(this.#nameOf(leaf), this.#leaves.length);
      this.#leaves.push(leaf);
      this.#range = appendLeaf(this.#range, leafHash(leaf, this.#crypto), this.#crypto, (level, index, hash) => {
        this.#levels[level] ??= [];
        this.#levels[level]![index] = hash;
      });
    }
    this.#height++;
    this.#isClosed = batch.entries.some(({ kind }) => kind === 'close');
  }

  leaf(index: number): Uint8Array | undefined {
    return this.#leaves[index];
  }

  root(size = this.size): Uint8Array {
    return rootAt(size, this.#hashAt, this.#crypto);
  }

  /** Throws RangeError unless 0 ≤ index < size ≤ this.size. */
  prove(index: number, size = this.size): Uint8Array[] {
    return inclusionProof(index, size, this.#hashAt, this.#crypto);
  }

  /** That the first `oldSize` entries are the beginning of the first `size`. Throws RangeError unless 1 ≤ oldSize ≤ size ≤ this.size. */
  proveGrowth(oldSize: number, size = this.size): Uint8Array[] {
    if (size > this.size) throw new RangeError(`the log has ${this.size} entries, not ${size}`);
    return consistencyProof(oldSize, size, this.#hashAt, this.#crypto);
  }

  readonly #hashAt = (level: number, index: number): Uint8Array => this.#levels[level]![index]!;

  #nameOf(leaf: Uint8Array): string {
    return hex.encode(leaf);
  }
}

/** What the log of an epoch calls itself. */
export function auditOrigin(meshId: Uint8Array, epoch: number): string {
  return `parley.mesh/${hex.encode(meshId)}/epoch/${epoch}`;
}

/** The keys that cosign the log of `config`'s epoch, by member. */
export function cosignerKeys(config: EpochConfig): (NoteKey & { readonly weight: number })[] {
  return config.members.map(({ id, weight }) => ({ name: `parley.node/${id}`, publicKey: publicKeyOf(id), weight }));
}

/**
 * The checkpoint in `note`, where members of quorum weight of `config` cosigned it: any two such checkpoints have an honest cosigner in
 * common, who signs only what grows.
 */
export function openCheckpoint(
  note: string,
  config: EpochConfig,
  meshId: Uint8Array,
  crypto: Crypto,
):
  | { readonly ok: true; readonly checkpoint: Checkpoint; readonly weight: number }
  | { readonly ok: false; readonly reason: string } {
  let checkpoint: Checkpoint;
  let parsed: ReturnType<typeof parseNote>;
  try {
    parsed = parseNote(note);
    checkpoint = parseCheckpoint(parsed.text);
  } catch (error) {
    if (error instanceof MalformedBytes) return { ok: false, reason: error.message };
    throw error;
  }
  const origin = auditOrigin(meshId, config.epoch);
  if (checkpoint.origin !== origin)
    return { ok: false, reason: `it is of the log ${checkpoint.origin}, not ${origin}` };
  let weight = 0;
  for (const key of cosignerKeys(config).slice(0, maxMembers))
    if (parsed.signatures.some((line) => isSignedBy(parsed.text, line, key, crypto))) weight += key.weight;
  const { quorum } = thresholdsOf(config);
  return weight >= quorum
    ? { ok: true, checkpoint, weight }
    : { ok: false, reason: `members of weight ${weight} cosigned it, of ${quorum} needed` };
}

/** Whether `leaf` stands at `index` of the tree of a checkpoint. */
export function isLogged(
  leaf: Uint8Array,
  index: number,
  checkpoint: Checkpoint,
  proof: readonly Uint8Array[],
  crypto: Pick<Crypto, 'sha256'>,
): boolean {
  return verifyInclusion(
    { leaf: leafHash(leaf, crypto), leafIndex: BigInt(index), size: BigInt(checkpoint.size), root: checkpoint.root },
    proof,
    crypto,
  );
}

/** Whether the tree of `newer` begins with all of `older`'s: both are of one log. */
export function hasGrown(
  older: Checkpoint,
  newer: Checkpoint,
  proof: readonly Uint8Array[],
  crypto: Pick<Crypto, 'sha256'>,
): boolean {
  const claim = { oldSize: BigInt(older.size), oldRoot: older.root, newSize: BigInt(newer.size), newRoot: newer.root };
  return older.origin === newer.origin && verifyConsistency(claim, proof, crypto);
}
