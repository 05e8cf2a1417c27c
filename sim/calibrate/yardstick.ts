// Law: a yardstick is a figure somebody else published or proved, what the simulator got, and a verdict by a rule fixed beforehand. What
// misses is shown as missed; nothing is left out for missing.

export interface Yardstick {
  readonly group: string;
  readonly name: string;
  /** Where the figure comes from. */
  readonly source: string;
  readonly expected: string;
  readonly got: string;
  readonly isMet: boolean;
}

type About = Pick<Yardstick, 'group' | 'name' | 'source'>;

export interface Sample {
  readonly mean: number;
  /** Of the mean. */
  readonly standardError: number;
  readonly count: number;
}

export function sampleOf(values: readonly number[]): Sample {
  const count = values.length;
  const mean = values.reduce((sum, value) => sum + value, 0) / count;
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  return { mean, standardError: Math.sqrt(squares / Math.max(1, count - 1) / count), count };
}

/** Of a share: the error is that of the share expected, so that a sample without any success is judged too. */
export function shareOf(successes: number, count: number, expected: number): Sample {
  return { mean: successes / count, standardError: Math.sqrt((expected * (1 - expected)) / count), count };
}

/** Met where the sample's mean lies within three standard errors. */
export function withinThreeSigma(about: About, expected: number, { mean, standardError, count }: Sample): Yardstick {
  const distance = Math.abs(mean - expected) / standardError;
  return {
    ...about,
    expected: figure(expected),
    got: `${figure(mean)} ± ${figure(standardError)} (${count} samples, ${distance.toFixed(1)} σ)`,
    isMet: distance <= 3,
  };
}

/** Met where the figure is off by no more than `share` of the expected one. */
export function withinShare(about: About, expected: number, got: number, share: number): Yardstick {
  const off = got / expected - 1;
  return {
    ...about,
    expected: `${figure(expected)} ± ${(share * 100).toFixed(0)} %`,
    got: `${figure(got)} (${off >= 0 ? '+' : ''}${(off * 100).toFixed(1)} %)`,
    isMet: Math.abs(off) <= share,
  };
}

/** Met where a percentage is off by no more than so many points. */
export function withinPoints(about: About, expected: number, got: number, points: number): Yardstick {
  return {
    ...about,
    expected: `${expected.toFixed(1)} % ± ${points} points`,
    got: `${got.toFixed(1)} %`,
    isMet: Math.abs(got - expected) <= points,
  };
}

export function figure(value: number): string {
  const size = Math.abs(value);
  if (size >= 10_000) return Math.round(value).toLocaleString('en');
  if (size >= 100) return value.toFixed(0);
  return size >= 10 ? value.toFixed(2) : value.toFixed(4);
}

export function tableOf(yardsticks: readonly Yardstick[]): string[] {
  const lines: string[] = [];
  const width = (pick: (yardstick: Yardstick) => string): number =>
    Math.max(...yardsticks.map((each) => pick(each).length));
  const [names, expected, got] = [width(({ name }) => name), width((y) => y.expected), width((y) => y.got)];
  let group = '';
  for (const yardstick of yardsticks) {
    if (yardstick.group !== group) {
      group = yardstick.group;
      lines.push('', group);
    }
    lines.push(
      `  ${yardstick.isMet ? 'met   ' : 'MISSED'} ${yardstick.name.padEnd(names)}  expected ${yardstick.expected.padEnd(expected)}  got ${yardstick.got.padEnd(got)}  ${yardstick.source}`,
    );
  }
  return lines;
}
