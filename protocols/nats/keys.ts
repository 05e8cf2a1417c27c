// Law: everything this transport puts on a NATS server is under a key: subjects and greetings under the mesh's pre-shared key, records
// under a key that two members agreed on and proved to each other with their own. The server's operator holds none of them.
import {
  createCipheriv,
  createDecipheriv,
  createPublicKey,
  createSecretKey,
  diffieHellman,
  generateKeyPairSync,
  hkdfSync,
  type KeyObject,
  randomBytes,
} from 'node:crypto';
import type { NodeId } from '../../actors/system/index.ts';
import { hex, utf8 } from '../wire/index.ts';

const tagBytes = 16;
const nonceBytes = 12;
const inboxesMax = 4_096;
/** What stands before a raw X25519 key in its SubjectPublicKeyInfo (RFC 8410). */
const spkiPrefix = Uint8Array.of(0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x6e, 0x03, 0x21, 0x00);

const derive = (key: Uint8Array, salt: Uint8Array, purpose: string, sizeBytes: number): Uint8Array =>
  new Uint8Array(hkdfSync('sha256', key, salt, utf8.encode(purpose), sizeBytes));

export interface MeshKeys {
  /** Subject on which members say that they are there. */
  readonly presence: string;
  /** Subject on which only `id` listens; `….>` below it is its own as well. */
  inbox(id: NodeId): string;
  /** Kind in front, then a random nonce: a few per second at most, far below what random nonces bear. */
  seal(kind: number, plain: Uint8Array): Uint8Array;
  /** Undefined where it was not sealed under this key. */
  unseal(message: Uint8Array): Uint8Array | undefined;
}

export function createMeshKeys(meshId: Uint8Array, preSharedKey: Uint8Array): MeshKeys {
  const root = `parley.mesh.${hex.encode(derive(preSharedKey, meshId, 'parley/nats-subject/1', 16))}`;
  const sealing = createSecretKey(derive(preSharedKey, meshId, 'parley/nats-seal/1', 32));
  /** Of those spoken to: deriving a subject takes longer than sealing a small record. */
  const inboxes = new Map<NodeId, string>();
  return {
    presence: `${root}.presence`,
    inbox(id) {
      let subject = inboxes.get(id);
      if (subject === undefined) {
        subject = `${root}.to.${hex.encode(derive(preSharedKey, meshId, `parley/nats-inbox/1/${id}`, 16))}`;
        if (inboxes.size >= inboxesMax) inboxes.clear();
        inboxes.set(id, subject);
      }
      return subject;
    },
    seal(kind, plain) {
      const nonce = randomBytes(nonceBytes);
      const cipher = createCipheriv('aes-256-gcm', sealing, nonce);
      cipher.setAAD(Uint8Array.of(kind));
      const body = cipher.update(plain);
      cipher.final();
      return Buffer.concat([Uint8Array.of(kind), nonce, body, cipher.getAuthTag()]);
    },
    unseal(message) {
      if (message.length < 1 + nonceBytes + tagBytes) return undefined;
      const decipher = createDecipheriv('aes-256-gcm', sealing, message.subarray(1, 1 + nonceBytes));
      decipher.setAAD(message.subarray(0, 1));
      decipher.setAuthTag(message.subarray(message.length - tagBytes));
      try {
        const plain = decipher.update(message.subarray(1 + nonceBytes, message.length - tagBytes));
        decipher.final();
        return new Uint8Array(plain.buffer, plain.byteOffset, plain.byteLength);
      } catch {
        return undefined;
      }
    },
  };
}

export interface Ephemeral {
  /** 32 bytes. */
  readonly publicKey: Uint8Array;
  readonly secret: KeyObject;
}

export function createEphemeral(): Ephemeral {
  const { publicKey, privateKey } = generateKeyPairSync('x25519');
  const der = publicKey.export({ format: 'der', type: 'spki' });
  return { publicKey: new Uint8Array(der.subarray(spkiPrefix.length)), secret: privateKey };
}

export interface SessionKeys {
  /** 8 bytes: names the session on the wire. */
  readonly id: Uint8Array;
  /** As key objects: a cipher made from raw bytes costs five times as much as one made from these. */
  readonly send: KeyObject;
  readonly receive: KeyObject;
}

/**
 * X25519, and the pre-shared key beside it, salted with everything both ends said. Throws where the peer's key is of low order.
 * @param transcript hash of both greetings.
 */
export function agree(options: {
  readonly own: Ephemeral;
  readonly theirs: Uint8Array;
  readonly preSharedKey: Uint8Array;
  readonly transcript: Uint8Array;
  readonly initiator: boolean;
}): SessionKeys {
  const publicKey = createPublicKey({
    key: Buffer.concat([spkiPrefix, options.theirs]),
    format: 'der',
    type: 'spki',
  });
  const shared = diffieHellman({ privateKey: options.own.secret, publicKey });
  const keys = derive(
    Buffer.concat([shared, options.preSharedKey]),
    options.transcript,
    'parley/nats-session/1',
    8 + 32 + 32,
  );
  const [first, second] = [createSecretKey(keys.subarray(8, 40)), createSecretKey(keys.subarray(40, 72))];
  return {
    id: keys.subarray(0, 8),
    send: options.initiator ? first : second,
    receive: options.initiator ? second : first,
  };
}

/** On the wire of a record: kind (1), session (8), number (8), then sealed text and its tag (16). */
const recordHeaderBytes = 17;
export const recordOverheadBytes = recordHeaderBytes + tagBytes;
/** The sealed text of every record begins with the number of the first record that its sender has not taken yet. */
export const ackBytes = 8;
/** Smaller memory is not worth the call that frees it. */
const giveBackFromBytes = 16 << 10;

/** The nonce is kind and number: each pair of them is sealed once per key. */
function nonceOf(header: Uint8Array): Uint8Array {
  const nonce = new Uint8Array(nonceBytes);
  nonce[0] = header[0]!;
  nonce.set(header.subarray(9, 17), 4);
  return nonce;
}

/** `memoryFor` gives the memory of the whole record, so many bytes of it. */
export function sealRecord(
  key: KeyObject,
  kind: number,
  session: Uint8Array,
  number: number,
  pieces: readonly Uint8Array[],
  memoryFor: (sizeBytes: number) => Uint8Array = Buffer.allocUnsafe,
): Uint8Array {
  let size = recordOverheadBytes;
  for (const piece of pieces) size += piece.length;
  const record = memoryFor(size);
  const header = record.subarray(0, recordHeaderBytes);
  header[0] = kind;
  header.set(session, 1);
  new DataView(record.buffer, record.byteOffset).setBigUint64(9, BigInt(number));
  const cipher = createCipheriv('aes-256-gcm', key, nonceOf(header));
  cipher.setAAD(header);
  let at = recordHeaderBytes;
  for (const piece of pieces) {
    const body = cipher.update(piece);
    record.set(body, at);
    at += body.length;
    giveBack(body);
  }
  cipher.final();
  record.set(cipher.getAuthTag(), at);
  return record;
}

/**
 * Frees memory that nobody reads any more, where it is large and all of it is `bytes`: left to the collector, some 64 MB of such memory
 * make it walk the whole heap. A message that begins where its memory does is one that the NATS client put together in memory of its
 * own; one that it cut out of what the socket read stands behind its subject there.
 */
export function giveBack(bytes: Uint8Array): void {
  if (bytes.length >= giveBackFromBytes && bytes.byteOffset === 0) (bytes.buffer as ArrayBuffer).transfer(0);
}

export const recordNumber = (message: Uint8Array): number =>
  Number(new DataView(message.buffer, message.byteOffset, message.byteLength).getBigUint64(9));

/** Undefined where it was not sealed under this key. */
export function openRecord(key: KeyObject, message: Uint8Array): Uint8Array | undefined {
  const header = message.subarray(0, recordHeaderBytes);
  const decipher = createDecipheriv('aes-256-gcm', key, nonceOf(header));
  decipher.setAAD(header);
  decipher.setAuthTag(message.subarray(message.length - tagBytes));
  try {
    const plain = decipher.update(message.subarray(recordHeaderBytes, message.length - tagBytes));
    decipher.final();
    return new Uint8Array(plain.buffer, plain.byteOffset, plain.byteLength);
  } catch {
    return undefined;
  }
}
