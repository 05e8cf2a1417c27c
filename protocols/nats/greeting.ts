// Law: who greets proves that it holds its key, to this peer and for this session. A greeting that was recorded and sent again opens
// nothing: the answer is sealed to a key that its sender threw away.
import type { Crypto, NodeId } from '../../actors/system/index.ts';
import { frameVersion } from '../network/index.ts';
import { ByteReader, ByteWriter, type Identity, publicKeyOf } from '../wire/index.ts';

/** First byte of every message of this transport. */
export const messageKind = { presence: 1, hello: 2, answer: 3, data: 4, control: 5 } as const;

/** Their number is the version of what is said in sessions, as `frameVersion` is on streams. */
const presenceDomain = `parley/nats-presence/${frameVersion}`;
const helloDomain = `parley/nats-hello/${frameVersion}`;

export const instanceBytes = 16;
const idMaxBytes = 128;
const signatureBytes = 64;

/** `from` is there, as this instance of its process. Unsigned: it only invites a greeting, which proves. */
export interface Presence {
  readonly from: NodeId;
  readonly instance: Uint8Array;
}

export function encodePresence({ from, instance }: Presence): Uint8Array {
  return new ByteWriter(presenceDomain).text(from).fixed(instance, instanceBytes).finish();
}

/** Throws MalformedBytes. */
export function decodePresence(bytes: Uint8Array): Presence {
  const reader = new ByteReader(bytes, presenceDomain);
  const presence = { from: reader.text(idMaxBytes), instance: reader.fixed(instanceBytes) };
  reader.end();
  return presence;
}

/** The version of a greeting that is not of this one's; undefined for anything else. Throws MalformedBytes. */
export function otherVersionOf(bytes: Uint8Array): number | undefined {
  const found = /^parley\/nats-(?:presence|hello)\/(\d{1,3})$/.exec(new ByteReader(bytes).text(idMaxBytes));
  const version = found === null ? undefined : Number(found[1]);
  return version === frameVersion ? undefined : version;
}

export interface Hello {
  readonly from: NodeId;
  readonly to: NodeId;
  readonly instance: Uint8Array;
  /** X25519, 32 bytes, of this session alone. */
  readonly ephemeral: Uint8Array;
  /** SHA-256 of the hello that this one answers; zeros where it opens. */
  readonly answers: Uint8Array;
}

function unsigned(meshId: Uint8Array, hello: Hello): Uint8Array {
  return new ByteWriter(helloDomain)
    .fixed(meshId, 32)
    .text(hello.from)
    .text(hello.to)
    .fixed(hello.instance, instanceBytes)
    .fixed(hello.ephemeral, 32)
    .fixed(hello.answers, 32)
    .finish();
}

export function encodeHello(
  meshId: Uint8Array,
  hello: Hello,
  identity: Identity,
  crypto: Pick<Crypto, 'sign'>,
): Uint8Array {
  const said = unsigned(meshId, hello);
  const bytes = new Uint8Array(said.length + signatureBytes);
  bytes.set(said);
  bytes.set(crypto.sign(identity.secretKey, said), said.length);
  return bytes;
}

/** Undefined where the signature is not the sender's; throws MalformedBytes where it is no hello of this mesh. */
export function decodeHello(meshId: Uint8Array, bytes: Uint8Array, crypto: Pick<Crypto, 'verify'>): Hello | undefined {
  const reader = new ByteReader(bytes, helloDomain);
  reader.fixed(32);
  const hello: Hello = {
    from: reader.text(idMaxBytes),
    to: reader.text(idMaxBytes),
    instance: reader.fixed(instanceBytes),
    ephemeral: reader.fixed(32),
    answers: reader.fixed(32),
  };
  const signature = reader.fixed(signatureBytes);
  reader.end();
  // Written anew, so that the mesh it was signed for is this one.
  return crypto.verify(publicKeyOf(hello.from), unsigned(meshId, hello), signature) ? hello : undefined;
}
