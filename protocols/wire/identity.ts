// Law: a node IS its Ed25519 key. The node id is the key, spelled as a libp2p peer id; nothing maps one to the other but this file.
import { base58btc } from 'multiformats/bases/base58';
import type { Crypto, NodeId } from '../../actors/system/index.ts';
import { MalformedBytes } from './bytes.ts';

/** An identity multihash (0x00, 36 bytes) of the protobuf PublicKey {type: Ed25519, data: 32 bytes}; libp2p's peer id specification. */
const peerIdPrefix = Uint8Array.of(0x00, 0x24, 0x08, 0x01, 0x12, 0x20);

export interface Identity {
  readonly id: NodeId;
  /** 32 bytes. */
  readonly publicKey: Uint8Array;
  /** The 32-byte Ed25519 seed. */
  readonly secretKey: Uint8Array;
}

export function createIdentity(crypto: Pick<Crypto, 'publicKey'>, secretKey: Uint8Array): Identity {
  const publicKey = crypto.publicKey(secretKey);
  return { id: nodeIdOf(publicKey), publicKey, secretKey };
}

export function nodeIdOf(publicKey: Uint8Array): NodeId {
  if (publicKey.length !== 32) throw new MalformedBytes(`an Ed25519 public key has 32 bytes, not ${publicKey.length}`);
  const name = Buffer.from(publicKey.buffer, publicKey.byteOffset, 32).toString('latin1');
  let id = encoded.get(name);
  if (id === undefined) {
    const bytes = new Uint8Array(peerIdPrefix.length + 32);
    bytes.set(peerIdPrefix);
    bytes.set(publicKey, peerIdPrefix.length);
    id = base58btc.baseEncode(bytes);
    if (encoded.size >= cachedMax) encoded.clear();
    encoded.set(name, id);
  }
  return id;
}

const cachedMax = 4096;
const encoded = new Map<string, NodeId>();
const decoded = new Map<NodeId, Uint8Array>();

/** The 32-byte key in a node id. Throws MalformedBytes where `id` is not the peer id of an Ed25519 key. */
export function publicKeyOf(id: NodeId): Uint8Array {
  const known = decoded.get(id);
  if (known !== undefined) return known;
  let bytes: Uint8Array;
  try {
    bytes = base58btc.baseDecode(id);
  } catch {
    throw new MalformedBytes('a node id is base58btc');
  }
  if (bytes.length !== peerIdPrefix.length + 32 || peerIdPrefix.some((byte, i) => bytes[i] !== byte)) {
    throw new MalformedBytes('a node id is the peer id of an Ed25519 key');
  }
  const key = bytes.slice(peerIdPrefix.length);
  // Base58 has one spelling per value only without redundant leading ones; the prefix's zero byte accounts for exactly one.
  if (nodeIdOf(key) !== id) throw new MalformedBytes('a node id is spelled canonically');
  if (decoded.size >= cachedMax) decoded.clear();
  decoded.set(id, key);
  return key;
}
