// Law: this is the whole vocabulary between an actor and its runtime: protocols are unions on `type`, refs are names with a
// `tell`, reasons say why an actor ended, and every answer a handler gives is a value.
import type { Clock, Log, Random } from './world.ts';

/** Every protocol is a discriminated union on `type`. */
export interface Message {
  readonly type: string;
}

/** Where an answer goes. Only the first answer counts; the later ones, and those after a timeout, vanish. */
export interface ReplyTo<R> {
  send(reply: R): void;
}

/** The variants of protocol `M` that ask for an answer. */
export type Askable<M extends Message> = Extract<M, { readonly replyTo: ReplyTo<never> }>;
/** The member of protocol `M` that has type `T`, alone or among others. */
export type Variant<M extends Message, T extends M['type']> = M extends Message
  ? T extends M['type']
    ? M
    : never
  : never;
/** What the variant `T` of protocol `M` is answered with, read from its `replyTo` field. */
export type ReplyOf<M extends Message, T extends M['type']> =
  Variant<M, T> extends { readonly replyTo: ReplyTo<infer R> } ? R : never;
/** The variant `T` of protocol `M` as the caller writes it: without `replyTo`, which `ask` adds. */
export type AskInput<M extends Message, T extends M['type']> = { readonly type: T } & Omit<
  Variant<M, T>,
  'replyTo' | 'type'
>;
/** Protocol `M` as it travels: `replyTo` is the runtime's business, not the schema's. */
export type Unasked<M extends Message> = M extends { readonly replyTo: ReplyTo<never> } ? Omit<M, 'replyTo'> : M;
export interface AskOptions {
  readonly timeoutMs: number;
  readonly signal?: AbortSignal;
}

/** The W3C trace context that travels with each message in its mailbox slot. */
export interface TraceContext {
  readonly traceId: string;
  readonly spanId: string;
  readonly flags: number;
}

/** Stable name: node (the system's name) + path. `uid` names one life; a restart keeps path and uid, a stop and spawn does not. */
export interface ActorAddress {
  readonly node: string;
  readonly path: string;
  readonly uid: number;
}

export interface ActorRef<in M extends Message> {
  readonly address: ActorAddress;
  /**
   * Fire and forget: never throws, never blocks. False: refused (the actor ended, or its mailbox is full under `reject`), and the
   * message went to dead letters. The trace defaults to that of the message being handled; name it after an `await`.
   */
  tell(message: M, trace?: TraceContext): boolean;
}

/** Why an actor ended, as in OTP: `normal` kills nobody, `killed` cannot be trapped when sent, `noproc` = was already gone. */
export type ExitReason =
  | { readonly kind: 'normal' }
  | { readonly kind: 'shutdown'; readonly detail?: unknown }
  | { readonly kind: 'killed' }
  | { readonly kind: 'error'; readonly error: Error }
  | { readonly kind: 'noproc' }
  | { readonly kind: 'unreachable'; readonly node: string };

export type Signal =
  /** To the failed incarnation, just before a fresh one replaces it. */
  | { readonly type: 'restarting'; readonly cause: Error }
  /** The last signal of an incarnation that ends; all its children have ended. Not sent to a killed actor. */
  | { readonly type: 'stopped'; readonly reason: ExitReason }
  /** A monitored actor ended for good (a restart under a supervisor is not an end). Unhandled, it ends the watcher: the death pact. */
  | { readonly type: 'down'; readonly ref: ActorRef<never>; readonly monitor: MonitorId; readonly reason: ExitReason }
  /** A linked actor's incarnation ended, or someone called `exit`: only with `trapExit`. */
  | { readonly type: 'exit'; readonly ref: ActorRef<never>; readonly reason: ExitReason }
  | { readonly type: 'receiveTimeout' };

export type MonitorId = number & { readonly __monitor: never };
export type TimerId = number & { readonly __timer: never };

/** Messages set aside by an actor, bounded; they return to the front of the mailbox on `release` and on restart. */
export interface Stash<M extends Message> {
  readonly size: number;
  readonly capacity: number;
  /** False when full: the message went to dead letters. Keeps the trace of the message being handled. */
  push(message: M): boolean;
  release(): void;
  clear(): void;
}

export interface Context<M extends Message> {
  readonly self: ActorRef<M>;
  readonly name: string;
  readonly clock: Clock;
  /** A stream of this incarnation's own: other actors' draws do not shift it. */
  readonly random: Random;
  /** Adds the actor's path and the trace of the message being handled. */
  readonly log: Log;
  /** The trace of the message being handled, also after an `await` inside its handler. */
  readonly trace: TraceContext | undefined;
  /** The child's `start` runs in its own first turn. Throws where a living child already has that name, or after this actor ended. */
  spawn<C extends Message, A>(
    // biome-ignore lint/suspicious/noExplicitAny: the state is the actor's own business, and invariant
    def: ActorDef<C, any, A>,
    args: A,
    options?: SpawnOptions,
  ): ActorRef<C>;
  /** Ends a child in order (reason `shutdown`), after the message it is handling. Refs that are not children: use `exit`. */
  stop(child: ActorRef<never>): void;
  /** OTP's exit/2: `killed` cannot be trapped, `normal` from another does nothing, anything else ends the actor or reaches its trap. */
  exit(ref: ActorRef<never>, reason: ExitReason): void;
  /** Monitors stack: each call yields its own `down`. A ref that has ended yields `noproc`. */
  monitor(ref: ActorRef<never>): MonitorId;
  /** Also removes a `down` that is already queued. Unknown or used ids are harmless. */
  demonitor(id: MonitorId): void;
  link(ref: ActorRef<never>): void;
  unlink(ref: ActorRef<never>): void;
  /** A later timer with the same key replaces the former, whose tick is never seen even if it is already in the mailbox. */
  after(delayMs: number, message: M, key?: string): TimerId;
  /** First fires after one period. Ticks keep their phase; those missed while the loop was busy are skipped. */
  every(periodMs: number, message: M, key?: string): TimerId;
  cancel(timer: TimerId | string): void;
  /** Signals `receiveTimeout` when no message was handled for that long; `undefined` switches it off. */
  setReceiveTimeout(delayMs: number | undefined): void;
  ask<T extends Message, K extends Askable<T>['type']>(
    to: ActorRef<T>,
    message: AskInput<T, K>,
    options: AskOptions,
  ): Promise<ReplyOf<T, K>>;
  /**
   * Runs async work off the mailbox; its outcome comes back as a message while the actor keeps receiving. The signal aborts, and the
   * outcome is dropped, when this incarnation ends.
   */
  pipe<T>(work: (signal: AbortSignal) => Promise<T>, ok: (value: T) => M, fail: (error: Error) => M): void;
  readonly stash: Stash<M>;
}

const stopping = Symbol('stop');
/** The answer of a handler that ends its actor. Made by `stop()`. */
export class Stop {
  readonly [stopping] = true;
  readonly reason: ExitReason;
  constructor(reason: ExitReason) {
    this.reason = reason;
  }
}

export const normal: ExitReason = Object.freeze({ kind: 'normal' });
export const shutdown: ExitReason = Object.freeze({ kind: 'shutdown' });
export const killed: ExitReason = Object.freeze({ kind: 'killed' });
export const noproc: ExitReason = Object.freeze({ kind: 'noproc' });

/** Ends the actor that returns it from `receive` or `signal`. */
export function stop(reason: ExitReason = normal): Stop {
  return new Stop(reason);
}

/** Returned by `start` instead of a state: do not run this actor, and do not treat that as a failure (OTP's `ignore`). */
export const ignore: unique symbol = Symbol('ignore');
export type Ignore = typeof ignore;

/** What a handler answers. `undefined` keeps the state; anything else but `stop()` replaces it. */
// biome-ignore lint/suspicious/noConfusingVoidType: a handler without a return statement is a handler that keeps its state
export type Next<S> = S | Stop | undefined | void;

export interface MailboxSpec {
  /** Messages waiting, at most. 1,024 where nothing is said. */
  readonly capacity: number;
  /** A full mailbox: `reject` answers false to `tell`; `dropNewest` and `dropOldest` answer true and give up that message instead. */
  readonly overflow: 'reject' | 'dropNewest' | 'dropOldest';
}

/** What checks data of which only its form is known; zod's and any other library's schemas are such. */
export interface Schema<T> {
  /** The input as a T. Throws where it is none. */
  parse(input: unknown): T;
}

export interface ActorDef<M extends Message, S, A = void> {
  readonly kind: string;
  /** Builds fresh state; runs again on restart. A throw fails the start. */
  start(ctx: Context<M>, args: A): S | Ignore | Promise<S | Ignore>;
  /** A returned promise suspends this actor, and only it, until it settles. A throw or rejection is a crash. */
  receive(state: S, message: M, ctx: Context<M>): Next<S> | Promise<Next<S>>;
  signal?(state: S, signal: Signal, ctx: Context<M>): Next<S>;
  readonly mailbox?: MailboxSpec;
  /** What other nodes may send: an actor without one is not reachable from them. Messages of this node are not checked: the compiler did. */
  readonly schema?: Schema<Unasked<M>>;
  /** Turns exit signals from linked actors and from `exit` into `exit` signals for the handler. A stop by the parent stays a stop. */
  readonly trapExit?: boolean;
}

/** Identity at run time; fixes the message, state and argument types of a definition where they meet. */
export function defineActor<M extends Message, S, A = void>(def: ActorDef<M, S, A>): ActorDef<M, S, A> {
  return def;
}

export interface SpawnOptions {
  /** Unique among the living siblings, without `/` and not starting with `$`. Default: `$` and the actor's uid. */
  readonly name?: string;
  readonly mailbox?: MailboxSpec;
}

/** `unreachable`: no connection to its node; `unencodable`: it holds what cannot travel. */
export type DeadLetterReason = 'stopped' | 'full' | 'unreachable' | 'unencodable';
export type DeadLetterListener = (to: ActorAddress, message: Message, why: DeadLetterReason) => void;
