// Law: one Ed25519 signature covers a whole batch of entries through a hash tree (`entry-tree.ts`), and every entry can be taken out with its
// path and stand alone.
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
import { arity, EntryTree, maxBatchEntries, maxLevels, type PathLevel, rootOfPath } from './entry-tree.ts';
import { maxEntryBytes } from './messages.ts';

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

const rootPrefix = utf8.encode('parley/batch/1');

/** A batch whose signature holds, shared by all entries that were in it. */
export interface SealedBatch {
  readonly batch: Batch;
  readonly tree: EntryTree;
  /** Whether this node's log holds it. */
  isWritten: boolean;
  /** Under which number decisions that rest on it are archived. */
  archivedAs: number | undefined;
}

/**
 * An entry this node holds, with its signer. The path is only computed when it is exported; an own entry can be exported once its batch
 * has been sealed.
 */
export class HeldEntry {
  readonly signer: NodeId;
  readonly entry: Uint8Array;
  #sealed: SealedBatch | undefined;
  #index = 0;
  #signed: SignedEntry | undefined;

  constructor(entry: Uint8Array, signer: NodeId, signed?: SignedEntry) {
    this.entry = entry;
    this.signer = signer;
    this.#signed = signed;
  }

  static of(signed: SignedEntry): HeldEntry {
    return new HeldEntry(signed.entry, signed.signer, signed);
  }

  get isSealed(): boolean {
    return this.#sealed !== undefined || this.#signed !== undefined;
  }

  /** The batch it came in, unless it was taken out of it or came alone. */
  get sealed(): SealedBatch | undefined {
    return this.#sealed;
  }

  /** Its place in that batch. */
  get index(): number {
    return this.#index;
  }

  seal(sealed: SealedBatch, index: number): void {
    if (this.isSealed) return;
    this.#sealed = sealed;
    this.#index = index;
  }

  /** Takes the entry out of its sealed batch, so that keeping it keeps nothing else of the batch. */
  detach(): void {
    this.#signed = this.export();
    this.#sealed = undefined;
  }

  /** Throws where an own entry has not been sealed yet. */
  export(): SignedEntry {
    if (this.#signed !== undefined) return this.#signed;
    if (this.#sealed === undefined) throw new Error('an own entry is exported after its batch was sealed, not before');
    const { batch, tree } = this.#sealed;
    return { entry: this.entry, signer: this.signer, path: tree.path(this.#index), signature: batch.signature };
  }
}

function signedMessage(root: Uint8Array): Uint8Array {
  const message = new Uint8Array(rootPrefix.length + root.length);
  message.set(rootPrefix);
  message.set(root, rootPrefix.length);
  return message;
}

/** Signs `held`, all of them `identity`'s and unsealed, under one signature. At most `maxBatchEntries`. */
export function sealBatch(
  identity: Identity,
  crypto: Crypto,
  held: readonly HeldEntry[],
  leafHashes?: readonly Uint8Array[],
): Batch {
  const entries = held.map((each) => each.entry);
  const tree = new EntryTree(entries, crypto, leafHashes);
  const batch = { signer: identity.id, entries, signature: crypto.sign(identity.secretKey, signedMessage(tree.root)) };
  const sealed = { batch, tree, isWritten: true, archivedAs: undefined };
  for (let i = 0; i < held.length; i++) held[i]!.seal(sealed, i);
  return batch;
}

/** The entries of a batch, or undefined where its signature does not verify. Throws MalformedBytes where `signer` is no node id. */
export function openBatch(batch: Batch, crypto: Crypto, leafHashes?: readonly Uint8Array[]): HeldEntry[] | undefined {
  const tree = new EntryTree(batch.entries, crypto, leafHashes);
  return crypto.verify(publicKeyOf(batch.signer), signedMessage(tree.root), batch.signature)
    ? holdBatch({ batch, tree, isWritten: false, archivedAs: undefined })
    : undefined;
}

/** The entries of a batch from this node's own log, which is trusted. */
export function reopenBatch(batch: Batch, crypto: Pick<Crypto, 'sha256'>): HeldEntry[] {
  return holdBatch({ batch, tree: new EntryTree(batch.entries, crypto), isWritten: true, archivedAs: undefined });
}

function holdBatch(sealed: SealedBatch): HeldEntry[] {
  const { signer, entries } = sealed.batch;
  return entries.map((entry, i) => {
    const held = new HeldEntry(entry, signer);
    held.seal(sealed, i);
    return held;
  });
}

/** Whether `signed.signer` signed `signed.entry`. Throws MalformedBytes where the signer is no node id. */
export function verifySignedEntry(signed: SignedEntry, crypto: Crypto): boolean {
  const root = rootOfPath(signed.entry, signed.path, crypto);
  return root !== undefined && crypto.verify(publicKeyOf(signed.signer), signedMessage(root), signed.signature);
}

export function sameEntry(
  a: { readonly entry: Uint8Array; readonly signer: NodeId },
  b: { readonly entry: Uint8Array; readonly signer: NodeId },
): boolean {
  return a.signer === b.signer && equalBytes(a.entry, b.entry);
}

/**
 * Whether `signed` is what `held` was verified as, proof included. The statement alone is not enough: whoever knows it could put any bytes
 * in place of its signature, and what was vouched for here would not verify anywhere else.
 */
export function sameSigned(held: HeldEntry, signed: SignedEntry): boolean {
  if (!sameEntry(held, signed) || !held.isSealed) return false;
  const known = held.export();
  return (
    equalBytes(known.signature, signed.signature) &&
    known.path.length === signed.path.length &&
    known.path.every(({ position, siblings }, level) => {
      const other = signed.path[level]!;
      return (
        position === other.position &&
        siblings.length === other.siblings.length &&
        siblings.every((sibling, i) => equalBytes(sibling, other.siblings[i]!))
      );
    })
  );
}

export function writeBatch(writer: ByteWriter, batch: Batch): void {
  writer
    .text(batch.signer)
    .list(batch.entries, (w, entry) => w.bytes(entry))
    .fixed(batch.signature, 64);
}

/** The entries are parts of what is read: for who copies what it keeps. */
export function viewBatch(reader: ByteReader): Batch {
  const signer = reader.text(64);
  return {
    signer,
    entries: reader.list(maxBatchEntries, (r) => r.bytesView(maxEntryBytes)),
    signature: reader.fixed(64),
  };
}

/** The entries share one array of their own, so that keeping one keeps its batch and not the whole frame. */
export function readBatch(reader: ByteReader): Batch {
  const { signer, entries: views, signature } = viewBatch(reader);
  const shared = new Uint8Array(views.reduce((sum, view) => sum + view.length, 0));
  let at = 0;
  const entries = views.map((view) => {
    shared.set(view, at);
    at += view.length;
    return shared.subarray(at - view.length, at);
  });
  return { signer, entries, signature };
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
