// Law: a change of regime is called when the evidence for it outweighs the evidence against by a factor e^h, and not before: between two
// false alarms lie at least e^h samples on average (E. Page's cumulative sum, G. Lorden's bound).

export interface Regime {
  readonly mean: number;
  readonly deviation: number;
}

export interface RegimeOptions {
  /** Samples are as before: normal, of that mean and deviation. */
  readonly before: Regime;
  /** The smallest change worth knowing of, in deviations, up and down. */
  readonly shift: number;
  /** Least samples between two false alarms, on average. Default 100,000. */
  readonly falseAlarmEvery?: number;
}

export interface RegimeDetector {
  /** Evidence needed, in nats. */
  readonly threshold: number;
  /** Whether the regime has changed with this sample. Starts over after an alarm. */
  add(sample: number): boolean;
  readonly evidence: number;
}

export function createRegimeDetector({ before, shift, falseAlarmEvery = 100_000 }: RegimeOptions): RegimeDetector {
  // Two sums, up and down, share the alarms.
  const threshold = Math.log(2 * falseAlarmEvery);
  let up = 0;
  let down = 0;
  return {
    threshold,
    get evidence() {
      return Math.max(up, down);
    },
    add(sample) {
      const z = (sample - before.mean) / before.deviation;
      up = Math.max(0, up + shift * z - shift ** 2 / 2);
      down = Math.max(0, down - shift * z - shift ** 2 / 2);
      if (up < threshold && down < threshold) return false;
      up = 0;
      down = 0;
      return true;
    },
  };
}

/** The first sample at which `series` has left the regime of its first `reference` samples, or undefined. */
export function detectRegimeChange(
  series: readonly number[],
  { reference, shift, falseAlarmEvery }: { reference: number; shift: number; falseAlarmEvery?: number },
): number | undefined {
  const first = series.slice(0, reference);
  const center = first.reduce((sum, value) => sum + value, 0) / first.length;
  const deviation = Math.sqrt(first.reduce((sum, value) => sum + (value - center) ** 2, 0) / (first.length - 1)) || 1;
  const detector = createRegimeDetector({
    before: { mean: center, deviation },
    shift,
    ...(falseAlarmEvery === undefined ? {} : { falseAlarmEvery }),
  });
  const at = series.slice(reference).findIndex((sample) => detector.add(sample));
  return at < 0 ? undefined : reference + at;
}
