// Law: simulated nodes hash as real ones do. Signatures are real Ed25519 unless the fast form is asked for by name, and that form is
// forgeable by nobody in the simulation either: only who holds the secret can compute the tag, since the table of secrets is this closure's.
import type { Crypto } from '../../actors/system/index.ts';
import { equalBytes, hex, utf8 } from '../../protocols/wire/index.ts';

/** `ed25519`: the node's own. `keyed-hash`: a fiftieth of the time, for runs of many seeds; nothing outside the simulation accepts it. */
export type SignatureKind = 'ed25519' | 'keyed-hash';

const tagDomain = utf8.encode('parley/sim/tag/1');

/** `real`: the node's own, handed in so that a swarm of light agents need not load the node's code. */
export function createSimCrypto(kind: SignatureKind, real: Crypto): Crypto {
  if (kind === 'ed25519') return real;
  const secretOf = new Map<string, Uint8Array>();
  const publicOf = new Map<string, Uint8Array>();
  const publicKey = (secretKey: Uint8Array): Uint8Array => {
    const name = hex.encode(secretKey);
    let found = publicOf.get(name);
    if (found === undefined) {
      found = real.publicKey(secretKey);
      publicOf.set(name, found);
      secretOf.set(hex.encode(found), secretKey.slice());
    }
    return found.slice();
  };
  // One digest of one buffer: a signature of each frame is what a run of many seeds spends most of its time on.
  const keyed = new Uint8Array(tagDomain.length + 64);
  keyed.set(tagDomain);
  const tag = (secretKey: Uint8Array, message: Uint8Array): Uint8Array => {
    keyed.set(secretKey, tagDomain.length);
    keyed.set(real.sha256(message), tagDomain.length + 32);
    const half = real.sha256(keyed);
    const signature = new Uint8Array(64);
    signature.set(half);
    signature.set(half, 32);
    return signature;
  };
  return {
    sha256: real.sha256,
    publicKey,
    sign(secretKey, message) {
      publicKey(secretKey);
      return tag(secretKey, message);
    },
    verify(key, message, signature) {
      const secretKey = key.length === 32 && signature.length === 64 ? secretOf.get(hex.encode(key)) : undefined;
      return secretKey !== undefined && equalBytes(tag(secretKey, message), signature);
    },
  };
}
