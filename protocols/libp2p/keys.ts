// Law: what a mesh's pre-shared key is used for, each use has its own key, and none reveals another or the mesh's id.
import { hash } from 'node:crypto';
import { ByteWriter } from '../wire/index.ts';

/** 32 bytes, from the 32-byte mesh id and the 32-byte pre-shared key. */
export function deriveKey(
  purpose: 'parley/noise/1' | 'parley/mdns/1',
  meshId: Uint8Array,
  preSharedKey: Uint8Array,
): Uint8Array {
  return new Uint8Array(
    hash('sha256', new ByteWriter(purpose).fixed(meshId, 32).fixed(preSharedKey, 32).finish(), 'buffer'),
  );
}
