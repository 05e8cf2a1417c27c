// Law: one Ed25519 signature covers a whole batch of entries through a 4-ary hash tree, and every entry can be taken out with its path
// and stand alone. Leaf and node hashes are prefixed apart (as in RFC 6962), so no node can be passed off as an entry.
import type { Crypto, NodeId } from '../actors/system/index.ts';
import {
  type ByteReader,
  type ByteWriter,
  equalBytes,
  type Identity,
  MalformedBytes,
  publicKeyOf,
  utf8,
} from '../protocols/wire/index.ts';
import { maxEntryBytes } from './messages.ts';

/** One level of a path: the other hashes of the group, and where among them the proven one stands. */
export interface PathLevel {
  readonly position: number;
  readonly siblings: readonly Uint8Array[];
}

/** An entry with everything needed to check who signed it. */
export interface SignedEntry {
  readonly entry: Uint8Array;
  readonly signer: NodeId;
  /** From the leaf up; empty for an entry that was alone in its batch. */
  readonly path: readonly PathLevel[];
  readonly signature: Uint8Array;
}

/** Entries under one signature, as they travel. */
export interface Batch {
  readonly signer: NodeId;
  readonly entries: readonly Uint8Array[];
  readonly signature: Uint8Array;
}

/** Four: a third more hashes than entries, and paths half as long as with sixteen (12 hashes for 256 entries, where binary has 8). */
const arity = 4;
const leafPrefix = 0;
const nodePrefix = 1;
const rootPrefix = utf8.encode('parley/batch/1');
const maxLevels = 6;
export const maxBatchEntries = arity ** maxLevels;

type Sha256 = Pick<Crypto, 'sha256'>;

/** Hashing one buffer costs half of feeding its parts to a hash one by one. */
function hashOf(crypto: Sha256, prefix: number, parts: readonly Uint8Array[]): Uint8Array {
  const joined = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 1));
  joined[0] = prefix;
  let at = 1;
  for (const part of parts) {
    joined.set(part, at);
    at += part.length;
  }
  return crypto.sha256(joined);
}

/** The hash tree over a batch. It keeps hashes only, so holding on to one entry does not hold the frame it came in. */
export class EntryTree {
  readonly #levels: Uint8Array[][];

  constructor(entries: readonly Uint8Array[], crypto: Sha256) {
    if (entries.length === 0 || entries.length > maxBatchEntries)
      throw new MalformedBytes(`a batch has 1 to ${maxBatchEntries} entries, not ${entries.length}`);
    let level = entries.map((entry) => hashOf(crypto, leafPrefix, [entry]));
    this.#levels = [level];
    while (level.length > 1) {
      const above: Uint8Array[] = [];
      for (let at = 0; at < level.length; at += arity)
        above.push(hashOf(crypto, nodePrefix, level.slice(at, at + arity)));
      this.#levels.push(above);
      level = above;
    }
  }

  get root(): Uint8Array {
    return this.#levels.at(-1)![0]!;
  }

  path(index: number): PathLevel[] {
    const path: PathLevel[] = [];
    let at = index;
    for (const level of this.#levels.slice(0, -1)) {
      const group = level.slice(at - (at % arity), at - (at % arity) + arity);
      path.push({ position: at % arity, siblings: group.filter((_, i) => i !== at % arity) });
      at = Math.floor(at / arity);
    }
    return path;
  }
}

/**
 * An entry this node holds, with its signer. The path is only computed when it is exported; an own entry can be exported once its batch
 * has been sealed.
 */
export class HeldEntry {
  readonly entry: Uint8Array;
  readonly signer: NodeId;
  #source:
    | { readonly tree: EntryTree; readonly index: number; readonly signature: Uint8Array }
    | SignedEntry
    | undefined;

  constructor(entry: Uint8Array, signer: NodeId, signed?: SignedEntry) {
    this.entry = entry;
    this.signer = signer;
    this.#source = signed;
  }

  static of(signed: SignedEntry): HeldEntry {
    return new HeldEntry(signed.entry, signed.signer, signed);
  }

  get isSealed(): boolean {
    return this.#source !== undefined;
  }

  seal(tree: EntryTree, index: number, signature: Uint8Array): void {
    this.#source ??= { tree, index, signature };
  }

  /** Throws where an own entry has not been sealed yet. */
  export(): SignedEntry {
    const source = this.#source;
    if (source === undefined) throw new Error('an own entry is exported after its batch was sealed, not before');
    if ('entry' in source) return source;
    return {
      entry: this.entry,
      signer: this.signer,
      path: source.tree.path(source.index),
      signature: source.signature,
    };
  }
}

function signedMessage(root: Uint8Array): Uint8Array {
  const message = new Uint8Array(rootPrefix.length + root.length);
  message.set(rootPrefix);
  message.set(root, rootPrefix.length);
  return message;
}

/** Signs `held`, all of them `identity`'s and unsealed, under one signature. At most `maxBatchEntries`. */
export function sealBatch(identity: Identity, crypto: Crypto, held: readonly HeldEntry[]): Batch {
  const entries = held.map((each) => each.entry);
  const tree = new EntryTree(entries, crypto);
  const signature = crypto.sign(identity.secretKey, signedMessage(tree.root));
  held.forEach((each, i) => {
    each.seal(tree, i, signature);
  });
  return { signer: identity.id, entries, signature };
}

/** The entries of a batch, or undefined where its signature does not verify. Throws MalformedBytes where `signer` is no node id. */
export function openBatch(batch: Batch, crypto: Crypto): HeldEntry[] | undefined {
  const tree = new EntryTree(batch.entries, crypto);
  return crypto.verify(publicKeyOf(batch.signer), signedMessage(tree.root), batch.signature)
    ? holdBatch(batch, tree)
    : undefined;
}

/** The entries of a batch from this node's own log, which is trusted. */
export function reopenBatch(batch: Batch, crypto: Sha256): HeldEntry[] {
  return holdBatch(batch, new EntryTree(batch.entries, crypto));
}

function holdBatch(batch: Batch, tree: EntryTree): HeldEntry[] {
  return batch.entries.map((entry, i) => {
    const held = new HeldEntry(entry, batch.signer);
    held.seal(tree, i, batch.signature);
    return held;
  });
}

/** Whether `signed.signer` signed `signed.entry`. Throws MalformedBytes where the signer is no node id. */
export function verifySignedEntry(signed: SignedEntry, crypto: Crypto): boolean {
  let hash = hashOf(crypto, leafPrefix, [signed.entry]);
  for (const { position, siblings } of signed.path) {
    if (position > siblings.length) return false;
    hash = hashOf(crypto, nodePrefix, [...siblings.slice(0, position), hash, ...siblings.slice(position)]);
  }
  return crypto.verify(publicKeyOf(signed.signer), signedMessage(hash), signed.signature);
}

export function sameEntry(
  a: { readonly entry: Uint8Array; readonly signer: NodeId },
  b: { readonly entry: Uint8Array; readonly signer: NodeId },
): boolean {
  return a.signer === b.signer && equalBytes(a.entry, b.entry);
}

export function writeBatch(writer: ByteWriter, batch: Batch): void {
  writer
    .text(batch.signer)
    .list(batch.entries, (w, entry) => w.bytes(entry))
    .fixed(batch.signature, 64);
}

export function readBatch(reader: ByteReader): Batch {
  return {
    signer: reader.text(64),
    entries: reader.list(maxBatchEntries, (r) => r.bytes(maxEntryBytes)),
    signature: reader.fixed(64),
  };
}

export function writeSignedEntry(writer: ByteWriter, signed: SignedEntry): void {
  writer.bytes(signed.entry).text(signed.signer);
  writer.list(signed.path, (w, level) => w.u8(level.position).list(level.siblings, (v, hash) => v.fixed(hash, 32)));
  writer.fixed(signed.signature, 64);
}

export function readSignedEntry(reader: ByteReader): SignedEntry {
  return {
    entry: reader.bytes(maxEntryBytes),
    signer: reader.text(64),
    path: reader.list(maxLevels, (r) => {
      const position = r.u8();
      const siblings = r.list(arity - 1, (v) => v.fixed(32));
      if (position > siblings.length) throw new MalformedBytes('a path points past its group');
      return { position, siblings };
    }),
    signature: reader.fixed(64),
  };
}
