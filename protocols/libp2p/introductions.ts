// Law: who knows a member's addresses tells the other members, so that a mesh is full wherever its members first met. What is told is the
// member's own signed peer record and nothing else: nobody can send the others to an address that the member did not name, nor bring back
// an older record. Whoever answers there must still prove the key.
import type { Peer, PeerId, PeerStore } from '@libp2p/interface';
import { peerIdFromString } from '@libp2p/peer-id';
import type { NodeId } from '../../actors/system/index.ts';
import { ByteReader, ByteWriter, MalformedBytes, publicKeyOf } from '../wire/index.ts';

const domain = 'parley/addresses/2';
const maxPeers = 64;
const maxRecordBytes = 4_096;

export interface Introduction {
  readonly node: NodeId;
  /** A signed envelope of libp2p around the peer's record. */
  readonly record: Uint8Array;
}

export function encodeIntroductions(peers: readonly Introduction[]): Uint8Array {
  return new ByteWriter(domain)
    .list(peers.slice(0, maxPeers), (writer, { node, record }) => void writer.text(node).bytes(record))
    .finish();
}

/** Structure alone; `learn` checks signatures. Throws MalformedBytes. */
export function decodeIntroductions(bytes: Uint8Array): Introduction[] {
  const reader = new ByteReader(bytes, domain);
  const peers = reader.list(maxPeers, (each) => ({ node: each.text(128), record: each.bytes(maxRecordBytes) }));
  reader.end();
  for (const { node } of peers) publicKeyOf(node);
  if (new Set(peers.map(({ node }) => node)).size < peers.length)
    throw new MalformedBytes('a node is introduced twice');
  return peers;
}

/** What is known of where `id` is, by its own word; undefined where it said nothing. */
export async function introductionOf(store: PeerStore, id: NodeId): Promise<Introduction | undefined> {
  const record = (await peerOf(store, peerIdFromString(id)))?.peerRecordEnvelope;
  return record === undefined || record.length > maxRecordBytes ? undefined : { node: id, record };
}

/** Takes an introduction: the addresses of the newest record known. Throws MalformedBytes where the node did not sign this one. */
export async function learn(store: PeerStore, { node, record }: Introduction): Promise<readonly string[]> {
  const id = peerIdFromString(node);
  const before = await peerOf(store, id);
  let isNew: boolean;
  try {
    isNew = await store.consumePeerRecord(record, { expectedPeer: id });
  } catch (error) {
    throw new MalformedBytes(`the record of ${node} is not signed by it: ${(error as Error).message}`);
  }
  // Refused as older than one that is known, or as another's: without one that is known it can only be another's.
  if (!isNew && before?.peerRecordEnvelope === undefined)
    throw new MalformedBytes(`the record that introduces ${node} is of another node`);
  const peer = await peerOf(store, id);
  return (peer?.addresses ?? []).filter(({ isCertified }) => isCertified).map(({ multiaddr }) => multiaddr.toString());
}

async function peerOf(store: PeerStore, id: PeerId): Promise<Peer | undefined> {
  try {
    return await store.get(id);
  } catch (error) {
    if ((error as Error).name === 'NotFoundError') return undefined;
    throw error;
  }
}
