// Law: the shell decides nothing: it turns what children report into the model's events and the model's effects into spawns, stops,
// revivals, timers and answers. While the model waits for a child the supervisor takes no message, as OTP's blocks.
import { type AnyDef, Cell } from '../cell.ts';
import type { ActorContext } from '../context.ts';
import { Fifo } from '../fifo.ts';
import { beginEnd, defaultShutdownMs, errorOf, letGo, revive, spawnChild } from '../lifecycle.ts';
import type { ChildReport, Overseer } from '../overseer.ts';
import { CallEntry } from '../timer-wheel.ts';
import { type ActorRef, type ExitReason, type ReplyTo, shutdown } from '../types.ts';
import { SupervisorModel } from './model.ts';
import type { Answer, EndKind, ModelChild, ModelEffect, ModelEvent, ModelRules } from './model-events.ts';
import type { Backoff, ChildCounts, ChildRules, ChildState } from './spec.ts';

/** A request's answer with the child it is about. */
export interface ShellAnswer {
  readonly answer: Answer;
  readonly ref: ActorRef<never> | undefined;
}

/** What a supervisor is started with: static children carry an id of their own, dynamic ones are given one. */
export interface ChildPlan extends ChildRules {
  readonly id: string;
  readonly actor: AnyDef;
  readonly args: unknown;
  readonly name: string | undefined;
}

export type SupervisorMessage =
  | { readonly type: 'startChild'; readonly plan: ChildPlan; readonly replyTo: ReplyTo<ShellAnswer> }
  | { readonly type: 'terminate' | 'restart' | 'delete'; readonly id: string; readonly replyTo: ReplyTo<ShellAnswer> }
  | { readonly type: 'terminateRef'; readonly ref: ActorRef<never>; readonly replyTo: ReplyTo<ShellAnswer> }
  | { readonly type: 'retry'; readonly id: string };

interface Child {
  readonly plan: ChildPlan;
  cell: Cell | undefined;
  /** Kills it if it has not ended by then. */
  deadline: CallEntry | undefined;
  /** Sends the retry after a back-off. */
  delayed: CallEntry | undefined;
}

interface Request {
  readonly id: string;
  readonly replyTo: ReplyTo<ShellAnswer>;
}

/** The definitions made by `supervisor` and `dynamicSupervisor`. */
export const supervisorDefs = new WeakSet<object>();

export class SupervisorShell implements Overseer {
  private readonly cell: Cell;
  private readonly model: SupervisorModel;
  private readonly dynamic: boolean;
  private readonly children = new Map<string, Child>();
  private readonly idOf = new Map<Cell, string>();
  private readonly reports = new Fifo<{ readonly child: Cell; readonly report: ChildReport }>();
  private lastDynamic = 0;
  private settleStart:
    | { readonly ready: (shell: SupervisorShell) => void; readonly failed: (error: Error) => void }
    | undefined;

  constructor(context: ActorContext, rules: ModelRules, plans: readonly ChildPlan[]) {
    this.cell = context.cell;
    this.cell.overseer = this;
    this.dynamic = rules.strategy === 'dynamic';
    for (const plan of plans) this.children.set(plan.id, childOf(plan));
    this.model = new SupervisorModel(rules, plans.map(modelChild));
  }

  /** Resolves when all children have started; rejects after stopping those that had when one fails. */
  init(): Promise<SupervisorShell> {
    return new Promise((ready, failed) => {
      this.settleStart = { ready, failed };
      this.feed({ type: 'init' });
    });
  }

  receive(message: SupervisorMessage): void {
    if (message.type === 'retry') this.feed({ type: 'retry', id: message.id });
    else if (message.type === 'startChild') this.startChild(message.plan, message.replyTo);
    else if (message.type === 'terminateRef') this.terminateRef(message.ref, message.replyTo);
    else this.feed({ type: message.type, id: message.id, request: { id: message.id, replyTo: message.replyTo } });
    this.cell.busy = this.model.busy;
  }

  // ── what its cell asks of it ──

  report(child: Cell, report: ChildReport): void {
    this.reports.push({ child, report });
    this.cell.rouse();
  }

  attend(): void {
    for (let next = this.reports.shift(); next !== undefined; next = this.reports.shift()) {
      const id = this.idOf.get(next.child);
      if (id !== undefined) this.feed(eventOf(id, next.report));
    }
    if (this.cell.phase === 'running') this.cell.busy = this.model.busy;
  }

  terminate(): void {
    this.feed({ type: 'shutdown' });
  }

  // ── what others may see ──

  childStates(): ChildState[] {
    return this.model.children().map(({ id, run }) => ({ id, run, ref: this.children.get(id)?.cell }));
  }

  child(id: string): Cell | undefined {
    return this.children.get(id)?.cell;
  }

  counts(): ChildCounts {
    const states = this.model.children();
    const supervisors = states.filter(({ id }) => supervisorDefs.has(this.children.get(id)!.plan.actor)).length;
    return {
      specs: this.dynamic ? 1 : states.length,
      active: states.filter(({ run }) => run === 'up').length,
      supervisors,
      workers: states.length - supervisors,
    };
  }

  // ── events ──

  private startChild(asked: ChildPlan, replyTo: ReplyTo<ShellAnswer>): void {
    const plan = this.dynamic ? { ...asked, id: `#${++this.lastDynamic}` } : asked;
    if (!this.model.has(plan.id)) this.children.set(plan.id, childOf(plan));
    this.feed({ type: 'start', child: modelChild(plan), request: { id: plan.id, replyTo } });
  }

  /** A ref that ended is as good as terminated; one that was never this supervisor's is left alone. */
  private terminateRef(ref: ActorRef<never>, replyTo: ReplyTo<ShellAnswer>): void {
    const id = ref instanceof Cell ? this.idOf.get(ref) : undefined;
    if (id !== undefined) this.feed({ type: 'terminate', id, request: { id, replyTo } });
    else if (ref instanceof Cell && ref.parent === this.cell)
      replyTo.send({ answer: { ok: true, ignored: false }, ref: undefined });
    else replyTo.send({ answer: { ok: false, error: 'not_found' }, ref: undefined });
  }

  private feed(event: ModelEvent): void {
    const { clock } = this.cell.system;
    for (const effect of this.model.handle(event, clock.monotonicMs())) this.perform(effect);
  }

  // ── effects ──

  private perform(effect: ModelEffect): void {
    switch (effect.type) {
      case 'start':
        this.start(this.children.get(effect.id)!);
        break;
      case 'stop':
        for (const id of effect.ids) this.stop(this.children.get(id)!);
        break;
      case 'release':
        this.release(effect.id);
        break;
      case 'answer':
        this.answer(effect.request as Request, effect.answer);
        break;
      case 'retry':
        this.retry(this.children.get(effect.id)!, effect.backoff, effect.attempt);
        break;
      case 'ready':
        this.settleStart?.ready(this);
        break;
      case 'exit':
        this.exit(effect.failed);
    }
  }

  private answer({ id, replyTo }: Request, answer: Answer): void {
    replyTo.send({ answer, ref: this.children.get(id)?.cell });
    if (!this.model.has(id)) this.children.delete(id);
  }

  private exit(failed: { readonly id: string; readonly error: unknown } | undefined): void {
    if (failed === undefined) beginEnd(this.cell, shutdown);
    else this.settleStart?.failed(new Error(`child '${failed.id}' failed to start`, { cause: failed.error }));
  }

  private start(child: Child): void {
    this.cancelDelays(child);
    if (child.cell !== undefined) {
      revive(child.cell);
      return;
    }
    const { name, actor, args, id } = child.plan;
    try {
      child.cell = spawnChild(this.cell, actor, args, name === undefined ? undefined : { name });
      this.idOf.set(child.cell, id);
    } catch (thrown) {
      // The name is taken. A start is the last effect before the model waits, so it may hear of the outcome here.
      this.feed({ type: 'failed', id, error: errorOf(thrown) });
    }
  }

  private stop(child: Child): void {
    const cell = child.cell!;
    const limit = child.plan.shutdown ?? (supervisorDefs.has(child.plan.actor) ? 'infinity' : defaultShutdownMs);
    if (limit === 'kill') {
      cell.kill();
      return;
    }
    cell.requestStop(shutdown);
    if (limit === 'infinity' || child.deadline !== undefined) return;
    child.deadline = new CallEntry(() => cell.kill());
    this.cell.system.wheel.add(child.deadline, limit);
  }

  private release(id: string): void {
    const child = this.children.get(id)!;
    const { cell } = child;
    this.cancelDelays(child);
    child.cell = undefined;
    if (!this.model.has(id)) this.children.delete(id);
    if (cell === undefined) return;
    this.idOf.delete(cell);
    letGo(cell, cell.endReason);
  }

  private retry(child: Child, backoff: Backoff | undefined, attempt: number): void {
    const { id } = child.plan;
    // One per child that waits for its restart, and so bounded by the children.
    const again: SupervisorMessage = { type: 'retry', id };
    const send = (): void => this.cell.offerOwn(again);
    if (backoff === undefined) {
      send();
      return;
    }
    const fullMs = Math.min(backoff.maxMs, backoff.minMs * 2 ** attempt);
    const random = this.cell.context.random.u32() / 0x1_0000_0000;
    child.delayed = new CallEntry(send);
    this.cell.system.wheel.add(child.delayed, fullMs * (1 - backoff.jitter * random));
  }

  private cancelDelays(child: Child): void {
    const { wheel } = this.cell.system;
    if (child.deadline !== undefined) wheel.cancel(child.deadline);
    if (child.delayed !== undefined) wheel.cancel(child.delayed);
    child.deadline = undefined;
    child.delayed = undefined;
  }
}

function childOf(plan: ChildPlan): Child {
  return { plan, cell: undefined, deadline: undefined, delayed: undefined };
}

function modelChild({ id, restart = 'permanent', significant = false, backoff }: ChildPlan): ModelChild {
  return { id, restart, significant, backoff };
}

function eventOf(id: string, report: ChildReport): ModelEvent {
  if (report.type === 'ended') return { type: 'ended', id, how: endKind(report.reason) };
  if (report.type === 'failed') return { type: 'failed', id, error: startError(id, report.reason) };
  return { type: report.type, id };
}

function startError(id: string, reason: ExitReason): Error {
  return reason.kind === 'error'
    ? reason.error
    : new Error(`child '${id}' ended (${reason.kind}) while it was starting`);
}

function endKind(reason: ExitReason): EndKind {
  return reason.kind === 'normal' || reason.kind === 'shutdown' ? reason.kind : 'abnormal';
}
