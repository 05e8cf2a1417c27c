// Law: load comes in waves where one rhythm holds more of its movement than chance gives any: the mark of agents that act alike on old news.
import { type Finding, testAgainstNull } from './finding.ts';
import type { DetectorOptions } from './herding.ts';
import { mean, normal, variance } from './statistics.ts';

export interface Wave extends Finding {
  /** Samples from crest to crest. */
  readonly periodSamples: number;
}

/** Share of the largest line in the sum of the spectrum (R. Fisher's g), and which line that is. */
export function largestLine(series: ArrayLike<number>): { readonly share: number; readonly line: number } {
  const center = mean(series);
  const { length } = series;
  let total = 0;
  let largest = 0;
  let line = 0;
  for (let k = 1; k <= (length - 1) >> 1; k++) {
    const step = (2 * Math.PI * k) / length;
    // G. Goertzel's recurrence: one line of the spectrum without a sine per sample.
    const twice = 2 * Math.cos(step);
    let before = 0;
    let last = 0;
    for (let i = 0; i < length; i++) [before, last] = [last, series[i]! - center + twice * last - before];
    const power = last * last + before * before - twice * last * before;
    total += power;
    if (power > largest) [largest, line] = [power, k];
  }
  return { share: total === 0 ? 0 : largest / total, line };
}

/**
 * Queue lengths wander without waves: each is close to the one before. Null model: a wandering of the same memory (an autoregression of
 * order one, fitted to the series), which is what a queue of independent comings and goings looks like.
 */
export function detectWaves(series: readonly number[], options: DetectorOptions): Wave {
  const { random, surrogates = 199, falseAlarmRate = 0.01 } = options;
  const memory = memoryOf(series);
  const whitened = (values: ArrayLike<number>, by: number): Float64Array =>
    Float64Array.from({ length: values.length - 1 }, (_, i) => values[i + 1]! - by * values[i]!);
  const { share, line } = largestLine(whitened(series, memory));
  const spread = Math.sqrt(variance(series)) || 1;
  const draw = (): number => {
    let value = spread * normal(random);
    const path = Float64Array.from(series, () => {
      const now = value;
      value = memory * value + spread * Math.sqrt(1 - memory ** 2) * normal(random);
      return now;
    });
    return largestLine(whitened(path, memoryOf(path))).share;
  };
  const found = testAgainstNull({ phenomenon: 'load waves', statistic: share, draw, surrogates, falseAlarmRate });
  return { ...found, periodSamples: line === 0 ? Number.POSITIVE_INFINITY : (series.length - 1) / line };
}

function memoryOf(series: ArrayLike<number>): number {
  const center = mean(series);
  let along = 0;
  let whole = 0;
  for (let i = 0; i + 1 < series.length; i++) {
    along += (series[i]! - center) * (series[i + 1]! - center);
    whole += (series[i]! - center) ** 2;
  }
  return whole === 0 ? 0 : Math.max(-0.99, Math.min(0.99, along / whole));
}
