// Law: behind every ref stands a target, here or elsewhere: it takes messages, remembers the asks that wait for it, and tells its
// watchers once when it has ended.
import type { PendingAsk } from './ask.ts';
import type { Bonds } from './links.ts';
import type { QueuedSignal } from './signals.ts';
import type { ActorSystem } from './system.ts';
import type { ActorAddress, ActorRef, ExitReason, Message, MonitorId, TraceContext } from './types.ts';

/** One monitor: it stands in its watcher's bonds and with its target. */
export interface Monitor {
  readonly id: MonitorId;
  readonly watcher: Watcher;
  readonly target: Target;
}

/** Who hears of an end: an actor, or another node on behalf of one of its actors. */
export interface Watcher {
  readonly bonds: Bonds | undefined;
  pushSignal(signal: QueuedSignal): void;
}

export interface Target extends ActorRef<Message> {
  readonly system: ActorSystem;
  /** For people: names the node too where it is not this one. */
  readonly path: string;
  /** The newest of a list. */
  asks: PendingAsk | undefined;
  /** As `tell`, without a default trace. */
  offer(message: Message, trace: TraceContext | undefined): boolean;
  /** Why there is nothing to watch any more, or undefined: the watcher will hear. */
  addWatcher(monitor: Monitor): ExitReason | undefined;
  removeWatcher(monitor: Monitor): void;
}

/** What the system knows of the part that reaches other nodes. */
export interface Office {
  /** A ref ended for good. */
  forget(uid: number): void;
  /** The system has ended. */
  close(): void;
}

export function unreachable(node: string): ExitReason {
  return { kind: 'unreachable', node };
}

/** The base of every ref that is not a cell of this system. */
export abstract class ForeignRef implements Target {
  asks: PendingAsk | undefined = undefined;
  readonly system: ActorSystem;

  constructor(system: ActorSystem) {
    this.system = system;
  }

  abstract readonly address: ActorAddress;
  abstract readonly path: string;
  abstract offer(message: Message, trace: TraceContext | undefined): boolean;
  abstract addWatcher(monitor: Monitor): ExitReason | undefined;
  abstract removeWatcher(monitor: Monitor): void;

  tell(message: Message, trace: TraceContext | undefined = this.system.dispatcher.trace): boolean {
    return this.offer(message, trace);
  }
}
