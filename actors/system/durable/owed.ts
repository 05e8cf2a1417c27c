// Law: an owed effect runs once per activation, a bounded number at a time, and stops when it is no longer owed. Its outcome is a message
// of the actor, which nothing may push out of the mailbox.
import type { ActorContext } from '../context.ts';
import type { Message } from '../types.ts';
import type { Owed } from './types.ts';

const runningAtOnce = 16;

/** A class, so that no message can pass for one. */
class Outcome implements Message {
  readonly type = '$owed';
  readonly key: string;
  readonly message: Message | undefined;
  readonly error: Error | undefined;

  constructor(key: string, message: Message | undefined, error: Error | undefined) {
    this.key = key;
    this.message = message;
    this.error = error;
  }
}

export class OwedWork<M extends Message> {
  private readonly context: ActorContext;
  /** By key; `undefined` once it has run. */
  private readonly started = new Map<string, AbortController | undefined>();
  private running = 0;

  constructor(context: ActorContext) {
    this.context = context;
  }

  /** Starts what is owed and has not run, and aborts what runs and is not owed. */
  workOff(owed: Iterable<Owed<M>>): void {
    const left = new Set(this.started.keys());
    for (const item of owed) {
      if (left.delete(item.key) || this.started.has(item.key)) continue;
      if (this.running < runningAtOnce) this.begin(item);
    }
    for (const key of left) {
      this.started.get(key)?.abort();
      this.started.delete(key);
    }
  }

  private begin({ key, run }: Owed<M>): void {
    this.running++;
    const { cell } = this.context;
    const end = (message: Message | undefined, error: Error | undefined): void => {
      this.running--;
      // Of what is no longer owed nobody wants to hear, but another may take its place.
      const wanted = this.started.get(key) === controller;
      if (wanted) this.started.set(key, undefined);
      const outcome = wanted ? new Outcome(key, message, error) : new Outcome(key, undefined, undefined);
      // Beyond the mailbox's capacity by at most what runs at once.
      cell.offerOwn(outcome);
    };
    const controller = this.context.work(
      run,
      (message) => end(message, undefined),
      (error) => end(undefined, error),
    );
    this.started.set(key, controller);
  }

  /** The actor's own message in `received`, if there is one: an outcome may carry none. Throws where the effect did. */
  messageIn(received: M): M | undefined {
    const outcome: Message = received;
    if (!(outcome instanceof Outcome)) return received;
    const { message, error, key } = outcome;
    if (error !== undefined) throw new Error(`the owed effect '${key}' failed`, { cause: error });
    return message as M | undefined;
  }
}
