// Law: an ask ends exactly once: with the answer, at its timeout, or at once when its target ends, crashes on it or refuses it.
// What comes later vanishes. One object is the reply address, the timer entry and the link to the target.
import type { Target } from './target.ts';
import { WheelEntry } from './timer-wheel.ts';
import type { AskOptions, ExitReason, Message, ReplyTo, TraceContext } from './types.ts';

/** `stopped`: the target ended or crashed before it answered; `refused`: its mailbox is full; `calling_self`: it could never answer. */
export type AskErrorCode = 'timeout' | 'stopped' | 'refused' | 'aborted' | 'calling_self';
export class AskError extends Error {
  override readonly name = 'AskError';
  readonly code: AskErrorCode;
  /** Why the target ended, where it did. */
  readonly reason: ExitReason | undefined;
  constructor(code: AskErrorCode, message: string, reason?: ExitReason) {
    super(message, reason?.kind === 'error' ? { cause: reason.error } : undefined);
    this.code = code;
    this.reason = reason;
  }
}

export class PendingAsk extends WheelEntry implements ReplyTo<unknown> {
  private target: Target;
  private readonly resolve: (reply: unknown) => void;
  private readonly reject: (error: AskError) => void;
  private askType: string;
  private open = true;
  private previousAsk: PendingAsk | undefined = undefined;
  private nextAsk: PendingAsk | undefined = undefined;
  private closing: (() => void) | undefined = undefined;

  constructor(target: Target, askType: string, resolve: (reply: unknown) => void, reject: (error: AskError) => void) {
    super();
    this.target = target;
    this.askType = askType;
    this.resolve = resolve;
    this.reject = reject;
    this.join();
  }

  /** The message went on to another actor: the ask ends with that one now. */
  retarget(target: Target, askType: string = this.askType): void {
    if (!this.open || target === this.target) return;
    this.askType = askType;
    this.unlink();
    this.target = target;
    this.join();
  }

  /** How long the answer is still waited for. */
  get leftMs(): number {
    const { clock, wheel } = this.target.system;
    return Math.max(0, wheel.dueMs(this) - clock.monotonicMs());
  }

  /** Calls `closed` once, when this ask has ended. */
  onClose(closed: () => void): void {
    const before = this.closing;
    this.closing =
      before === undefined
        ? closed
        : () => {
            before();
            closed();
          };
  }

  /** Ends it without a word: nobody waits any more. */
  abandon(): void {
    this.close();
  }

  send(reply: unknown): void {
    if (this.close()) this.resolve(reply);
  }

  fire(): void {
    this.fail('timeout', 'did not answer in time');
  }

  abortWith(signal: AbortSignal): void {
    const onAbort = (): void => this.fail('aborted', 'was not waited for: its caller aborted');
    if (signal.aborted) {
      onAbort();
      return;
    }
    signal.addEventListener('abort', onAbort, { once: true });
    this.onClose(() => signal.removeEventListener('abort', onAbort));
  }

  fail(code: AskErrorCode, what: string, reason?: ExitReason): void {
    this.failAs(code, `ask '${this.askType}': ${this.target.path} ${what}`, reason);
  }

  /** With the words of another node, which knows better. */
  failAs(code: AskErrorCode, words: string, reason?: ExitReason): void {
    if (this.close()) this.reject(new AskError(code, words, reason));
  }

  private close(): boolean {
    if (!this.open) return false;
    this.open = false;
    this.target.system.wheel.cancel(this);
    this.unlink();
    this.closing?.();
    return true;
  }

  private join(): void {
    const { target } = this;
    this.previousAsk = undefined;
    this.nextAsk = target.asks;
    if (target.asks !== undefined) target.asks.previousAsk = this;
    target.asks = this;
  }

  private unlink(): void {
    if (this.previousAsk === undefined) this.target.asks = this.nextAsk;
    else this.previousAsk.nextAsk = this.nextAsk;
    if (this.nextAsk !== undefined) this.nextAsk.previousAsk = this.previousAsk;
  }

  /** Fails every open ask of `target` whose message is not in `kept`: the others died with the incarnation that took them. */
  static failAll(target: Target, reason: ExitReason, kept: ReadonlySet<unknown>): void {
    let pending = target.asks;
    while (pending !== undefined) {
      const following = pending.nextAsk;
      if (!kept.has(pending)) pending.fail('stopped', `ended (${reason.kind}) before it answered`, reason);
      pending = following;
    }
  }
}

/** The ask a message carries, if it carries one. */
export function askOf(message: Message): PendingAsk | undefined {
  const { replyTo } = message as { readonly replyTo?: unknown };
  return replyTo instanceof PendingAsk ? replyTo : undefined;
}

/** Passes a message on to the actor that will answer it: an ask that it carries ends with that actor. */
export function handOver(target: Target, message: Message, trace: TraceContext | undefined): boolean {
  askOf(message)?.retarget(target, message.type);
  return target.offer(message, trace);
}

export function askTarget(
  target: Target,
  message: Message,
  options: AskOptions,
  trace: TraceContext | undefined,
): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const pending = new PendingAsk(target, message.type, resolve, reject);
    target.system.wheel.add(pending, options.timeoutMs);
    if (options.signal !== undefined) {
      pending.abortWith(options.signal);
      if (options.signal.aborted) return;
    }
    // Refused, the message goes to dead letters, which fails its ask.
    target.offer({ ...message, replyTo: pending } as Message, trace);
  });
}
