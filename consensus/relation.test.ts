import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MalformedBytes, utf8 } from '../protocols/wire/index.ts';
import { createCrypto } from '../test/support/world.ts';
import { angleBetween } from './angle.ts';
import { type Relation, type RelationSpec, relationNamed, relationOf, relationProblems } from './index.ts';
import { canonicalJson } from './json-text.ts';

const crypto = createCrypto();
const exact = relationOf({ kind: 'exact' }, crypto);
const canonical = relationOf({ kind: 'canonical' }, crypto);
const say = (relation: Relation, a: string, b: string) => relation.compare(utf8.encode(a), utf8.encode(b));
const agree = (relation: Relation, a: string, b: string): boolean => say(relation, a, b).verdict === 1;
const spelled = (text: string): string => utf8.decode(canonicalJson(utf8.encode(text)));
const by = (spec: RelationSpec): Relation => {
  expect(relationProblems(spec)).toEqual([]);
  return relationOf(spec, crypto);
};
const within = (absolute: string): Relation => by({ kind: 'numeric', absolute });

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
    expect(() => canonical.check(utf8.encode('{"a":1,"a":1}'))).toThrow(MalformedBytes);
    expect(() => canonical.check(Uint8Array.of(0xff))).toThrow(MalformedBytes);
  });
});

describe('the relation numeric', () => {
  it.each<[string, RelationSpec, string, string, number]>([
    ['exactly at the bound', { kind: 'numeric', absolute: '0.1' }, '0.3', '0.2', 1_000_000],
    [
      'a hair beyond it, where floats see none',
      { kind: 'numeric', absolute: '0.1' },
      '0.3',
      '0.19999999999999999999',
      1_000_001,
    ],
    ['half of it', { kind: 'numeric', absolute: '2' }, '-1', '0', 500_000],
    ['on both sides of zero', { kind: 'numeric', absolute: '2' }, '-1', '1', 1_000_000],
    ['the same number, spelled otherwise', { kind: 'numeric', absolute: '0' }, '[100,0.5]', '[1e2,50.00e-2]', 0],
    [
      'integers that one double stands for',
      { kind: 'numeric', absolute: '0' },
      '9007199254740993',
      '9007199254740992',
      2 ** 31 - 1,
    ],
    ['a share of the larger one', { kind: 'numeric', relative: '0.01' }, '100', '99', 1_000_000],
    ['a share, negative', { kind: 'numeric', relative: '0.01' }, '-100', '-98.9', 1_100_000],
    ['zero has no share', { kind: 'numeric', relative: '0.5' }, '0', '1e-300', 2_000_000],
    ['whichever bound is wider', { kind: 'numeric', absolute: '1', relative: '0.5' }, '0', '1', 1_000_000],
    ['numbers as far apart as doubles go', { kind: 'numeric', absolute: '1' }, '1e308', '-1e-308', 2 ** 31 - 1],
    [
      'the worst of many',
      { kind: 'numeric', absolute: '1' },
      '{"a":[1,2],"b":"x"}',
      '{"b":"x","a":[1.25,1.5]}',
      500_000,
    ],
  ])('measures %s', (_, spec, a, b, score) => {
    expect(say(by(spec), a, b)).toEqual({ verdict: score <= 1_000_000 ? 1 : -1, score });
    expect(say(by(spec), b, a)).toEqual(say(by(spec), a, b));
  });

  it.each([
    ['NaN', 'NaN'],
    ['Infinity', '[-Infinity]'],
    ['negative zero', '[-0]'],
    ['negative zero with a fraction', '-0.000e5'],
    ['a number beyond any double', '1e401'],
    ['a number below any double', '1e-401'],
    ['a number with an endless exponent', '1e999999999999'],
    ['a number of a thousand digits', '1'.repeat(1_000)],
    ['hexadecimal', '0x10'],
    ['two documents', '1 1'],
    ['a member twice', '{"a":1,"a":1}'],
    ['a value nested beyond reason', '['.repeat(5_000) + ']'.repeat(5_000)],
    ['more than is compared', `"${'x'.repeat(2 ** 20)}"`],
  ])('refuses %s, even beside itself', (_, text) => {
    expect(say(within('1'), text, text)).toEqual({ verdict: -1, score: 2 ** 31 - 1 });
    expect(() => within('1').check(utf8.encode(text))).toThrow(MalformedBytes);
  });

  it.each([
    ['another form', '[1]', '[1,1]'],
    ['another name', '{"a":1}', '{"b":1}'],
    ['a text for a number', '"1"', '1'],
    ['a list for an object', '[]', '{}'],
    ['nothing for something', 'null', '{}'],
    ['another text', '["a",1]', '["b",1]'],
  ])('takes %s for another result, however near the numbers', (_, a, b) => {
    expect(agree(within('1000'), a, b)).toBe(false);
  });

  it('is the same from either side and within the bound exactly where the integers say so', () => {
    const number = fc.tuple(fc.bigInt({ min: -(10n ** 30n), max: 10n ** 30n }), fc.integer({ min: -30, max: 10 }));
    const text = ([digits, exponent]: [bigint, number]): string => `${digits}e${exponent}`;
    fc.assert(
      fc.property(
        number,
        number,
        fc.bigInt({ min: 0n, max: 10n ** 20n }),
        fc.integer({ min: -30, max: 10 }),
        (a, b, bound, e) => {
          const relation = within(`${bound}e${e}`);
          const said = say(relation, text(a), text(b));
          expect(say(relation, text(b), text(a))).toEqual(said);
          const unit = (digits: bigint, exponent: number): bigint => digits * 10n ** BigInt(exponent + 30);
          const apart = unit(...a) - unit(...b);
          const isWithin = (apart < 0n ? -apart : apart) <= unit(bound, e);
          expect(said.verdict).toBe(isWithin ? 1 : -1);
          expect(said.score <= 1_000_000).toBe(isWithin);
        },
      ),
    );
  });

  it('is not transitive: a chain of neighbours is no group, and what a star accepts lies within two bounds of each other', () => {
    const relation = within('1');
    const chain = ['0', '0.9', '1.8', '2.7'];
    for (const [i, value] of chain.entries()) {
      expect(chain.map((other) => agree(relation, value, other))).toEqual(chain.map((_, j) => Math.abs(i - j) <= 1));
    }
    const accepted = (candidate: string, needed: number): boolean =>
      chain.filter((mine) => agree(relation, mine, candidate)).length >= needed;
    // With k > m / 2 (G3 with nobody lying) two acceptable candidates share a member who is within the bound of both.
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 40 }), { minLength: 1, maxLength: 7 }), (tenths) => {
        const values = tenths.map((tenth) => `${tenth}e-1`);
        const needed = Math.floor(values.length / 2) + 1;
        const stars = tenths.filter(
          (_, i) => values.filter((mine) => agree(relation, mine, values[i]!)).length >= needed,
        );
        expect(Math.max(0, ...stars) - Math.min(99, ...stars)).toBeLessThanOrEqual(20);
      }),
    );
    expect(chain.map((value) => accepted(value, 3))).toEqual([false, true, true, false]);
  });
});

describe('the relation embedding', () => {
  const relation = by({ kind: 'embedding', microradians: 785_398, model: 'small-1' });
  it.each([
    ['the same direction', '[1,2,3]', '[2,4,6]', true],
    ['45°, which is a little more than 785398 µrad', '[1,0]', '[1,1]', false],
    ['a little less', '[100,1]', '[100,100]', true],
    ['90°', '[1,0]', '[0,1]', false],
    ['the opposite', '[1,0]', '[-1,0]', false],
    ['a vector that points nowhere', '[0,0]', '[0,0]', false],
    ['another dimension', '[1,0]', '[1,0,0]', false],
    ['components that are not quantized', '[0.5,1]', '[0.5,1]', false],
    ['components beyond 16 bits', '[32768,1]', '[32768,1]', false],
    ['no vector', '"x"', '"x"', false],
  ])('measures %s', (_, a, b, isAlike) => {
    expect(agree(relation, a, b)).toBe(isAlike);
    expect(say(relation, b, a)).toEqual(say(relation, a, b));
  });

  it('is the angle in integers: as Math.acos has it, and a metric', () => {
    const vector = fc
      .array(fc.integer({ min: -32_767, max: 32_767 }), { minLength: 3, maxLength: 3 })
      .filter((components) => components.some((component) => component !== 0))
      .map((components) => components.map(BigInt));
    fc.assert(
      fc.property(vector, vector, vector, (a, b, c) => {
        const [ab, bc, ac] = [angleBetween(a, b), angleBetween(b, c), angleBetween(a, c)];
        expect(angleBetween(b, a)).toBe(ab);
        expect(angleBetween(a, a)).toBe(0n);
        expect(ac <= ab + bc + 2n).toBe(true);
        const norm = (of: readonly bigint[]): number => Math.hypot(...of.map(Number));
        const cosine = a.reduce((sum, x, i) => sum + Number(x) * Number(b[i]), 0) / (norm(a) * norm(b));
        const [sine, along] = [Math.sqrt(Math.max(0, 1 - cosine * cosine)), cosine];
        expect(Math.abs(Number(ab) / 1e9 - Math.atan2(sine, along))).toBeLessThan(1e-6);
      }),
    );
    expect(angleBetween([1n, 0n], [0n, 1n])).toBe(1_570_796_326n);
    expect(angleBetween([1n, 0n], [-7n, 0n])).toBe(3_141_592_653n);
  });
});

describe('composite relations', () => {
  const offer = by({
    kind: 'fields',
    fields: {
      price: { kind: 'numeric', absolute: '0.05' },
      meaning: { kind: 'any', of: [{ kind: 'canonical' }, { kind: 'embedding', microradians: 100_000 }] },
    },
  });
  const of = (price: string, meaning: string, more = ''): string => `{"price":${price},"meaning":${meaning}${more}}`;

  it('measure each field by its own relation, and the rest for equality', () => {
    expect(agree(offer, of('9.99', '[100,1]', ',"currency":"EUR"'), of('10.04', '[100,2]', ',"currency":"EUR"'))).toBe(
      true,
    );
    expect(agree(offer, of('9.99', '[100,1]'), of('10.05', '[100,1]'))).toBe(false);
    expect(agree(offer, of('1', '[100,1]'), of('1', '[1,100]'))).toBe(false);
    expect(agree(offer, of('1', '"the same words"'), of('1', '"the same words"'))).toBe(true);
    expect(agree(offer, of('1', '1', ',"currency":"EUR"'), of('1', '1', ',"currency":"USD"'))).toBe(false);
    expect(agree(offer, of('1', '1'), '{"price":1}')).toBe(false);
    const loose = by({ kind: 'fields', fields: { price: { kind: 'canonical' } }, others: 'ignored' });
    expect(agree(loose, of('1', '"one"'), of('1.0', '"two"'))).toBe(true);
    expect(agree(loose, '[1]', '[1]')).toBe(false);
  });

  it('all demands each, any demands one', () => {
    const tight: RelationSpec & { kind: 'numeric' } = { kind: 'numeric', absolute: '1' };
    const near: RelationSpec & { kind: 'numeric' } = { kind: 'numeric', relative: '0.1' };
    expect(agree(by({ kind: 'all', of: [tight, near] }), '100', '105')).toBe(false);
    expect(agree(by({ kind: 'any', of: [tight, near] }), '100', '105')).toBe(true);
    expect(agree(by({ kind: 'any', of: [tight, near] }), '100', '200')).toBe(false);
  });
});

describe('judges', () => {
  const judges = by({ kind: 'judges', skill: 'text.judge', atLeast: 2, families: 2 });
  it.each([
    ['{"accept":true,"why":"it answers"}', 1],
    ['{"accept":false}', -1],
    ['{"accept":"true"}', -1],
    ['{"accept":1}', -1],
    ['{"accept":true,"accept":false}', -1],
    ['[true]', -1],
    ['null', -1],
    ['yes', -1],
  ])('say yes by accept: true and by nothing else: %s', (said, verdict) => {
    expect(say(judges, said, said).verdict).toBe(verdict);
  });
});

describe('what a plan says of a relation', () => {
  it.each<[string, unknown, readonly (string | number)[], RegExp]>([
    ['no relation', null, [], /one of exact, canonical/],
    ['an unknown kind', { kind: 'similar' }, ['kind'], /"kind" must be one of/],
    ['no kind', {}, [], /"kind" must be one of/],
    ['a parameter of another kind', { kind: 'exact', absolute: '1' }, ['absolute'], /has no "absolute"/],
    ['no bound', { kind: 'numeric' }, [], /needs "absolute" or "relative"/],
    ['a float', { kind: 'numeric', absolute: 0.1 }, ['absolute'], /must be a decimal number/],
    ['a bound that is no number', { kind: 'numeric', absolute: 'NaN' }, ['absolute'], /must be a decimal number/],
    ['negative zero', { kind: 'numeric', absolute: '-0' }, ['absolute'], /negative zero/],
    ['a negative bound', { kind: 'numeric', relative: '-0.1' }, ['relative'], /must not be negative/],
    ['a share of everything', { kind: 'numeric', relative: '1.0' }, ['relative'], /less than 1/],
    [
      'an angle of more than half a turn',
      { kind: 'embedding', microradians: 3_141_593 },
      ['microradians'],
      /integer from 0/,
    ],
    ['no fields', { kind: 'fields', fields: {} }, ['fields'], /must hold 1 to 64/],
    [
      'a mistake in a part',
      { kind: 'all', of: [{ kind: 'canonical' }, { kind: 'numeric', absolut: '1' }] },
      ['of', 1, 'absolut'],
      /has no "absolut"/,
    ],
    [
      'judges within another relation',
      { kind: 'any', of: [{ kind: 'judges', skill: 'x' }] },
      ['of', 0, 'kind'],
      /must be one of/,
    ],
    ['judges of no number', { kind: 'judges', skill: 'x' }, [], /lacks "atLeast"/],
    [
      'more attempts than a task has',
      { kind: 'judges', skill: 'x', atLeast: 2, attempts: 4 },
      ['attempts'],
      /integer from 1 to 3/,
    ],
    ['attempts of what nobody judges', { kind: 'exact', attempts: 2 }, ['attempts'], /has no "attempts"/],
    ['more families than attestations', { kind: 'exact', atLeast: 1, families: 2 }, ['families'], /not be more/],
    ['no attestation at all', { kind: 'exact', atLeast: 0 }, ['atLeast'], /integer from 1/],
    [
      'relations within relations without end',
      Array.from({ length: 9 }).reduce((inner) => ({ kind: 'all', of: [inner] }), { kind: 'canonical' } as unknown),
      ['of', 0, 'of', 0, 'of', 0, 'of', 0],
      /at most 4 deep/,
    ],
  ])('is refused with its place: %s', (_, spec, path, message) => {
    const problems = relationProblems(spec);
    expect(problems.map((problem) => problem.path)).toContainEqual(path);
    expect(problems.map((problem) => problem.message).join('\n')).toMatch(message);
  });

  it('pins every parameter, whatever the order it is written in, and none where there is none', () => {
    const hash = (spec: RelationSpec): string => Buffer.from(by(spec).paramsHash).toString('hex');
    expect(hash({ kind: 'exact' })).toBe('00'.repeat(32));
    expect(hash({ kind: 'numeric', absolute: '1', relative: '0.1' })).toBe(
      hash({ relative: '0.1', absolute: '1', kind: 'numeric' }),
    );
    const different = [
      { kind: 'exact', atLeast: 1 },
      { kind: 'exact', atLeast: 2 },
      { kind: 'exact', atLeast: 2, families: 2 },
      { kind: 'numeric', absolute: '1' },
      { kind: 'numeric', relative: '0.1' },
      { kind: 'embedding', microradians: 5 },
      { kind: 'embedding', microradians: 5, model: 'a' },
    ] as const;
    expect(new Set(different.map(hash)).size).toBe(different.length);
  });

  it('is known from its reference by id and version, for what its attestations say of themselves', () => {
    expect(relationNamed(exact)?.id).toBe('exact');
    expect(relationNamed(within('1'))?.id).toBe('numeric');
    expect(relationNamed({ ...canonical, version: 2 })).toBeUndefined();
    expect(relationNamed({ ...canonical, id: 'similar' })).toBeUndefined();
    expect(relationNamed({ ...canonical, id: 'constructor' })).toBeUndefined();
  });
});
