import { describe, expect, it } from 'vitest';
import { createMemoryStorage } from '../../protocols/lanes/testing/index.ts';
import { createLoopbackHub } from '../../protocols/loopback/index.ts';
import { createRefusalTable, hex, utf8 } from '../../protocols/wire/index.ts';
import { createCrypto, testIdentity } from '../../test/support/world.ts';
import type { BlobRef } from '../system/index.ts';
import { virtualWorld } from '../system/testing/index.ts';
import { createBlobExchange } from './blob-exchange.ts';

const crypto = createCrypto();
const ids = [0, 1, 2, 3].map((i) => testIdentity(i).id);
const [asker, first, second, third] = ids as [string, string, string, string];
const content = utf8.encode('section,installed_size\nadmin,12\n');
const ref: BlobRef = { digest: hex.encode(crypto.sha256(content)), sizeBytes: content.length };

type Provider = (offsetBytes: number) => AsyncIterable<Uint8Array> | undefined;
async function* sending(...chunks: readonly Uint8Array[]): AsyncIterable<Uint8Array> {
  yield* chunks;
}
async function* never(): AsyncIterable<Uint8Array> {
  await new Promise(() => {});
}

/** The asker's exchange, and peers that hand out what they are told to. */
function meshOf(providers: Readonly<Record<string, Provider>>, isKnown: (id: string) => boolean = () => true) {
  const time = virtualWorld();
  const hub = createLoopbackHub(time);
  const storage = createMemoryStorage(crypto);
  const refusals = createRefusalTable();
  const network = hub.open(asker);
  const exchange = createBlobExchange({ world: { ...time, network, storage }, refusals, isKnown });
  const asked: string[] = [];
  for (const [id, provide] of Object.entries(providers)) {
    hub.open(id).provide((_from, _resource, offsetBytes) => {
      asked.push(id);
      return provide(offsetBytes);
    });
  }
  return { time, hub, storage, refusals, exchange, asked };
}

async function obtained(
  mesh: ReturnType<typeof meshOf>,
  what: BlobRef = ref,
  likely: readonly string[] = [],
): Promise<{ readonly error: string | undefined; readonly tookMs: number }> {
  let error: string | undefined = 'it is not settled';
  const startMs = mesh.time.clock.monotonicMs();
  let tookMs = 0;
  const settle = (reason: string | undefined): void => {
    error = reason;
    tookMs = mesh.time.clock.monotonicMs() - startMs;
  };
  mesh.exchange.obtain(what, likely).then(
    () => settle(undefined),
    (thrown: Error) => settle(thrown.message),
  );
  await mesh.time.advance(60_000);
  return { error, tookMs };
}

describe('a payload that is not here', () => {
  it('is pulled from whoever likely has it before anybody else is asked', async () => {
    const mesh = meshOf({ [first]: () => sending(content), [second]: () => sending(content) });
    expect((await obtained(mesh, ref, [second])).error).toBeUndefined();
    expect(mesh.asked).toEqual([second]);
    expect(await mesh.storage.blobs.sizeBytes(ref.digest)).toBe(ref.sizeBytes);
  });

  it('is taken from the next peer where one sends something else, and that one is counted', async () => {
    const wrong = content.map((byte) => byte ^ 1);
    const mesh = meshOf({ [first]: () => sending(wrong), [second]: () => sending(content) });
    expect((await obtained(mesh, ref, [first])).error).toBeUndefined();
    expect(mesh.refusals.list()).toMatchObject([{ from: first, reason: 'payload', count: 1 }]);
  });

  it('is taken from the next peer within seconds where one sends nothing, and where one sends a byte at a time', async () => {
    const drip = async function* (time: {
      scheduler: { at(ms: number, fire: () => void): unknown };
      clock: { monotonicMs(): number };
    }) {
      for (const byte of content) {
        await new Promise<void>((resolve) => time.scheduler.at(time.clock.monotonicMs() + 20_000, resolve));
        yield Uint8Array.of(byte);
      }
    };
    let mesh = meshOf({});
    mesh = meshOf({ [first]: never, [second]: () => drip(mesh.time), [third]: () => sending(content) });
    const { error, tookMs } = await obtained(mesh, ref, [first, second]);
    expect([error, tookMs <= 5_000]).toEqual([undefined, true]);
  });

  it('is one pull, however many ask for it at the same time', async () => {
    const mesh = meshOf({ [first]: () => sending(content) });
    await Promise.all([mesh.exchange.obtain(ref, []), mesh.exchange.obtain(ref, []), mesh.time.advance(1_000)]);
    expect(mesh.asked).toEqual([first]);
  });

  it('that nobody gives is an error that says so, after a few rounds', async () => {
    const mesh = meshOf({ [first]: () => undefined, [second]: () => undefined });
    expect((await obtained(mesh)).error).toMatch(/could not be had from any connected peer: .* has no blob/);
    expect(mesh.asked).toEqual([first, second, first, second, first, second].map((id) => expect.stringMatching(id)));
  });
});

describe('a reference with a wrong size', () => {
  it('is refused, charges nobody who sent the right bytes, and does not fail who asks for the right one', async () => {
    const mesh = meshOf({ [first]: () => sending(content) });
    const wrong = { ...ref, sizeBytes: ref.sizeBytes + 1 };
    const both = Promise.allSettled([mesh.exchange.obtain(wrong, []), mesh.exchange.obtain(ref, [])]);
    await mesh.time.advance(10_000);
    expect((await both).map(({ status }) => status)).toEqual(['rejected', 'fulfilled']);
    expect(mesh.refusals.list()).toEqual([]);
    expect((await obtained(mesh, wrong)).error).toMatch(/has 32 bytes and not 33/);
  });
});

describe('a stranger', () => {
  it('is handed nothing and asked for nothing', async () => {
    const isKnown = (id: string): boolean => id !== third;
    const mesh = meshOf({ [third]: () => sending(content) }, isKnown);
    expect((await obtained(mesh)).error).toMatch(/could not be had/);
    expect(mesh.asked).toEqual([]);
    await mesh.storage.blobs.write(sending(content));
    const take = async (id: string): Promise<string> => {
      const chunks: Uint8Array[] = [];
      const network = mesh.hub.open(testIdentity(Number(id)).id);
      const pulling = (async () => {
        for await (const chunk of network.pull(asker, `blob/${ref.digest}`, 0)) chunks.push(chunk);
      })().catch((error: Error) => error.message);
      await mesh.time.advance(100);
      return (await pulling) ?? Buffer.concat(chunks).toString('utf8');
    };
    const other = meshOf({}, (id) => id === testIdentity(5).id);
    await other.storage.blobs.write(sending(content));
    mesh.hub.disconnect(asker, third);
    expect(await take('5')).toBe(Buffer.from(content).toString('utf8'));
    const network = other.hub.open(testIdentity(6).id);
    const refused = (async () => {
      for await (const _ of network.pull(asker, `blob/${ref.digest}`, 0));
    })().then(
      () => 'handed out',
      (error: Error) => error.message,
    );
    await other.time.advance(100);
    expect(await refused).toMatch(/has no blob/);
  });
});

describe('what is asked for', () => {
  it.each([
    'blob/',
    'blob/../../identity.key',
    `blob/${ref.digest.toUpperCase()}`,
    `file/${ref.digest}`,
    `blob/${ref.digest}/x`,
  ])('%s is no payload', async (resource) => {
    const mesh = meshOf({});
    await mesh.storage.blobs.write(sending(content));
    const network = mesh.hub.open(second);
    const pulled = (async () => {
      for await (const _ of network.pull(asker, resource, 0));
    })().then(
      () => 'handed out',
      (error: Error) => error.message,
    );
    await mesh.time.advance(100);
    expect(await pulled).toMatch(/has no /);
  });
});
