// Law: a hybrid logical clock never repeats and never goes back, stays within a bound of the wall clock, and a peer that claims a
// time beyond that bound cannot drag it along (Kulkarni et al. 2014, "Logical Physical Clocks").
import type { Clock } from '../../actors/system/index.ts';

/** 48 bits of milliseconds since the Unix epoch, then 16 bits of counter: ordered as one unsigned 64-bit integer. */
export type HlcTime = bigint;

export const hlcTime = {
  of: (wallMs: number, counter = 0): HlcTime => (BigInt(wallMs) << 16n) | BigInt(counter),
  /** Milliseconds since the Unix epoch. */
  wallMs: (time: HlcTime): number => Number(time >> 16n),
  counter: (time: HlcTime): number => Number(time & 0xffffn),
};

/** Default for how far ahead of the local wall clock a peer's time may be, in milliseconds. */
export const maxClockDriftMs = 300_000;

export interface Hlc {
  /** A time later than every one issued or accepted before. */
  now(): HlcTime;
  /** Takes a peer's time into account. False, and no change, where it is more than the drift bound ahead of the local wall clock. */
  observe(time: HlcTime): boolean;
}

export function createHlc(clock: Pick<Clock, 'wallMs'>, maxDriftMs: number = maxClockDriftMs): Hlc {
  let last: HlcTime = 0n;
  const wall = (): number => Math.max(0, Math.floor(clock.wallMs()));
  return {
    now() {
      const physical = hlcTime.of(wall());
      // A counter that runs over carries into the milliseconds: still later, still unique.
      last = physical > last ? physical : last + 1n;
      return last;
    },
    observe(time) {
      if (hlcTime.wallMs(time) > wall() + maxDriftMs) return false;
      if (time > last) last = time;
      return true;
    },
  };
}
