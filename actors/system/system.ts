// Law: a system is one tree of actors over one World; refused messages are heard of, and shutting down ends every actor.
import { askOf, askTarget } from './ask.ts';
import { type AnyDef, Cell } from './cell.ts';
import { cellOf, targetOf } from './context.ts';
import { Dispatcher } from './dispatcher.ts';
import { type ActorReport, inspectTree } from './inspect.ts';
import { childNamed, spawnChild } from './lifecycle.ts';
import { exit } from './links.ts';
import { type Office, type Target, unreachable } from './target.ts';
import { TimerWheel } from './timer-wheel.ts';
import {
  type ActorDef,
  type ActorRef,
  type Askable,
  type AskInput,
  type AskOptions,
  type DeadLetterListener,
  type DeadLetterReason,
  type ExitReason,
  type Message,
  type MonitorId,
  noproc,
  type ReplyOf,
  type SpawnOptions,
  shutdown,
} from './types.ts';
import type { Clock, Log, Random, World } from './world.ts';

export type SystemWorld = Pick<World, 'clock' | 'random' | 'scheduler' | 'log'>;

export interface System {
  /** The node in every address of this system. */
  readonly name: string;
  /** A top-level actor at `/name`. Throws where a living one already has that name, or after `shutdown`. */
  spawn<M extends Message, A>(
    // biome-ignore lint/suspicious/noExplicitAny: the state is the actor's own business, and invariant
    def: ActorDef<M, any, A>,
    args: A,
    options?: SpawnOptions,
  ): ActorRef<M>;
  /** OTP's exit/2 from outside of any actor. */
  exit(ref: ActorRef<never>, reason: ExitReason): void;
  readonly deadLetters: {
    /** Messages refused since the system began. */
    readonly count: number;
    /** Returns how to unsubscribe. A listener that throws is logged and kept; what it causes itself is only counted. */
    subscribe(listener: DeadLetterListener): () => void;
  };
  /** The living tree now. */
  inspect(): ActorReport;
  /** Ends every actor, children first; workers get 5 s before they are killed. Resolves when all are gone; calling again waits for the same. */
  shutdown(): Promise<void>;
}

const rootDef: AnyDef = { kind: 'system', start: () => null, receive: () => undefined };

class DeadLetters {
  count = 0;
  private publishing = false;
  private readonly listeners = new Set<DeadLetterListener>();
  private readonly log: Log;

  constructor(log: Log) {
    this.log = log;
  }

  subscribe(listener: DeadLetterListener): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  publish(to: Target, message: Message, why: DeadLetterReason): void {
    this.count++;
    // What listeners cause is counted and not told them: one that tells a full mailbox would never come to an end.
    if (this.publishing) return;
    this.publishing = true;
    for (const listener of this.listeners) {
      try {
        listener(to.address, message, why);
      } catch (error) {
        this.log('error', 'a dead-letter listener threw', { actor: to.path, error });
      }
    }
    this.publishing = false;
  }
}

export class ActorSystem implements System {
  readonly name: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly dispatcher: Dispatcher;
  readonly wheel: TimerWheel;
  readonly deadLetters: DeadLetters;
  readonly root: Cell;
  /** Added to the uid in every address, so that a ref from before a restart of this process names nobody of after it. */
  readonly uidBase: number;
  /** What makes other nodes reachable, once there is one. */
  office: Office | undefined = undefined;
  private lastUid = 0;
  private lastMonitor = 0;
  private onRootEnded: (() => void) | undefined = undefined;
  private ending: Promise<void> | undefined = undefined;

  constructor(name: string, world: SystemWorld) {
    this.name = name;
    this.clock = world.clock;
    this.random = world.random.fork('actors');
    this.log = world.log;
    this.dispatcher = new Dispatcher(world.clock, world.scheduler);
    this.wheel = new TimerWheel(world.clock, world.scheduler);
    this.uidBase = this.random.fork('uids').below(2 ** 21) * 2 ** 32;
    this.deadLetters = new DeadLetters(world.log);
    this.root = new Cell(this, undefined, rootDef, undefined, undefined);
  }

  nextUid(): number {
    return this.lastUid++;
  }

  nextMonitorId(): MonitorId {
    return ++this.lastMonitor as MonitorId;
  }

  spawn(def: AnyDef, args: unknown, options?: SpawnOptions): Cell {
    return spawnChild(this.root, def, args, options);
  }

  exit(ref: ActorRef<never>, reason: ExitReason): void {
    exit(this.root, cellOf(ref), reason);
  }

  deadLetter(to: Target, message: Message, why: DeadLetterReason): void {
    const ask = askOf(message);
    if (ask !== undefined) {
      if (why === 'full') ask.fail('refused', 'refused it: its mailbox is full');
      else if (why === 'unencodable') ask.fail('refused', 'cannot be sent what holds more than plain data');
      else if (why === 'unreachable') ask.fail('stopped', 'is out of reach', unreachable(to.address.node));
      else ask.fail('stopped', 'has ended', to instanceof Cell ? to.endReason : noproc);
    }
    this.deadLetters.publish(to, message, why);
  }

  /** The living actor at `path`. */
  find(path: string): Cell | undefined {
    if (!path.startsWith('/')) return undefined;
    let cell: Cell | undefined = this.root;
    for (let from = 1; cell !== undefined; ) {
      const to = path.indexOf('/', from);
      if (to < 0) return childNamed(cell, path.slice(from));
      cell = childNamed(cell, path.slice(from, to));
      from = to + 1;
    }
    return undefined;
  }

  inspect(): ActorReport {
    return inspectTree(this.root);
  }

  /** Called by the root's cell, last of all. */
  rootEnded(): void {
    this.office?.close();
    this.wheel.close();
    this.onRootEnded?.();
  }

  shutdown(): Promise<void> {
    this.ending ??= new Promise((resolve) => {
      this.onRootEnded = resolve;
      this.root.requestStop(shutdown);
    });
    return this.ending;
  }
}

/** One actor system. Its name is the node in every address. */
export function createSystem(name: string, world: SystemWorld): System {
  return new ActorSystem(name, world);
}

/**
 * Asks from outside of any actor. Rejects with AskError: `timeout`, `refused`, `aborted`, or at once `stopped` when the target ends or
 * crashes before it answers.
 */
export function ask<M extends Message, K extends Askable<M>['type']>(
  system: System,
  to: ActorRef<M>,
  message: AskInput<M, K>,
  options: AskOptions,
): Promise<ReplyOf<M, K>> {
  const { dispatcher } = system as ActorSystem;
  return askTarget(targetOf(to), message, options, dispatcher.trace) as Promise<ReplyOf<M, K>>;
}
