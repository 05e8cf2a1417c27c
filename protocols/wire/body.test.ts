import fc from 'fast-check';
import { Packr } from 'msgpackr';
import { describe, expect, it } from 'vitest';
import { decodeBody, encodeBody, maxBodyDepth } from './body.ts';
import { hex, MalformedBytes } from './bytes.ts';

const limit = 1 << 20;

const plainData = fc.letrec((tie) => ({
  value: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    fc.constant(null),
    fc.boolean(),
    fc.integer(),
    // msgpack has one zero.
    fc.double({ noNaN: true }).map((value) => (value === 0 ? 0 : value)),
    fc.bigInt({ min: 2n ** 53n, max: 2n ** 63n }),
    fc.string({ unit: 'grapheme' }),
    fc.uint8Array().map((bytes) => new Uint8Array(bytes)),
    fc.array(tie('value'), { maxLength: 40 }),
    fc.dictionary(
      fc.string().filter((key) => key !== '__proto__'),
      tie('value'),
      { maxKeys: 20, noNullPrototype: true },
    ),
  ),
})).value;

describe('a body', () => {
  it('comes back as it went in, whatever plain data it is', () => {
    fc.assert(
      fc.property(plainData, (value) => {
        expect(decodeBody(encodeBody(value, limit))).toEqual(value);
      }),
      { numRuns: 500 },
    );
  });

  it('drops undefined fields, so that absent and undefined are the same bytes', () => {
    expect(encodeBody({ a: 1, b: undefined }, limit)).toEqual(encodeBody({ a: 1 }, limit));
  });

  it('is plain data: sets, dates, functions, expressions, prototype keys and cycles are refused when written', () => {
    const cycle: unknown[] = [];
    cycle.push(cycle);
    for (const value of [
      new Set([1]),
      new Date(0),
      /x/,
      () => 1,
      new Error('x'),
      JSON.parse('{"__proto__":1}'),
      cycle,
      Symbol('x'),
    ]) {
      expect(() => encodeBody({ value }, limit)).toThrow(MalformedBytes);
    }
    expect(() => encodeBody(new Uint8Array(limit), limit)).toThrow(/exceeds its limit/);
    expect(() => encodeBody({ text: '\ud800' }, limit)).toThrow(/UTF-8/);
  });

  it('refuses hostile bytes before anything is allocated for them', () => {
    const hostile: Record<string, string> = {
      'an array of 2^32-1': 'ddffffffff',
      'a map of 2^32-1': 'dfffffffff',
      'nested arrays that each claim the rest': `${'dd00000100'.repeat(200)}`,
      'a text of 4 GiB': 'dbffffffff61',
      'bytes of 4 GiB': 'c6ffffffff00',
      'an extension': 'd40000',
      'a record definition': 'd4724091a16101',
      'a bundle': 'c70562000000',
      'a timestamp': 'd6ff00000000',
      'the unused token': 'c1',
      'a map key that is a number': '810101',
      'a map key that is a map': '818001',
      'a prototype key': '81a95f5f70726f746f5f5fc0',
      'a prototype key behind a long header': '81d9095f5f70726f746f5f5fc0',
      'broken UTF-8': 'a2c328',
      'two values': 'c0c0',
      nothing: '',
      'a number cut off': 'ce0000',
    };
    for (const [what, bytes] of Object.entries(hostile)) {
      expect(() => decodeBody(hex.decode(bytes)), what).toThrow(MalformedBytes);
    }
    expect(() => decodeBody(new Uint8Array(maxBodyDepth + 2).fill(0x91))).toThrow(/deeper/);
  });

  it('never throws anything but MalformedBytes on random bytes and on mutated bodies', () => {
    const attempt = (bytes: Uint8Array): void => {
      try {
        decodeBody(bytes);
      } catch (error) {
        if (!(error instanceof MalformedBytes)) throw error;
      }
    };
    fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), attempt), { numRuns: 2_000 });
    fc.assert(
      fc.property(plainData, fc.nat(), fc.nat(255), (value, at, byte) => {
        const bytes = encodeBody(value, limit);
        bytes[at % bytes.length] = byte;
        attempt(bytes);
      }),
      { numRuns: 1_000 },
    );
  });

  it('reads what a default msgpackr writes for plain data with text keys', () => {
    const value = { a: [1, 'two', null, true, 2 ** 40, 1.5], b: { c: new Uint8Array([1, 2]) } };
    expect(decodeBody(new Uint8Array(new Packr({ useRecords: false }).pack(value)))).toEqual(value);
  });
});
