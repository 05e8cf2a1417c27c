// Law: nothing happens here but what was scheduled, in one total order by (time, sequence), and time passes only in `advance`.
// Two worlds with one seed, driven alike, do the same.
import { createRandom } from '../random.ts';
import type { Clock, Log, LogLevel, Random, Scheduler } from '../world.ts';

export interface LogEntry {
  readonly atMs: number;
  readonly level: LogLevel;
  readonly text: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

export interface VirtualWorld {
  readonly clock: Clock;
  readonly random: Random;
  readonly scheduler: Scheduler;
  readonly log: Log;
  /** Everything logged, oldest first. */
  readonly logged: readonly LogEntry[];
  /** Timers that have neither fired nor been cancelled. */
  readonly pendingTimers: number;
  /**
   * Lets `ms` virtual milliseconds pass (0 by default): runs what is due in order, and lets promises settle before each step and at
   * the end. Rejects after 1,000,000 steps without time passing: a livelock.
   */
  advance(ms?: number): Promise<void>;
  /** As `advance`, for a world in which nobody waits for a promise: none settles meanwhile. Many times faster. */
  advanceSync(ms: number): void;
  /** Moves the wall clock, and only it: a skewed or jumping clock. */
  skewWallClock(byMs: number): void;
}

interface Entry {
  readonly atMs: number;
  run: (() => void) | undefined;
}

const livelockSteps = 1_000_000;
/** 2026-01-01T00:00:00Z. */
const wallStartMs = 1_767_225_600_000;

/** Promise reactions are the engine's own queue; one turn of the event loop empties it. Nothing else in a test needs the loop. */
function settlePromises(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** What is due at one moment, in the order it was scheduled. */
interface Moment {
  readonly atMs: number;
  readonly entries: Entry[];
  /** Those before it have run. */
  next: number;
}

class Agenda {
  private readonly moments = new Map<number, Moment>();
  /** A binary heap of the moments' times. */
  private readonly times: number[] = [];
  /** The moment that was looked at last: the first, nearly always. */
  private current: Moment | undefined = undefined;
  pending = 0;

  push(entry: Entry): void {
    this.pending++;
    const { atMs } = entry;
    const moment = this.moments.get(atMs);
    if (moment !== undefined) {
      moment.entries.push(entry);
      return;
    }
    this.moments.set(atMs, { atMs, entries: [entry], next: 0 });
    const { times } = this;
    let at = times.length;
    times.push(atMs);
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (times[parent]! <= atMs) break;
      times[at] = times[parent]!;
      at = parent;
    }
    times[at] = atMs;
  }

  /** Removes and returns the first entry that was not cancelled and is due by then, if any. */
  popDue(untilMs: number): Entry | undefined {
    for (let atMs = this.times[0]; atMs !== undefined && atMs <= untilMs; atMs = this.times[0]) {
      if (this.current?.atMs !== atMs) this.current = this.moments.get(atMs)!;
      const moment = this.current;
      while (moment.next < moment.entries.length) {
        const entry = moment.entries[moment.next++]!;
        if (entry.run === undefined) continue;
        this.pending--;
        return entry;
      }
      this.moments.delete(atMs);
      this.current = undefined;
      this.removeFirstTime();
    }
    return undefined;
  }

  private removeFirstTime(): void {
    const { times } = this;
    const last = times.pop()!;
    if (times.length === 0) return;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= times.length) break;
      if (child + 1 < times.length && times[child + 1]! < times[child]!) child++;
      if (last <= times[child]!) break;
      times[at] = times[child]!;
      at = child;
    }
    times[at] = last;
  }
}

/** A small deterministic World without network or storage: clock, random, scheduler and log. */
export function virtualWorld(seed: number | Uint8Array = 1): VirtualWorld {
  let nowMs = 0;
  let skewMs = 0;
  const agenda = new Agenda();
  let deferred: (() => void)[] = [];
  const logged: LogEntry[] = [];

  const schedule = (atMs: number, run: () => void): Entry => {
    const entry: Entry = { atMs: Math.max(atMs, nowMs), run };
    agenda.push(entry);
    return entry;
  };

  const runDeferred = (): boolean => {
    if (deferred.length === 0) return false;
    const batch = deferred;
    deferred = [];
    for (const drain of batch) drain();
    return true;
  };

  return {
    clock: { monotonicMs: () => nowMs, wallMs: () => wallStartMs + nowMs + skewMs },
    random: createRandom(seed),
    scheduler: {
      defer: (drain) => {
        deferred.push(drain);
      },
      yield: (drain) => {
        schedule(nowMs, drain);
      },
      at: (atMs, fire) => {
        const entry = schedule(atMs, fire);
        return () => {
          if (entry.run !== undefined) agenda.pending--;
          entry.run = undefined;
        };
      },
    },
    log: (level, text, fields = {}) => {
      logged.push({ atMs: nowMs, level, text, fields });
    },
    logged,
    get pendingTimers() {
      return agenda.pending;
    },
    advanceSync(ms) {
      const untilMs = nowMs + ms;
      for (;;) {
        while (runDeferred());
        const due = agenda.popDue(untilMs);
        if (due === undefined) break;
        nowMs = due.atMs;
        const { run } = due;
        due.run = undefined;
        run?.();
      }
      nowMs = untilMs;
    },
    async advance(ms = 0) {
      const untilMs = nowMs + ms;
      let stepsNow = 0;
      for (;;) {
        do {
          await settlePromises();
          if (++stepsNow > livelockSteps)
            throw new Error(
              `virtual world: ${livelockSteps} steps at ${nowMs} ms: something keeps scheduling work for now`,
            );
        } while (runDeferred());
        const due = agenda.popDue(untilMs);
        if (due === undefined) break;
        if (due.atMs > nowMs) stepsNow = 0;
        nowMs = due.atMs;
        const { run } = due;
        due.run = undefined;
        run?.();
      }
      nowMs = untilMs;
    },
    skewWallClock(byMs) {
      skewMs += byMs;
    },
  };
}
