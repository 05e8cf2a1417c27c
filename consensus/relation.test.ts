import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MalformedBytes, utf8 } from '../protocols/wire/index.ts';
import { canonical, exact, relationNamed } from './index.ts';

const agree = (relation: typeof exact, a: string, b: string): boolean =>
  relation.compare(utf8.encode(a), utf8.encode(b)).verdict === 1;
const spelled = (text: string): string => utf8.decode(canonical.canonicalize(utf8.encode(text)));

describe('the relation exact', () => {
  it('agrees on equal bytes and on nothing else', () => {
    fc.assert(
      fc.property(fc.uint8Array(), fc.uint8Array(), (a, b) => {
        expect(exact.compare(a, a.slice())).toEqual({ verdict: 1, score: 0 });
        expect(exact.compare(a, b).verdict).toBe(Buffer.compare(a, b) === 0 ? 1 : -1);
      }),
    );
    expect(agree(exact, '{"a":1}', '{"a": 1}')).toBe(false);
  });
});

describe('the relation canonical', () => {
  it('spells JSON as RFC 8785 does (§3.2.2 and §3.2.3, own values)', () => {
    expect(spelled('{ "b" : [ 1e2, 0.10, -0, 1E21, 5e-324 ], "a" : "\\u20ac\\u000a\\/" }')).toBe(
      '{"a":"€\\n/","b":[100,0.1,0,1e+21,5e-324]}',
    );
    // Names sort by UTF-16 code unit: U+1F600 (d83d de00) before U+FB33.
    expect(spelled('{"\\ufb33":1,"\\ud83d\\ude00":2,"\\u00f6":3,"1":4,"":5}')).toBe(
      '{"":5,"1":4,"\u00f6":3,"\ud83d\ude00":2,"\ufb33":1}',
    );
    expect(spelled('{"__proto__":{"z":1,"a":2},"constructor":3}')).toBe('{"__proto__":{"a":2,"z":1},"constructor":3}');
  });

  it('agrees whatever the order, the spacing and the escapes', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const text = JSON.stringify(value);
        const reversed = JSON.stringify(value, (_, inner: unknown) =>
          inner !== null && typeof inner === 'object' && !Array.isArray(inner)
            ? Object.fromEntries(Object.entries(inner).reverse())
            : inner,
        );
        const relaxed = JSON.stringify(value, null, 2);
        fc.pre(text.isWellFormed() && !/\\ud[89a-f]/.test(text));
        expect(agree(canonical, text, reversed)).toBe(true);
        expect(agree(canonical, relaxed, text)).toBe(true);
        expect(spelled(spelled(text))).toBe(spelled(text));
      }),
    );
  });

  it.each([
    ['another value', '{"a":1}', '{"a":2}'],
    ['another order of an array', '[1,2]', '[2,1]'],
    ['a member twice, of which a parser keeps the last', '{"a":1,"a":2}', '{"a":2}'],
    ['a member twice further down', '[{"x":{"a:":1,"a:":1}}]', '[{"x":{"a:":1}}]'],
    ['what is no JSON', 'a, b', 'a,b'],
    ['a lone surrogate', '["\\ud800"]', '[ "\\ud800" ]'],
    ['a number beyond double range', '[1e400]', '[ 1e400 ]'],
    ['a byte order mark', '\ufeff[1]', '[1]'],
  ])('does not agree over %s', (_, a, b) => {
    expect(agree(canonical, a, b)).toBe(false);
  });

  it('falls back to equal bytes where there is no canonical form', () => {
    expect(agree(canonical, 'not json', 'not json')).toBe(true);
    expect(() => canonical.canonicalize(utf8.encode('{"a":1,"a":1}'))).toThrow(MalformedBytes);
    expect(() => canonical.canonicalize(Uint8Array.of(0xff))).toThrow(MalformedBytes);
  });
});

it('a relation is known by id, version and parameters together', () => {
  expect(relationNamed(exact)).toBe(exact);
  expect(relationNamed({ ...canonical, version: 2 })).toBeUndefined();
  expect(relationNamed({ ...canonical, paramsHash: new Uint8Array(32).fill(1) })).toBeUndefined();
  expect(relationNamed({ ...canonical, id: 'similar' })).toBeUndefined();
});
