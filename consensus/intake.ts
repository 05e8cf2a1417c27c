// Law: what comes from a peer is verified before it counts and attributed when it is refused; nothing is believed because of who handed it over.
import type { Crypto, NodeId } from '../actors/system/index.ts';
import { hex, MalformedBytes } from '../protocols/wire/index.ts';
import { decodeCertificate, verifyCertificateIn } from './certificate.ts';
import type { EntryMemo, KnownEntry } from './entry-memo.ts';
import type { EpochView } from './epoch.ts';
import { decodeFrame } from './frame.ts';
import type { LiveInstance } from './live-instance.ts';
import { decodeEntry, instanceIdOf } from './messages.ts';
import { instanceOf, type Registry } from './registry.ts';
import { type Batch, HeldEntry, openBatch, type SignedEntry, verifySignedEntry, viewBatch } from './signed-entry.ts';

/** Statements of one honest member about one instance in one batch: seldom more than proposal, prevote and precommit. */
const sparseFactor = 8;
/** Statements of one batch about instances this node does not know, yet: as many as a busy member may have got ahead by. */
const strangersPerBatch = 256;

export class Intake {
  readonly #epoch: EpochView;
  readonly #crypto: Crypto;
  readonly #registry: Registry;
  readonly #memo: EntryMemo;
  #batches = 0;

  constructor(epoch: EpochView, crypto: Crypto, registry: Registry, memo: EntryMemo) {
    this.#memo = memo;
    this.#epoch = epoch;
    this.#crypto = crypto;
    this.#registry = registry;
  }

  frame(from: NodeId, bytes: Uint8Array): void {
    try {
      const frame = decodeFrame(bytes, viewBatch);
      for (const { instance, subject } of frame.subjects) {
        if (this.#registry.isKnown(instance)) continue;
        if (instanceIdOf(this.#epoch.scope, subject, this.#crypto) === instance)
          this.#registry.join(instance, subject, from);
        else this.#registry.refuse(from, 'speaks of an instance of another mesh, epoch or config');
      }
      if (frame.batch !== undefined) this.#batch(from, frame.batch, bytes);
      this.#relayed(from, frame.relayed);
      for (const certificate of frame.certificates) this.#certificate(from, certificate);
      for (const justification of frame.justifications) {
        const hash = hex.encode(this.#crypto.sha256(justification));
        for (const instance of this.#registry.claim(hash)) instance.onJustification(hash, justification);
      }
      for (const payload of frame.payloads) {
        const value = hex.encode(this.#crypto.sha256(payload));
        for (const instance of this.#registry.claim(value)) instance.onPayload(value, payload);
      }
      for (const sync of frame.syncs) {
        this.#registry.find(sync.instance)?.onSync(from, sync);
        this.#registry.closed(sync.instance)?.answer(from, sync);
      }
    } catch (error) {
      if (!(error instanceof MalformedBytes)) throw error;
      this.#registry.refuse(from, `a malformed frame: ${error.message}`);
    }
  }

  /** The entries of `batch` are parts of `frame`. */
  #batch(from: NodeId, batch: Batch, frame: Uint8Array): void {
    const { signer } = batch;
    if (!this.#epoch.weights.has(signer)) {
      this.#registry.refuse(from, `${signer} is not a member of epoch ${this.#epoch.scope.epoch}`);
      return;
    }
    const within = Buffer.from(frame.buffer, frame.byteOffset, frame.byteLength);
    const known = batch.entries.map((view) => this.#memo.recall(view, within));
    const kept = { signer, entries: known.map(({ bytes }) => bytes), signature: batch.signature };
    const leafHashes = known.map(({ leafHash }) => leafHash);
    const opened = openBatch(kept, this.#crypto, leafHashes);
    if (opened === undefined) {
      this.#registry.refuse(from, `the signature of ${signer} on a batch does not verify`);
      return;
    }
    // A batch is held as long as any of its entries: one that is mostly of no use here must not be.
    const number = this.#batches++;
    let met = 0;
    for (const each of known) {
      const instance = this.#about(each);
      if (instance === undefined || instance.lastBatch === number) continue;
      instance.lastBatch = number;
      met++;
    }
    const isSparse = met * sparseFactor < known.length;
    let strangers = 0;
    for (let i = 0; i < known.length; i++) {
      const { entry, instance } = known[i]!;
      if (instance !== undefined && !instance.isGone) {
        if (isSparse) opened[i]!.detach();
        instance.onEntry(entry, opened[i]!);
        continue;
      }
      if (!this.#registry.isKnown(instanceOf(entry)) && ++strangers > strangersPerBatch) continue;
      if (isSparse) opened[i]!.detach();
      this.#registry.entry(from, entry, opened[i]!);
    }
    if (strangers > strangersPerBatch)
      this.#registry.refuse(from, `${signer} says more about unknown instances at once than is heard`);
  }

  #about(known: KnownEntry): LiveInstance | undefined {
    if (known.instance === undefined || known.instance.isGone)
      known.instance = this.#registry.find(instanceOf(known.entry));
    return known.instance;
  }

  /** Stops at the first thing that is wrong: a peer that relays one forgery has no claim to more of this node's time. */
  #relayed(from: NodeId, relayed: readonly SignedEntry[]): void {
    const decoded = relayed.map((signed) => ({ signed, entry: decodeEntry(signed.entry) }));
    // Votes first: a second proposal of round 0 is only kept where a vote names it.
    decoded.sort((a, b) => Number(a.entry.type === 'proposal') - Number(b.entry.type === 'proposal'));
    for (const { signed, entry } of decoded) {
      const { signer } = signed;
      const isKnown = this.#registry.find(instanceOf(entry))?.isKnown(signed) === true;
      if (!this.#epoch.weights.has(signer)) {
        this.#registry.refuse(from, `relays ${signer}, who is not a member of epoch ${this.#epoch.scope.epoch}`);
        return;
      }
      if (isKnown) continue;
      if (!verifySignedEntry(signed, this.#crypto)) {
        this.#registry.refuse(from, `relays a signature of ${signer} that does not verify`);
        return;
      }
      this.#registry.entry(from, entry, HeldEntry.of(signed));
    }
  }

  #certificate(from: NodeId, bytes: Uint8Array): void {
    const certificate = decodeCertificate(bytes);
    const known = this.#registry.find(certificate.instance);
    if (known === undefined ? this.#registry.isKnown(certificate.instance) : known.isProven(certificate)) return;
    const isKnown = (signed: SignedEntry): boolean => known?.isKnown(signed) === true;
    const check = verifyCertificateIn(certificate, this.#epoch, this.#crypto, isKnown);
    if (!check.ok) this.#registry.refuse(from, `a certificate that proves nothing: ${check.reason}`);
    else if (known !== undefined || this.#registry.hasRoom(certificate.subject))
      (known ?? this.#registry.welcome(certificate.instance, certificate.subject, from)).onCertificate(certificate);
  }
}
