import fc from 'fast-check';
import { Packr } from 'msgpackr';
import { expect, test } from 'vitest';
import { decodeValue } from './reader.ts';
import { MalformedValue, UnencodableValue } from './values.ts';
import { encodeValue } from './writer.ts';

const roundTrip = (value: unknown): unknown => decodeValue(encodeValue(value));

const plain = fc.letrec((tie) => ({
  value: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    fc.integer(),
    fc.double(),
    fc.string({ unit: 'grapheme' }),
    fc.boolean(),
    fc.constant(null),
    fc.uint8Array({ maxLength: 300 }),
    fc.bigInt({ min: -(2n ** 63n), max: 2n ** 64n - 1n }),
    fc.array(tie('value'), { maxLength: 20 }),
    fc.dictionary(
      fc.string().filter((key) => key !== '__proto__'),
      tie('value'),
      { maxKeys: 20, noNullPrototype: true },
    ),
  ),
})).value;

test('every plain value comes back as it was, and to the same bytes again', () => {
  fc.assert(
    fc.property(plain, (value) => {
      const bytes = encodeValue(value);
      const back = decodeValue(bytes);
      expect(back).toEqual(value);
      expect(encodeValue(back)).toEqual(bytes);
    }),
    { numRuns: 500 },
  );
});

test('numbers at the edges of each form, minus zero and what is no number come back exactly', () => {
  const edges = [0, 1, 2, 4, 8]
    .flatMap((bytes) => [2 ** (8 * bytes - 1), 2 ** (8 * bytes)])
    .flatMap((n) => [n - 1, n, -n, -n - 1]);
  for (const number of [
    ...edges,
    0.5,
    -0,
    Number.NaN,
    Number.POSITIVE_INFINITY,
    Number.MAX_SAFE_INTEGER,
    -32,
    -33,
    1e300,
  ])
    expect(roundTrip(number)).toBe(number);
});

test('any msgpack reader reads what was written', () => {
  const value = {
    type: 'deposit',
    cents: 70_000,
    note: 'für Ünï',
    tags: ['a', null, true, -5, 1.5],
    raw: new Uint8Array([1, 2]),
  };
  expect({ ...(new Packr({ useRecords: false }).unpack(encodeValue(value)) as object), raw: undefined }).toEqual({
    ...value,
    raw: undefined,
  });
});

test('text of every length from empty to beyond each header comes back', () => {
  for (const length of [0, 1, 31, 32, 63, 64, 255, 256, 65_535, 65_536])
    for (const letter of ['a', 'é', '😀']) expect(roundTrip(letter.repeat(length))).toBe(letter.repeat(length));
});

test('undefined stays in arrays and at the top, and is absent from objects', () => {
  expect(roundTrip([undefined, 1])).toEqual([undefined, 1]);
  expect(roundTrip(undefined)).toBeUndefined();
  expect(Object.keys(roundTrip({ a: undefined, b: 1 }) as object)).toEqual(['b']);
});

test('what is no plain data is refused with its kind', () => {
  class Account {}
  const unencodable: [unknown, string][] = [
    [() => 1, 'function'],
    [Symbol('s'), 'symbol'],
    [new Map(), 'Map'],
    [{ deep: [new Account()] }, 'Account'],
    [2n ** 64n, '64 bits'],
    ['\ud800', 'surrogate'],
    [JSON.parse('{"__proto__": 1}'), '__proto__'],
  ];
  for (const [value, what] of unencodable) {
    expect(() => encodeValue(value)).toThrow(UnencodableValue);
    expect(() => encodeValue(value)).toThrow(what);
  }
  // And the writer is as good as new.
  expect(roundTrip({ a: [1] })).toEqual({ a: [1] });
});

test('a value over its limit of bytes or of depth is refused on both sides', () => {
  expect(() => encodeValue('x'.repeat(100), undefined, 50)).toThrow('exceeds its limit of 50');
  expect(() => encodeValue(new Uint8Array(2 << 20))).toThrow(UnencodableValue);
  let deep: unknown = 1;
  for (let level = 0; level < 100; level++) deep = [deep];
  expect(() => encodeValue(deep)).toThrow('nested deeper');
  expect(() => decodeValue(new Uint8Array(100).fill(0x91))).toThrow('nested deeper');
});

test('an object is lowered to a name, and raised again inside any value', () => {
  class Place {
    readonly x: number;
    constructor(x: number) {
      this.x = x;
    }
  }
  const bytes = encodeValue({ at: [new Place(3)] }, (object) =>
    object instanceof Place ? { tag: 7, value: object.x } : undefined,
  );
  expect(decodeValue(bytes, (tag, value) => [tag, value])).toEqual({ at: [[7, 3]] });
  expect(() => decodeValue(bytes)).toThrow('tag 7');
});

test('no bytes make the reader throw anything but MalformedValue, hang or hold more than they back', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
      try {
        decodeValue(bytes, () => null);
      } catch (error) {
        expect(error).toBeInstanceOf(MalformedValue);
      }
    }),
    { numRuns: 2_000 },
  );
  // An array of four billion items in five bytes.
  expect(() => decodeValue(new Uint8Array([0xdd, 0xff, 0xff, 0xff, 0xff]))).toThrow(MalformedValue);
  expect(() => decodeValue(new Uint8Array([0xc6, 0xff, 0xff, 0xff, 0xff]))).toThrow(MalformedValue);
});

test('a whole value cut anywhere, or with more behind it, is malformed', () => {
  const bytes = encodeValue({ type: 'x', list: [1, 2.5, 'abc', new Uint8Array(3)] });
  for (let length = 0; length < bytes.length; length++)
    expect(() => decodeValue(bytes.subarray(0, length))).toThrow(MalformedValue);
  expect(() => decodeValue(new Uint8Array([...bytes, 0]))).toThrow('follow');
});
