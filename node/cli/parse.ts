// Law: what is typed is read by one rule for each kind of value, and what does not fit is refused with what was expected.
import { InvalidArgumentError } from 'commander';

/** Milliseconds from `90s`, `10m`, `1h`, `2d`; a bare number is seconds. */
export function parseDuration(text: string): number {
  const match = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)?$/.exec(text.trim());
  if (match === null) throw new InvalidArgumentError('expected a time such as 30s, 10m, 1h or 2d.');
  const unitMs = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 }[match[2] ?? 's']!;
  const ms = Math.round(Number(match[1]) * unitMs);
  if (ms < 1 || ms > 30 * 86_400_000) throw new InvalidArgumentError('expected more than nothing and at most 30 days.');
  return ms;
}

/** A whole number from `least` to `most`. */
export function parseCount(least: number, most: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (!Number.isInteger(value) || value < least || value > most) {
      throw new InvalidArgumentError(`expected a whole number from ${least} to ${most}.`);
    }
    return value;
  };
}

/** A multiaddress from a port, ADDRESS:PORT, or one as it is. */
export function parseListen(text: string): string {
  const port = /^(?:([0-9.]+):)?(\d{1,5})$/.exec(text);
  if (port !== null && Number(port[2]) <= 65_535) return `/ip4/${port[1] ?? '0.0.0.0'}/tcp/${port[2]}`;
  if (text.startsWith('/')) return text;
  throw new InvalidArgumentError('expected a port, ADDRESS:PORT, or a multiaddress such as /ip4/0.0.0.0/tcp/4101.');
}

/** For options that may be repeated: each value is added to those before. */
export function collect<T>(
  parse: (text: string) => T,
): (text: string, before: readonly T[] | undefined) => readonly T[] {
  return (text, before) => [...(before ?? []), parse(text)];
}
