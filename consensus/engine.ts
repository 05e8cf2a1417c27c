// Law: many instances, one engine, no clock and no I/O: the same inputs in the same order give the same outputs.
import type { NodeId } from '../actors/system/index.ts';
import { defaultLimits, type Engine, type EngineInput, type EngineOptions, type EngineOutput } from './engine-types.ts';
import { EntryMemo } from './entry-memo.ts';
import { type EpochView, epochViewOf, leaderOf, leaderOrder } from './epoch.ts';
import type { InstanceHost } from './instance-host.ts';
import { Intake } from './intake.ts';
import { decodeEntry, type InstanceId, instanceIdOf, type Subject } from './messages.ts';
import { Outbox } from './outbox.ts';
import { decodeRecord, encodeRecord, type InstanceRecord, nothingForgotten } from './record.ts';
import { instanceOf, Registry } from './registry.ts';
import { type Rules, soundRules } from './rules.ts';
import { HeldEntry, reopenBatch } from './signed-entry.ts';

/** Throws UnsoundQuorum where the config cannot keep its promise. */
export function createEngine(options: EngineOptions): Engine {
  return buildEngine(options, soundRules);
}

/** As createEngine, with the rules that safety rests on passed in: for the tests that plant a bug in them. Not behind the door. */
export function buildEngine(options: EngineOptions, rules: Rules): Engine {
  return new InstanceEngine(options, rules);
}

class InstanceEngine implements Engine {
  readonly #options: EngineOptions;
  readonly #epoch: EpochView;
  readonly #outbox: Outbox;
  readonly #registry: Registry;
  readonly #intake: Intake;
  readonly #suspects = new Set<NodeId>();
  #isRestoring = false;

  constructor(options: EngineOptions, rules: Rules) {
    const { config, meshId, crypto, self, timeouts, limits } = options;
    this.#options = options;
    this.#epoch = { ...epochViewOf(config, meshId, crypto), thresholds: rules.thresholds(config) };
    const voter = self !== undefined && this.#epoch.weights.has(self.id) ? self : undefined;
    const memo = new EntryMemo(crypto);
    const outbox = new Outbox(voter, crypto, memo);
    const host: InstanceHost = {
      self: voter?.id,
      epoch: this.#epoch,
      crypto,
      rules,
      timeouts,
      limits: { ...defaultLimits, ...limits },
      sign: (entry) => outbox.sign(entry),
      lastly: (run) => outbox.lastly(run),
      sealNow: () => outbox.sealNow(),
      afterSeal: (run) => outbox.afterSeal(run),
      toAll: () => outbox.toAll(),
      to: (node) => outbox.to(node),
      record: (instance, subject) => outbox.record(instance, subject),
      remember: (held, record) => outbox.remember(held, record),
      keep: (held, record) => outbox.keep(held, record),
      due: () => outbox.due(),
      emit: (output) => {
        if (!this.#isRestoring) outbox.emit(output);
      },
      awaits: (hash, instance) => this.#registry.await(hash, instance),
      holds: (instance, proposer, sizeBytes) => this.#registry.hold(instance, proposer, sizeBytes),
      settled: (instance, awaited) => this.#registry.settle(instance, awaited),
      isSuspected: (node) => this.#suspects.has(node),
    };
    this.#outbox = outbox;
    this.#registry = new Registry(host);
    this.#intake = new Intake(this.#epoch, crypto, this.#registry, memo);
  }

  get liveCount(): number {
    return this.#registry.liveCount;
  }

  instanceId(subject: Subject): InstanceId {
    return instanceIdOf(this.#epoch.scope, subject, this.#options.crypto);
  }

  leader(instance: InstanceId, round: number): NodeId {
    if (round === 0) return leaderOf(instance, this.#epoch);
    const order = leaderOrder(instance, this.#epoch.weights.keys());
    return order[round % order.length]!;
  }

  handle(input: EngineInput): EngineOutput[] {
    return this.handleAll([input]);
  }

  handleAll(inputs: readonly EngineInput[]): EngineOutput[] {
    for (const input of inputs) this.#take(input);
    const outputs = this.#outbox.flush();
    this.#registry.tidy();
    return outputs;
  }

  snapshot(): Uint8Array[] {
    return this.#outbox.aside(() => this.#snapshot());
  }

  #snapshot(): Uint8Array[] {
    const records: Uint8Array[] = [];
    for (const forgotten of [nothingForgotten, ...this.#registry.forgotten.chunks()])
      records.push(encodeRecord({ batches: [], heard: [], instances: [], forgotten }));
    for (const part of [...this.#registry.settlements(), ...this.#registry.all()]) {
      part.snapshot();
      const record = this.#outbox.takeRecord();
      if (record !== undefined) records.push(record);
    }
    // Behind the instances they speak of: who restores a batch takes from it what is about those it knows.
    for (const batch of this.#outbox.takeKept())
      records.push(encodeRecord({ batches: [], heard: [batch], instances: [], forgotten: nothingForgotten }));
    return records;
  }

  #take(input: EngineInput): void {
    switch (input.type) {
      case 'start':
        this.#start(input.subject, input.payload);
        break;
      case 'offer':
        this.#registry.find(input.instance)?.offer(input.payload);
        break;
      case 'frame':
        this.#suspects.delete(input.from);
        this.#intake.frame(input.from, input.bytes);
        break;
      case 'validated':
        this.#registry.find(input.instance)?.onValidated(input.value, input.ok);
        break;
      case 'timeout':
        this.#timeout(input);
        break;
      case 'suspect':
        this.#suspects.add(input.node);
        for (const instance of this.#registry.all()) instance.onSuspect(input.node);
        break;
      case 'restore':
        this.#restore(input.record);
        break;
      case 'resume':
        for (const instance of this.#registry.all()) instance.resume();
        break;
    }
  }

  #timeout({ instance, kind, round }: Extract<EngineInput, { type: 'timeout' }>): void {
    const live = this.#registry.find(instance);
    // Nothing more may ever be said here: what it rests on is not to be left in memory only.
    if (live === undefined || live.isDecided) this.#outbox.due();
    live?.onTimeout(kind, round);
  }

  #start(subject: Subject, payload: Uint8Array | undefined): void {
    const id = this.instanceId(subject);
    this.#registry.closed(id)?.announce();
    if (this.#registry.find(id) === undefined && (this.#registry.isKnown(id) || !this.#registry.hasRoom(subject)))
      return;
    const instance = this.#registry.open(id, subject);
    this.#registry.release(instance);
    if (payload !== undefined && !instance.isDecided) instance.offer(payload);
    this.#registry.begin(instance);
  }

  /** Throws MalformedBytes on a record that this engine did not write; the caller refuses to vote then. */
  #restore(bytes: Uint8Array): void {
    this.#isRestoring = true;
    try {
      const record = decodeRecord(bytes);
      this.#registry.forgotten.restore(record.forgotten);
      // A log may reach back into another epoch: what was said there is not said here.
      const parts = record.instances.filter(
        ({ instance, subject }) => this.instanceId(subject) === instance && !this.#registry.forgotten.has(instance),
      );
      for (const { instance, subject } of parts) this.#registry.open(instance, subject);
      for (const batch of [...record.batches, ...record.heard]) {
        for (const held of reopenBatch(batch, this.#options.crypto)) {
          const entry = decodeEntry(held.entry);
          this.#registry.find(instanceOf(entry))?.restoring.entry(entry, held);
        }
      }
      for (const part of parts) this.#restoreInstance(part);
    } finally {
      this.#isRestoring = false;
    }
  }

  #restoreInstance(part: InstanceRecord): void {
    const instance = this.#registry.open(part.instance, part.subject);
    const { restoring } = instance;
    restoring.introduced();
    for (const payload of part.payloads) restoring.payload(payload);
    for (const signed of part.entries) restoring.entry(decodeEntry(signed.entry), HeldEntry.of(signed));
    for (const justification of part.justifications) restoring.justification(justification);
    for (const encoded of part.certificates) instance.restoreDecision(encoded);
  }
}
