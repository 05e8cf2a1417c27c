// Law: a payload is what its digest says, whoever it came from: it is hashed while it streams in, and a peer that sends something else is
// charged and passed over. What is private is never handed out.

import type { RefusalTable } from '../../protocols/wire/index.ts';
import type { BlobExchange } from '../parts/index.ts';
import { BlobMismatch, type BlobRef, NetworkError, type NodeId, type World } from '../system/index.ts';

const resourcePrefix = 'blob/';
/** Rounds through all peers before a fetch gives up; a holder may just be restarting. */
const roundsMax = 3;
const roundPauseMs = 300;

export interface BlobService extends BlobExchange {
  close(): void;
}

export function createBlobExchange(options: {
  readonly world: Pick<World, 'network' | 'storage' | 'log' | 'clock' | 'scheduler'>;
  readonly refusals: RefusalTable;
}): BlobService {
  const { world, refusals } = options;
  const { network, log } = world;
  const { blobs } = world.storage;
  const fetching = new Map<string, Promise<void>>();
  const privateDigests = new Set<string>();

  const stopProviding = network.provide((from, resource, offsetBytes) => {
    const digest = resource.startsWith(resourcePrefix) ? resource.slice(resourcePrefix.length) : '';
    if (!/^[0-9a-f]{64}$/.test(digest) || privateDigests.has(digest)) {
      log('debug', 'payload refused', { from, resource });
      return undefined;
    }
    return read(digest, offsetBytes);
  });

  async function* read(digest: string, offsetBytes: number): AsyncIterable<Uint8Array> {
    if (!(await blobs.has(digest))) throw new NetworkError('refused', `payload ${digest} is not here`);
    yield* blobs.read(digest, offsetBytes);
  }

  async function fetchNow(ref: BlobRef, likely: readonly NodeId[]): Promise<void> {
    let last: unknown = new NetworkError('unreachable', 'no peer is connected');
    for (let round = 0; round < roundsMax; round++) {
      const peers = network.peers();
      const order = [...likely.filter((id) => peers.includes(id)), ...peers.filter((id) => !likely.includes(id))];
      for (const peer of order) {
        try {
          await blobs.write(network.pull(peer, resourcePrefix + ref.digest, 0), ref);
          return;
        } catch (error) {
          last = error;
          if (error instanceof BlobMismatch) refusals.add(peer, 'payload', `${ref.digest} was not what it sent`);
          log('debug', 'payload not obtained', { peer, digest: ref.digest, error: String(error) });
        }
      }
      if (await blobs.has(ref.digest)) return;
      await new Promise<void>((resolve) => world.scheduler.at(world.clock.monotonicMs() + roundPauseMs, resolve));
    }
    throw new Error(
      `payload ${ref.digest.slice(0, 12)}… (${ref.sizeBytes} bytes) could not be had from any connected peer: ${(last as Error).message}`,
    );
  }

  return {
    has: (digest) => blobs.has(digest),
    keepPrivate: (digest) => void privateDigests.add(digest),
    isPrivate: (digest) => privateDigests.has(digest),
    async obtain(ref, likely) {
      // A plan that names a private table by its digest must not get at it: only a placed task opens it, under the site's policy.
      if (privateDigests.has(ref.digest))
        throw new Error(`payload ${ref.digest.slice(0, 12)}… is private to this site; ask for it by site and data set`);
      if (await blobs.has(ref.digest)) return;
      let running = fetching.get(ref.digest);
      if (running === undefined) {
        running = fetchNow(ref, likely).finally(() => fetching.delete(ref.digest));
        fetching.set(ref.digest, running);
      }
      await running;
    },
    close: stopProviding,
  };
}
