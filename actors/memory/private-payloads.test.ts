import { describe, expect, test } from 'vitest';
import { createMemoryStorage } from '../../protocols/lanes/testing/index.ts';
import { createLoopbackHub } from '../../protocols/loopback/index.ts';
import { createRefusalTable } from '../../protocols/wire/index.ts';
import { createCrypto, realClock, realScheduler, testIdentity } from '../../test/support/world.ts';
import { createBlobExchange } from './blob-exchange.ts';

const crypto = createCrypto();
const clock = realClock();
const scheduler = realScheduler(clock);
const log = (): void => {};

async function* bytes(text: string): AsyncIterable<Uint8Array> {
  yield new TextEncoder().encode(text);
}

function nodes() {
  const hub = createLoopbackHub({ clock, scheduler, log });
  const node = (i: number) => {
    const storage = createMemoryStorage(crypto);
    const world = { network: hub.open(testIdentity(i).id), storage, log, clock, scheduler };
    return { storage, exchange: createBlobExchange({ world, refusals: createRefusalTable(), isKnown: () => true }) };
  };
  return [node(0), node(1)] as const;
}

describe('a private payload', () => {
  test('is given to no peer, while one that is not private is', async () => {
    const [holder, asker] = nodes();
    const secret = await holder.storage.blobs.write(bytes('row,row'));
    const open = await holder.storage.blobs.write(bytes('a report'));
    holder.exchange.keepPrivate(secret.digest);
    await asker.exchange.obtain(open, []);
    expect(await asker.storage.blobs.has(open.digest)).toBe(true);
    await expect(asker.exchange.obtain(secret, [])).rejects.toThrow(/could not be had/);
    expect(await asker.storage.blobs.has(secret.digest)).toBe(false);
  });

  test('cannot be worked on at its own node by a plan that only knows its digest', async () => {
    const [holder] = nodes();
    const secret = await holder.storage.blobs.write(bytes('row,row'));
    await holder.exchange.obtain(secret, []);
    holder.exchange.keepPrivate(secret.digest);
    await expect(holder.exchange.obtain(secret, [])).rejects.toThrow(/private to this site/);
  });
});
