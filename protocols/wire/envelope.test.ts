import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createCrypto, testIdentity } from '../../test/support/world.ts';
import { encodeBody } from './body.ts';
import { hex, MalformedBytes } from './bytes.ts';
import { maxBodyBytes, maxEnvelopeBytes, openEnvelope, sealEnvelope, type Unsigned } from './envelope.ts';
import { hlcTime } from './hlc.ts';

const crypto = createCrypto();
const author = testIdentity(0);
const other = testIdentity(1);
const meshId = new Uint8Array(32).fill(9);
const options = { crypto, meshId };

const direct: Unsigned = {
  id: new Uint8Array(16).fill(3),
  type: 'test.hello',
  to: other.id,
  hlc: hlcTime.of(1_700_000_000_000, 7),
  ttlMs: 60_000,
  body: encodeBody({ text: 'hello' }, maxBodyBytes),
};

const unsigned = fc
  .record({
    id: fc.uint8Array({ minLength: 16, maxLength: 16 }),
    type: fc.stringMatching(/^[a-z][a-z0-9._-]{0,63}$/),
    hlc: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
    ttlMs: fc.integer({ min: 1, max: 86_400_000 }),
    body: fc.uint8Array({ maxLength: 300 }),
    destination: fc.oneof(
      fc.constant({ to: other.id }),
      fc.record({ topic: fc.stringMatching(/^[A-Za-z0-9][A-Za-z0-9._/-]{0,127}$/) }),
    ),
    re: fc.option(fc.uint8Array({ minLength: 16, maxLength: 16 }), { nil: undefined }),
    trace: fc.option(
      fc.record({
        traceId: fc.stringMatching(/^[0-9a-f]{32}$/),
        spanId: fc.stringMatching(/^[0-9a-f]{16}$/),
        flags: fc.nat(255),
      }),
      { nil: undefined },
    ),
  })
  .map(
    ({ destination, re, trace, ...rest }): Unsigned => ({
      ...rest,
      ...destination,
      ...(re === undefined ? {} : { re }),
      ...(trace === undefined ? {} : { trace }),
    }),
  );

describe('an envelope', () => {
  it('opens to what was sealed, and to nothing else', () => {
    fc.assert(
      fc.property(unsigned, (message) => {
        const opened = openEnvelope(sealEnvelope(message, author, options), options);
        if (!opened.ok) throw new Error(opened.reason);
        const { sig, ...rest } = opened.envelope;
        expect(rest).toEqual({ v: 1, from: author.id, ...message });
        expect(sig.length).toBe(64);
      }),
      { numRuns: 60 },
    );
  });

  it('is refused with any byte flipped, dropped or added', () => {
    const sealed = sealEnvelope(direct, author, options);
    for (let at = 0; at < sealed.length; at++) {
      const flipped = sealed.slice();
      flipped[at]! ^= 1 << (at % 8);
      expect(openEnvelope(flipped, options).ok, `byte ${at}`).toBe(false);
    }
    for (let length = 0; length < sealed.length; length++)
      expect(openEnvelope(sealed.subarray(0, length), options).ok).toBe(false);
    expect(openEnvelope(Uint8Array.of(...sealed, 0), options)).toMatchObject({ ok: false, reason: 'malformed' });
  });

  it('verifies in its own mesh only', () => {
    const sealed = sealEnvelope(direct, author, options);
    expect(openEnvelope(sealed, { crypto, meshId: new Uint8Array(32).fill(8) })).toEqual({
      ok: false,
      reason: 'signature',
      from: author.id,
    });
  });

  it('cannot be signed in another’s name', () => {
    const forged = sealEnvelope(direct, { ...author, secretKey: other.secretKey }, options);
    expect(openEnvelope(forged, options)).toEqual({ ok: false, reason: 'signature', from: author.id });
  });

  it('opens alike from a Buffer, and keeps no view of the bytes it came from', () => {
    const buffer = Buffer.from(sealEnvelope(direct, author, options));
    const opened = openEnvelope(buffer, options);
    buffer.fill(0);
    if (!opened.ok) throw new Error(opened.reason);
    expect(opened.envelope.id).toEqual(direct.id);
    expect(opened.envelope.body).toEqual(direct.body);
  });

  it('holds a body of the limit and refuses one byte more', () => {
    const message = { ...direct, type: `t${'x'.repeat(63)}`, body: new Uint8Array(maxBodyBytes) };
    const sealed = sealEnvelope(
      { ...message, topic: 'a'.repeat(128), to: undefined } as unknown as Unsigned,
      author,
      options,
    );
    expect(sealed.length).toBeLessThanOrEqual(maxEnvelopeBytes);
    expect(openEnvelope(sealed, options).ok).toBe(true);
    expect(() => sealEnvelope({ ...message, body: new Uint8Array(maxBodyBytes + 1) }, author, options)).toThrow(
      MalformedBytes,
    );
    expect(openEnvelope(new Uint8Array(maxEnvelopeBytes + 1), options)).toEqual({ ok: false, reason: 'too_large' });
  });

  it('is not written with a destination, name or lifetime outside the limits', () => {
    const wrong: unknown[] = [
      { ...direct, topic: 'both' },
      { ...direct, to: undefined },
      { ...direct, type: 'Not A Type' },
      { ...direct, ttlMs: 0 },
      { ...direct, ttlMs: 86_400_001 },
      { ...direct, to: 'nobody' },
      { ...direct, id: new Uint8Array(15) },
    ];
    for (const message of wrong) expect(() => sealEnvelope(message as Unsigned, author, options)).toThrow();
  });

  it('never throws on random bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), (bytes) => {
        expect(openEnvelope(bytes, options).ok).toBe(false);
      }),
      { numRuns: 1_000 },
    );
  });

  it('has this one layout (a change of it is a new version)', () => {
    expect(
      hex.encode(
        sealEnvelope(
          { ...direct, trace: { traceId: '0af7651916cd43dd8448eb211c80319c', spanId: 'b7ad6b7169203331', flags: 1 } },
          author,
          options,
        ),
      ),
    ).toMatchInlineSnapshot(
      `"0102030303030303030303030303030303030000000a746573742e68656c6c6f8a88e3dd7409f195fd52db2d3cba5d72ca6709bf1d94121bf3748801b40f6f5c8139770ea87d175f56a35466c34c7ecccb8d8a91b4ee37a25df60f5b8fc9b394018bcfe5680000070af7651916cd43dd8448eb211c80319cb7ad6b7169203331010000ea600000000c81a474657874a568656c6c6f5b01117e22ed9b0825979ba49ab90674e3df6feaf2fdf13b0f60a57fcf6f448e0d7fbddfca40eff63e1384b6f586835bb07ac727e1501978e6072f79b6dc260f"`,
    );
  });
});
