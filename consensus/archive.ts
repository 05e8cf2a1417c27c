// Law: what was decided and delivered is kept as bytes, oldest first, and is made an object again when somebody asks for it. Objects by the
// hundred thousand are what the collector would spend a busy node's time on; these it never sees.
import type { NodeId } from '../actors/system/index.ts';
import { ByteReader, ByteWriter } from '../protocols/wire/index.ts';
import type { InstanceHost } from './instance-host.ts';
import { type InstanceId, idWord, maxPayloadBytes, readSubject, type Subject, writeSubject } from './messages.ts';
import { type Decided, type Proof, Settlement } from './settlement.ts';
import {
  HeldEntry,
  readBatch,
  readSignedEntry,
  reopenBatch,
  type SealedBatch,
  type SignedEntry,
  writeBatch,
  writeSignedEntry,
} from './signed-entry.ts';

const chunkBytes = 256 * 1024;
const leastSlots = 1 << 8;
const idWords = 4;
const kinds = ['FAST', 'COMMIT'] as const;
const proofMaxBytes = 1024 * 1024;
const votesMax = 1024;
/** Batches kept open for the next who asks about a decision that rests on them, and decisions kept awake for the next who asks about them. */
const openedMax = 256;
const wokenMax = 256;

/** A batch that entries of archived decisions are in, and how many. */
interface KeptBatch {
  readonly bytes: Uint8Array;
  count: number;
}

/** Where a vote of an archived decision is: an entry of a batch, or a signed entry of its own. */
type VotePlace = { readonly batch: number; readonly index: number } | { readonly signed: SignedEntry };

interface ArchivedRecord {
  readonly id: InstanceId;
  readonly decided: Decided;
  readonly subject: Subject;
  readonly payload: Uint8Array;
  readonly proof: Uint8Array | readonly VotePlace[];
}

export class Archive {
  readonly #host: InstanceHost;
  /** Records one after the other, none across chunks; a record longer than a chunk has one of its own. */
  #chunks: Uint8Array[] = [];
  /** How much of each chunk is records. */
  #used: number[] = [];
  /** Number of the first chunk there is: a place is (number of its chunk) · `chunkBytes` + where it begins there. */
  #firstChunk = 0;
  #oldest = 0;
  #size = 0;
  #recordBytes = 0;
  /** Open addressing, linear probing, half full at most: 128 bits of each id, and the place of its record, −1 for a free slot. */
  #ids = new Uint32Array(leastSlots * idWords);
  #places = new Float64Array(leastSlots).fill(-1);
  readonly #batches = new Map<number, KeptBatch>();
  #batchBytes = 0;
  #nextBatch = 0;
  readonly #lastOpened = new Map<number, readonly HeldEntry[]>();
  /** Those that somebody asked for last. Not all that ever were: each holds the batches it rests on, open. */
  readonly #woken = new Map<InstanceId, Settlement>();
  /** What those that were asked for have answered, as long as they are kept. */
  readonly #answers = new Map<InstanceId, Map<NodeId, number>>();

  constructor(host: InstanceHost) {
    this.#host = host;
  }

  get size(): number {
    return this.#size;
  }

  /** About what it takes in memory. */
  get sizeBytes(): number {
    return this.#recordBytes + this.#batchBytes;
  }

  has(id: InstanceId): boolean {
    return this.#size > 0 && this.#places[this.#find(id)]! >= 0;
  }

  /** A settlement that is delivered and whose own votes are sealed. */
  add(settlement: Settlement): void {
    const { id, subject, decided, proof } = settlement;
    const writer = new ByteWriter().hash(id).u8(kinds.indexOf(decided.kind)).u32(decided.round).hash(decided.value);
    writeSubject(writer, subject).bytes(settlement.payload!);
    this.#writeProof(writer.bool(proof instanceof Uint8Array), proof);
    const place = writer.finishInto((bytes) => this.#append(bytes));
    if ((this.#size + 1) * 2 > this.#places.length) this.#grow();
    this.#insert(id, place);
    this.#size++;
    if (settlement.answers !== undefined) this.#answers.set(id, settlement.answers);
  }

  get(id: InstanceId): Settlement | undefined {
    if (this.#size === 0) return undefined;
    const place = this.#places[this.#find(id)]!;
    if (place < 0) return undefined;
    const known = this.#woken.get(id);
    if (known !== undefined) return known;
    const settlement = this.#settlement(this.#recordAt(place));
    settlement.answers = this.#answers.get(id) ?? new Map();
    this.#answers.set(id, settlement.answers);
    if (this.#woken.size >= wokenMax) this.#woken.delete(this.#woken.keys().next().value!);
    this.#woken.set(id, settlement);
    return settlement;
  }

  /** Oldest first. */
  *all(): Generator<Settlement> {
    for (let place = this.#firstPlace(); place !== undefined; place = this.#placeAfter(place))
      yield this.#settlement(this.#recordAt(place));
  }

  /** Takes the oldest out; undefined where there is none. */
  evict(): InstanceId | undefined {
    const place = this.#firstPlace();
    if (place === undefined) return undefined;
    const { id, proof } = this.#recordAt(place);
    if (!(proof instanceof Uint8Array)) for (const vote of proof) if ('batch' in vote) this.#release(vote.batch);
    this.#remove(id);
    this.#woken.delete(id);
    this.#answers.delete(id);
    this.#recordBytes -= this.#sizeAt(place);
    this.#size--;
    this.#oldest = this.#placeAfter(place) ?? this.#end();
    for (; this.#firstChunk < Math.floor(this.#oldest / chunkBytes); this.#firstChunk++) {
      this.#chunks.shift();
      this.#used.shift();
    }
    return id;
  }

  // --- records -----------------------------------------------------------------------------------------------------------------------

  #writeProof(writer: ByteWriter, proof: Proof): void {
    if (proof instanceof Uint8Array) {
      writer.bytes(proof);
      return;
    }
    writer.u32(proof.length);
    for (const held of proof) {
      const { sealed } = held;
      writer.bool(sealed !== undefined);
      if (sealed === undefined) writeSignedEntry(writer, held.export());
      else writer.u32(this.#nameOf(sealed)).u32(held.index);
    }
  }

  #recordAt(place: number): ArchivedRecord {
    const chunk = this.#chunks[Math.floor(place / chunkBytes) - this.#firstChunk]!;
    const at = (place % chunkBytes) + 4;
    const reader = new ByteReader(chunk.subarray(at, at + this.#sizeAt(place) - 4));
    return {
      id: reader.hash(),
      decided: { kind: kinds[reader.u8()]!, round: reader.u32(), value: reader.hash() },
      subject: readSubject(reader),
      payload: reader.bytes(maxPayloadBytes),
      proof: reader.bool()
        ? reader.bytes(proofMaxBytes)
        : reader.list(
            votesMax,
            (r): VotePlace => (r.bool() ? { batch: r.u32(), index: r.u32() } : { signed: readSignedEntry(r) }),
          ),
    };
  }

  #settlement({ id, decided, subject, payload, proof }: ArchivedRecord): Settlement {
    const held = proof instanceof Uint8Array ? proof : proof.map((vote) => this.#held(vote));
    const settlement = new Settlement(id, subject, this.#host, decided, held);
    settlement.payload = payload;
    return settlement;
  }

  #held(vote: VotePlace): HeldEntry {
    if ('signed' in vote) return HeldEntry.of(vote.signed);
    return this.#opened(vote.batch)[vote.index]!;
  }

  /** Neighbours rest on the same batches, and opening one hashes all of it. */
  #opened(name: number): readonly HeldEntry[] {
    let opened = this.#lastOpened.get(name);
    if (opened === undefined) {
      const batch = readBatch(new ByteReader(this.#batches.get(name)!.bytes));
      opened = reopenBatch(batch, this.#host.crypto);
      if (this.#lastOpened.size >= openedMax) this.#lastOpened.delete(this.#lastOpened.keys().next().value!);
      this.#lastOpened.set(name, opened);
    }
    return opened;
  }

  #nameOf(sealed: SealedBatch): number {
    let kept = sealed.archivedAs === undefined ? undefined : this.#batches.get(sealed.archivedAs);
    if (kept === undefined) {
      const writer = new ByteWriter();
      writeBatch(writer, sealed.batch);
      kept = { bytes: writer.finish(), count: 0 };
      sealed.archivedAs = this.#nextBatch++;
      this.#batches.set(sealed.archivedAs, kept);
      this.#batchBytes += kept.bytes.length;
    }
    kept.count++;
    return sealed.archivedAs!;
  }

  #release(name: number): void {
    const kept = this.#batches.get(name)!;
    if (--kept.count > 0) return;
    this.#batches.delete(name);
    this.#lastOpened.delete(name);
    this.#batchBytes -= kept.bytes.length;
  }

  /** Answers where it is now. A record stands behind its length. */
  #append(record: Uint8Array): number {
    const needed = record.length + 4;
    const last = this.#chunks.length - 1;
    let chunk = this.#chunks[last];
    let at = this.#used[last] ?? 0;
    if (chunk === undefined || at + needed > chunk.length || at >= chunkBytes) {
      chunk = new Uint8Array(Math.max(chunkBytes, needed));
      this.#chunks.push(chunk);
      this.#used.push(0);
      at = 0;
    }
    const view = new DataView(chunk.buffer);
    view.setUint32(at, record.length);
    chunk.set(record, at + 4);
    this.#used[this.#used.length - 1] = at + needed;
    this.#recordBytes += needed;
    return (this.#firstChunk + this.#chunks.length - 1) * chunkBytes + at;
  }

  #sizeAt(place: number): number {
    const chunk = this.#chunks[Math.floor(place / chunkBytes) - this.#firstChunk]!;
    return 4 + new DataView(chunk.buffer).getUint32(place % chunkBytes);
  }

  #firstPlace(): number | undefined {
    return this.#size === 0 ? undefined : this.#oldest;
  }

  #placeAfter(place: number): number | undefined {
    const chunk = Math.floor(place / chunkBytes);
    const at = (place % chunkBytes) + this.#sizeAt(place);
    if (at < this.#used[chunk - this.#firstChunk]!) return chunk * chunkBytes + at;
    return chunk + 1 < this.#firstChunk + this.#chunks.length ? (chunk + 1) * chunkBytes : undefined;
  }

  /** Where the next record goes, at the earliest: behind all chunks there are. */
  #end(): number {
    return (this.#firstChunk + this.#chunks.length) * chunkBytes;
  }

  // --- index -------------------------------------------------------------------------------------------------------------------------

  /** The slot of `id`, or the free one where it belongs. */
  #find(id: InstanceId): number {
    const mask = this.#places.length - 1;
    const ids = this.#ids;
    const first = idWord(id, 0);
    for (let slot = first & mask; ; slot = (slot + 1) & mask) {
      if (this.#places[slot]! < 0) return slot;
      const at = slot * idWords;
      if (ids[at] !== first) continue;
      let same = true;
      for (let i = 1; i < idWords; i++) same &&= ids[at + i] === idWord(id, i);
      if (same) return slot;
    }
  }

  #insert(id: InstanceId, place: number): void {
    const slot = this.#find(id);
    for (let i = 0; i < idWords; i++) this.#ids[slot * idWords + i] = idWord(id, i);
    this.#places[slot] = place;
  }

  /** What stands behind a free slot would not be found: it moves up. */
  #remove(id: InstanceId): void {
    const mask = this.#places.length - 1;
    let free = this.#find(id);
    this.#places[free] = -1;
    for (let slot = (free + 1) & mask; this.#places[slot]! >= 0; slot = (slot + 1) & mask) {
      const home = this.#ids[slot * idWords]! & mask;
      if (((slot - home) & mask) < ((slot - free) & mask)) continue;
      this.#ids.copyWithin(free * idWords, slot * idWords, (slot + 1) * idWords);
      this.#places[free] = this.#places[slot]!;
      this.#places[slot] = -1;
      free = slot;
    }
  }

  #grow(): void {
    const [ids, places] = [this.#ids, this.#places];
    this.#ids = new Uint32Array(ids.length * 2);
    this.#places = new Float64Array(places.length * 2).fill(-1);
    const mask = this.#places.length - 1;
    for (let slot = 0; slot < places.length; slot++) {
      if (places[slot]! < 0) continue;
      let to = ids[slot * idWords]! & mask;
      while (this.#places[to]! >= 0) to = (to + 1) & mask;
      this.#ids.set(ids.subarray(slot * idWords, (slot + 1) * idWords), to * idWords);
      this.#places[to] = places[slot]!;
    }
  }
}
