// Law: numbers read from data are exact. A decimal is an integer count of 10^-scale; sums do not depend on the order of their terms,
// and the only rounding is half-even, at a division, to a stated number of decimals.

export interface Decimal {
  readonly units: bigint;
  /** Decimals after the point, ≥ 0: the value is units / 10^scale. */
  readonly scale: number;
}

export type NumberShape = 'integer' | 'decimal';

/** A text whose length and exponent together exceed this is text and not a number: it bounds what one cell can cost. */
const maxNumberLength = 400;

const zero = 48;
const nine = 57;

/**
 * What number `text` spells, if any: -?(0|[1-9][0-9]*)(.[0-9]+)?([eE][+-]?[0-9]+)?. Leading zeros, a plus sign and spaces make it text
 * (codes such as 007 must not lose their zeros).
 */
export function numberShape(text: string): NumberShape | undefined {
  const length = text.length;
  if (length === 0 || length > maxNumberLength) return undefined;
  let i = text.charCodeAt(0) === 45 ? 1 : 0;
  const first = text.charCodeAt(i);
  if (!(first >= zero && first <= nine)) return undefined;
  i++;
  if (first !== zero) while (i < length && isDigit(text.charCodeAt(i))) i++;
  if (i === length) return 'integer';
  if (text.charCodeAt(i) === 46) {
    i++;
    const start = i;
    while (i < length && isDigit(text.charCodeAt(i))) i++;
    if (i === start) return undefined;
    if (i === length) return 'decimal';
  }
  const exponent = /^[eE]([+-]?\d{1,4})$/.exec(text.slice(i));
  return exponent !== null && length + Math.abs(Number(exponent[1])) <= maxNumberLength ? 'decimal' : undefined;
}

function isDigit(code: number): boolean {
  return code >= zero && code <= nine;
}

/** The exact value of `text`, which has a numberShape. */
export function parseDecimal(text: string): Decimal {
  const exponentAt = text.search(/[eE]/);
  const mantissa = exponentAt < 0 ? text : text.slice(0, exponentAt);
  const exponent = exponentAt < 0 ? 0 : Number(text.slice(exponentAt + 1));
  const point = mantissa.indexOf('.');
  const digits = point < 0 ? mantissa : mantissa.slice(0, point) + mantissa.slice(point + 1);
  const scale = (point < 0 ? 0 : mantissa.length - point - 1) - exponent;
  return scale >= 0 ? { units: BigInt(digits), scale } : { units: BigInt(digits) * 10n ** BigInt(-scale), scale: 0 };
}

/** `value` counted in 10^-scale; `scale` is at least the value's own. */
function unitsAt(value: Decimal, scale: number): bigint {
  return value.scale === scale ? value.units : value.units * 10n ** BigInt(scale - value.scale);
}

function addDecimals(a: Decimal, b: Decimal): Decimal {
  const scale = Math.max(a.scale, b.scale);
  return { units: unitsAt(a, scale) + unitsAt(b, scale), scale };
}

function compareDecimals(a: Decimal, b: Decimal): number {
  const scale = Math.max(a.scale, b.scale);
  const left = unitsAt(a, scale);
  const right = unitsAt(b, scale);
  return left < right ? -1 : left > right ? 1 : 0;
}

/** Compares two texts that have a numberShape. */
export function compareNumberTexts(a: string, b: string): number {
  // Decimals of at most 15 significant digits map to distinct doubles in the same order, so the fast path is exact.
  if (a.length <= 15 && b.length <= 15) {
    const left = Number(a);
    const right = Number(b);
    return left < right ? -1 : left > right ? 1 : 0;
  }
  return compareDecimals(parseDecimal(a), parseDecimal(b));
}

/** Plain decimal text: no exponent, no trailing zeros, no "-0". */
export function formatDecimal(value: Decimal): string {
  const negative = value.units < 0n;
  const digits = (negative ? -value.units : value.units).toString().padStart(value.scale + 1, '0');
  const whole = digits.slice(0, digits.length - value.scale);
  const fraction = digits.slice(digits.length - value.scale).replace(/0+$/, '');
  return `${negative ? '-' : ''}${whole}${fraction === '' ? '' : `.${fraction}`}`;
}

/** numerator / denominator rounded half-even to `decimals`; denominator > 0. */
export function divideHalfEven(numerator: Decimal, denominator: bigint, decimals = 6): Decimal {
  // (units / 10^scale) / denominator, counted in 10^-decimals.
  const top = numerator.units * 10n ** BigInt(decimals);
  const bottom = denominator * 10n ** BigInt(numerator.scale);
  const negative = top < 0n;
  const size = negative ? -top : top;
  let quotient = size / bottom;
  const twice = (size % bottom) * 2n;
  if (twice > bottom || (twice === bottom && quotient % 2n === 1n)) quotient += 1n;
  return { units: negative ? -quotient : quotient, scale: decimals };
}

/** A ratio of two integers as canonical text, rounded half-even; denominator > 0. */
export function ratio(numerator: number | bigint, denominator: number | bigint, decimals = 6): string {
  return formatDecimal(divideHalfEven({ units: BigInt(numerator), scale: 0 }, BigInt(denominator), decimals));
}

/** An integer as the output writes it: a JSON number where it is safe, its digits beyond. */
export function integerValue(value: bigint): number | string {
  return value >= BigInt(Number.MIN_SAFE_INTEGER) && value <= BigInt(Number.MAX_SAFE_INTEGER)
    ? Number(value)
    : value.toString();
}

/** An exact sum of many number texts: small terms are collected per scale in safe integers, so that most additions need no BigInt. */
export class ExactSum {
  private readonly small: number[] = [];
  private rest: Decimal = { units: 0n, scale: 0 };

  add(text: string, shape: NumberShape): void {
    if (text.length > 15) {
      this.rest = addDecimals(this.rest, parseDecimal(text));
      return;
    }
    if (shape === 'integer') {
      this.addUnits(Number(text), 0);
      return;
    }
    const point = text.indexOf('.');
    if (point < 0 || text.search(/[eE]/) >= 0) this.rest = addDecimals(this.rest, parseDecimal(text));
    else this.addUnits(Number(text.slice(0, point) + text.slice(point + 1)), text.length - point - 1);
  }

  addDecimal(value: Decimal): void {
    this.rest = addDecimals(this.rest, value);
  }

  private addUnits(units: number, scale: number): void {
    const sum = (this.small[scale] ?? 0) + units;
    // |units| < 10^15, so one addition to a safe integer stays below 2^53 + 10^15: exact after this check moves it out.
    if (Number.isSafeInteger(sum)) {
      this.small[scale] = sum;
    } else {
      this.rest = addDecimals(this.rest, { units: BigInt(this.small[scale] ?? 0) + BigInt(units), scale });
      this.small[scale] = 0;
    }
  }

  value(): Decimal {
    let total = this.rest;
    this.small.forEach((units, scale) => {
      total = addDecimals(total, { units: BigInt(units), scale });
    });
    return total;
  }
}
