// Law: children start in order, one after the other, and stop in the reverse; dynamic ones stop all at once. What will not be started
// again is forgotten where it is temporary or dynamic, and its ref is released once.
import type { EndKind, ModelChild, ModelEffect, ModelEvent, ModelRules } from './model-events.ts';
import type { Run } from './spec.ts';

export interface Slot extends ModelChild {
  run: Run;
  /** Stopped to be started again: its ref waits. */
  held: boolean;
  /** Waiting for its back-off: this restart is paid for. */
  delayed: boolean;
  attempt: number;
  startedAtMs: number;
}

export type Outcome = Extract<ModelEvent, { type: 'started' | 'ignored' | 'failed' }>;
export type Wait =
  | { readonly type: 'start'; readonly id: string }
  | { readonly type: 'stop'; readonly id: string }
  /** For any child to end. */
  | { readonly type: 'stops' };
export type Procedure<T> = Generator<Wait, T, Outcome | undefined>;

/** What a supervisor has, and how it is started and stopped; the model decides when. */
export abstract class Children {
  protected readonly rules: ModelRules;
  /** In start order: oldest first. */
  protected readonly slots: Map<string, Slot> = new Map();
  /** Ends nobody has acted on, in order. */
  protected readonly ended: Map<string, EndKind> = new Map();
  private endsInOrder: IterableIterator<[string, EndKind]> | undefined = undefined;
  protected nowMs = 0;
  protected effects: ModelEffect[] = [];

  constructor(rules: ModelRules) {
    this.rules = rules;
  }

  /** There is one. Not from the map's start each time: that walks over all that were deleted. */
  protected oldestEnd(): readonly [id: string, how: EndKind] {
    for (;;) {
      this.endsInOrder ??= this.ended.entries();
      const { value, done } = this.endsInOrder.next();
      if (done !== true) return value;
      this.endsInOrder = undefined;
    }
  }

  protected *startAll(slots: readonly Slot[]): Procedure<{ readonly id: string; readonly error: unknown } | undefined> {
    for (const slot of slots) {
      const outcome = yield* this.start(slot);
      if (outcome.type === 'failed') return { id: slot.id, error: outcome.error };
      this.afterStart(slot, outcome);
    }
    return undefined;
  }

  protected *start(slot: Slot): Procedure<Outcome> {
    this.effects.push({ type: 'start', id: slot.id });
    slot.held = true;
    return (yield { type: 'start', id: slot.id })!;
  }

  /** False: it ignored the start. */
  protected afterStart(slot: Slot, outcome: Outcome): boolean {
    if (outcome.type === 'started') {
      slot.run = 'up';
      slot.held = false;
      slot.startedAtMs = this.nowMs;
      return true;
    }
    this.markDown(slot);
    this.release(slot);
    return false;
  }

  protected *stop(slot: Slot): Procedure<void> {
    if (slot.run !== 'up') return;
    slot.held = true;
    if (this.ended.delete(slot.id)) return;
    this.effects.push({ type: 'stop', ids: [slot.id] });
    yield { type: 'stop', id: slot.id };
  }

  protected *terminateAll(): Procedure<void> {
    const newestFirst = [...this.slots.values()].reverse();
    if (this.rules.strategy === 'dynamic') yield* this.stopTogether(newestFirst);
    for (const slot of newestFirst) {
      yield* this.stop(slot);
      slot.run = 'down';
      this.release(slot);
    }
  }

  /** Each is gone as soon as it has ended: who watches it does not wait for the slowest. */
  protected *stopTogether(slots: readonly Slot[]): Procedure<void> {
    const living = new Map(slots.filter((slot) => slot.run === 'up').map((slot) => [slot.id, slot]));
    const ids = [...living.keys()].filter((id) => !this.ended.has(id));
    if (ids.length > 0) this.effects.push({ type: 'stop', ids });
    while (living.size > 0) {
      if (this.ended.size === 0) yield { type: 'stops' };
      for (const id of this.ended.keys()) {
        const slot = living.get(id);
        if (slot === undefined) continue;
        living.delete(id);
        slot.held = true;
        slot.run = 'down';
        this.release(slot);
      }
      this.ended.clear();
    }
  }

  /** Temporary and dynamic children are forgotten with their end. */
  protected markDown(slot: Slot): void {
    slot.run = 'down';
    slot.delayed = false;
    if (slot.restart === 'temporary' || this.rules.strategy === 'dynamic') this.slots.delete(slot.id);
  }

  protected release(slot: Slot): void {
    if (slot.held) this.effects.push({ type: 'release', id: slot.id });
    slot.held = false;
  }
}

export function slotOf({ id, restart, significant, backoff }: ModelChild): Slot {
  return { id, restart, significant, backoff, run: 'down', held: false, delayed: false, attempt: 0, startedAtMs: 0 };
}
