// Law: what is written down before anything is sent is exactly what was signed, with everything needed to send it again and to defend it:
// payloads, the proposals voted for, the polkas that justify locks, and decisions.
import { ByteReader, ByteWriter } from '../protocols/wire/index.ts';
import { type Introduction, readIntroduction, writeIntroduction } from './frame.ts';
import { maxJustificationBytes } from './justification.ts';
import { type InstanceId, maxPayloadBytes } from './messages.ts';
import {
  type Batch,
  readBatch,
  readSignedEntry,
  type SignedEntry,
  writeBatch,
  writeSignedEntry,
} from './signed-entry.ts';

/** What one call of the engine adds about one instance. */
export interface InstanceRecord extends Introduction {
  readonly payloads: Uint8Array[];
  /** Proposals of other members that this node voted for, and own statements where a log is rewritten. */
  readonly entries: SignedEntry[];
  readonly justifications: Uint8Array[];
  /** Encoded certificates: polkas, and the decision. */
  readonly certificates: Uint8Array[];
}

export interface EngineRecord {
  /** Own statements, as they were signed. */
  readonly batches: readonly Batch[];
  readonly instances: readonly InstanceRecord[];
  /** Instances whose decision is no longer remembered, in a log that was rewritten. */
  readonly forgotten: readonly InstanceId[];
}

const recordDomain = 'parley/record/1';
const maxItems = 65_536;
const maxForgotten = 16 * 1024 * 1024;

export function emptyInstanceRecord(about: Introduction): InstanceRecord {
  return { ...about, payloads: [], entries: [], justifications: [], certificates: [] };
}

export function encodeRecord(record: EngineRecord): Uint8Array {
  return new ByteWriter(recordDomain)
    .list(record.batches, writeBatch)
    .list(record.instances, (w, instance) => {
      writeIntroduction(w, instance);
      w.list(instance.payloads, (v, payload) => v.bytes(payload))
        .list(instance.entries, writeSignedEntry)
        .list(instance.justifications, (v, justification) => v.bytes(justification))
        .list(instance.certificates, (v, certificate) => v.bytes(certificate));
    })
    .list(record.forgotten, (w, id) => w.hash(id))
    .finish();
}

/** Throws MalformedBytes on anything `encodeRecord` would not have written. */
export function decodeRecord(bytes: Uint8Array): EngineRecord {
  const reader = new ByteReader(bytes, recordDomain);
  const record: EngineRecord = {
    batches: reader.list(maxItems, readBatch),
    instances: reader.list(maxItems, (r) => ({
      ...readIntroduction(r),
      payloads: r.list(maxItems, (v) => v.bytes(maxPayloadBytes)),
      entries: r.list(maxItems, readSignedEntry),
      justifications: r.list(maxItems, (v) => v.bytes(maxJustificationBytes)),
      certificates: r.list(maxItems, (v) => v.bytes(maxJustificationBytes)),
    })),
    forgotten: reader.list(maxForgotten, (r) => r.hash()),
  };
  reader.end();
  return record;
}
