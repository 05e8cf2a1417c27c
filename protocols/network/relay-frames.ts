// Law: what goes through a bridge is signed by who sent it, for who it is to reach, and numbered: a bridge can lose it, and cannot change it,
// repeat it, or speak in anybody's place.
import type { Crypto, NodeId } from '../../actors/system/index.ts';
import { ByteReader, ByteWriter, type Identity, MalformedBytes, publicKeyOf } from '../wire/index.ts';
import { maxFrameBytes } from './limits.ts';

export const carriedKind = { frame: 0, request: 1, reply: 2, refused: 3, pull: 4 } as const;

/** A frame of the largest size goes in pieces: with what stands around it, it would not fit one. */
export const pieceBytes = 512 << 10;
const reachMax = 4_096;

const carryDomain = 'parley/relay/1';
const reachDomain = 'parley/relay-reach/1';
const idMaxBytes = 128;
const signatureBytes = 64;

export interface Carried {
  readonly to: NodeId;
  readonly from: NodeId;
  /** Of this run of the sender: wall clock at its start, in milliseconds. */
  readonly session: number;
  /** One more at each, per receiver. */
  readonly sequence: number;
  readonly kind: number;
  readonly correlation: number;
  /** Pieces of the same frame follow. */
  readonly more: boolean;
  readonly payload: Uint8Array;
}

const startsWith = (frame: Uint8Array, domain: string): boolean => {
  if (
    frame.length < 4 + domain.length ||
    frame[3] !== domain.length ||
    frame[0] !== 0 ||
    frame[1] !== 0 ||
    frame[2] !== 0
  )
    return false;
  for (let i = 0; i < domain.length; i++) if (frame[4 + i] !== domain.charCodeAt(i)) return false;
  return true;
};
/** No envelope begins like this: theirs is another domain. */
export const isCarried = (frame: Uint8Array): boolean => startsWith(frame, carryDomain);
export const isReach = (frame: Uint8Array): boolean => startsWith(frame, reachDomain);

export function encodeCarried(
  meshId: Uint8Array,
  carried: Carried,
  identity: Identity,
  crypto: Pick<Crypto, 'sign'>,
): Uint8Array {
  const said = new ByteWriter(carryDomain)
    .text(carried.to)
    .text(carried.from)
    .fixed(meshId, 32)
    .u64(carried.session)
    .u64(carried.sequence)
    .u8(carried.kind)
    .u32(carried.correlation)
    .bool(carried.more)
    .bytes(carried.payload)
    .finish();
  const bytes = new Uint8Array(said.length + signatureBytes);
  bytes.set(said);
  bytes.set(crypto.sign(identity.secretKey, said), said.length);
  return bytes;
}

/** Who it is for, as a bridge reads it. Throws MalformedBytes. */
export function addresseeOf(frame: Uint8Array): { readonly to: NodeId; readonly from: NodeId } {
  const reader = new ByteReader(frame, carryDomain);
  return { to: reader.text(idMaxBytes), from: reader.text(idMaxBytes) };
}

/** Undefined where it is not of this mesh or not signed by who it names. Throws MalformedBytes. */
export function openCarried(
  meshId: Uint8Array,
  frame: Uint8Array,
  crypto: Pick<Crypto, 'verify'>,
): Carried | undefined {
  const said = frame.subarray(0, frame.length - signatureBytes);
  const reader = new ByteReader(said, carryDomain);
  const [to, from] = [reader.text(idMaxBytes), reader.text(idMaxBytes)];
  const isOurs = Buffer.compare(reader.fixed(32), meshId) === 0;
  const carried = {
    to,
    from,
    session: reader.u64(),
    sequence: reader.u64(),
    kind: reader.u8(),
    correlation: reader.u32(),
    more: reader.bool(),
    payload: reader.bytes(maxFrameBytes),
  };
  reader.end();
  return isOurs && crypto.verify(publicKeyOf(from), said, frame.subarray(said.length)) ? carried : undefined;
}

export const encodeReach = (peers: readonly NodeId[]): Uint8Array =>
  new ByteWriter(reachDomain).list(peers.slice(0, reachMax), (writer, id) => writer.text(id)).finish();

/** Throws MalformedBytes. */
export function decodeReach(frame: Uint8Array): NodeId[] {
  const reader = new ByteReader(frame, reachDomain);
  const peers = reader.list(reachMax, (item) => item.text(idMaxBytes));
  reader.end();
  if (new Set(peers).size !== peers.length) throw new MalformedBytes('a peer is named twice');
  return peers;
}
