import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MalformedBytes } from '../protocols/wire/index.ts';
import {
  amberCandidate,
  attestationBy,
  candidateBy,
  crypto,
  failure,
  mesh,
  reassignment,
} from '../test/support/decisions.ts';
import { testIdentity } from '../test/support/world.ts';
import { attestations, candidates, decodeFailure, encodeFailure, expiries } from './index.ts';

describe('statements', () => {
  const digests = fc.uint8Array({ minLength: 32, maxLength: 32 });
  const text = (max: number) =>
    fc
      .string({ maxLength: max, unit: 'grapheme' })
      .filter((value) => value.isWellFormed() && Buffer.byteLength(value) <= max);
  const u32 = fc.integer({ min: 0, max: 0xffffffff });
  const aboutAny = {
    meshId: digests,
    epoch: u32,
    workflow: digests,
    planDigest: digests,
    task: text(256),
    attempt: u32,
  };
  const signer = fc.integer({ min: 0, max: 6 });

  it('read back as they were written and verify under their signer alone', () => {
    fc.assert(
      fc.property(
        fc.record({
          ...aboutAny,
          skill: text(128),
          skillVersion: text(64),
          callDigest: digests,
          outcome: fc.constantFrom('result', 'failure'),
          resultDigest: digests,
          sizeBytes: fc.maxSafeNat(),
        }),
        signer,
        (fields, i) => {
          const { id, secretKey } = testIdentity(i, crypto);
          const candidate = candidates.sign({ ...fields, executor: id }, secretKey, crypto);
          expect(candidates.decode(candidates.encode(candidate))).toEqual(candidate);
          expect(candidates.verify(candidate, crypto)).toBe(true);
          expect(candidates.verify({ ...candidate, executor: testIdentity(7, crypto).id }, crypto)).toBe(false);
        },
      ),
      { numRuns: 60 },
    );
    fc.assert(
      fc.property(
        fc.record({
          ...aboutAny,
          callDigest: digests,
          candidateDigest: digests,
          relation: fc.record({ id: text(64), version: u32, paramsHash: digests }),
          verdict: fc.constantFrom(1 as const, -1 as const),
          score: fc.integer({ min: -0x80000000, max: 0x7fffffff }),
          ownDigest: digests,
          modelFamily: text(64),
        }),
        signer,
        (fields, i) => {
          const { id, secretKey } = testIdentity(i, crypto);
          const attestation = attestations.sign({ ...fields, verifier: id }, secretKey, crypto);
          expect(attestations.decode(attestations.encode(attestation))).toEqual(attestation);
          expect(attestations.verify(attestation, crypto)).toBe(true);
          expect(attestations.verify({ ...attestation, verdict: fields.verdict === 1 ? -1 : 1 }, crypto)).toBe(false);
        },
      ),
      { numRuns: 60 },
    );
  });

  it('are refused with any byte flipped, cut or added', () => {
    const encoded = candidates.encode(amberCandidate);
    for (let i = 0; i < encoded.length; i++) {
      const bad = encoded.slice();
      bad[i]! ^= 1 << (i % 8);
      let accepted = false;
      try {
        accepted = candidates.verify(candidates.decode(bad), crypto);
      } catch (error) {
        expect(error).toBeInstanceOf(MalformedBytes);
      }
      expect(accepted, `byte ${i}`).toBe(false);
    }
    expect(() => candidates.decode(encoded.subarray(0, -1))).toThrow(MalformedBytes);
    expect(() => candidates.decode(new Uint8Array([...encoded, 0]))).toThrow(MalformedBytes);
  });

  it('of one kind never pass for another', () => {
    const expired = reassignment(['amber']).expired[0]!;
    expect(() => expiries.decode(candidates.encode(amberCandidate))).toThrow(MalformedBytes);
    expect(candidates.verify({ ...amberCandidate, signature: expired.signature }, crypto)).toBe(false);
    expect(
      attestations.verify({ ...attestationBy('amber', amberCandidate), signature: amberCandidate.signature }, crypto),
    ).toBe(false);
  });

  it('with equal results by different executors stay two statements, and signing anew does not make a third', () => {
    const birch = candidateBy('birch');
    expect(birch.resultDigest).toEqual(amberCandidate.resultDigest);
    expect(candidates.digest(birch, crypto)).not.toEqual(candidates.digest(amberCandidate, crypto));
    expect(candidates.digest(candidates.sign(amberCandidate, mesh.who('birch').secretKey, crypto), crypto)).toEqual(
      candidates.digest(amberCandidate, crypto),
    );
  });

  it('that would not read back are not written', () => {
    expect(() => candidateBy('amber', { task: 'x'.repeat(257) })).toThrow(MalformedBytes);
    expect(() => candidateBy('amber', { skill: 'lone \ud800' })).toThrow(MalformedBytes);
    expect(() => encodeFailure({ code: 'x', message: 'm'.repeat(4097) })).toThrow(MalformedBytes);
    expect(decodeFailure(encodeFailure(failure))).toEqual(failure);
  });
});
