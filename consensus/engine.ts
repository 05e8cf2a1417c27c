// Law: many instances, one engine, no clock and no I/O: the same inputs in the same order give the same outputs. What comes from a peer is
// verified before it counts, bounded before it is kept, and attributed when it is refused.
import type { NodeId } from '../actors/system/index.ts';
import { hex, MalformedBytes } from '../protocols/wire/index.ts';
import { decodeCertificate, verifyCertificateIn } from './certificate.ts';
import { defaultLimits, type Engine, type EngineInput, type EngineLimits, type EngineOptions, type EngineOutput } from './engine-types.ts';
import { type EpochView, epochViewOf, leaderOrder } from './epoch.ts';
import { decodeFrame, type Frame } from './frame.ts';
import { Instance } from './instance.ts';
import type { InstanceHost } from './instance-host.ts';
import { decodeEntry, type Entry, type InstanceId, instanceIdOf, type Subject } from './messages.ts';
import { Outbox } from './outbox.ts';
import { decodeRecord, type InstanceRecord } from './record.ts';
import { type Rules, soundRules } from './rules.ts';
import { type Batch, HeldEntry, openBatch, reopenBatch, type SignedEntry, verifySignedEntry } from './signed-entry.ts';
import { Strangers } from './strangers.ts';

/** Decided instances whose votes are kept, so that who contradicts itself late is still convicted. */
const settledWithVotes = 256;

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
  readonly #limits: EngineLimits;
  readonly #epoch: EpochView;
  readonly #outbox: Outbox;
  readonly #host: InstanceHost;
  readonly #instances = new Map<InstanceId, Instance>();
  /** Who introduced an undecided instance that this node did not start. */
  readonly #introducers = new Map<InstanceId, NodeId>();
  readonly #introduced = new Map<NodeId, number>();
  readonly #strangers: Strangers;
  readonly #awaiting = new Map<string, Set<InstanceId>>();
  readonly #suspects = new Set<NodeId>();
  readonly #settled: InstanceId[] = [];
  #live = 0;
  #isRestoring = false;

  constructor(options: EngineOptions, rules: Rules) {
    this.#options = options;
    this.#limits = { ...defaultLimits, ...options.limits };
    this.#epoch = { ...epochViewOf(options.config, options.meshId, options.crypto), thresholds: rules.thresholds(options.config) };
    this.#strangers = new Strangers(this.#limits.strangersPerMember);
    const { self } = options;
    const voter = self !== undefined && this.#epoch.weights.has(self.id) ? self : undefined;
    const outbox = new Outbox(voter, options.crypto);
    this.#outbox = outbox;
    this.#host = {
      self: voter?.id,
      epoch: this.#epoch,
      crypto: options.crypto,
      rules,
      timeouts: options.timeouts,
      limits: this.#limits,
      sign: (entry) => outbox.sign(entry),
      sealNow: () => outbox.sealNow(),
      afterSeal: (run) => outbox.afterSeal(run),
      toAll: () => outbox.toAll(),
      to: (node) => outbox.to(node),
      record: (instance, subject) => outbox.record(instance, subject),
      emit: (output) => {
        if (!this.#isRestoring) outbox.emit(output);
      },
      awaits: (hash, instance) => this.#await(hash, instance),
      settled: (instance, awaited) => this.#settle(instance, awaited),
      isSuspected: (node) => this.#suspects.has(node),
    };
  }

  get liveCount(): number {
    return this.#live;
  }

  instanceId(subject: Subject): InstanceId {
    return instanceIdOf(this.#epoch.scope, subject, this.#options.crypto);
  }

  leader(instance: InstanceId, round: number): NodeId {
    const order = this.#instances.get(instance)?.order ?? leaderOrder(instance, this.#epoch.weights.keys());
    return order[round % order.length]!;
  }

  handle(input: EngineInput): EngineOutput[] {
    this.#take(input);
    return this.#outbox.flush();
  }

  handleAll(inputs: readonly EngineInput[]): EngineOutput[] {
    for (const input of inputs) this.#take(input);
    return this.#outbox.flush();
  }

  snapshot(): Uint8Array[] {
    const records: Uint8Array[] = [];
    for (const instance of this.#instances.values()) {
      instance.snapshot();
      const record = this.#outbox.takeRecord();
      if (record !== undefined) records.push(record);
    }
    return records;
  }

  #take(input: EngineInput): void {
    switch (input.type) {
      case 'start': {
        const instance = this.#open(this.instanceId(input.subject), input.subject);
        this.#releaseIntroducer(instance.id);
        if (input.payload !== undefined && !instance.isDecided) instance.offer(input.payload);
        return this.#begin(instance);
      }
      case 'offer':
        return this.#instances.get(input.instance)?.offer(input.payload);
      case 'frame':
        return this.#onFrame(input.from, input.bytes);
      case 'validated':
        return this.#instances.get(input.instance)?.onValidated(input.value, input.ok);
      case 'timeout':
        return this.#instances.get(input.instance)?.onTimeout(input.kind, input.round);
      case 'suspect':
        this.#suspects.add(input.node);
        for (const instance of this.#instances.values()) instance.onSuspect(input.node);
        return;
      case 'restore':
        return this.#restore(input.record);
      case 'resume':
        for (const instance of this.#instances.values()) instance.resume();
        return;
    }
  }

  // --- instances ---------------------------------------------------------------------------------------------------------------------

  #open(id: InstanceId, subject: Subject): Instance {
    let instance = this.#instances.get(id);
    if (instance === undefined) {
      this.#instances.set(id, (instance = new Instance(id, subject, this.#host)));
      this.#live++;
    }
    return instance;
  }

  #begin(instance: Instance): void {
    instance.begin();
    for (const { entry, held } of this.#strangers.take(instance.id)) deliver(instance, entry, held);
  }

  /** A peer says there is such an instance: this node takes part, unless that peer brought too many already. */
  #join(id: InstanceId, subject: Subject, from: NodeId): void {
    if (this.#instances.has(id)) return;
    const count = this.#introduced.get(from) ?? 0;
    if (!this.#epoch.weights.has(from)) return this.#refuse(from, 'only a member may introduce an instance');
    if (count >= this.#limits.joinedPerPeer) return this.#refuse(from, `introduced ${count} instances that are undecided; no more until some are`);
    this.#introduced.set(from, count + 1);
    this.#introducers.set(id, from);
    this.#host.emit({ type: 'joined', instance: id, subject, from });
    this.#begin(this.#open(id, subject));
  }

  #releaseIntroducer(id: InstanceId): void {
    const from = this.#introducers.get(id);
    if (from === undefined) return;
    this.#introducers.delete(id);
    this.#introduced.set(from, (this.#introduced.get(from) ?? 1) - 1);
  }

  #settle(id: InstanceId, awaited: Iterable<string>): void {
    this.#live--;
    this.#releaseIntroducer(id);
    for (const hash of awaited) {
      const waiting = this.#awaiting.get(hash);
      if (waiting?.delete(id) === true && waiting.size === 0) this.#awaiting.delete(hash);
    }
    this.#settled.push(id);
    if (this.#settled.length > settledWithVotes) this.#instances.get(this.#settled.shift()!)?.compact();
  }

  #await(hash: string, id: InstanceId): void {
    const waiting = this.#awaiting.get(hash);
    if (waiting === undefined) this.#awaiting.set(hash, new Set([id]));
    else waiting.add(id);
  }

  // --- frames ------------------------------------------------------------------------------------------------------------------------

  #onFrame(from: NodeId, bytes: Uint8Array): void {
    this.#suspects.delete(from);
    try {
      const frame = decodeFrame(bytes);
      for (const subject of frame.subjects) this.#join(this.instanceId(subject), subject, from);
      if (frame.batch !== undefined) this.#onBatch(from, frame.batch);
      this.#onRelayed(from, frame.relayed);
      for (const certificate of frame.certificates) this.#onCertificate(from, certificate);
      this.#onHashed(frame);
      for (const sync of frame.syncs) this.#instances.get(sync.instance)?.onSync(from, sync);
    } catch (error) {
      if (!(error instanceof MalformedBytes)) throw error;
      this.#refuse(from, `a malformed frame: ${error.message}`);
    }
  }

  #onBatch(from: NodeId, batch: Batch): void {
    if (!this.#epoch.weights.has(batch.signer)) return this.#refuse(from, `${batch.signer} is not a member of epoch ${this.#epoch.scope.epoch}`);
    const entries = batch.entries.map(decodeEntry);
    const held = openBatch(batch, this.#options.crypto);
    if (held === undefined) return this.#refuse(from, `the signature of ${batch.signer} on a batch does not verify`);
    entries.forEach((entry, i) => {
      this.#onEntry(from, entry, held[i]!);
    });
  }

  #onRelayed(from: NodeId, relayed: readonly SignedEntry[]): void {
    const decoded = relayed.map((signed) => ({ signed, entry: decodeEntry(signed.entry) }));
    // Votes first: a second proposal of round 0 is only kept where a vote names it.
    decoded.sort((a, b) => Number(a.entry.type === 'proposal') - Number(b.entry.type === 'proposal'));
    for (const { signed, entry } of decoded) {
      if (!this.#epoch.weights.has(signed.signer)) return this.#refuse(from, `relays ${signed.signer}, who is not a member`);
      if (this.#instances.get(instanceOf(entry))?.isKnown(signed)) continue;
      if (!verifySignedEntry(signed, this.#options.crypto)) return this.#refuse(from, `relays a signature of ${signed.signer} that does not verify`);
      this.#onEntry(from, entry, HeldEntry.of(signed));
    }
  }

  #onEntry(from: NodeId, entry: Entry, held: HeldEntry): void {
    const id = instanceOf(entry);
    const instance = this.#instances.get(id);
    if (instance !== undefined) return deliver(instance, entry, held);
    if (!this.#strangers.keep(id, { entry, held })) {
      this.#refuse(from, `${held.signer} says more about unknown instances than is kept`);
    }
  }

  #onCertificate(from: NodeId, bytes: Uint8Array): void {
    const certificate = decodeCertificate(bytes);
    const known = this.#instances.get(certificate.instance);
    if (known !== undefined && known.isProven(certificate)) return;
    const isKnown = (signed: SignedEntry): boolean => known?.isKnown(signed) === true;
    const check = verifyCertificateIn(certificate, this.#epoch, this.#options.crypto, isKnown);
    if (!check.ok) return this.#refuse(from, `a certificate that proves nothing: ${check.reason}`);
    const instance = this.#open(certificate.instance, certificate.subject);
    if (known === undefined) {
      this.#host.emit({ type: 'joined', instance: instance.id, subject: instance.subject, from });
      this.#begin(instance);
    }
    instance.onCertificate(certificate);
  }

  /** Payloads and justifications: whoever waits for something of that hash gets it. */
  #onHashed(frame: Frame): void {
    for (const [items, hand] of [
      [frame.justifications, (instance: Instance, hash: string, bytes: Uint8Array) => instance.onJustification(hash, bytes)],
      [frame.payloads, (instance: Instance, hash: string, bytes: Uint8Array) => instance.onPayload(hash, bytes)],
    ] as const) {
      for (const bytes of items) {
        const hash = hex.encode(this.#options.crypto.sha256(bytes));
        const waiting = this.#awaiting.get(hash);
        if (waiting === undefined) continue;
        this.#awaiting.delete(hash);
        for (const id of waiting) {
          const instance = this.#instances.get(id);
          if (instance !== undefined) hand(instance, hash, bytes);
        }
      }
    }
  }

  #refuse(from: NodeId, reason: string): void {
    this.#host.emit({ type: 'refused', from, reason });
  }

  // --- restart -----------------------------------------------------------------------------------------------------------------------

  /** Throws MalformedBytes on a record that this engine did not write; the caller refuses to vote then. */
  #restore(bytes: Uint8Array): void {
    this.#isRestoring = true;
    try {
      const record = decodeRecord(bytes);
      for (const part of record.instances) this.#open(this.instanceId(part.subject), part.subject);
      for (const batch of record.batches) {
        for (const held of reopenBatch(batch, this.#options.crypto)) {
          const entry = decodeEntry(held.entry);
          this.#instances.get(instanceOf(entry))?.restoreEntry(entry, held);
        }
      }
      for (const part of record.instances) this.#restoreInstance(part);
    } finally {
      this.#isRestoring = false;
    }
  }

  #restoreInstance(part: InstanceRecord): void {
    const instance = this.#open(this.instanceId(part.subject), part.subject);
    for (const payload of part.payloads) instance.restorePayload(payload);
    for (const signed of part.entries) instance.restoreEntry(decodeEntry(signed.entry), HeldEntry.of(signed));
    for (const justification of part.justifications) instance.restoreJustification(justification);
    for (const encoded of part.certificates) instance.restoreCertificate(decodeCertificate(encoded), encoded);
  }
}

function instanceOf(entry: Entry): InstanceId {
  return entry.type === 'vote' ? entry.vote.instance : entry.proposal.instance;
}

function deliver(instance: Instance, entry: Entry, held: HeldEntry): void {
  if (entry.type === 'vote') instance.onVote(entry.vote, held);
  else instance.onProposal(entry.proposal, held);
}
