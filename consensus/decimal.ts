// Law: a number that nodes compare is the decimal that was written, exactly: an integer times a power of ten, in integers of any size. No
// float takes part, so no machine rounds differently from another.
import { MalformedBytes } from '../protocols/wire/index.ts';

const pattern = /^(-?)(0|[1-9]\d*)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/;
/** Of the number as written, without its exponent. A double has 17; a wider number is not a measurement. */
const digitsMax = 100;
/** Beyond what any double reaches; keeps the integers below a few hundred digits. */
const exponentMax = 400;

export class Decimal {
  /** The value is `digits` · 10^`exponent`. */
  readonly digits: bigint;
  readonly exponent: number;

  constructor(digits: bigint, exponent: number) {
    this.digits = digits;
    this.exponent = exponent;
  }

  /**
   * Reads a number as JSON writes it. Throws MalformedBytes for what is none (NaN, Infinity, 1., .5, 0x1), for negative zero, which some
   * programs tell from zero, and for numbers too long or too large to be meant.
   */
  static parse(text: string): Decimal {
    const [, sign, whole, fraction = '', power = '0'] = pattern.exec(text) ?? [];
    if (whole === undefined) throw new MalformedBytes(`'${text.slice(0, 40)}' is no decimal number`);
    if (whole.length + fraction.length > digitsMax || power.length > 5)
      throw new MalformedBytes(`a number of more than ${digitsMax} digits`);
    const exponent = Number(power) - fraction.length;
    if (Math.abs(Number(power)) > exponentMax) throw new MalformedBytes(`the number ${text.slice(0, 40)} is too large`);
    const digits = BigInt(whole + fraction);
    if (digits === 0n && sign === '-') throw new MalformedBytes('negative zero');
    return new Decimal(sign === '-' ? -digits : digits, digits === 0n ? 0 : exponent);
  }

  /** The integer this is at 10^`exponent` per unit, `exponent` being at most the number's own. */
  at(exponent: number): bigint {
    return this.digits * 10n ** BigInt(this.exponent - exponent);
  }
}

/** The numbers as integers of one common unit. */
export function aligned(...numbers: readonly Decimal[]): bigint[] {
  const exponent = Math.min(...numbers.map((number) => number.exponent));
  return numbers.map((number) => number.at(exponent));
}

export function times(a: Decimal, b: Decimal): Decimal {
  return new Decimal(a.digits * b.digits, a.exponent + b.exponent);
}

export function sameNumber(a: Decimal, b: Decimal): boolean {
  const [x, y] = aligned(a, b);
  return x === y;
}

export function magnitude(value: bigint): bigint {
  return value < 0n ? -value : value;
}
