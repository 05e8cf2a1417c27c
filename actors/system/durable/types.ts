// Law: a command decides, an event folds, effects happen after commit. What is decided is data; nothing happens that a replay would repeat.
import type { Context, MailboxSpec, Message, Schema, Signal, Stop, Unasked } from '../types.ts';
import type { Journal, Snapshots } from './journal.ts';

/** What a command decides. Returning nothing, or `stop()`, persists nothing. */
export interface Persist<S, E> {
  /** In order; all of them are committed or none. */
  readonly persist: readonly E[];
  /** Runs once they are durable, with the state they lead to; not if the actor ended meanwhile. `stop()` ends the actor. */
  // biome-ignore lint/suspicious/noConfusingVoidType: a function without a return statement goes on
  readonly after?: (state: S) => Stop | void;
}
// biome-ignore lint/suspicious/noConfusingVoidType: a command without a return statement decides nothing
export type Decision<S, E> = Persist<S, E> | Stop | undefined | void;

/** An effect that the state says is still to be done. */
export interface Owed<M extends Message> {
  /** Names it. It runs once per activation; it stops being owed when an event says that it is done. */
  readonly key: string;
  /** Resolves to the message that reports the outcome, good or bad. A rejection crashes the actor. */
  run(signal: AbortSignal): Promise<M>;
}

export interface DurableDef<M extends Message, E, S, A = void> {
  readonly kind: string;
  /** Names the journal. One living actor writes it; of two, one is fenced off and crashes. */
  id(args: A): string;
  /** The state before the first event. */
  initial(args: A): S;
  /** Decides. Looks, answers questions, and otherwise acts only through what it returns. A throw is a crash. */
  command(state: S, message: M, ctx: Context<M>): Decision<S, E>;
  /** Folds: pure and total, since it runs again at each replay. */
  event(state: S, event: E): S;
  /**
   * Effects that the state owes the world, most urgent first. They start after the commit that made them owed, and again after
   * recovery, until an event acknowledges them: at least once, and never after their acknowledgement. At most 16 run at a time.
   */
  owed?(state: S): Iterable<Owed<M>>;
  // biome-ignore lint/suspicious/noConfusingVoidType: a handler without a return statement goes on
  signal?(state: S, signal: Signal, ctx: Context<M>): Stop | void;
  /** Checks what the journal holds before it is folded. */
  readonly events?: Schema<E>;
  /** `everyEvents` events a snapshot is taken, `keep` of them are kept, and the events before the oldest are deleted. */
  readonly snapshot?: { readonly everyEvents: number; readonly keep: number; readonly states?: Schema<S> };
  readonly mailbox?: MailboxSpec;
  readonly schema?: Schema<Unasked<M>>;
  readonly trapExit?: boolean;
}

export interface DurablePorts {
  readonly journal: Journal;
  /** Needed where the definition takes snapshots. */
  readonly snapshots?: Snapshots;
}
