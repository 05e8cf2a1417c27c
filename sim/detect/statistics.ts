// Law: plain statistics, each by its textbook formula; what they mean is the detectors' business.
import type { Random } from '../../actors/system/index.ts';

/** Uniform in [0, 1). */
export const uniform = (random: Random): number => random.u32() / 2 ** 32;

/** Standard normal, by G. Box and M. Muller. */
export function normal(random: Random): number {
  const radius = Math.sqrt(-2 * Math.log(1 - uniform(random)));
  return radius * Math.cos(2 * Math.PI * uniform(random));
}

/** Poisson with that mean (at most some hundreds), by D. Knuth. */
export function poisson(random: Random, mean: number): number {
  const limit = Math.exp(-mean);
  let count = 0;
  for (let product = uniform(random); product > limit; product *= uniform(random)) count++;
  return count;
}

export function mean(values: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += values[i]!;
  return values.length === 0 ? 0 : sum / values.length;
}

export function variance(values: ArrayLike<number>): number {
  const center = mean(values);
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += (values[i]! - center) ** 2;
  return values.length === 0 ? 0 : sum / values.length;
}

/** Correlation of the series with itself `lag` samples later; 0 for a constant one. */
export function autocorrelation(values: ArrayLike<number>, lag: number): number {
  const center = mean(values);
  const spread = variance(values) * values.length;
  if (spread === 0) return 0;
  let sum = 0;
  for (let i = 0; i + lag < values.length; i++) sum += (values[i]! - center) * (values[i + lag]! - center);
  return sum / spread;
}

/** Shannon's entropy of the shares of `counts`, in bits. */
export function entropyBits(counts: Iterable<number>): number {
  const all = [...counts].filter((count) => count > 0);
  const total = all.reduce((sum, count) => sum + count, 0);
  return all.reduce((sum, count) => sum + (count / total) * Math.log2(total / count), 0);
}

/** K. Binder's cumulant of an order parameter: 2/3 in an ordered swarm, 0 in one without order. */
export function binderCumulant(order: ArrayLike<number>): number {
  const powers = Array.from(order, (m) => [m ** 2, m ** 4] as const);
  const second = mean(powers.map(([square]) => square));
  return second === 0 ? 0 : 1 - mean(powers.map(([, fourth]) => fourth)) / (3 * second ** 2);
}

export function shuffled<T>(values: readonly T[], random: Random): T[] {
  const copy = [...values];
  for (let i = copy.length - 1; i > 0; i--) {
    const j = random.below(i + 1);
    [copy[i], copy[j]] = [copy[j]!, copy[i]!];
  }
  return copy;
}
