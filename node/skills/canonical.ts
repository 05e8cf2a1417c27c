// Law: equal results are equal bytes. This file is the whole number and text format of every skill's output:
// - an output is RFC 8785 JSON (sorted keys, no spaces) in UTF-8, at most 1 MiB;
// - an integer is a JSON number where |n| ≤ 2^53 − 1 and a JSON string of its digits beyond;
// - any other number is a JSON string in plain decimal: no exponent, no trailing zeros, no "-0", at least one digit before the point;
// - a quotient (average, share, rate, score) is first rounded half-even to a stated number of decimals, 6 unless said otherwise;
// - a table is {columns: [{name, type}], rows: [[…]], rowCount}, an empty cell null, a date the text it was.
import canonicalize from 'canonicalize';
import { SkillFailure } from './skill.ts';

export const maxOutputBytes = 1024 * 1024;

/** The canonical bytes of a skill's output. Throws SkillFailure `output_too_large` or `not_text`. */
export function canonicalBytes(output: unknown): Uint8Array {
  let text: string | undefined;
  try {
    text = canonicalize(output);
  } catch (error) {
    throw new SkillFailure('not_text', `the output can't be written as canonical JSON: ${(error as Error).message}`);
  }
  if (text === undefined) throw new SkillFailure('not_text', 'the output is not a JSON value');
  const bytes = new TextEncoder().encode(text);
  if (bytes.length > maxOutputBytes) throw outputTooLarge(`is ${bytes.length} bytes`);
  return bytes;
}

export function outputTooLarge(what: string): SkillFailure {
  return new SkillFailure(
    'output_too_large',
    `the output ${what}; at most ${maxOutputBytes} bytes (1 MiB) can be certified. Ask for fewer rows (limit, filter) or group them`,
  );
}

/** The first `length` characters of well-formed text, never half of a surrogate pair, with `…` where something was cut. */
export function clip(text: string, length: number): string {
  const whole = text.toWellFormed();
  return whole.length <= length
    ? whole
    : `${whole
        .slice(0, length)
        .toWellFormed()
        .replace(/\uFFFD$/, '')}…`;
}

/** Order by UTF-16 code units: the same on every machine, whatever its locale. */
export function byCodeUnits(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
