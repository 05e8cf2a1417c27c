// Law: this is OTP's supervisor as a deterministic machine: events in, effects out, no clock, no actor, no promise. It reads like
// supervisor.erl on purpose: a procedure waits (yields) where OTP blocks, and until then other events wait too.
//   started, ignored, failed, ended ─┐                    ┌─> start, stop, release (children)
//   start, terminate, restart, delete ─>  one at a time  ─┼─> answer (requests)
//   retry, shutdown ─────────────────┘                    └─> retry, ready, exit (itself)
// Beyond OTP: opt-in back-off, `release` (a stopped child that will restart keeps its ref until released), and a shutdown does not
// wait for a child that is still starting.
import { Fifo } from '../fifo.ts';
import { Children, type Outcome, type Procedure, type Slot, slotOf, type Wait } from './children.ts';
import type { Answer, EndKind, ModelChild, ModelEffect, ModelEvent, ModelRules, Refusal } from './model-events.ts';
import type { Run } from './spec.ts';

type Verdict = 'stay' | 'shutdown';

const ignoredAnswer: Answer = { ok: true, ignored: true };
const okAnswer: Answer = { ok: true, ignored: false };

export class SupervisorModel extends Children {
  private readonly waiting = new Fifo<ModelEvent>();
  private readonly restartTimesMs: number[] = [];
  private procedure: Procedure<void> | undefined = undefined;
  private wait: Wait | undefined = undefined;
  private over = false;

  constructor(rules: ModelRules, children: readonly ModelChild[]) {
    super(rules);
    for (const child of children) this.slots.set(child.id, slotOf(child));
  }

  /** A procedure waits for a child. */
  get busy(): boolean {
    return this.procedure !== undefined;
  }

  /** Newest first, as OTP's which_children. */
  children(): { readonly id: string; readonly run: Run }[] {
    return Array.from(this.slots.values(), ({ id, run }) => ({ id, run })).reverse();
  }

  has(id: string): boolean {
    return this.slots.has(id);
  }

  /** Times never go backwards. Perform the effects in order before the next event. */
  handle(event: ModelEvent, nowMs: number): readonly ModelEffect[] {
    this.nowMs = nowMs;
    if (event.type === 'shutdown') this.onShutdown();
    else if (event.type === 'started' || event.type === 'ignored' || event.type === 'failed') this.onOutcome(event);
    else if (event.type === 'ended') this.ended.set(event.id, event.how);
    else this.waiting.push(event);
    this.proceed();
    const { effects } = this;
    this.effects = [];
    return effects;
  }

  private proceed(): void {
    for (;;) {
      if (this.wait?.type === 'stop' && this.ended.delete(this.wait.id)) this.resume(undefined);
      else if (this.wait?.type === 'stops' && this.ended.size > 0) this.resume(undefined);
      else if (this.procedure === undefined && !this.over && this.ended.size > 0) this.begin(this.onEnded());
      else if (this.procedure === undefined && !this.over && this.waiting.size > 0)
        this.begin(this.onEvent(this.waiting.shift()!));
      else return;
    }
  }

  private begin(procedure: Procedure<void>): void {
    this.procedure = procedure;
    this.resume(undefined);
  }

  private resume(outcome: Outcome | undefined): void {
    const step = this.procedure!.next(outcome);
    this.wait = step.done === true ? undefined : step.value;
    if (step.done === true) this.procedure = undefined;
  }

  private onOutcome(outcome: Outcome): void {
    if (this.wait?.type === 'start' && this.wait.id === outcome.id) this.resume(outcome);
    // A start that a shutdown overtook: what failed or ignored is gone already.
    else if (outcome.type !== 'started') this.ended.set(outcome.id, 'normal');
  }

  private onShutdown(): void {
    if (this.over) return;
    const { wait } = this;
    if (wait?.type === 'start') this.slots.get(wait.id)!.run = 'up';
    this.over = true;
    this.begin(this.terminateAll());
  }

  private *onEnded(): Procedure<void> {
    const [id, how] = this.oldestEnd();
    this.ended.delete(id);
    const slot = this.slots.get(id);
    if (slot === undefined || slot.run !== 'up') return;
    yield* this.conclude(yield* this.afterEnd(slot, how));
  }

  private *onEvent(event: ModelEvent): Procedure<void> {
    switch (event.type) {
      case 'init':
        return yield* this.init();
      case 'start':
        return this.answer(event.request, yield* this.startChild(event.child));
      case 'terminate':
        return this.answer(event.request, yield* this.terminateChild(event.id));
      case 'restart':
        return this.answer(event.request, yield* this.restartChild(event.id));
      case 'delete':
        return this.answer(event.request, this.deleteChild(event.id));
      case 'retry': {
        const slot = this.slots.get(event.id);
        if (slot?.run === 'restarting') yield* this.conclude(yield* this.restart(slot));
      }
    }
  }

  private *conclude(verdict: Verdict): Procedure<void> {
    if (verdict === 'stay') return;
    this.over = true;
    yield* this.terminateAll();
    this.effects.push({ type: 'exit' });
  }

  private *init(): Procedure<void> {
    const failed = yield* this.startAll([...this.slots.values()]);
    if (failed === undefined) {
      this.effects.push({ type: 'ready' });
      return;
    }
    this.over = true;
    yield* this.terminateAll();
    this.effects.push({ type: 'exit', failed });
  }

  // ── requests ──

  private *startChild(child: ModelChild): Procedure<Answer> {
    const present = this.slots.get(child.id);
    if (present !== undefined) return refusal(present.run === 'up' ? 'already_started' : 'already_present');
    const slot = slotOf(child);
    this.slots.set(child.id, slot);
    const outcome = yield* this.start(slot);
    if (outcome.type === 'failed') {
      this.slots.delete(child.id);
      this.release(slot);
      return { ok: false, error: { failed: outcome.error } };
    }
    return this.afterStart(slot, outcome) ? okAnswer : ignoredAnswer;
  }

  private *terminateChild(id: string): Procedure<Answer> {
    const slot = this.slots.get(id);
    if (slot === undefined) return refusal('not_found');
    const wasRestarting = slot.run === 'restarting';
    yield* this.stop(slot);
    this.markDown(slot);
    this.release(slot);
    // Its retry will not come: what a broken group restart left waiting is not revived by it.
    if (wasRestarting) for (const other of this.slots.values()) if (other.run === 'down') this.release(other);
    return okAnswer;
  }

  private *restartChild(id: string): Procedure<Answer> {
    const slot = this.slots.get(id);
    if (slot === undefined) return refusal('not_found');
    if (slot.run !== 'down') return refusal(slot.run === 'up' ? 'running' : 'restarting');
    const outcome = yield* this.start(slot);
    if (outcome.type === 'failed') {
      this.release(slot);
      return { ok: false, error: { failed: outcome.error } };
    }
    return this.afterStart(slot, outcome) ? okAnswer : ignoredAnswer;
  }

  private deleteChild(id: string): Answer {
    const slot = this.slots.get(id);
    if (slot === undefined) return refusal('not_found');
    if (slot.run !== 'down') return refusal(slot.run === 'up' ? 'running' : 'restarting');
    this.slots.delete(id);
    this.release(slot);
    return okAnswer;
  }

  // ── ends and restarts ──

  private *afterEnd(slot: Slot, how: EndKind): Procedure<Verdict> {
    slot.held = true;
    if (slot.restart === 'permanent' || (slot.restart === 'transient' && how === 'abnormal'))
      return yield* this.restart(slot);
    this.markDown(slot);
    this.release(slot);
    return this.autoShutdown(slot);
  }

  private autoShutdown(slot: Slot): Verdict {
    const { autoShutdown } = this.rules;
    if (autoShutdown === 'never' || !slot.significant) return 'stay';
    if (autoShutdown === 'any_significant') return 'shutdown';
    for (const other of this.slots.values()) if (other.significant && other.run !== 'down') return 'stay';
    return 'shutdown';
  }

  private *restart(slot: Slot): Procedure<Verdict> {
    if (!slot.delayed) {
      if (!this.spendRestart()) {
        this.markDown(slot);
        this.release(slot);
        return 'shutdown';
      }
      if (slot.backoff !== undefined) {
        if (slot.run === 'up' && this.nowMs - slot.startedAtMs >= slot.backoff.maxMs) slot.attempt = 0;
        slot.run = 'restarting';
        slot.delayed = true;
        this.effects.push({ type: 'retry', id: slot.id, backoff: slot.backoff, attempt: slot.attempt++ });
        return 'stay';
      }
    }
    slot.delayed = false;
    const { strategy } = this.rules;
    if (strategy === 'one_for_all') return yield* this.restartGroup(slot, [...this.slots.values()]);
    if (strategy === 'rest_for_one') {
      const all = [...this.slots.values()];
      return yield* this.restartGroup(slot, all.slice(all.indexOf(slot)));
    }
    const outcome = yield* this.start(slot);
    if (outcome.type === 'failed') return yield* this.failedToRestart(slot);
    this.afterStart(slot, outcome);
    return 'stay';
  }

  /** Also starts what had ended normally or was stopped by hand: OTP revives the whole group. */
  private *restartGroup(slot: Slot, group: readonly Slot[]): Procedure<Verdict> {
    slot.run = 'down';
    for (const member of group.toReversed()) {
      yield* this.stop(member);
      if (member.restart !== 'temporary') {
        member.run = 'down';
        continue;
      }
      this.slots.delete(member.id);
      this.release(member);
    }
    const failed = yield* this.startAll(group.filter((member) => this.slots.has(member.id)));
    return failed === undefined ? 'stay' : yield* this.failedToRestart(this.slots.get(failed.id)!);
  }

  private *failedToRestart(slot: Slot): Procedure<Verdict> {
    slot.run = 'restarting';
    // A delayed attempt is paid for when it is planned, an immediate one when it is made, as in OTP.
    if (slot.backoff !== undefined) return yield* this.restart(slot);
    this.effects.push({ type: 'retry', id: slot.id, backoff: undefined, attempt: 0 });
    return 'stay';
  }

  /** False: one more than `intensity` within the period. */
  private spendRestart(): boolean {
    const oldestMs = this.nowMs - this.rules.periodMs;
    while (this.restartTimesMs.length > 0 && this.restartTimesMs[0]! < oldestMs) this.restartTimesMs.shift();
    this.restartTimesMs.push(this.nowMs);
    return this.restartTimesMs.length <= this.rules.intensity;
  }

  private answer(request: unknown, answer: Answer): void {
    this.effects.push({ type: 'answer', request, answer });
  }
}

function refusal(error: Refusal): Answer {
  return { ok: false, error };
}
