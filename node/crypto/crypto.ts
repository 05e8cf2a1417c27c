// Law: one Ed25519 rule everywhere: canonical S < L, canonical R, cofactorless equation, and neither R nor the key of small order.
// node:crypto keeps the first three; the last it keeps only since Node 24 (nodejs/node#64026), so it is spelled out here, or a member
// could sign with R = identity and split old verifiers from new ones. Keys of mixed order are refused once, at admission
// (`isAdmissibleKey`). Synchronous throughout: the thread pool would escape a virtual clock.
import { createHash, createPrivateKey, createPublicKey, hash, type KeyObject, sign, verify } from 'node:crypto';
import type { Crypto } from '../../actors/system/index.ts';

export { isAdmissibleKey } from '../../consensus/index.ts';

/** RFC 8410: what stands before the 32 raw bytes in a SubjectPublicKeyInfo and in a PKCS #8 PrivateKeyInfo of an Ed25519 key. */
const publicPrefix = Buffer.from('302a300506032b6570032100', 'hex');
const privatePrefix = Buffer.from('302e020100300506032b657004220420', 'hex');

/** The canonical encodings of the eight points of order 1, 2, 4 and 8. Other spellings of them fail the canonical-R rule. */
const smallOrderPoints: ReadonlySet<string> = new Set(
  [
    '0100000000000000000000000000000000000000000000000000000000000000',
    'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
    '0000000000000000000000000000000000000000000000000000000000000000',
    '0000000000000000000000000000000000000000000000000000000000000080',
    'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a',
    'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa',
    '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05',
    '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85',
  ].map((text) => Buffer.from(text, 'hex').toString('binary')),
);

const cachedKeysMax = 1024;
const nothing = new Uint8Array(0);

const scratch = Buffer.alloc(32);

/** One character per byte, of 32 bytes: the cheapest way to have them as a key. By way of `scratch`, since a short array has no buffer of its own. */
function latin1(bytes: Uint8Array): string {
  scratch.set(bytes);
  return scratch.toString('latin1');
}

function fromLatin1(text: string): Uint8Array {
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < bytes.length; i++) bytes[i] = text.charCodeAt(i);
  return bytes;
}

/** Importing a key costs more than a verification: the last `cachedKeysMax` used stay imported. A Map iterates in insertion order, so its first entry is the oldest. */
function createKeyCache(load: (raw: Uint8Array) => KeyObject): (raw: Uint8Array, name: string) => KeyObject {
  const cache = new Map<string, KeyObject>();
  return (raw, name) => {
    let key = cache.get(name);
    if (key === undefined) {
      key = load(raw);
      const oldest = cache.size >= cachedKeysMax ? cache.keys().next().value : undefined;
      if (oldest !== undefined) cache.delete(oldest);
    } else {
      cache.delete(name);
    }
    cache.set(name, key);
    return key;
  };
}

/** The same bytes without Buffer's methods, whose `slice` shares memory where Uint8Array's copies. */
function plain(buffer: Buffer): Uint8Array {
  return new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.byteLength);
}

export function createCrypto(): Crypto {
  const publicKeyObject = createKeyCache((raw) =>
    createPublicKey({ key: Buffer.concat([publicPrefix, raw]), format: 'der', type: 'spki' }),
  );
  const privateKeyObject = createKeyCache((raw) =>
    createPrivateKey({ key: Buffer.concat([privatePrefix, raw]), format: 'der', type: 'pkcs8' }),
  );
  const secret = (secretKey: Uint8Array): KeyObject => {
    if (secretKey.length !== 32) throw new RangeError(`an Ed25519 secret key has 32 bytes, not ${secretKey.length}`);
    return privateKeyObject(secretKey, latin1(secretKey));
  };

  return {
    sha256(first, ...rest) {
      // Half the cost of a digest as a Buffer is the Buffer.
      if (first === undefined || rest.length === 0) return fromLatin1(hash('sha256', first ?? nothing, 'binary'));
      const digest = createHash('sha256').update(first);
      for (const part of rest) digest.update(part);
      return fromLatin1(digest.digest('binary'));
    },
    sign: (secretKey, message) => plain(sign(null, message, secret(secretKey))),
    verify(publicKey, message, signature) {
      if (publicKey.length !== 32 || signature.length !== 64) return false;
      const name = latin1(publicKey);
      if (smallOrderPoints.has(name) || smallOrderPoints.has(latin1(signature.subarray(0, 32)))) return false;
      try {
        return verify(null, message, publicKeyObject(publicKey, name), signature);
      } catch {
        return false;
      }
    },
    publicKey(secretKey) {
      const der = createPublicKey(secret(secretKey)).export({ format: 'der', type: 'spki' });
      return new Uint8Array(der.subarray(publicPrefix.length));
    },
  };
}
