// Law: stands in for Ed25519 where thousands of signatures are scheduling noise, not the subject: real hashes, and "signatures" that only
// the holder of this object can make. Tests about forgery use real keys.
import type { Crypto } from '../../actors/system/index.ts';

/** Signatures are hashes keyed by the public key; nothing outside a test may trust them. */
export function createFastCrypto(sha256: Crypto['sha256']): Crypto {
  const tag = Uint8Array.of(0x66);
  const publicKey = (secretKey: Uint8Array): Uint8Array => sha256(tag, secretKey);
  const signature = (key: Uint8Array, message: Uint8Array): Uint8Array => {
    const half = sha256(tag, key, message);
    const whole = new Uint8Array(64);
    whole.set(half);
    whole.set(half, 32);
    return whole;
  };
  return {
    sha256,
    publicKey,
    sign: (secretKey, message) => signature(publicKey(secretKey), message),
    verify: (key, message, given) => Buffer.compare(signature(key, message), given) === 0,
  };
}
