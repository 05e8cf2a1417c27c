// Law: what a person writes is read once, with its unit, and is a number of the unit in its name from there on; ranges are drawn per seed.
import { z } from 'zod';
import type { Random } from '../../actors/system/index.ts';

/** From and to, both included; equal where no range was written. */
export interface Range {
  readonly least: number;
  readonly most: number;
}

const unitMs: Readonly<Record<string, number>> = { us: 0.001, ms: 1, s: 1_000, m: 60_000, h: 3_600_000 };
const unitBytes: Readonly<Record<string, number>> = { B: 1, KB: 1_000, MB: 1_000_000, GB: 1_000_000_000 };

/** Milliseconds of `250ms`, `3s`, `-1.5m`; undefined where it is none. */
export function readDurationMs(text: string): number | undefined {
  const match = /^(-?\d+(?:\.\d+)?)\s*(us|ms|s|m|h)$/.exec(text.trim());
  return match === null ? undefined : Number(match[1]) * unitMs[match[2]!]!;
}

function readRange(text: string): Range | undefined {
  const [least, most = least, ...more] = text.split('..').map(readDurationMs);
  return least === undefined || most === undefined || more.length > 0 || most < least ? undefined : { least, most };
}

const durationHint = 'a time such as 250ms, 3s or 1m';

export const duration = z.string().transform((text, context) => {
  const ms = readDurationMs(text);
  if (ms !== undefined && ms >= 0) return ms;
  context.addIssue({ code: 'custom', message: `expected ${durationHint}, not ${JSON.stringify(text)}` });
  return z.NEVER;
});

/** Of `every`: a period of nothing would never come to its end. */
export const period = duration.refine((ms) => ms > 0, 'expected more than nothing');

const phaseMaxMs = 24 * 3_600_000;
/** Bounded: nobody waits for the end of a longer run. */
export const phase = duration.refine((ms) => ms <= phaseMaxMs, 'expected at most 24h');

export const durationRange = z.string().transform((text, context) => {
  const range = readRange(text);
  if (range !== undefined) return range;
  context.addIssue({
    code: 'custom',
    message: `expected ${durationHint}, or a range such as 1s..4s, not ${JSON.stringify(text)}`,
  });
  return z.NEVER;
});

/** Bytes per millisecond of `10MB/s`. */
export const bandwidth = z.string().transform((text, context) => {
  const match = /^(\d+(?:\.\d+)?)\s*(B|KB|MB|GB)\/s$/.exec(text.trim());
  if (match !== null && Number(match[1]) > 0) return (Number(match[1]) * unitBytes[match[2]!]!) / 1_000;
  context.addIssue({
    code: 'custom',
    message: `expected a rate such as 256KB/s or 10MB/s, not ${JSON.stringify(text)}`,
  });
  return z.NEVER;
});

export const share = z.number().min(0).max(1);

export const always = (ms: number): Range => ({ least: ms, most: ms });

/** Whole milliseconds. */
export function drawMs(random: Random, { least, most }: Range): number {
  return Math.round(least) + (most > least ? random.below(Math.round(most - least) + 1) : 0);
}
