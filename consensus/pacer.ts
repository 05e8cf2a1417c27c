// Law: links lose messages and nodes restart, so whatever is still needed is said and asked again, less and less often, until the
// instance has decided; no answer is given to one peer without end.
import type { NodeId } from '../actors/system/index.ts';
import type { CalmInstance } from './calm-instance.ts';
import type { CoreState, TimeoutKind, ValueId } from './core.ts';
import type { Timeouts, TimerKind } from './engine-types.ts';
import type { Sync } from './frame.ts';
import type { InstanceHost } from './instance-host.ts';
import type { InstanceId } from './messages.ts';
import type { OwnStatements } from './own-statements.ts';
import type { Proposals } from './proposals.ts';
import { appended, nothing } from './rounds.ts';

/** `isHurried`: the one who is waited for is suspected. */
export function roundDelayMs({ baseMs, maxMs }: Timeouts, round: number, isHurried: boolean): number {
  const delayMs = Math.min(maxMs, Math.round(baseMs * (1 + round / 2)));
  return isHurried ? Math.round(Math.min(delayMs, baseMs) / 4) : delayMs;
}

/**
 * How long a quorum that is not enough to decide at once waits for the others: half of the one-way delay that `baseMs` allows for. It spares
 * the whole second vote where they are only a little later, and costs as much where they are down and nobody suspects it yet.
 */
export function fastDelayMs({ baseMs }: Timeouts): number {
  return Math.max(1, Math.round(baseMs / 8));
}

/** After `repeats` repetitions in vain. */
export function resendDelayMs({ baseMs, maxMs }: Timeouts, repeats: number): number {
  return Math.min(maxMs, baseMs * 2 ** Math.min(repeats + 1, 20));
}

export class Pacer {
  readonly #id: InstanceId;
  readonly #host: InstanceHost;
  readonly #own: OwnStatements;
  readonly #proposals: Proposals;
  /** What was armed or asked for in this round. */
  #armed: readonly (TimeoutKind | 'wanted')[] = nothing;
  #asked: readonly ValueId[] = nothing;
  /** Hashes of payloads and justifications that are waited for. */
  #awaited: readonly string[] = nothing;
  #answers: Map<NodeId, number> | undefined;
  #repeats = 0;

  constructor(id: InstanceId, host: InstanceHost, own: OwnStatements, proposals: Proposals) {
    this.#id = id;
    this.#host = host;
    this.#own = own;
    this.#proposals = proposals;
  }

  get awaited(): readonly string[] {
    return this.#awaited;
  }

  /** What the calm form armed, asked for and waits for. */
  takeOver(calm: CalmInstance): void {
    if (calm.hasBegun) this.#armed = calm.hasWanted ? ['propose', 'wanted'] : ['propose'];
    if (calm.isAwaiting) this.await(calm.proposal!.value);
  }

  enter(): void {
    this.#armed = nothing;
    this.#asked = nothing;
    this.#repeats = 0;
  }

  /** Once a round: true the first time. */
  once(what: TimeoutKind | 'wanted'): boolean {
    if (this.#armed.includes(what)) return false;
    this.#armed = appended(this.#armed, what);
    return true;
  }

  arm(kind: TimeoutKind, round: number, leader: NodeId): void {
    if (!this.once(kind)) return;
    const isHurried = kind === 'propose' && this.#host.isSuspected(leader);
    this.#emit(kind, round, roundDelayMs(this.#host.timeouts, round, isHurried));
  }

  armResend(round: number): void {
    this.#emit('resend', Math.max(round, 0), resendDelayMs(this.#host.timeouts, this.#repeats));
  }

  /** Says everything of this round again, and asks for what is missing. `core` is read when it is sent. */
  resend(core: () => CoreState): void {
    this.#repeats++;
    this.#host.afterSeal(() => this.#repeat(core(), undefined));
    this.armResend(core().round);
  }

  syncAll(core: () => CoreState): void {
    this.#host.afterSeal(() => this.#own.sync(this.#host.toAll(), core(), this.#wants(core())));
  }

  await(hash: string): void {
    if (!this.#awaited.includes(hash)) this.#awaited = appended(this.#awaited, hash);
    this.#host.awaits(hash, this.#id);
  }

  /** Asks everybody, once a round, for payloads this node needs in order to lead. True where any is missing. */
  ask(values: readonly ValueId[], core: () => CoreState): boolean {
    const missing = values.filter((value) => this.#proposals.payload(value) === undefined);
    const isNew = missing.some((value) => !this.#asked.includes(value));
    for (const value of missing) {
      if (!this.#asked.includes(value)) this.#asked = appended(this.#asked, value);
      this.await(value);
    }
    if (isNew) this.syncAll(core);
    return missing.length > 0;
  }

  /** The decision is known and its payload is not: asks those who signed it, one at a time. */
  askHolders(value: ValueId, signers: readonly NodeId[], round: number): void {
    const holders = signers.filter((node) => node !== this.#host.self);
    const holder = holders[this.#repeats++ % Math.max(holders.length, 1)];
    this.await(value);
    if (holder !== undefined) {
      this.#host.afterSeal(() =>
        this.#host.to(holder).sync({ instance: this.#id, round: Math.max(round, 0), wants: [value] }),
      );
    }
    this.armResend(round);
  }

  /** Answers a peer that is behind, or lacks a payload that is here. */
  answer(from: NodeId, sync: Sync, core: () => CoreState): void {
    const held = sync.wants.filter((value) => this.#proposals.payload(value) !== undefined);
    if (sync.round >= core().round && held.length === 0) return;
    this.#answers ??= new Map();
    const given = this.#answers.get(from) ?? 0;
    if (given >= this.#host.limits.answersPerPeer) {
      this.#host.emit({ type: 'refused', from, reason: `asked ${given} times about instance ${this.#id}` });
      return;
    }
    this.#answers.set(from, given + 1);
    this.#host.afterSeal(() => {
      if (sync.round < core().round) this.#repeat(core(), from);
      for (const value of held) {
        const payload = this.#proposals.payload(value);
        if (payload !== undefined) this.#host.to(from).payload(value, payload);
      }
    });
  }

  #repeat(core: CoreState, to: NodeId | undefined): void {
    const builder = to === undefined ? this.#host.toAll() : this.#host.to(to);
    this.#own.sync(builder, core, this.#wants(core));
    this.#own.repeat(builder, core.round);
  }

  #wants(core: CoreState): ValueId[] {
    const proposed = this.#proposals.of(core.round)?.proposal.value;
    const wants = new Set(proposed === undefined ? this.#asked : [proposed, ...this.#asked]);
    return [...wants].filter((value) => this.#proposals.payload(value) === undefined);
  }

  #emit(kind: TimerKind, round: number, delayMs: number): void {
    this.#host.emit({ type: 'timer', instance: this.#id, kind, round, delayMs });
  }
}
