// Law: what is written down before anything is sent is exactly what was signed, with everything needed to send it again and to defend it:
// payloads, and what others said, as they signed it: the proposals voted for, and the votes that make polkas and decisions. What several
// members said in the same bytes is written once.
import { ByteReader, ByteWriter, MalformedBytes } from '../protocols/wire/index.ts';
import { maxBatchEntries } from './entry-tree.ts';
import { type Introduction, readIntroduction, writeIntroduction } from './frame.ts';
import { maxJustificationBytes } from './justification.ts';
import { maxEntryBytes, maxPayloadBytes } from './messages.ts';
import { type Batch, readSignedEntry, type SignedEntry, writeSignedEntry } from './signed-entry.ts';
import { Slab } from './slab.ts';

/** What one call of the engine adds about one instance. */
export interface InstanceRecord extends Introduction {
  readonly payloads: Uint8Array[];
  /** What other members said and did not come in a batch of theirs; where a log is rewritten, everything that anybody said. */
  readonly entries: SignedEntry[];
  readonly justifications: Uint8Array[];
  /** The decision as an encoded certificate, where it came as one. */
  readonly certificates: Uint8Array[];
}

export interface EngineRecord {
  /** Own statements, as they were signed. */
  readonly batches: readonly Batch[];
  /** Batches of other members, as they came: one signature for all of them, where certificates would repeat it for each decision. */
  readonly heard: readonly Batch[];
  readonly instances: readonly InstanceRecord[];
  /** Instances whose decision is no longer remembered, in a log that was rewritten: a chunk of `Forgotten`. */
  readonly forgotten: Uint8Array;
}

const recordDomain = 'parley/record/3';
const maxItems = 65_536;
const maxEntries = 1 << 20;
const maxForgottenBytes = 1 << 20;

export const nothingForgotten: Uint8Array = new Uint8Array(0);

export function emptyInstanceRecord(about: Introduction): InstanceRecord {
  return { ...about, payloads: [], entries: [], justifications: [], certificates: [] };
}

export function encodeRecord(record: EngineRecord): Uint8Array {
  // By identity: the engine has one array for all who say the same.
  const numbers = new Map<Uint8Array, number>();
  for (const batches of [record.batches, record.heard])
    for (const { entries } of batches)
      for (const entry of entries) if (!numbers.has(entry)) numbers.set(entry, numbers.size);
  const writeBatch = (writer: ByteWriter, { signer, entries, signature }: Batch): void => {
    writer
      .text(signer)
      .list(entries, (w, entry) => w.u32(numbers.get(entry)!))
      .fixed(signature, 64);
  };
  return new ByteWriter(recordDomain)
    .list([...numbers.keys()], (w, entry) => w.bytes(entry))
    .list(record.batches, writeBatch)
    .list(record.heard, writeBatch)
    .list(record.instances, (w, instance) => {
      writeIntroduction(w, instance);
      w.list(instance.payloads, (v, payload) => v.bytes(payload))
        .list(instance.entries, writeSignedEntry)
        .list(instance.justifications, (v, justification) => v.bytes(justification))
        .list(instance.certificates, (v, certificate) => v.bytes(certificate));
    })
    .bytes(record.forgotten)
    .finish();
}

/** Throws MalformedBytes on anything `encodeRecord` would not have written. */
export function decodeRecord(bytes: Uint8Array): EngineRecord {
  const reader = new ByteReader(bytes, recordDomain);
  const slab = new Slab();
  const entries = reader.list(maxEntries, (r) => slab.keep(r.bytesView(maxEntryBytes)));
  const readEntry = (r: ByteReader): Uint8Array => {
    const entry = entries[r.u32()];
    if (entry === undefined) throw new MalformedBytes(`a batch names an entry beyond the ${entries.length} there are`);
    return entry;
  };
  const readBatch = (r: ByteReader): Batch => ({
    signer: r.text(64),
    entries: r.list(maxBatchEntries, readEntry),
    signature: r.fixed(64),
  });
  const record: EngineRecord = {
    batches: reader.list(maxItems, readBatch),
    heard: reader.list(maxItems, readBatch),
    instances: reader.list(maxItems, (r) => ({
      ...readIntroduction(r),
      payloads: r.list(maxItems, (v) => v.bytes(maxPayloadBytes)),
      entries: r.list(maxItems, readSignedEntry),
      justifications: r.list(maxItems, (v) => v.bytes(maxJustificationBytes)),
      certificates: r.list(maxItems, (v) => v.bytes(maxJustificationBytes)),
    })),
    forgotten: reader.bytes(maxForgottenBytes),
  };
  reader.end();
  return record;
}
