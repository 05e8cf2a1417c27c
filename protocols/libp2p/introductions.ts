// Law: who knows a member's address tells the other members, so that a mesh is full wherever its members first met. An address is only
// hearsay: whoever answers there must still prove the key that it is said to belong to.
import type { NodeId } from '../../actors/system/index.ts';
import { ByteReader, ByteWriter, MalformedBytes, publicKeyOf } from '../wire/index.ts';

const domain = 'parley/addresses/1';
const maxPeers = 64;
const maxAddresses = 8;
const maxAddressBytes = 256;

export interface Introduction {
  readonly node: NodeId;
  readonly addresses: readonly string[];
}

export function encodeIntroductions(peers: readonly Introduction[]): Uint8Array {
  return new ByteWriter(domain)
    .list(peers.slice(0, maxPeers), (writer, { node, addresses }) => {
      writer.text(node).list(addresses.slice(0, maxAddresses), (each, address) => void each.text(address));
    })
    .finish();
}

/** Throws MalformedBytes. */
export function decodeIntroductions(bytes: Uint8Array): Introduction[] {
  const reader = new ByteReader(bytes, domain);
  const peers = reader.list(maxPeers, (each) => ({
    node: each.text(128),
    addresses: each.list(maxAddresses, (text) => text.text(maxAddressBytes)),
  }));
  reader.end();
  for (const { node } of peers) publicKeyOf(node);
  if (new Set(peers.map(({ node }) => node)).size < peers.length)
    throw new MalformedBytes('a node is introduced twice');
  return peers;
}
