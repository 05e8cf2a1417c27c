// Law: one actor is one cell, and a cell does one thing at a time: kill, then stop, then exits and downs in order, then one message,
// and again. A handler that returns a promise suspends its own cell only, and only a kill reaches it before the promise settles.
// The cell is also the ref: whoever holds it can tell it something, and nothing in it moves when it restarts.
import type { PendingAsk } from './ask.ts';
import { ActorContext } from './context.ts';
import { Inbox } from './inbox.ts';
import { beginEnd, crash, endIfChildless, errorOf } from './lifecycle.ts';
import { type Bonds, bondsOf } from './links.ts';
import { defaultMailbox, type Tag } from './mailbox.ts';
import type { Overseer } from './overseer.ts';
import { handleSignal } from './signals.ts';
import type { ActorStash } from './stash.ts';
import { start, suspend } from './suspension.ts';
import type { ActorSystem } from './system.ts';
import type { Monitor, Target } from './target.ts';
import type { WheelEntry } from './timer-wheel.ts';
import { type IdleTimer, Timer, type Timers } from './timers.ts';
import {
  type ActorAddress,
  type ActorDef,
  type ExitReason,
  type MailboxSpec,
  type Message,
  type Next,
  noproc,
  normal,
  type SpawnOptions,
  Stop,
  type TraceContext,
} from './types.ts';

// biome-ignore lint/suspicious/noExplicitAny: a cell hosts any actor; the types met where it was defined and where its ref is used
export type AnyDef = ActorDef<any, any, any>;

/** idle: a message must queue the cell · queued: it stands in the run queue · closed: messages wait without queueing it. */
type Attention = 'idle' | 'queued' | 'closed';

export class Cell extends Inbox implements Target {
  readonly system: ActorSystem;
  readonly parent: Cell | undefined;
  readonly uid: number;
  readonly label: string | undefined;
  readonly def: AnyDef;
  readonly args: unknown;
  readonly mailbox: MailboxSpec;
  /** One per incarnation. */
  context: ActorContext;

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

  firstChild: Cell | undefined = undefined;
  lastChild: Cell | undefined = undefined;
  nextSibling: Cell | undefined = undefined;
  previousSibling: Cell | undefined = undefined;
  childrenByName: Map<string, Cell> | undefined = undefined;

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
    // Without recursion: a chain of actors may be longer than the stack.
    let path = '';
    for (let cell: Cell = this; cell.parent !== undefined; cell = cell.parent) path = `/${cell.name}${path}`;
    return path;
  }

  get address(): ActorAddress {
    return { node: this.system.name, path: this.path, uid: this.system.uidBase + this.uid };
  }

  tell(message: Message, trace: TraceContext | undefined = this.system.dispatcher.trace): boolean {
    return this.offer(message, trace);
  }

  offer(message: Message, tag: Tag): boolean {
    if (this.size >= this.mailbox.capacity || this.phase === 'ended') return this.refuse(message, tag);
    this.accept(message, tag);
    return true;
  }

  /** What this actor waits for always fits: one tick per timer, one outcome per pipe. An actor whose only tick was lost would wait for ever. */
  offerAwaited(message: Message, tag: Tag): boolean {
    if (this.phase === 'ended') return false;
    this.accept(message, tag);
    return true;
  }

  private accept(message: Message, tag: Tag): void {
    this.append(message, tag);
    if (this.attention === 'idle') {
      this.attention = 'queued';
      this.system.dispatcher.enqueue(this);
    }
  }

  private refuse(message: Message, tag: Tag): boolean {
    if (this.phase === 'ended') {
      this.system.deadLetter(this, message, 'stopped');
      return false;
    }
    const { overflow } = this.mailbox;
    for (let left = overflow === 'dropOldest' ? this.size : 0; left > 0; left--) {
      const oldest = this.take();
      if (this.takenTag instanceof Timer) {
        if (this.takenTag.live) {
          this.append(oldest, this.takenTag);
          continue;
        }
        this.append(message, tag);
        return true;
      }
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

  addWatcher(monitor: Monitor): ExitReason | undefined {
    if (this.phase === 'ended') return noproc;
    bondsOf(this).watchers.add(monitor);
    return undefined;
  }

  removeWatcher(monitor: Monitor): void {
    this.bonds?.watchers.delete(monitor);
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
        if (!trace.live) return;
        this.timers!.arrive(trace);
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
        suspend(this, next as Promise<Next<unknown>>);
        return;
      }
    }
    this.state = next;
  }

  /** Everything that comes before messages. */
  private attend(): void {
    this.alert = false;
    if (this.overseer !== undefined) this.overseer.attend();
    if (this.alarm === 'kill') {
      this.alarm = 'none';
      beginEnd(this, { kind: 'killed' });
    }
    if (this.phase === 'new') start(this);
    // An open promise keeps its turn: everything but a kill waits for it. A supervisor's waiting is its model's, which a stop overtakes.
    if (this.busy && this.overseer === undefined) return;
    if (this.alarm === 'stop' && (this.phase === 'running' || this.phase === 'starting')) {
      this.alarm = 'none';
      beginEnd(this, this.alarmReason);
    }
    while (this.signals !== undefined && this.phase === 'running' && this.alarm === 'none') {
      const signal = this.signals.shift()!;
      if (this.signals.size === 0) this.signals = undefined;
      handleSignal(this, signal);
    }
    if (this.phase === 'stopping') endIfChildless(this);
  }
}
