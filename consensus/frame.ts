// Law: a frame has at most one signature of its own, over all its fresh entries; whatever else it carries proves itself: relayed entries
// by their signers, payloads and justifications by their hash, certificates by their votes. A sync is a question and carries no authority.
import { ByteReader, ByteWriter, hex, MalformedBytes } from '../protocols/wire/index.ts';
import type { ValueId } from './core.ts';
import { maxJustificationBytes } from './justification.ts';
import { type InstanceId, maxPayloadBytes, maxRound, readSubject, type Subject, writeSubject } from './messages.ts';
import {
  type Batch,
  readBatch,
  readSignedEntry,
  type SignedEntry,
  writeBatch,
  writeSignedEntry,
} from './signed-entry.ts';

/** "I am in this round of this instance, undecided: tell me what I lack." */
export interface Sync {
  readonly instance: InstanceId;
  readonly round: number;
  /** Values whose payload the asker lacks. */
  readonly wants: readonly ValueId[];
}

/** What an instance is about, with its id: a receiver in another mesh, epoch or config computes another id and knows it is not meant. */
export interface Introduction {
  readonly instance: InstanceId;
  readonly subject: Subject;
}

export interface Frame {
  readonly batch: Batch | undefined;
  readonly relayed: readonly SignedEntry[];
  readonly subjects: readonly Introduction[];
  readonly payloads: readonly Uint8Array[];
  readonly justifications: readonly Uint8Array[];
  /** Encoded certificates: polkas and decisions. */
  readonly certificates: readonly Uint8Array[];
  readonly syncs: readonly Sync[];
}

const frameDomain = 'parley/frame/1';
/** Room under the mesh's limit of 1 MiB a message for the envelope around a frame. */
export const maxFrameBytes = 960 * 1024;
const maxItems = 4096;
const maxWants = 4;

export function encodeFrame(frame: Frame): Uint8Array {
  const writer = new ByteWriter(frameDomain).bool(frame.batch !== undefined);
  if (frame.batch !== undefined) writeBatch(writer, frame.batch);
  return writer
    .list(frame.relayed, writeSignedEntry)
    .list(frame.subjects, writeIntroduction)
    .list(frame.payloads, (w, payload) => w.bytes(payload))
    .list(frame.justifications, (w, justification) => w.bytes(justification))
    .list(frame.certificates, (w, certificate) => w.bytes(certificate))
    .list(frame.syncs, (w, sync) => {
      w.hash(sync.instance).u32(sync.round);
      w.list(sync.wants, (v, want) => v.hash(want));
    })
    .finish();
}

export function writeIntroduction(writer: ByteWriter, { instance, subject }: Introduction): void {
  writeSubject(writer.hash(instance), subject);
}

export function readIntroduction(reader: ByteReader): Introduction {
  return { instance: reader.hash(), subject: readSubject(reader) };
}

/** Throws MalformedBytes on anything `encodeFrame` would not have written. With `viewBatch`, the batch's entries are parts of `bytes`. */
export function decodeFrame(bytes: Uint8Array, batchOf: (reader: ByteReader) => Batch = readBatch): Frame {
  if (bytes.length > maxFrameBytes)
    throw new MalformedBytes(`a frame of ${bytes.length} bytes exceeds ${maxFrameBytes}`);
  const reader = new ByteReader(bytes, frameDomain);
  const frame: Frame = {
    batch: reader.bool() ? batchOf(reader) : undefined,
    relayed: reader.list(maxItems, readSignedEntry),
    subjects: reader.list(maxItems, readIntroduction),
    payloads: reader.list(maxItems, (r) => r.bytes(maxPayloadBytes)),
    justifications: reader.list(maxItems, (r) => r.bytes(maxJustificationBytes)),
    certificates: reader.list(maxItems, (r) => r.bytes(maxJustificationBytes)),
    syncs: reader.list(maxItems, (r) => {
      const instance = r.hash();
      const round = r.u32();
      if (round > maxRound) throw new MalformedBytes(`round ${round} exceeds ${maxRound}`);
      return { instance, round, wants: r.list(maxWants, (v) => v.hash()) };
    }),
  };
  reader.end();
  if (frame.batch !== undefined && frame.batch.entries.length === 0)
    throw new MalformedBytes('a batch has at least one entry');
  return frame;
}

/**
 * Collects what goes to one receiver, each thing once, and cuts it into frames that fit. Entries under one signature stay together; what
 * proves itself may travel in any frame.
 */
export class FrameBuilder {
  readonly #batches: Batch[] = [];
  readonly #relayed = new Map<string, SignedEntry>();
  readonly #subjects = new Map<InstanceId, Subject>();
  readonly #payloads = new Map<ValueId, Uint8Array>();
  readonly #justifications = new Map<string, Uint8Array>();
  readonly #certificates = new Map<string, Uint8Array>();
  readonly #syncs = new Map<InstanceId, Sync>();

  batch(batch: Batch): void {
    this.#batches.push(batch);
  }
  relay(signed: SignedEntry): void {
    this.#relayed.set(`${signed.signer} ${hex.encode(signed.entry)}`, signed);
  }
  subject(instance: InstanceId, subject: Subject): void {
    this.#subjects.set(instance, subject);
  }
  payload(value: ValueId, payload: Uint8Array): void {
    this.#payloads.set(value, payload);
  }
  justification(hash: string, bytes: Uint8Array): void {
    this.#justifications.set(hash, bytes);
  }
  certificate(name: string, bytes: Uint8Array): void {
    this.#certificates.set(name, bytes);
  }
  sync(sync: Sync): void {
    this.#syncs.set(sync.instance, { ...sync, wants: sync.wants.slice(0, maxWants) });
  }

  /** Encoded frames, each at most `maxFrameBytes`; none where nothing was collected. */
  build(): Uint8Array[] {
    const frames: Uint8Array[] = [];
    let open = emptyParts();
    const push = (sizeBytes: number, add: (parts: Parts) => void): void => {
      if (open.sizeBytes + sizeBytes > maxFrameBytes || open.items >= maxItems) {
        frames.push(encodeFrame(open));
        open = emptyParts();
      }
      add(open);
      open.sizeBytes += sizeBytes;
      open.items++;
    };
    for (const batch of this.#batches) {
      const sizeBytes = batch.entries.reduce((sum, entry) => sum + entry.length + 4, 256);
      if (open.batch !== undefined) push(maxFrameBytes, (parts) => (parts.batch = batch));
      else push(sizeBytes, (parts) => (parts.batch = batch));
    }
    // Subjects first: a receiver joins an instance by them before it reads what else is about it.
    for (const [instance, subject] of this.#subjects)
      push(subject.key.length + 40, (parts) => parts.subjects.push({ instance, subject }));
    for (const signed of this.#relayed.values()) push(sizeOf(signed), (parts) => parts.relayed.push(signed));
    for (const sync of this.#syncs.values()) push(40 + 32 * sync.wants.length, (parts) => parts.syncs.push(sync));
    for (const bytes of this.#certificates.values()) push(bytes.length + 4, (parts) => parts.certificates.push(bytes));
    for (const bytes of this.#justifications.values())
      push(bytes.length + 4, (parts) => parts.justifications.push(bytes));
    for (const bytes of this.#payloads.values()) push(bytes.length + 4, (parts) => parts.payloads.push(bytes));
    if (open.items > 0) frames.push(encodeFrame(open));
    return frames;
  }
}

interface Parts extends Frame {
  batch: Batch | undefined;
  readonly relayed: SignedEntry[];
  readonly subjects: Introduction[];
  readonly payloads: Uint8Array[];
  readonly justifications: Uint8Array[];
  readonly certificates: Uint8Array[];
  readonly syncs: Sync[];
  sizeBytes: number;
  items: number;
}

function emptyParts(): Parts {
  return {
    batch: undefined,
    relayed: [],
    subjects: [],
    payloads: [],
    justifications: [],
    certificates: [],
    syncs: [],
    sizeBytes: 256,
    items: 0,
  };
}

function sizeOf(signed: SignedEntry): number {
  return signed.path.reduce((sum, level) => sum + 8 + 32 * level.siblings.length, signed.entry.length + 64 + 64 + 16);
}
