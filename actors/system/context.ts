// Law: what an actor may do, it does through its context; the context belongs to the running incarnation's cell and does
// nothing once that cell has ended.
import { AskError, askTarget } from './ask.ts';
import { Cell } from './cell.ts';
import { crash, errorOf, spawnChild } from './lifecycle.ts';
import { demonitor, exit, link, monitor, unlink } from './links.ts';
import { ActorStash } from './stash.ts';
import { ForeignRef, type Target } from './target.ts';
import { IdleTimer, Timers } from './timers.ts';
import type {
  ActorRef,
  AskOptions,
  Context,
  ExitReason,
  Message,
  MonitorId,
  SpawnOptions,
  Stash,
  TimerId,
  TraceContext,
} from './types.ts';
import { shutdown } from './types.ts';
import type { Clock, Log, Random } from './world.ts';

/** The cell behind a ref, for what can only be done here: stop, exit, link. */
export function cellOf(ref: ActorRef<never>): Cell {
  if (ref instanceof Cell) return ref;
  throw new TypeError(`${ref.address.node}${ref.address.path} is not an actor of this system`);
}

/** What stands behind a ref, here or elsewhere. */
export function targetOf(ref: ActorRef<never>): Target {
  if (ref instanceof Cell || ref instanceof ForeignRef) return ref;
  throw new TypeError('a ref comes from spawn, from a message or from a lookup: this one was made by hand');
}

export class ActorContext implements Context<Message> {
  readonly cell: Cell;
  private readonly generation: number;
  private ownRandom: Random | undefined = undefined;
  private ownLog: Log | undefined = undefined;

  constructor(cell: Cell) {
    this.cell = cell;
    this.generation = cell.generation;
  }

  /** False for code of an incarnation that has ended, for instance after an `await` that outlived it. */
  get current(): boolean {
    return this.generation === this.cell.generation;
  }

  get self(): ActorRef<Message> {
    return this.cell;
  }

  get name(): string {
    return this.cell.name;
  }

  get clock(): Clock {
    return this.cell.system.clock;
  }

  get random(): Random {
    const { cell } = this;
    // Named by incarnation too, so that a restarted actor does not repeat the ids it drew before.
    this.ownRandom ??= cell.system.random.fork(`${cell.path}#${cell.uid}.${this.generation}`);
    return this.ownRandom;
  }

  get log(): Log {
    this.ownLog ??= (level, text, fields) => {
      const { trace, path } = this.cell;
      const where =
        trace === undefined ? { actor: path } : { actor: path, traceId: trace.traceId, spanId: trace.spanId };
      this.cell.system.log(level, text, { ...where, ...fields });
    };
    return this.ownLog;
  }

  get trace(): TraceContext | undefined {
    return this.cell.trace;
  }

  get stash(): Stash<Message> {
    this.cell.stashed ??= new ActorStash(this.cell);
    return this.cell.stashed;
  }

  spawn(def: Cell['def'], args: unknown, options?: SpawnOptions): Cell {
    if (!this.current) throw new Error(`${this.cell.path} cannot spawn '${def.kind}': this incarnation has ended`);
    return spawnChild(this.cell, def, args, options);
  }

  stop(child: ActorRef<never>): void {
    const target = cellOf(child);
    if (target.parent !== this.cell)
      throw new Error(`${this.cell.path} cannot stop ${target.path}: not its child; use exit`);
    target.requestStop(shutdown);
  }

  exit(ref: ActorRef<never>, reason: ExitReason): void {
    exit(this.cell, cellOf(ref), reason);
  }

  monitor(ref: ActorRef<never>): MonitorId {
    return monitor(this.cell, targetOf(ref));
  }

  demonitor(id: MonitorId): void {
    demonitor(this.cell, id);
  }

  link(ref: ActorRef<never>): void {
    if (this.current) link(this.cell, cellOf(ref));
  }

  unlink(ref: ActorRef<never>): void {
    unlink(this.cell, cellOf(ref));
  }

  after(delayMs: number, message: Message, key?: string): TimerId {
    return this.startTimer(delayMs, message, key, 0);
  }

  every(periodMs: number, message: Message, key?: string): TimerId {
    if (!(periodMs > 0)) throw new RangeError(`${this.cell.path}: a period of ${periodMs} ms; it must be above 0`);
    return this.startTimer(periodMs, message, key, periodMs);
  }

  private startTimer(delayMs: number, message: Message, key: string | undefined, periodMs: number): TimerId {
    this.cell.timers ??= new Timers();
    if (!this.current) return 0 as TimerId;
    return this.cell.timers.start(this.cell, delayMs, message, key, periodMs);
  }

  cancel(timer: TimerId | string): void {
    this.cell.timers?.cancel(this.cell, timer);
  }

  setReceiveTimeout(delayMs: number | undefined): void {
    const { cell } = this;
    if (!this.current) return;
    if (cell.idleTimer !== undefined) cell.system.wheel.cancel(cell.idleTimer);
    cell.idleTimer = delayMs === undefined ? undefined : new IdleTimer(cell, delayMs);
  }

  // biome-ignore lint/suspicious/noExplicitAny: typed for callers by Context
  ask(to: ActorRef<never>, message: any, options: AskOptions): Promise<any> {
    const target = targetOf(to);
    if (target === this.cell) {
      return Promise.reject(
        new AskError('calling_self', `ask '${message.type}': ${target.path} asks itself and would wait forever`),
      );
    }
    return askTarget(target, message, options, this.cell.trace);
  }

  pipe<T>(work: (signal: AbortSignal) => Promise<T>, ok: (value: T) => Message, fail: (error: Error) => Message): void {
    const { cell } = this;
    const { trace } = cell;
    this.work(
      work,
      (value) => cell.offerAwaited(ok(value), trace),
      (error) => cell.offerAwaited(fail(error), trace),
    );
  }

  /** Runs work off the mailbox; neither outcome is called once this incarnation has ended, which aborts the work. */
  work<T>(
    run: (signal: AbortSignal) => Promise<T>,
    ok: (value: T) => void,
    fail: (error: Error) => void,
  ): AbortController {
    const { cell } = this;
    const abort = new AbortController();
    if (!this.current) {
      abort.abort();
      return abort;
    }
    cell.pipes ??= new Set();
    cell.pipes.add(abort);
    const finish = (outcome: () => void): void => {
      if (!this.current) return;
      cell.pipes?.delete(abort);
      try {
        outcome();
      } catch (thrown) {
        // The actor's own function, and so its own crash: it must not end as a rejection that nobody handles.
        crash(cell, errorOf(thrown));
      }
    };
    Promise.resolve()
      .then(() => run(abort.signal))
      .then(
        (value) => finish(() => ok(value)),
        (thrown) => finish(() => fail(errorOf(thrown))),
      );
    return abort;
  }
}
