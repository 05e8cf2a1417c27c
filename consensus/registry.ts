// Law: which instances there are, who brought them up, and who waits for what; bounded per member, so that one who floods is the only one
// who is turned away.
import type { NodeId } from '../actors/system/index.ts';
import { Archive } from './archive.ts';
import type { EngineLimits } from './engine-types.ts';
import type { EpochView } from './epoch.ts';
import { Forgotten } from './forgotten.ts';
import type { InstanceHost } from './instance-host.ts';
import { LiveInstance } from './live-instance.ts';
import type { Entry, InstanceId, Subject } from './messages.ts';
import { appended, nothing } from './rounds.ts';
import type { Settlement } from './settlement.ts';
import type { HeldEntry } from './signed-entry.ts';
import { Strangers } from './strangers.ts';

export class Registry {
  readonly #host: InstanceHost;
  readonly #epoch: EpochView;
  readonly #limits: EngineLimits;
  readonly #instances = new Map<InstanceId, LiveInstance>();
  /** How many undecided instances each member introduced that this node did not start. */
  readonly #introduced = new Map<NodeId, number>();
  readonly #strangers: Strangers;
  /** Instances by the hash of the payload or justification they wait for. */
  readonly #awaiting = new Map<string, InstanceId[]>();
  /** Bytes of undecided payloads by who proposed them. */
  readonly #payloadBytes = new Map<NodeId, number>();
  /** Decided instances that still have their votes, oldest first. */
  #settled: LiveInstance[] = [];
  readonly #archive: Archive;
  /** Of the oldest, that they were decided is all that is left: enough never to vote in them again. */
  readonly #forgotten: Forgotten;
  #live = 0;

  constructor(host: InstanceHost) {
    this.#host = host;
    this.#epoch = host.epoch;
    this.#limits = host.limits;
    this.#archive = new Archive(host);
    this.#forgotten = new Forgotten(host.limits.forgotten);
    this.#strangers = new Strangers(host.limits.strangersPerMember);
  }

  get liveCount(): number {
    return this.#live;
  }

  /** Whether `id` is under way or decided. */
  isKnown(id: InstanceId): boolean {
    return this.#instances.has(id) || this.#archive.has(id) || this.#forgotten.has(id);
  }

  find(id: InstanceId): LiveInstance | undefined {
    return this.#instances.get(id);
  }

  all(): Iterable<LiveInstance> {
    return this.#instances.values();
  }

  open(id: InstanceId, subject: Subject): LiveInstance {
    const known = this.#instances.get(id);
    if (known !== undefined) return known;
    const instance = new LiveInstance(id, subject, this.#host);
    this.#instances.set(id, instance);
    this.#live++;
    return instance;
  }

  /** Starts taking part, with what was said about the instance before it was known. */
  begin(instance: LiveInstance): void {
    instance.begin();
    for (const { entry, held } of this.#strangers.take(instance.id)) instance.onEntry(entry, held);
  }

  /** A peer says there is such an instance, which is new here: this node takes part, unless that peer brought too many already. */
  join(id: InstanceId, subject: Subject, from: NodeId): void {
    if (!this.hasRoom(subject)) return;
    const count = this.#introduced.get(from) ?? 0;
    if (!this.#epoch.weights.has(from)) this.refuse(from, 'only a member may introduce an instance');
    else if (count >= this.#limits.joinedPerPeer) {
      this.refuse(from, `introduced ${count} instances that are undecided; no more until some are`);
    } else {
      this.#introduced.set(from, count + 1);
      this.welcome(id, subject, from, from);
    }
  }

  /** Whether an instance may begin: of one that has, it must be possible never to forget that it had. What ends the epoch always may. */
  hasRoom({ domain }: Subject): boolean {
    return !this.#forgotten.isFull || domain === 'config' || domain === 'log';
  }

  /** Takes part in an instance that somebody else brought up. */
  welcome(id: InstanceId, subject: Subject, from: NodeId, introducer?: NodeId): LiveInstance {
    this.#host.emit({ type: 'joined', instance: id, subject, from });
    const instance = this.open(id, subject);
    instance.introducer = introducer;
    this.begin(instance);
    return instance;
  }

  /** `id` no longer counts against who introduced it. */
  release(instance: LiveInstance): void {
    const { introducer } = instance;
    if (introducer === undefined) return;
    instance.introducer = undefined;
    this.#introduced.set(introducer, (this.#introduced.get(introducer) ?? 1) - 1);
  }

  /** A verified statement by a member, handed over by `from`. */
  entry(from: NodeId, entry: Entry, held: HeldEntry): void {
    const id = instanceOf(entry);
    const instance = this.#instances.get(id);
    if (instance !== undefined) instance.onEntry(entry, held);
    else if (this.isKnown(id)) {
      // What others bring of a member's old words does not show that it is there, and would use up the answers it is to be given.
      if (entry.type === 'vote' && held.signer === from) this.#archive.get(id)?.onVote(entry.vote, from);
    } else if (!this.#epoch.weights.has(from)) {
      this.refuse(from, 'only a member is heard about an unknown instance');
    } else if (!this.#strangers.keep(from, id, { entry, held })) {
      this.refuse(from, 'brings more about unknown instances than is kept');
    }
  }

  /** Whether `proposer` has room for another undecided payload; takes it if so. */
  hold(id: InstanceId, proposer: NodeId, sizeBytes: number): boolean {
    const held = this.#payloadBytes.get(proposer) ?? 0;
    if (held + sizeBytes > this.#limits.payloadBytesPerMember) {
      this.refuse(proposer, `proposed ${held} bytes that are undecided; no more until some are`);
      return false;
    }
    this.#payloadBytes.set(proposer, held + sizeBytes);
    const instance = this.#instances.get(id);
    if (instance !== undefined) instance.holds = appended(instance.holds, { proposer, sizeBytes });
    return true;
  }

  settle(id: InstanceId, awaited: Iterable<string>): void {
    this.#live--;
    const instance = this.#instances.get(id);
    if (instance !== undefined) {
      this.release(instance);
      for (const { proposer, sizeBytes } of instance.holds)
        this.#payloadBytes.set(proposer, this.#payloadBytes.get(proposer)! - sizeBytes);
      instance.holds = nothing;
      this.#settled.push(instance);
    }
    for (const hash of awaited) {
      const others = this.#awaiting.get(hash)?.filter((waiting) => waiting !== id);
      if (others === undefined) continue;
      if (others.length > 0) this.#awaiting.set(hash, others);
      else this.#awaiting.delete(hash);
    }
  }

  /** Keeps within bounds what is remembered of decided instances. Called between calls, when nothing is under way. */
  tidy(): void {
    const excess = this.#settled.length - this.#limits.settledWithVotes;
    if (excess > 0) {
      const oldest = this.#settled.splice(0, excess);
      for (const instance of oldest) {
        const settlement = instance.closed;
        // One whose payload is still to come goes on asking for it.
        if (settlement === undefined) this.#settled.push(instance);
        else {
          instance.leave();
          this.#instances.delete(instance.id);
          this.#archive.add(settlement);
        }
      }
    }
    while (this.#archive.sizeBytes > this.#limits.closedBytes) {
      const id = this.#archive.evict();
      if (id === undefined) break;
      this.#forgotten.add(id);
    }
  }

  /** What was decided in `id`, where the instance itself is gone. */
  closed(id: InstanceId): Settlement | undefined {
    return this.#archive.get(id);
  }

  /** In these this node never says anything again, nor remembers what was decided. */
  get forgotten(): Forgotten {
    return this.#forgotten;
  }

  settlements(): Iterable<Settlement> {
    return this.#archive.all();
  }

  await(hash: string, id: InstanceId): void {
    const waiting = this.#awaiting.get(hash);
    if (waiting === undefined) this.#awaiting.set(hash, [id]);
    else if (!waiting.includes(id)) waiting.push(id);
  }

  /** Those who waited for `hash`, who now wait no more. */
  claim(hash: string): LiveInstance[] {
    const waiting = this.#awaiting.get(hash);
    if (waiting === undefined) return [];
    this.#awaiting.delete(hash);
    return waiting.flatMap((id) => this.#instances.get(id) ?? []);
  }

  refuse(from: NodeId, reason: string): void {
    this.#host.emit({ type: 'refused', from, reason });
  }
}

export function instanceOf(entry: Entry): InstanceId {
  return entry.type === 'vote' ? entry.vote.instance : entry.proposal.instance;
}
