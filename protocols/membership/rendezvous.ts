// Law: everyone who knows the same ids puts them in the same order for the same key, without a word exchanged; when an id goes, only the
// keys it led move (highest random weight, Thaler and Ravishankar 1998).
import type { Crypto, NodeId } from '../../actors/system/index.ts';
import { ByteWriter, compareBytes, utf8 } from '../wire/index.ts';

/** `ids` by falling weight for `key`, each once. The order in which they are given does not matter. */
export function rendezvous(key: string | Uint8Array, ids: Iterable<NodeId>, crypto: Pick<Crypto, 'sha256'>): NodeId[] {
  const keyBytes = typeof key === 'string' ? utf8.encode(key) : key;
  return [...new Set(ids)]
    .map((id) => ({
      id,
      weight: crypto.sha256(new ByteWriter('parley/rendezvous/1').bytes(keyBytes).text(id).finish()),
    }))
    .sort((a, b) => compareBytes(b.weight, a.weight))
    .map(({ id }) => id);
}
