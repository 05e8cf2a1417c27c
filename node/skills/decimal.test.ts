// Law: arithmetic on data is exact; checked against rational arithmetic written the long way.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { canonicalBytes, clip } from './canonical.ts';
import { cellValue, compareCells, TypeTracker } from './cells.ts';
import {
  compareNumberTexts,
  divideHalfEven,
  ExactSum,
  formatDecimal,
  integerValue,
  numberShape,
  parseDecimal,
  ratio,
} from './decimal.ts';

const decimalText = fc
  .tuple(fc.bigInt({ min: -(10n ** 25n), max: 10n ** 25n }), fc.integer({ min: 0, max: 20 }))
  .map(([units, scale]) => formatDecimal({ units, scale }));
const smallDecimalText = fc
  .tuple(fc.integer({ min: -1_000_000, max: 1_000_000 }), fc.integer({ min: 0, max: 4 }))
  .map(([units, scale]) => formatDecimal({ units: BigInt(units), scale }));

/** Value × 10^40, an integer for everything generated here. */
function scaled(text: string): bigint {
  const [whole = '', fraction = ''] = text.replace('-', '').split('.');
  const size = BigInt(whole) * 10n ** 40n + BigInt(fraction.padEnd(40, '0'));
  return text.startsWith('-') ? -size : size;
}

describe('exact decimals', () => {
  test('a sum is exact and does not depend on the order of its terms', () => {
    fc.assert(
      fc.property(
        fc.array(fc.oneof(decimalText, smallDecimalText), { maxLength: 60 }),
        fc.infiniteStream(fc.nat()),
        (texts, order) => {
          const sumOf = (terms: readonly string[]): string => {
            const sum = new ExactSum();
            for (const term of terms) sum.add(term, numberShape(term)!);
            return formatDecimal(sum.value());
          };
          const shuffled = texts
            .map((text) => ({ text, key: order.next().value! }))
            .sort((a, b) => a.key - b.key)
            .map(({ text }) => text);
          expect(scaled(sumOf(texts))).toBe(texts.reduce((total, text) => total + scaled(text), 0n));
          expect(sumOf(shuffled)).toBe(sumOf(texts));
        },
      ),
    );
  });

  test('ten times 0.1 is 1, and integers beyond 2^53 keep every digit', () => {
    const tenths = new ExactSum();
    for (let i = 0; i < 10; i++) tenths.add('0.1', 'decimal');
    expect(formatDecimal(tenths.value())).toBe('1');
    const large = new ExactSum();
    for (const term of ['9007199254740993', '2', '999999999999999', '999999999999999']) large.add(term, 'integer');
    expect(formatDecimal(large.value())).toBe('11007199254740993');
    const many = new ExactSum();
    for (let i = 0; i < 20; i++) many.add('999999999999999', 'integer');
    expect(formatDecimal(many.value())).toBe('19999999999999980');
    expect(integerValue(2n ** 53n - 1n)).toBe(9007199254740991);
    expect(integerValue(2n ** 53n)).toBe('9007199254740992');
  });

  test('a quotient is rounded half to even at the stated decimal', () => {
    const cases: readonly [string, bigint, number, string][] = [
      ['1', 3n, 6, '0.333333'],
      ['2', 3n, 6, '0.666667'],
      ['1', 8n, 2, '0.12'],
      ['3', 8n, 2, '0.38'],
      ['-1', 8n, 2, '-0.12'],
      ['-3', 8n, 2, '-0.38'],
      ['0.0000005', 1n, 6, '0'],
      ['0.0000015', 1n, 6, '0.000002'],
      ['10', 5n, 6, '2'],
    ];
    for (const [numerator, denominator, decimals, expected] of cases) {
      expect(
        formatDecimal(divideHalfEven(parseDecimal(numerator), denominator, decimals)),
        `${numerator}/${denominator}`,
      ).toBe(expected);
    }
    expect(ratio(1, 3, 4)).toBe('0.3333');
  });

  test('a quotient is never further from the true value than half a unit, and even at exactly half', () => {
    fc.assert(
      fc.property(decimalText, fc.bigInt({ min: 1n, max: 10_000n }), (text, denominator) => {
        const rounded = scaled(formatDecimal(divideHalfEven(parseDecimal(text), denominator, 6)));
        const unit = 10n ** 34n;
        const twice = 2n * (rounded * denominator - scaled(text));
        const size = twice < 0n ? -twice : twice;
        expect(size <= unit * denominator).toBe(true);
        if (size === unit * denominator) expect((rounded / unit) % 2n).toBe(0n);
      }),
    );
  });

  test('comparison agrees with exact arithmetic, whatever the lengths', () => {
    fc.assert(
      fc.property(fc.oneof(decimalText, smallDecimalText), fc.oneof(decimalText, smallDecimalText), (a, b) => {
        const difference = scaled(a) - scaled(b);
        expect(Math.sign(compareNumberTexts(a, b))).toBe(difference < 0n ? -1 : difference > 0n ? 1 : 0);
      }),
    );
  });

  test('only plain numbers are numbers: codes, signs, separators and spaces make text', () => {
    for (const text of ['0', '-1', '12', '9007199254740993']) expect(numberShape(text), text).toBe('integer');
    for (const text of ['0.5', '-0.50', '1e3', '1.5E-7', '0e0']) expect(numberShape(text), text).toBe('decimal');
    for (const text of [
      '',
      '-',
      '007',
      '+1',
      '1,5',
      '1_000',
      ' 1',
      '1 ',
      '.5',
      '5.',
      'NaN',
      'Infinity',
      '0x10',
      '1e',
      '1e999',
      '--1',
      '١',
      '9'.repeat(500),
    ]) {
      expect(numberShape(text), text).toBeUndefined();
    }
    expect(formatDecimal(parseDecimal('1.5E-7'))).toBe('0.00000015');
    expect(formatDecimal(parseDecimal('-0.00'))).toBe('0');
    expect(formatDecimal(parseDecimal('1e3'))).toBe('1000');
  });
});

describe('cells', () => {
  const typeOf = (...cells: (string | null)[]): string => {
    const tracker = new TypeTracker();
    for (const cell of cells) tracker.see(cell);
    return tracker.type();
  };

  test('a column has the type all its values share, in any order', () => {
    expect(typeOf('1', null, '-2')).toBe('integer');
    expect(typeOf('1', '2.5')).toBe('number');
    expect(typeOf('2.5', '1', 'x')).toBe('text');
    expect(typeOf('true', 'FALSE')).toBe('boolean');
    expect(typeOf('true', '1')).toBe('text');
    expect(typeOf('2026-02-28', '2024-02-29T12:00:00Z', '2026-01-01 10:00')).toBe('date');
    expect(typeOf('2026-02-29')).toBe('text');
    expect(typeOf('2026-13-01')).toBe('text');
    expect(typeOf(null)).toBe('text');
  });

  test('the order of cells is total: numbers by value, then text, empty cells last in both directions', () => {
    const cells = ['10', '9', 'b', null, '1.5', 'a', '007'];
    expect([...cells].sort((a, b) => compareCells(a, b))).toEqual(['1.5', '9', '10', '007', 'a', 'b', null]);
    expect([...cells].sort((a, b) => compareCells(a, b, true))).toEqual(['b', 'a', '007', '10', '9', '1.5', null]);
  });

  test('values leave as canonical JSON', () => {
    expect(cellValue('-0', 'integer')).toBe(0);
    expect(cellValue('9007199254740993', 'integer')).toBe('9007199254740993');
    expect(cellValue('1.50', 'number')).toBe('1.5');
    expect(cellValue('True', 'boolean')).toBe(true);
    expect(Buffer.from(canonicalBytes({ b: 1, a: ['é', null] })).toString()).toBe('{"a":["é",null],"b":1}');
    expect(() => canonicalBytes({ a: '\ud800' })).toThrow(/canonical JSON/);
    expect(() => canonicalBytes({ a: 'x'.repeat(1024 * 1024) })).toThrow(/at most 1048576 bytes/);
    expect(clip('ab😀cd', 3)).toBe('ab…');
  });
});
