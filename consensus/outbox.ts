// Law: everything one call makes this node say goes under one signature and into one record, and the record comes before the sends. What
// others said is written down with the next own statement that may rest on it: a record of its own would cost a write and defend nothing.
import type { Crypto, NodeId } from '../actors/system/index.ts';
import type { Identity } from '../protocols/wire/index.ts';
import type { EngineOutput } from './engine-types.ts';
import type { EntryMemo } from './entry-memo.ts';
import { maxBatchEntries } from './entry-tree.ts';
import { FrameBuilder } from './frame.ts';
import type { InstanceId, Subject } from './messages.ts';
import { emptyInstanceRecord, encodeRecord, type InstanceRecord, nothingForgotten } from './record.ts';
import { type Batch, HeldEntry, sealBatch } from './signed-entry.ts';

/** What others said and is not written down yet, at most. */
const heardBytesMax = 1 << 20;

export class Outbox {
  readonly #self: Identity | undefined;
  readonly #crypto: Crypto;
  readonly #memo: EntryMemo;
  #unsealed: HeldEntry[] = [];
  /** Of the unsealed entries. */
  #leafHashes: Uint8Array[] = [];
  #batches: Batch[] = [];
  #heard: Batch[] = [];
  #heardBytes = 0;
  readonly #kept = new Set<Batch>();
  #isDue = false;
  #last: (() => void)[] = [];
  #deferred: (() => void)[] = [];
  #all = new FrameBuilder();
  #single = new Map<NodeId, FrameBuilder>();
  #records = new Map<InstanceId, InstanceRecord>();
  #outputs: EngineOutput[] = [];

  constructor(self: Identity | undefined, crypto: Crypto, memo: EntryMemo) {
    this.#self = self;
    this.#crypto = crypto;
    this.#memo = memo;
  }

  sign(entry: Uint8Array): HeldEntry {
    if (this.#self === undefined) throw new Error('an observer signs nothing');
    const { bytes, leafHash } = this.#memo.recall(entry);
    const held = new HeldEntry(bytes, this.#self.id);
    this.#leafHashes.push(leafHash);
    this.#unsealed.push(held);
    return held;
  }

  sealNow(): void {
    for (let at = 0; at < this.#unsealed.length; at += maxBatchEntries) {
      const end = at + maxBatchEntries;
      const [part, leafHashes] = [this.#unsealed.slice(at, end), this.#leafHashes.slice(at, end)];
      const batch = sealBatch(this.#self!, this.#crypto, part, leafHashes);
      this.#batches.push(batch);
      this.#all.batch(batch);
    }
    this.#unsealed = [];
    this.#leafHashes = [];
  }

  lastly(run: () => void): void {
    this.#last.push(run);
  }

  afterSeal(run: () => void): void {
    this.#deferred.push(run);
  }

  toAll(): FrameBuilder {
    return this.#all;
  }

  to(node: NodeId): FrameBuilder {
    const known = this.#single.get(node);
    if (known !== undefined) return known;
    const builder = new FrameBuilder();
    this.#single.set(node, builder);
    return builder;
  }

  /** Has what another member said written down; `record` is for what came without its batch. */
  remember(held: HeldEntry, record: () => InstanceRecord): void {
    if (held.signer === this.#self?.id) return;
    const { sealed } = held;
    if (sealed === undefined) record().entries.push(held.export());
    else if (!sealed.isWritten) {
      sealed.isWritten = true;
      this.#heard.push(sealed.batch);
      this.#heardBytes += sealed.batch.entries.reduce((sum, { length }) => sum + length, 0);
    }
  }

  /** Has it in the log that is being rewritten: with its batch, which others of it share, or in `record`. */
  keep(held: HeldEntry, record: InstanceRecord): void {
    if (held.sealed === undefined) record.entries.push(held.export());
    else this.#kept.add(held.sealed.batch);
  }

  /**
   * What waits to be written down waits on while `write` has something else written: the log that is made now may never take the place of the
   * old one, which would then hold statements of this node about instances that it was never told of.
   */
  aside<T>(write: () => T): T {
    const [heard, heardBytes, records] = [this.#heard, this.#heardBytes, this.#records];
    [this.#heard, this.#heardBytes, this.#records] = [[], 0, new Map()];
    const written = write();
    [this.#heard, this.#heardBytes, this.#records] = [heard, heardBytes, records];
    return written;
  }

  takeKept(): readonly Batch[] {
    const kept = [...this.#kept];
    this.#kept.clear();
    return kept;
  }

  /** What is to be written down is written at the end of this call, whether or not this node says anything in it. */
  due(): void {
    this.#isDue = true;
  }

  record(instance: InstanceId, subject: Subject): InstanceRecord {
    const known = this.#records.get(instance);
    if (known !== undefined) return known;
    const record = emptyInstanceRecord({ instance, subject });
    this.#records.set(instance, record);
    return record;
  }

  emit(output: EngineOutput): void {
    this.#outputs.push(output);
  }

  /** Ends a call: its outputs, in the order in which they must be carried out. */
  flush(): EngineOutput[] {
    for (const run of this.#last) run();
    this.#last = [];
    this.sealNow();
    // What is deferred may defer more, and never signs anything.
    for (let at = 0; at < this.#deferred.length; at++) this.#deferred[at]!();
    this.#deferred = [];
    const outputs: EngineOutput[] = [];
    if (this.#batches.length > 0 || this.#isDue || this.#heardBytes > heardBytesMax) {
      const record = this.takeRecord();
      if (record !== undefined) outputs.push({ type: 'persist', record });
    }
    this.#isDue = false;
    for (const frame of this.#all.build()) outputs.push({ type: 'send', to: 'all', frame });
    for (const [to, builder] of this.#single)
      for (const frame of builder.build()) outputs.push({ type: 'send', to, frame });
    this.#all = new FrameBuilder();
    this.#single = new Map();
    const all = outputs.concat(this.#outputs);
    this.#outputs = [];
    return all;
  }

  /** What was to be written down since the last time; undefined where nothing was. */
  takeRecord(): Uint8Array | undefined {
    if (this.#batches.length === 0 && this.#heard.length === 0 && this.#records.size === 0) return undefined;
    const instances = [...this.#records.values()];
    const record = encodeRecord({ batches: this.#batches, heard: this.#heard, instances, forgotten: nothingForgotten });
    this.#batches = [];
    this.#heard = [];
    this.#heardBytes = 0;
    this.#records = new Map();
    return record;
  }
}
