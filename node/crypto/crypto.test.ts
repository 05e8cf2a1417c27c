import { createHash, webcrypto } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { filesIn, sharedPath } from '../../test/support/shared.ts';
import { createCrypto, isAdmissibleKey } from './crypto.ts';

const crypto = createCrypto();
const bytes = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, 'hex'));
const p = 2n ** 255n - 19n;
const order = 2n ** 252n + 27742317777372353535851937790883648493n;
const fromLittleEndian = (raw: Uint8Array): bigint =>
  raw.reduceRight((value, byte) => (value << 8n) | BigInt(byte), 0n);
const toLittleEndian = (value: bigint): Uint8Array =>
  Uint8Array.from({ length: 32 }, (_, i) => Number((value >> BigInt(8 * i)) & 255n));
const sha512 = (...parts: readonly Uint8Array[]): Uint8Array => {
  const digest = createHash('sha512');
  for (const part of parts) digest.update(part);
  return digest.digest();
};

/** Points of order 1, 2, 4: y = 1, -1, 0. Of order 8: y(2P) = 0, hence x² = -y² and d·y⁴ + 2y² - 1 = 0. Each y with either sign where x ≠ 0. */
const smallOrderKeys = [
  '0100000000000000000000000000000000000000000000000000000000000000',
  'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
  '0000000000000000000000000000000000000000000000000000000000000000',
  '0000000000000000000000000000000000000000000000000000000000000080',
  'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a',
  'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa',
  '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05',
  '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85',
];

interface Wycheproof {
  readonly testGroups: readonly {
    readonly publicKey: { readonly pk: string };
    readonly tests: readonly {
      readonly tcId: number;
      readonly msg: string;
      readonly sig: string;
      readonly result: string;
    }[];
  }[];
}

describe('the Ed25519 rule', () => {
  const folder = sharedPath('conformance/ed25519');
  /** Of all files there that are in Wycheproof's form; the other one is speccheck's. */
  const testGroups = (folder === undefined ? [] : filesIn(folder, '.json')).flatMap((name) => {
    const file = JSON.parse(readFileSync(join(folder!, name), 'utf8')) as Partial<Wycheproof>;
    return file.testGroups ?? [];
  });
  it.skipIf(folder === undefined)(
    'agrees with all verdicts of Wycheproof, the known 151 and any other, and every key used there is admissible',
    () => {
      const wrong: number[] = [];
      let seen = 0;
      for (const { publicKey, tests } of testGroups) {
        expect(isAdmissibleKey(bytes(publicKey.pk))).toBe(true);
        for (const test of tests) {
          seen++;
          // Neither right nor wrong, says Wycheproof: what one rule takes and another does not.
          if (test.result === 'acceptable') continue;
          if (crypto.verify(bytes(publicKey.pk), bytes(test.msg), bytes(test.sig)) !== (test.result === 'valid'))
            wrong.push(test.tcId);
        }
      }
      expect(wrong).toEqual([]);
      expect(seen).toBeGreaterThanOrEqual(151);
    },
  );

  const speccheckPath = sharedPath('conformance/ed25519/speccheck-cases.json');
  it.skipIf(speccheckPath === undefined)(
    "has this row in ed25519-speccheck's table, and admission closes what the row leaves open",
    () => {
      const cases = JSON.parse(readFileSync(speccheckPath!, 'utf8')) as {
        message: string;
        pub_key: string;
        signature: string;
      }[];
      const row = cases.map((c) => crypto.verify(bytes(c.pub_key), bytes(c.message), bytes(c.signature)));
      const admitted = cases.map((c) => isAdmissibleKey(bytes(c.pub_key)));
      // 0: A and R small; 1: A small; 2: R small; 3-5: A mixed (3 satisfies the cofactorless equation); 6-7: S ≥ L; 8-9: R not canonical.
      expect(row).toEqual([false, false, false, true, false, false, false, false, false, false]);
      // Only 6 and 7 sign with a key of prime order, and those two no rule accepts.
      expect(admitted).toEqual([false, false, false, false, false, false, true, true, false, false]);
      expect(row.some((accepted, i) => accepted && admitted[i])).toBe(false);
    },
  );

  it.skipIf(folder === undefined || speccheckPath === undefined)(
    'is the rule of a browser too: WebCrypto gives the same answer on every vector whose key a member may have',
    async () => {
      const cases = JSON.parse(readFileSync(speccheckPath!, 'utf8')) as {
        message: string;
        pub_key: string;
        signature: string;
      }[];
      const vectors = [
        ...testGroups.flatMap(({ publicKey, tests }) => tests.map(({ msg, sig }) => [publicKey.pk, msg, sig] as const)),
        ...cases.map(({ pub_key, message, signature }) => [pub_key, message, signature] as const),
      ].filter(([key]) => isAdmissibleKey(bytes(key)));
      let compared = 0;
      for (const [key, message, signature] of vectors) {
        const [raw, msg, sig] = [bytes(key), bytes(message), bytes(signature)].map((part) => new Uint8Array(part));
        const imported = await webcrypto.subtle.importKey('raw', raw!, 'Ed25519', false, ['verify']);
        const there = await webcrypto.subtle.verify('Ed25519', imported, sig!, msg!);
        expect([key, signature, there]).toEqual([key, signature, crypto.verify(raw!, msg!, sig!)]);
        compared++;
      }
      expect(compared).toBeGreaterThanOrEqual(153);
    },
  );

  it('refuses R = identity under an honest-looking key, which verifiers disagree about', () => {
    const secretKey = new Uint8Array(32).fill(7);
    const publicKey = crypto.publicKey(secretKey);
    const scalarBytes = sha512(secretKey).slice(0, 32);
    scalarBytes[0]! &= 248;
    scalarBytes[31]! = (scalarBytes[31]! & 127) | 64;
    const message = bytes('00');
    const R = toLittleEndian(1n);
    const k = fromLittleEndian(sha512(R, publicKey, message)) % order;
    const signature = new Uint8Array([...R, ...toLittleEndian((k * fromLittleEndian(scalarBytes)) % order)]);
    expect(isAdmissibleKey(publicKey)).toBe(true);
    expect(crypto.verify(publicKey, message, signature)).toBe(false);
  });

  it('signs as RFC 8032 §7.1 test 2 does', () => {
    const secretKey = bytes('4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb');
    expect(Buffer.from(crypto.publicKey(secretKey)).toString('hex')).toBe(
      '3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c',
    );
    expect(Buffer.from(crypto.sign(secretKey, bytes('72'))).toString('hex')).toBe(
      '92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00',
    );
  });

  it('answers false, never an exception, to malformed keys and signatures', () => {
    const secretKey = new Uint8Array(32).fill(9);
    const publicKey = crypto.publicKey(secretKey);
    const message = bytes('c0ffee');
    const signature = crypto.sign(secretKey, message);
    expect(crypto.verify(publicKey, message, signature)).toBe(true);
    for (const length of [0, 1, 31, 33, 64])
      expect(crypto.verify(new Uint8Array(length), message, signature)).toBe(false);
    for (const length of [0, 1, 63, 65, 128])
      expect(crypto.verify(publicKey, message, new Uint8Array(length))).toBe(false);
    expect(crypto.verify(new Uint8Array(32).fill(255), message, signature)).toBe(false);
    expect(() => crypto.sign(new Uint8Array(31), message)).toThrow(RangeError);
  });

  it('keeps verifying when more keys are in use than the cache holds', () => {
    const message = bytes('01');
    const signers = Array.from({ length: 1100 }, (_, i) => {
      const secretKey = new Uint8Array(32);
      new DataView(secretKey.buffer).setUint32(0, i);
      return { publicKey: crypto.publicKey(secretKey), signature: crypto.sign(secretKey, message) };
    });
    expect(signers.every((s) => crypto.verify(s.publicKey, message, s.signature))).toBe(true);
    expect(
      signers.some((s, i) => crypto.verify(signers[(i + 1) % signers.length]!.publicKey, message, s.signature)),
    ).toBe(false);
  });
});

describe('admission of a member key', () => {
  it('admits every key made from a seed', () => {
    for (let i = 0; i < 50; i++) expect(isAdmissibleKey(crypto.publicKey(new Uint8Array(32).fill(i)))).toBe(true);
  });

  it('refuses the eight points of small order, each checked here against its equation', () => {
    const inverse = (value: bigint): bigint => power(value, p - 2n);
    const power = (base: bigint, exponent: bigint): bigint => {
      let result = 1n;
      for (let square = base % p, rest = exponent; rest > 0n; rest >>= 1n) {
        if (rest & 1n) result = (result * square) % p;
        square = (square * square) % p;
      }
      return result;
    };
    const d = (((p - 121665n) % p) * inverse(121666n)) % p;
    const distinct = new Set(smallOrderKeys);
    expect(distinct.size).toBe(8);
    for (const key of smallOrderKeys) {
      const y = fromLittleEndian(bytes(key)) & (2n ** 255n - 1n);
      const isOrder124 = y === 0n || y === 1n || y === p - 1n;
      const isOrder8 = (d * power(y, 4n) + 2n * power(y, 2n) - 1n) % p === 0n;
      expect(isOrder124 || isOrder8).toBe(true);
      expect(isAdmissibleKey(bytes(key))).toBe(false);
      expect(crypto.verify(bytes(key), bytes('00'), new Uint8Array(64))).toBe(false);
    }
  });

  it('refuses other spellings of a point, points off the curve, and wrong lengths', () => {
    expect(isAdmissibleKey(toLittleEndian(p + 1n))).toBe(false); // y = 1 spelled as p + 1
    expect(isAdmissibleKey(toLittleEndian(1n | (1n << 255n)))).toBe(false); // x = 0 with its sign bit set
    expect(isAdmissibleKey(toLittleEndian(2n))).toBe(false); // y = 2 is on no point of the curve
    expect(isAdmissibleKey(new Uint8Array(31))).toBe(false);
    expect(isAdmissibleKey(new Uint8Array(33))).toBe(false);
    // The base point, y = 4/5, generates the subgroup.
    expect(isAdmissibleKey(bytes('5866666666666666666666666666666666666666666666666666666666666666'))).toBe(true);
  });
});
