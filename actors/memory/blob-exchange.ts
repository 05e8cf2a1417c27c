// Law: a payload is what its digest says, whoever it came from: it is hashed while it streams in, and a peer that sends something else is
// charged and passed over; one that sends slowly or nothing is not waited for before the next is asked. What is private is never handed
// out, and nothing is handed to a stranger.
import type { RefusalTable } from '../../protocols/wire/index.ts';
import type { BlobExchange } from '../parts/index.ts';
import { BlobMismatch, type BlobRef, NetworkError, type NodeId, type World } from '../system/index.ts';

const resourcePrefix = 'blob/';
/** Rounds through all peers before a fetch gives up; a holder may just be restarting. */
const roundsMax = 3;
const roundPauseMs = 300;
/** A peer that has not finished by then has the next one asked beside it. */
const hedgeMs = 2_000;
/** Peers that send the same payload at the same time. */
const parallelMax = 3;

export interface BlobService extends BlobExchange {
  close(): void;
}

export function createBlobExchange(options: {
  readonly world: Pick<World, 'network' | 'storage' | 'log' | 'clock' | 'scheduler'>;
  readonly refusals: RefusalTable;
  /** Members and observers: whoever else is connected may ask to join and gets nothing. */
  readonly isKnown: (id: NodeId) => boolean;
}): BlobService {
  const { world, refusals, isKnown } = options;
  const { network, log, clock, scheduler } = world;
  const { blobs } = world.storage;
  const fetching = new Map<string, Promise<void>>();
  const privateDigests = new Set<string>();
  /** Each ends one wait. */
  const waits = new Set<() => void>();
  let isClosed = false;

  const stopProviding = network.provide((from, resource, offsetBytes) => {
    const digest = resource.startsWith(resourcePrefix) ? resource.slice(resourcePrefix.length) : '';
    if (!isKnown(from) || !/^[0-9a-f]{64}$/.test(digest) || privateDigests.has(digest)) {
      log('debug', 'payload refused', { from, resource });
      return undefined;
    }
    return read(digest, offsetBytes);
  });

  async function* read(digest: string, offsetBytes: number): AsyncIterable<Uint8Array> {
    if (!(await blobs.has(digest))) throw new NetworkError('refused', `payload ${digest} is not here`);
    yield* blobs.read(digest, offsetBytes);
  }

  /** Pulls from one peer, until it is done or no longer wanted. */
  async function pull(ref: BlobRef, peer: NodeId, isWanted: () => boolean): Promise<void> {
    let receivedBytes = 0;
    const source = async function* (): AsyncIterable<Uint8Array> {
      for await (const chunk of network.pull(peer, resourcePrefix + ref.digest, 0)) {
        if (!isWanted()) throw new NetworkError('closed', 'another peer was faster');
        receivedBytes += chunk.length;
        yield chunk;
      }
    };
    try {
      await blobs.write(source(), ref);
    } catch (error) {
      // Of another length than was asked for: whoever named the length may be wrong as well as whoever sent the bytes.
      if (error instanceof BlobMismatch && receivedBytes === ref.sizeBytes)
        refusals.add(peer, 'payload', `${ref.digest} was not what it sent`);
      log('debug', 'payload not obtained', { peer, digest: ref.digest, error: String(error) });
      throw error;
    }
  }

  /** Asks the peers in this order, the next one where one fails or takes its time. Resolves to why none gave it, or to undefined. */
  function fromAny(ref: BlobRef, order: readonly NodeId[]): Promise<Error | undefined> {
    return new Promise((resolve) => {
      let next = 0;
      let running = 0;
      let isDone = false;
      let last = new Error('no peer is connected');
      const finish = (error: Error | undefined): void => {
        isDone = true;
        resolve(error);
      };
      const askNext = (): void => {
        const peer = order[next];
        if (isDone || running >= parallelMax) return;
        if (peer === undefined) {
          if (running === 0) finish(last);
          return;
        }
        next++;
        running++;
        const cancel = scheduler.at(clock.monotonicMs() + hedgeMs, askNext);
        pull(ref, peer, () => !isDone).then(
          () => {
            cancel();
            if (!isDone) finish(undefined);
          },
          (error: Error) => {
            cancel();
            running--;
            last = error;
            askNext();
          },
        );
      };
      askNext();
    });
  }

  async function fetchNow(ref: BlobRef, likely: readonly NodeId[]): Promise<void> {
    let last: Error | undefined;
    for (let round = 0; round < roundsMax && !isClosed; round++) {
      const peers = network.peers().filter(isKnown);
      const first = new Set(likely.filter((id) => peers.includes(id)));
      last = await fromAny(ref, [...first, ...peers.filter((id) => !first.has(id))]);
      if (last === undefined || (await blobs.sizeBytes(ref.digest)) === ref.sizeBytes) return;
      if (!isClosed) await pause();
    }
    throw new NetworkError(
      'unreachable',
      `payload ${ref.digest.slice(0, 12)}… (${ref.sizeBytes} bytes) could not be had from any connected peer: ${last?.message}`,
    );
  }

  function pause(): Promise<void> {
    return new Promise((resolve) => {
      const wake = (): void => {
        cancel();
        waits.delete(wake);
        resolve();
      };
      const cancel = scheduler.at(clock.monotonicMs() + roundPauseMs, wake);
      waits.add(wake);
    });
  }

  return {
    has: (digest) => blobs.has(digest),
    keepPrivate: (digest) => void privateDigests.add(digest),
    isPrivate: (digest) => privateDigests.has(digest),
    async obtain(ref, likely) {
      // A plan that names a private table by its digest must not get at it: only a placed task opens it, under the site's policy.
      if (privateDigests.has(ref.digest))
        throw new Error(`payload ${ref.digest.slice(0, 12)}… is private to this site; ask for it by site and data set`);
      const heldBytes = await blobs.sizeBytes(ref.digest);
      if (heldBytes === ref.sizeBytes) return;
      if (heldBytes !== undefined)
        throw new Error(`payload ${ref.digest.slice(0, 12)}… has ${heldBytes} bytes and not ${ref.sizeBytes}`);
      // By digest and size: a reference with a wrong size must not fail those who ask for the right one.
      const key = `${ref.digest}/${ref.sizeBytes}`;
      let running = fetching.get(key);
      if (running === undefined) {
        running = fetchNow(ref, likely).finally(() => fetching.delete(key));
        fetching.set(key, running);
      }
      await running;
    },
    close() {
      stopProviding();
      isClosed = true;
      for (const wake of [...waits]) wake();
    },
  };
}
