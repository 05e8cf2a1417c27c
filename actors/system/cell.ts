// Law: one actor is one cell, and a cell does one thing at a time: kill, then stop, then exits and downs in order, then one message,
// and again. A handler that returns a promise suspends its own cell only, and only a kill reaches it before the promise settles.
// The cell is also the ref: whoever holds it can tell it something, and nothing in it moves when it restarts.
import type { PendingAsk } from './ask.ts';
import { ActorContext } from './context.ts';
import { beginEnd, crash, endIfChildless, errorOf } from './lifecycle.ts';
import type { Bonds } from './links.ts';
import { defaultMailbox, Mailbox, type Tag } from './mailbox.ts';
import type { Overseer } from './overseer.ts';
import { handleSignal, type QueuedSignal } from './signals.ts';
import type { ActorStash } from './stash.ts';
import type { ActorSystem } from './system.ts';
import type { WheelEntry } from './timer-wheel.ts';
import { type IdleTimer, Timer, type Timers } from './timers.ts';
import {
  type ActorAddress,
  type ActorDef,
  type ActorRef,
  type ExitReason,
  ignore,
  type MailboxSpec,
  type Message,
  type MonitorId,
  type Next,
  normal,
  type SpawnOptions,
  Stop,
  type TraceContext,
} from './types.ts';

// biome-ignore lint/suspicious/noExplicitAny: a cell hosts any actor; the types met where it was defined and where its ref is used
export type AnyDef = ActorDef<any, any, any>;

/**
 * new: `start` has not run · starting: its promise is open · running · stopping: waiting for children to end ·
 * held: this incarnation ended and the supervisor has not decided · ended: for good.
 */
export type Phase = 'new' | 'starting' | 'running' | 'stopping' | 'held' | 'ended';

/** idle: a message must queue the cell · queued: it stands in the run queue · closed: messages wait without queueing it. */
type Attention = 'idle' | 'queued' | 'closed';

export class Cell extends Mailbox implements ActorRef<Message> {
  readonly system: ActorSystem;
  readonly parent: Cell | undefined;
  readonly uid: number;
  readonly label: string | undefined;
  readonly def: AnyDef;
  readonly args: unknown;
  readonly mailbox: MailboxSpec;
  /** One per incarnation. */
  context: ActorContext;

  phase: Phase = 'new';
  state: unknown = undefined;
  trace: TraceContext | undefined = undefined;
  nextReady: Cell | undefined = undefined;
  /** Rises when an incarnation ends: outcomes of older promises and pipes are void. */
  generation = 0;
  handled = 0;
  restarts = 0;
  lastError: Error | undefined = undefined;
  endReason: ExitReason = normal;
  /** This incarnation's `start` succeeded. */
  up = false;
  /** A receive promise is open. */
  busy = false;

  private attention: Attention = 'idle';
  /** Something other than a message wants the next turn. */
  private alert = false;
  private alarm: 'none' | 'stop' | 'kill' = 'none';
  private alarmReason: ExitReason = normal;
  /** Bounded by the cell's own links and monitors, each of which fires once. */
  private signals: QueuedSignal[] | undefined = undefined;

  firstChild: Cell | undefined = undefined;
  lastChild: Cell | undefined = undefined;
  nextSibling: Cell | undefined = undefined;
  previousSibling: Cell | undefined = undefined;
  childNames: Set<string> | undefined = undefined;

  asks: PendingAsk | undefined = undefined;
  bonds: Bonds | undefined = undefined;
  timers: Timers | undefined = undefined;
  idleTimer: IdleTimer | undefined = undefined;
  stopDeadline: WheelEntry | undefined = undefined;
  stashed: ActorStash | undefined = undefined;
  pipes: Set<AbortController> | undefined = undefined;
  overseer: Overseer | undefined = undefined;

  constructor(
    system: ActorSystem,
    parent: Cell | undefined,
    def: AnyDef,
    args: unknown,
    options: SpawnOptions | undefined,
  ) {
    super();
    this.system = system;
    this.parent = parent;
    this.uid = system.nextUid();
    this.label = options?.name;
    this.def = def;
    this.args = args;
    this.mailbox = options?.mailbox ?? def.mailbox ?? defaultMailbox;
    this.context = new ActorContext(this);
    this.trace = system.dispatcher.trace;
    this.rouse();
  }

  get name(): string {
    return this.label ?? `$${this.uid}`;
  }

  /** The root's path is empty; its children are `/name`. */
  get path(): string {
    return this.parent === undefined ? '' : `${this.parent.path}/${this.name}`;
  }

  get address(): ActorAddress {
    return { node: this.system.name, path: this.path, uid: this.uid };
  }

  tell(message: Message, trace: TraceContext | undefined = this.system.dispatcher.trace): boolean {
    return this.offer(message, trace);
  }

  offer(message: Message, tag: Tag): boolean {
    if (this.size >= this.mailbox.capacity || this.phase === 'ended') return this.refuse(message, tag);
    this.append(message, tag);
    if (this.attention === 'idle') {
      this.attention = 'queued';
      this.system.dispatcher.enqueue(this);
    }
    return true;
  }

  private refuse(message: Message, tag: Tag): boolean {
    if (this.phase === 'ended') {
      this.system.deadLetter(this, message, 'stopped');
      return false;
    }
    const { overflow } = this.mailbox;
    if (overflow === 'dropOldest' && this.size > 0) {
      const oldest = this.take();
      if (this.takenTag instanceof Timer) this.timers?.arrive(this.takenTag);
      this.append(message, tag);
      this.system.deadLetter(this, oldest, 'full');
      return true;
    }
    this.system.deadLetter(this, message, 'full');
    return overflow !== 'reject';
  }

  /** Asks for a turn on behalf of something other than a message. */
  rouse(): void {
    this.alert = true;
    if (this.attention === 'queued') return;
    this.attention = 'queued';
    this.system.dispatcher.enqueue(this);
  }

  kill(): void {
    if (this.phase === 'ended' || this.phase === 'held') return;
    this.alarm = 'kill';
    this.rouse();
  }

  requestStop(reason: ExitReason): void {
    if (this.phase === 'ended' || this.phase === 'held' || this.alarm === 'kill') return;
    this.alarm = 'stop';
    this.alarmReason = reason;
    this.rouse();
  }

  pushSignal(signal: QueuedSignal): void {
    if (this.phase === 'ended' || this.phase === 'held' || this.phase === 'stopping') return;
    if (this.signals === undefined) this.signals = [signal];
    else this.signals.push(signal);
    this.rouse();
  }

  dropDown(id: MonitorId): void {
    const left = this.signals?.filter((signal) => signal.type !== 'down' || signal.id !== id);
    this.signals = left?.length === 0 ? undefined : left;
  }

  /** What was sent to an incarnation ends with it. */
  dropSignals(): void {
    this.signals = undefined;
    this.alarm = 'none';
  }

  /** Before all that wait, whatever the capacity: only for messages that were in this mailbox before. */
  putBack(message: Message, tag: Tag): void {
    this.prepend(message, tag);
    if (this.attention === 'idle') this.rouse();
  }

  /** A message of this cell to itself, whatever the capacity: the caller bounds how many there are. */
  offerOwn(message: Message): void {
    if (this.phase === 'held' || this.phase === 'ended') return;
    this.append(message, undefined);
    this.rouse();
  }

  waitingMessages(): readonly Message[] {
    return this.waiting();
  }

  emptyToDeadLetters(): void {
    while (this.size > 0) {
      const message = this.take();
      // A tick belongs to its incarnation and ends with it.
      if (!(this.takenTag instanceof Timer)) this.system.deadLetter(this, message, 'stopped');
    }
  }

  /** Handles at most `limit` messages. Returns what it cost, in messages, at least 1. */
  turn(limit: number): number {
    if (this.alert) this.attend();
    let left = limit;
    while (this.size > 0 && left > 0 && this.phase === 'running' && !this.busy) {
      left--;
      this.receiveOne();
      if (this.alert) {
        // What signals cause is not the message's doing.
        this.system.dispatcher.trace = undefined;
        this.attend();
      }
    }
    this.system.dispatcher.trace = undefined;
    this.settleAttention();
    return limit - left + 1;
  }

  private settleAttention(): void {
    if (this.alert || (this.size > 0 && this.phase === 'running' && !this.busy)) {
      this.attention = 'queued';
      this.system.dispatcher.enqueue(this);
    } else {
      this.attention = this.phase === 'running' && !this.busy ? 'idle' : 'closed';
    }
  }

  private receiveOne(): void {
    const message = this.take();
    let trace = this.takenTag;
    if (trace !== undefined) {
      if (trace instanceof Timer) {
        if (!trace.live || !this.timers!.arrive(trace)) return;
        trace = trace.trace;
      }
    }
    this.trace = trace;
    this.system.dispatcher.trace = trace;
    this.handled++;
    if (this.idleTimer !== undefined) this.idleTimer.touch();
    try {
      const next = this.def.receive(this.state, message, this.context);
      if (next !== undefined) this.apply(next);
    } catch (thrown) {
      crash(this, errorOf(thrown));
    }
    if (!this.busy) this.trace = undefined;
  }

  /** What a handler answered. */
  apply(next: Next<unknown> | Promise<Next<unknown>>): void {
    if (typeof next === 'object' && next !== null) {
      if (next instanceof Stop) {
        beginEnd(this, next.reason);
        return;
      }
      if (typeof (next as { readonly then?: unknown }).then === 'function') {
        this.suspend(next as Promise<Next<unknown>>);
        return;
      }
    }
    this.state = next;
  }

  private suspend(promise: PromiseLike<Next<unknown>>): void {
    const { generation } = this;
    this.busy = true;
    promise.then(
      (next) => this.resume(generation, () => next !== undefined && this.apply(next)),
      (thrown) => this.resume(generation, () => crash(this, errorOf(thrown))),
    );
  }

  private resume(generation: number, outcome: () => void): void {
    if (generation !== this.generation) return;
    this.busy = false;
    outcome();
    if (!this.busy) this.trace = undefined;
    this.rouse();
  }

  /** Everything that comes before messages. */
  private attend(): void {
    this.alert = false;
    if (this.overseer !== undefined) this.overseer.attend();
    if (this.alarm === 'kill') {
      this.alarm = 'none';
      beginEnd(this, { kind: 'killed' });
    }
    if (this.phase === 'new') this.start();
    // An open promise keeps its turn: everything but a kill waits for it. A supervisor's waiting is its model's, which a stop overtakes.
    if (this.busy && this.overseer === undefined) return;
    if (this.alarm === 'stop' && (this.phase === 'running' || this.phase === 'starting')) {
      this.alarm = 'none';
      beginEnd(this, this.alarmReason);
    }
    while (this.signals !== undefined && this.phase === 'running' && this.alarm === 'none') {
      const signal = this.signals.shift()!;
      if (this.signals.length === 0) this.signals = undefined;
      handleSignal(this, signal);
    }
    if (this.phase === 'stopping') endIfChildless(this);
  }

  private start(): void {
    this.system.dispatcher.trace = this.trace;
    try {
      const state = this.def.start(this.context, this.args);
      if (typeof (state as { readonly then?: unknown } | undefined)?.then === 'function') this.awaitStart(state);
      else this.started(state);
    } catch (thrown) {
      crash(this, errorOf(thrown));
    }
  }

  private awaitStart(starting: PromiseLike<unknown>): void {
    const { generation } = this;
    this.phase = 'starting';
    this.busy = true;
    starting.then(
      (state) => this.resume(generation, () => this.started(state)),
      (thrown) => this.resume(generation, () => crash(this, errorOf(thrown))),
    );
  }

  private started(state: unknown): void {
    this.trace = undefined;
    this.system.dispatcher.trace = undefined;
    if (state === ignore) {
      beginEnd(this, normal);
      return;
    }
    this.state = state;
    this.phase = 'running';
    this.up = true;
    this.parent?.overseer?.report(this, { type: 'started' });
  }
}
