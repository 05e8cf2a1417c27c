import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MalformedBytes } from '../protocols/wire/index.ts';
import { about, crypto, digest, reasonOf, samples } from '../test/support/decisions.ts';
import { decisionId, decodeDecision, encodeDecision, verdictKey } from './index.ts';

describe('a decision', () => {
  it.each(samples)('that is %s holds, reads back, and has one encoding', (_, decision) => {
    expect(reasonOf(decision)).toBeUndefined();
    const bytes = encodeDecision(decision);
    const read = decodeDecision(bytes, crypto);
    expect(read).toEqual(decision);
    expect(encodeDecision(read)).toEqual(bytes);
    expect(decisionId(read, crypto)).toEqual(crypto.sha256(bytes));
  });

  it.each(samples)('that is %s is refused with any byte flipped, any bit of it', (_, decision) => {
    const bytes = encodeDecision(decision);
    for (let i = 0; i < bytes.length; i++) {
      for (const mask of [1 << (i % 8), 0xff]) {
        const bad = bytes.slice();
        bad[i]! ^= mask;
        let reason: string | undefined = 'malformed';
        try {
          reason = reasonOf(decodeDecision(bad, crypto));
        } catch (error) {
          expect(error).toBeInstanceOf(MalformedBytes);
        }
        expect(reason, `byte ${i} of ${bytes.length}`).toBeDefined();
      }
    }
  });

  it('cannot be cut short or extended', () => {
    for (const [, decision] of samples) {
      const bytes = encodeDecision(decision);
      for (let length = 0; length < bytes.length; length += 7)
        expect(() => decodeDecision(bytes.subarray(0, length), crypto)).toThrow(MalformedBytes);
      expect(() => decodeDecision(new Uint8Array([...bytes, 0]), crypto)).toThrow(MalformedBytes);
    }
  });

  it('of arbitrary bytes is malformed, never anything else', () => {
    const head = encodeDecision(samples[0]![1]);
    fc.assert(
      fc.property(fc.nat(head.length), fc.uint8Array({ maxLength: 400 }), (keep, tail) => {
        // Everything kept and nothing added is the decision itself.
        fc.pre(keep < head.length || tail.length > 0);
        let reason: string | undefined;
        try {
          reason = reasonOf(decodeDecision(new Uint8Array([...head.subarray(0, keep), ...tail]), crypto));
        } catch (error) {
          expect(error).toBeInstanceOf(MalformedBytes);
          return;
        }
        expect(reason).toBeDefined();
      }),
      { numRuns: 300 },
    );
  });

  it('has one instance per attempt', () => {
    const keys = [
      about,
      { ...about, attempt: 3 },
      { ...about, task: 'other' },
      { ...about, planDigest: digest('p2') },
      { ...about, workflow: digest('w2') },
    ].map((a) => Buffer.from(verdictKey(a)).toString('hex'));
    expect(new Set(keys).size).toBe(5);
  });
});
