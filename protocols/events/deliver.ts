// Law: one source's events are handed out one after the other; what its handler refuses is tried again by itself, and put aside with its
// reason once it was tried often enough. Nothing is skipped otherwise, and nothing is handed out by who may no longer.
import type { Clock, Log, Scheduler } from '../../actors/system/index.ts';
import { noteOf, type StoredEvent } from './batch.ts';
import { type BusEvent, type JoinOptions, positionText } from './bus.ts';
import type { EventLog, SourceReader } from './log.ts';

const retryMaxMs = 5_000;

export interface Progress {
  readonly sequence: number;
  readonly count: number;
  /** Times that the event after these was handed to a consumer that then died. */
  readonly attempts: number;
}

export interface DeliveryHost {
  readonly topic: string;
  readonly source: string;
  readonly log: EventLog;
  readonly clock: Clock;
  readonly scheduler: Scheduler;
  readonly trace: Log;
  readonly options: Required<Pick<JoinOptions, 'handle' | 'maxAttempts' | 'maxEvents' | 'retryMs'>>;
  /** False while this consumer cannot tell whether it still holds the source. */
  mayHandOut(): boolean;
  /** Resolves when the dead letter is durable. */
  putAside(event: BusEvent, note: string): Promise<void>;
  /** In memory; goes on record from time to time. */
  note(progress: Progress): void;
  /** On record before it resolves; false where this consumer holds the source no more. */
  record(progress: Progress): Promise<boolean>;
}

export interface Delivery {
  /** Hands out nothing more; resolves once the handler has returned. */
  stop(): Promise<void>;
}

const mayPollMs = 25;

export function startDelivery(
  host: DeliveryHost,
  start: Progress,
  /** Its last consumer died at work: the next events are handed out singly and on record, so that one that kills is found. */
  isSuspect: boolean,
): Delivery {
  const { topic, source, log, clock, scheduler, trace, options } = host;
  let stopped = false;
  let reader: SourceReader | undefined;
  let wake = (): void => {};
  const sleep = (ms: number): Promise<void> =>
    new Promise((resolve) => {
      const cancel = scheduler.at(clock.monotonicMs() + ms, resolve);
      wake = () => {
        cancel();
        resolve();
      };
    });
  /** False: stopped meanwhile. */
  const allowed = async (): Promise<boolean> => {
    while (!stopped && !host.mayHandOut()) await sleep(mayPollMs);
    return !stopped;
  };

  /** False: stopped before it was done. */
  async function single(event: BusEvent, priorAttempts: number): Promise<boolean> {
    let attempts = priorAttempts;
    let reason = `${attempts} consumers died of it`;
    for (let waitMs = options.retryMs; attempts < options.maxAttempts; waitMs = Math.min(waitMs * 2, retryMaxMs)) {
      if (!(await allowed())) return false;
      try {
        const outcome = options.handle([event]);
        if (outcome !== undefined) await outcome;
        return true;
      } catch (error) {
        reason = error instanceof Error ? error.message : String(error);
        attempts++;
      }
      if (attempts < options.maxAttempts) await sleep(waitMs);
    }
    while (!stopped) {
      try {
        await host.putAside(event, noteOf(`${event.position} after ${attempts} attempts: ${reason}`));
        return true;
      } catch {
        await sleep(retryMaxMs);
      }
    }
    return false;
  }

  async function run(): Promise<void> {
    let done = start;
    let suspects = isSuspect ? options.maxEvents : 0;
    for (;;) {
      let next: Awaited<ReturnType<SourceReader['next']>>;
      try {
        reader ??= log.open(topic, source, Math.max(1, done.sequence));
        next = await reader.next();
      } catch (error) {
        trace('warn', 'events cannot be read now; will try again', { topic, source, error: String(error) });
        reader?.close();
        reader = undefined;
        await sleep(retryMaxMs);
        if (stopped) return;
        continue;
      }
      if (next === undefined || stopped) return;
      const { sequence, batch } = next;
      const events = batch.events.map((event: StoredEvent, index): BusEvent => {
        const position = positionText({ source, sequence, index });
        return { ...event, topic, atMs: batch.atMs, position };
      });
      for (let at = sequence === done.sequence ? done.count : 0; at < events.length; ) {
        if (!(await allowed())) return;
        const isFirst = done === start;
        if (suspects > 0) {
          suspects--;
          const attempts = isFirst ? start.attempts : 0;
          if (attempts < options.maxAttempts && !(await host.record({ sequence, count: at, attempts: attempts + 1 })))
            return;
          if (!(await single(events[at]!, attempts))) return;
          at++;
        } else {
          const piece = events.slice(at, at + options.maxEvents);
          let isHandled = false;
          try {
            const outcome = options.handle(piece);
            if (outcome !== undefined) await outcome;
            isHandled = true;
          } catch {
            // Each by itself below.
          }
          for (const event of isHandled ? [] : piece) {
            if (!(await single(event, 0))) return;
            at++;
            done = { sequence, count: at, attempts: 0 };
            host.note(done);
          }
          if (isHandled) at += piece.length;
        }
        done = { sequence, count: at, attempts: 0 };
        host.note(done);
      }
    }
  }

  const running = run();
  return {
    stop() {
      stopped = true;
      reader?.close();
      wake();
      return running;
    },
  };
}
