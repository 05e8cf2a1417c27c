// Law: a tick is seen only by the incarnation that started its timer, and only while that timer stands: replaced, cancelled
// or older timers are void even when their tick already waits in the mailbox.
import type { Cell } from './cell.ts';
import { WheelEntry } from './timer-wheel.ts';
import type { Message, TimerId, TraceContext } from './types.ts';

export class Timer extends WheelEntry {
  readonly cell: Cell;
  readonly id: TimerId;
  readonly key: string | undefined;
  readonly message: Message;
  readonly trace: TraceContext | undefined;
  /** 0 = fires once. */
  readonly periodMs: number;
  /** False once cancelled, replaced, seen for the last time, or when its incarnation ended. */
  live = true;
  /** A tick of this timer waits in the mailbox: a period that ends meanwhile adds no second one. */
  waiting = false;

  constructor(cell: Cell, id: TimerId, key: string | undefined, message: Message, periodMs: number) {
    super();
    this.cell = cell;
    this.id = id;
    this.key = key;
    this.message = message;
    this.trace = cell.trace;
    this.periodMs = periodMs;
  }

  fire(): void {
    const { cell, periodMs } = this;
    if (periodMs > 0) {
      const nowMs = cell.system.clock.monotonicMs();
      const dueMs = cell.system.wheel.dueMs(this);
      const missed = Math.max(0, Math.floor((nowMs - dueMs) / periodMs));
      cell.system.wheel.addAt(this, dueMs + (missed + 1) * periodMs);
      if (this.waiting) return;
    }
    this.waiting = cell.offerAwaited(this.message, this);
  }
}

/** The timers of one incarnation, made with its first timer. */
export class Timers {
  private readonly byId = new Map<TimerId | string, Timer>();
  private lastId = 0;

  get none(): boolean {
    return this.byId.size === 0;
  }

  start(cell: Cell, delayMs: number, message: Message, key: string | undefined, periodMs: number): TimerId {
    if (key !== undefined) this.cancel(cell, key);
    const timer = new Timer(cell, ++this.lastId as TimerId, key, message, periodMs);
    this.byId.set(timer.id, timer);
    if (key !== undefined) this.byId.set(key, timer);
    cell.system.wheel.add(timer, delayMs);
    return timer.id;
  }

  cancel(cell: Cell, id: TimerId | string): void {
    const timer = this.byId.get(id);
    if (timer === undefined) return;
    cell.system.wheel.cancel(timer);
    this.forget(timer);
  }

  /** A tick of a live timer left the mailbox. */
  arrive(timer: Timer): void {
    timer.waiting = false;
    if (timer.periodMs === 0) this.forget(timer);
  }

  forget(timer: Timer): void {
    timer.live = false;
    this.byId.delete(timer.id);
    if (timer.key !== undefined) this.byId.delete(timer.key);
  }

  cancelAll(cell: Cell): void {
    for (const timer of this.byId.values()) {
      timer.live = false;
      cell.system.wheel.cancel(timer);
    }
    this.byId.clear();
  }
}

/** Signals `receiveTimeout` when no message was handled for `delayMs`. Messages only note the time; the entry moves when it fires. */
export class IdleTimer extends WheelEntry {
  private readonly cell: Cell;
  private readonly delayMs: number;
  private idleSinceMs: number;

  constructor(cell: Cell, delayMs: number) {
    super();
    this.cell = cell;
    this.delayMs = delayMs;
    this.idleSinceMs = cell.system.clock.monotonicMs();
    cell.system.wheel.add(this, delayMs);
  }

  touch(): void {
    this.idleSinceMs = this.cell.system.clock.monotonicMs();
  }

  fire(): void {
    const { clock, wheel } = this.cell.system;
    if (this.cell.busy) this.touch();
    const dueMs = this.idleSinceMs + this.delayMs;
    if (clock.monotonicMs() >= dueMs) {
      this.cell.pushSignal({ type: 'receiveTimeout' });
      this.touch();
      wheel.add(this, this.delayMs);
    } else {
      wheel.addAt(this, dueMs);
    }
  }
}
