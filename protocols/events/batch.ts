// Law: events travel and are stored in batches of one topic and one partition, in one encoding; a key has one partition for ever, so that
// the order of its events is the order of their batches.
import { ByteReader, ByteWriter, MalformedBytes, utf8 } from '../wire/index.ts';
import { maxEventBytes, maxKeyBytes } from './bus.ts';

/** Fixed: changing it would move keys between partitions, past what is stored. */
export const partitionCount = 8;
/** A batch is closed at either; one event of the largest size fits in any case. */
export const batchMaxEvents = 1_024;
export const batchMaxBytes = 128 << 10;

export interface StoredEvent {
  readonly id: string;
  readonly key: string;
  readonly note: string;
  readonly data: Uint8Array;
}

export interface Batch {
  readonly topic: string;
  readonly partition: number;
  /** Wall clock of the publisher, in milliseconds. */
  readonly atMs: number;
  readonly events: readonly StoredEvent[];
}

const domain = 'parley/event-batch/1';
const topicMax = 320;
const noteMax = 2_048;

/** FNV-1a, 32 bits. */
export function partitionOf(key: string): number {
  let hash = 0x811c9dc5;
  for (const byte of utf8.encode(key)) hash = Math.imul(hash ^ byte, 0x01000193) >>> 0;
  return hash % partitionCount;
}

export function encodeBatch({ topic, partition, atMs, events }: Batch): Uint8Array {
  return new ByteWriter(domain)
    .text(topic)
    .u8(partition)
    .u64(atMs)
    .list(events, (writer, { id, key, note, data }) => writer.text(id).text(key).text(note).bytes(data))
    .finish();
}

/** What a reader needs to know whether the batch concerns it. Throws MalformedBytes. */
export function batchHeader(bytes: Uint8Array): { readonly topic: string; readonly partition: number } {
  const reader = new ByteReader(bytes, domain);
  return { topic: reader.text(topicMax), partition: reader.u8() };
}

/** Throws MalformedBytes. The events' data are views of `bytes`. */
export function decodeBatch(bytes: Uint8Array): Batch {
  const reader = new ByteReader(bytes, domain);
  const topic = reader.text(topicMax);
  const partition = reader.u8();
  if (partition >= partitionCount) throw new MalformedBytes(`there is no partition ${partition}`);
  const atMs = reader.u64();
  const events = reader.list(batchMaxEvents, (item) => ({
    id: item.text(maxKeyBytes),
    key: item.text(maxKeyBytes),
    note: item.text(noteMax),
    data: item.bytesView(maxEventBytes),
  }));
  reader.end();
  if (events.length === 0) throw new MalformedBytes('a batch holds at least one event');
  return { topic, partition, atMs, events };
}

/** A note fits its field whatever somebody's error said. */
export const noteOf = (text: string): string => text.toWellFormed().slice(0, noteMax / 4);
