// Law: everything one call makes this node say goes under one signature and into one record, and the record comes before the sends.
import type { Crypto, NodeId } from '../actors/system/index.ts';
import type { Identity } from '../protocols/wire/index.ts';
import type { EngineOutput } from './engine-types.ts';
import { FrameBuilder } from './frame.ts';
import type { InstanceId, Subject } from './messages.ts';
import { emptyInstanceRecord, encodeRecord, type InstanceRecord } from './record.ts';
import { type Batch, HeldEntry, maxBatchEntries, sealBatch } from './signed-entry.ts';

export class Outbox {
  readonly #self: Identity | undefined;
  readonly #crypto: Crypto;
  #unsealed: HeldEntry[] = [];
  #batches: Batch[] = [];
  #deferred: (() => void)[] = [];
  #all = new FrameBuilder();
  #single = new Map<NodeId, FrameBuilder>();
  #records = new Map<InstanceId, InstanceRecord>();
  #outputs: EngineOutput[] = [];

  constructor(self: Identity | undefined, crypto: Crypto) {
    this.#self = self;
    this.#crypto = crypto;
  }

  sign(entry: Uint8Array): HeldEntry {
    if (this.#self === undefined) throw new Error('an observer signs nothing');
    const held = new HeldEntry(entry, this.#self.id);
    this.#unsealed.push(held);
    return held;
  }

  sealNow(): void {
    for (let at = 0; at < this.#unsealed.length; at += maxBatchEntries) {
      const batch = sealBatch(this.#self!, this.#crypto, this.#unsealed.slice(at, at + maxBatchEntries));
      this.#batches.push(batch);
      this.#all.batch(batch);
    }
    this.#unsealed = [];
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
    this.sealNow();
    // What is deferred may defer more, and never signs anything.
    for (let at = 0; at < this.#deferred.length; at++) this.#deferred[at]!();
    this.#deferred = [];
    const outputs: EngineOutput[] = [];
    const record = this.takeRecord();
    if (record !== undefined) outputs.push({ type: 'persist', record });
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
    if (this.#batches.length === 0 && this.#records.size === 0) return undefined;
    const record = encodeRecord({ batches: this.#batches, instances: [...this.#records.values()], forgotten: [] });
    this.#batches = [];
    this.#records = new Map();
    return record;
  }
}
