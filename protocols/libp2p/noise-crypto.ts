// Law: the cryptography of the noise channel is OpenSSL's, with each key made an object once: naming it anew for every message costs twice
// what sealing a small message does. Same algorithms, same bytes; who uses libp2p's own on the other end notices nothing.
import {
  createCipheriv,
  createDecipheriv,
  createPrivateKey,
  createPublicKey,
  createSecretKey,
  diffieHellman,
  generateKeyPairSync,
  hash,
  type KeyObject,
} from 'node:crypto';
import { type ICryptoInterface, type KeyPair, pureJsCrypto } from '@libp2p/noise';

const algorithm = 'chacha20-poly1305';
const authTagLength = 16;
const tagged = { authTagLength };
/** What stands before a raw X25519 key in its PKCS #8 and SubjectPublicKeyInfo (RFC 8410). */
const privatePrefix = Buffer.from('302e020100300506032b656e04220420', 'hex');
const publicPrefix = Buffer.from('302a300506032b656e032100', 'hex');

/** A cipher state holds the same array as long as it lives, and its object goes with it. */
const keys = new WeakMap<Uint8Array, KeyObject>();

function keyOf(bytes: Uint8Array): KeyObject {
  let key = keys.get(bytes);
  if (key === undefined) {
    key = createSecretKey(bytes);
    keys.set(bytes, key);
  }
  return key;
}

const privateKeyOf = (raw: Uint8Array): KeyObject =>
  createPrivateKey({ key: Buffer.concat([privatePrefix, raw]), format: 'der', type: 'pkcs8' });
const publicKeyOf = (raw: Uint8Array): KeyObject =>
  createPublicKey({ key: Buffer.concat([publicPrefix, raw]), format: 'der', type: 'spki' });

function pairOf(privateKey: KeyObject, publicKey: KeyObject): KeyPair {
  return {
    privateKey: privateKey.export({ format: 'der', type: 'pkcs8' }).subarray(privatePrefix.length),
    publicKey: publicKey.export({ format: 'der', type: 'spki' }).subarray(publicPrefix.length),
  };
}

type List = Exclude<Parameters<ICryptoInterface['chaCha20Poly1305Encrypt']>[0], Uint8Array>;

/** What is small is put together first: each call of OpenSSL costs as much as copying this. */
const copiedBytes = 8 * 1024;
const inPieces = (list: List): Iterable<Uint8Array> => (list.byteLength > copiedBytes ? list : [list.subarray()]);

export const noiseCrypto: ICryptoInterface = {
  hashSHA256: (data) => hash('sha256', data.subarray(), 'buffer'),
  getHKDF: pureJsCrypto.getHKDF,
  generateX25519KeyPair() {
    const { privateKey, publicKey } = generateKeyPairSync('x25519');
    return pairOf(privateKey, publicKey);
  },
  generateX25519KeyPairFromSeed(seed) {
    const privateKey = privateKeyOf(seed);
    return pairOf(privateKey, createPublicKey(privateKey));
  },
  generateX25519SharedKey: (privateKey, publicKey) =>
    diffieHellman({ privateKey: privateKeyOf(privateKey.subarray()), publicKey: publicKeyOf(publicKey.subarray()) }),
  chaCha20Poly1305Encrypt(plaintext, nonce, additional, key) {
    const cipher = createCipheriv(algorithm, keyOf(key), nonce, tagged);
    if (additional.length > 0) cipher.setAAD(additional, { plaintextLength: plaintext.byteLength });
    if (plaintext instanceof Uint8Array) {
      const sealed = cipher.update(plaintext);
      cipher.final();
      return Buffer.concat([sealed, cipher.getAuthTag()], sealed.length + authTagLength);
    }
    const sealed = plaintext.sublist(0, 0);
    for (const part of inPieces(plaintext)) sealed.append(cipher.update(part));
    cipher.final();
    sealed.append(cipher.getAuthTag());
    return sealed;
  },
  /** Throws where the bytes are not what was sealed. */
  chaCha20Poly1305Decrypt(ciphertext, nonce, additional, key) {
    const end = ciphertext.byteLength - authTagLength;
    const decipher = createDecipheriv(algorithm, keyOf(key), nonce, tagged);
    if (additional.length > 0) decipher.setAAD(additional, { plaintextLength: end });
    decipher.setAuthTag(ciphertext.subarray(end));
    if (ciphertext instanceof Uint8Array) {
      const plaintext = decipher.update(ciphertext.subarray(0, end));
      decipher.final();
      return plaintext;
    }
    const plaintext = ciphertext.sublist(0, 0);
    for (const part of inPieces(ciphertext.sublist(0, end))) plaintext.append(decipher.update(part));
    decipher.final();
    return plaintext;
  },
};
