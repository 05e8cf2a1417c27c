// Law: a node's load is what it runs, what waits here for a place, and what it has promised; a promise that was not called in lapses by
// itself, and so does the waiting of what is no longer asked for. A bid is when the work would be done, if it came here now.
import type { Clock } from '../system/index.ts';

export interface Waiting {
  readonly key: string;
  /** Until its run would begin here, as far as can be told. */
  readonly waitMs: number;
  /** How long it would run here. */
  readonly expectedMs: number;
}

export interface Workload {
  /** Assigned to this node and without a place to run yet. Said again while it is so: it lapses after `waitingMs`. */
  await(key: string, expectedMs: number): void;
  begin(key: string, expectedMs: number): void;
  /** It has run, or will not run here. */
  end(key: string): void;
  /** A soft reservation: counted until the run waits, begins or is released, or for `reservationMs`. */
  reserve(key: string, expectedMs: number): void;
  /** The award went to others. */
  release(key: string): void;
  /** Another node has it now: it does not wait here any more, and must not begin. */
  giveAway(key: string): void;
  takeBack(key: string): void;
  isGivenAway(key: string): boolean;
  /** Runs in hand, waiting and reserved. */
  load(): number;
  /** When a run that takes that long by itself would be over, from now, in ms. */
  finishMs(expectedMs: number): number;
  /** A place is free that nothing here is meant for. */
  isIdle(): boolean;
  /** What waits, in the order in which it came. */
  waiting(): readonly Waiting[];
  /** While it drains, this node takes no new work. */
  drain(isDraining: boolean): void;
  readonly isDraining: boolean;
}

const reservationMs = 1_500;
const reservationsMax = 1_024;
/** Several looks of the worker, which says what waits at each. */
const waitingMs = 2_500;
const waitingMax = 4_096;
/** By then the record has said for long that it is another's. */
const givenAwayMax = 1_024;

interface Held {
  readonly expectedMs: number;
  readonly untilMs: number;
}

/** `places`: runs that this node has at the same time, at most. */
export function createWorkload(clock: Pick<Clock, 'monotonicMs'>, places: number): Workload {
  const running = new Map<string, { readonly expectedMs: number; readonly sinceMs: number }>();
  const waiting = new Map<string, Held>();
  const reserved = new Map<string, Held>();
  const givenAway = new Set<string>();
  let isDraining = false;
  const lapse = (nowMs: number): void => {
    for (const held of [waiting, reserved])
      for (const [key, { untilMs }] of held) if (untilMs <= nowMs) held.delete(key);
  };
  const inHandMs = (nowMs: number): number => {
    let sum = 0;
    // What takes longer than expected is believed to take a quarter of that longer still.
    for (const { expectedMs, sinceMs } of running.values())
      sum += Math.max(expectedMs - (nowMs - sinceMs), expectedMs / 4);
    return sum;
  };
  const sumOf = (held: ReadonlyMap<string, Held>): number => {
    let sum = 0;
    for (const { expectedMs } of held.values()) sum += expectedMs;
    return sum;
  };

  return {
    await(key, expectedMs) {
      reserved.delete(key);
      if (running.has(key) || givenAway.has(key)) return;
      if (waiting.has(key) || waiting.size < waitingMax)
        waiting.set(key, { expectedMs, untilMs: clock.monotonicMs() + waitingMs });
    },
    begin(key, expectedMs) {
      running.set(key, { expectedMs, sinceMs: clock.monotonicMs() });
      waiting.delete(key);
      reserved.delete(key);
    },
    end(key) {
      running.delete(key);
      waiting.delete(key);
    },
    reserve(key, expectedMs) {
      if (running.has(key) || waiting.has(key)) return;
      if (reserved.size < reservationsMax)
        reserved.set(key, { expectedMs, untilMs: clock.monotonicMs() + reservationMs });
    },
    release: (key) => void reserved.delete(key),
    giveAway(key) {
      waiting.delete(key);
      if (givenAway.size >= givenAwayMax) givenAway.delete(givenAway.values().next().value!);
      givenAway.add(key);
    },
    takeBack: (key) => void givenAway.delete(key),
    isGivenAway: (key) => givenAway.has(key),
    load() {
      lapse(clock.monotonicMs());
      return running.size + waiting.size + reserved.size;
    },
    finishMs(expectedMs) {
      const nowMs = clock.monotonicMs();
      lapse(nowMs);
      if (running.size + waiting.size + reserved.size < places) return expectedMs;
      return expectedMs + (inHandMs(nowMs) + sumOf(waiting) + sumOf(reserved)) / places;
    },
    isIdle() {
      lapse(clock.monotonicMs());
      return !isDraining && running.size + waiting.size + reserved.size < places;
    },
    drain(value) {
      isDraining = value;
    },
    get isDraining() {
      return isDraining;
    },
    waiting() {
      const nowMs = clock.monotonicMs();
      lapse(nowMs);
      let beforeMs = inHandMs(nowMs);
      return [...waiting].map(([key, { expectedMs }]) => {
        const entry = { key, waitMs: beforeMs / places, expectedMs };
        beforeMs += expectedMs;
        return entry;
      });
    },
  };
}

export interface Pace {
  /** How long a run of the skill takes here, by those before it; a second before the first. */
  expectedMs(skill: string): number;
  ran(skill: string, durationMs: number): void;
}

const unknownMs = 1_000;
/** Weight of the newest run. */
const newest = 0.25;
const skillsMax = 1_000;

export function createPace(): Pace {
  const known = new Map<string, number>();
  return {
    expectedMs: (skill) => known.get(skill) ?? unknownMs,
    ran(skill, durationMs) {
      const before = known.get(skill);
      if (before === undefined && known.size >= skillsMax) return;
      known.set(skill, before === undefined ? durationMs : before + newest * (durationMs - before));
    },
  };
}
