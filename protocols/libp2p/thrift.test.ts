// Law: what a frame costs on the wire is pinned here, since it is libp2p's own objects that are put right, and another version may have others.
import { Socket } from 'node:net';
import { afterEach, expect, test, vi } from 'vitest';
import { testIdentity, until } from '../../test/support/world.ts';
import { createLibp2pNetwork, type Libp2pNetwork } from './index.ts';

const opened: Libp2pNetwork[] = [];
afterEach(async () => {
  vi.restoreAllMocks();
  for (const network of opened.splice(0).reverse()) await network.close();
});

async function networkOf(index: number, options: { listen: string[]; bootstrap: string[] }): Promise<Libp2pNetwork> {
  const network = await createLibp2pNetwork({
    identity: testIdentity(index),
    meshId: new Uint8Array(32).fill(1),
    preSharedKey: new Uint8Array(32).fill(2),
    allow: () => true,
    log: () => {},
    ...options,
  });
  opened.push(network);
  return network;
}

/** Writes on sockets of this process, by whoever connected to `port` and by whoever listens on it. */
function countWrites(port: number): { there: number; back: number } {
  const counts = { there: 0, back: 0 };
  const write = Socket.prototype.write as (this: Socket, ...about: unknown[]) => boolean;
  vi.spyOn(Socket.prototype, 'write').mockImplementation(function (this: Socket, ...about: unknown[]) {
    if (this.remotePort === port) counts.there++;
    else if (this.localPort === port) counts.back++;
    return write.apply(this, about);
  } as typeof Socket.prototype.write);
  return counts;
}

test('a frame is one write there, and nothing comes back for it; a megabyte that needs more room than there is still arrives whole', async () => {
  const receiver = await networkOf(0, { listen: ['/ip4/127.0.0.1/tcp/0'], bootstrap: [] });
  const [address] = receiver.addresses();
  const counts = countWrites(Number(/tcp\/(\d+)/.exec(address!)![1]));
  const sender = await networkOf(1, { listen: [], bootstrap: [address!] });
  await until('the two are connected', () => sender.peers().length === 1 && receiver.peers().length === 1);
  const arrived: Uint8Array[] = [];
  receiver.onFrame((_from, frame) => void arrived.push(frame));
  const carry = async (frame: Uint8Array): Promise<void> => {
    const before = arrived.length;
    sender.send(receiver.self, frame);
    await until('the frame arrives', () => arrived.length > before);
  };
  const frames = 200;
  const before = { ...counts };
  for (let i = 0; i < frames; i++) await carry(new Uint8Array(300).fill(i));
  expect(arrived.map(([first]) => first)).toEqual(Array.from({ length: frames }, (_, i) => i));
  // What is still said about how the two met, a ping or a beat may come between; a second write for each frame, or an answer, may not.
  expect(counts.there - before.there).toBeGreaterThanOrEqual(frames);
  expect(counts.there - before.there).toBeLessThan(1.5 * frames);
  expect(counts.back - before.back).toBeLessThan(0.5 * frames);

  const large = new Uint8Array(1_000_000).map((_, i) => i * 7 + (i >> 8));
  for (let i = 0; i < 4; i++) {
    await carry(large);
    expect(Buffer.compare(arrived.at(-1)!, large)).toBe(0);
  }
});
