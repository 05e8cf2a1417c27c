// Law: what is sealed here opens with libp2p's own cryptography and the other way round; what was altered on the way does not open.
import { pureJsCrypto } from '@libp2p/noise';
import { expect, test } from 'vitest';
import { noiseCrypto } from './noise-crypto.ts';

const key = new Uint8Array(32).map((_, i) => i * 5);
const nonce = new Uint8Array(12).fill(3);
const pieces = [noiseCrypto, pureJsCrypto];

test('opens what another implementation sealed, with and without additional bytes, and is opened by it', () => {
  for (const sizeBytes of [0, 1, 300, 20_000])
    for (const additional of [new Uint8Array(0), new Uint8Array(32).fill(7)])
      for (const [sealer, opener] of [pieces, pieces.toReversed()]) {
        const plaintext = new Uint8Array(sizeBytes).map((_, i) => i);
        const sealed = sealer!.chaCha20Poly1305Encrypt(plaintext, nonce, additional, key).subarray();
        expect(sealed.length).toBe(sizeBytes + 16);
        const opened = opener!.chaCha20Poly1305Decrypt(sealed, nonce, additional, key).subarray();
        expect(Buffer.compare(opened, plaintext)).toBe(0);
      }
});

test('does not open a message of which one bit is another, nor one under another nonce or key', () => {
  const none = new Uint8Array(0);
  const sealed = noiseCrypto.chaCha20Poly1305Encrypt(new Uint8Array(300), nonce, none, key).subarray();
  for (const at of [0, 150, 299, 300, 315]) {
    const altered = sealed.slice();
    altered[at]! ^= 1;
    expect(() => noiseCrypto.chaCha20Poly1305Decrypt(altered, nonce, none, key)).toThrow();
  }
  expect(() => noiseCrypto.chaCha20Poly1305Decrypt(sealed, new Uint8Array(12), none, key)).toThrow();
  expect(() => noiseCrypto.chaCha20Poly1305Decrypt(sealed, nonce, none, new Uint8Array(32))).toThrow();
});

test('agrees with another implementation on keys from a seed, shared secrets and hashes', () => {
  const [one, other] = [new Uint8Array(32).fill(11), new Uint8Array(32).fill(12)].map((seed) =>
    noiseCrypto.generateX25519KeyPairFromSeed(seed),
  );
  const theirs = pureJsCrypto.generateX25519KeyPairFromSeed(new Uint8Array(32).fill(11));
  expect(Buffer.compare(one!.publicKey, theirs.publicKey)).toBe(0);
  const shared = noiseCrypto.generateX25519SharedKey(one!.privateKey, other!.publicKey);
  for (const { generateX25519SharedKey } of pieces)
    expect(Buffer.compare(shared, generateX25519SharedKey(other!.privateKey, one!.publicKey))).toBe(0);
  const fresh = noiseCrypto.generateX25519KeyPair();
  expect([fresh.publicKey.length, fresh.privateKey.length]).toEqual([32, 32]);
  expect(Buffer.compare(noiseCrypto.hashSHA256(key), pureJsCrypto.hashSHA256(key))).toBe(0);
});
