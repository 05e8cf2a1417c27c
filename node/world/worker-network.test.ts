import { MessageChannel, type MessagePort } from 'node:worker_threads';
import { afterEach, expect, test } from 'vitest';
import { NetworkError, type PeerEvent } from '../../actors/system/index.ts';
import { turnsOfTheLoop, until } from '../../test/support/world.ts';
import { createWorkerNetwork, type WorkerNetwork } from './worker-network.ts';

const ports: MessagePort[] = [];
afterEach(() => {
  for (const port of ports.splice(0)) port.close();
});

function pair(): { a: WorkerNetwork; b: WorkerNetwork; posted: unknown[]; disconnect: () => void } {
  const { port1, port2 } = new MessageChannel();
  ports.push(port1, port2);
  const posted: unknown[] = [];
  const post = port1.postMessage.bind(port1);
  port1.postMessage = (message: unknown, transfer?: never) => {
    posted.push(message);
    post(message, transfer);
  };
  const [a, b] = [createWorkerNetwork('a'), createWorkerNetwork('b')];
  const disconnect = a.connect('b', port1);
  b.connect('a', port2);
  return { a, b, posted, disconnect };
}

const frame = (size: number, value: number): Uint8Array => new Uint8Array(size).fill(value);

test('frames arrive as they were sent, in order, whatever their sizes', async () => {
  const { a, b } = pair();
  const sizes = [0, 1, 100, 16_384, 16_385, 70_000, 3, 1_000_000, 0, 16_384];
  const got: [string, number, number | undefined][] = [];
  b.onFrame((from, bytes) => void got.push([from, bytes.length, bytes.at(-1)]));
  for (const [index, size] of sizes.entries()) expect(a.send('b', frame(size, index))).toBe(true);
  await until('all frames', () => got.length === sizes.length);
  expect(got).toEqual(sizes.map((size, index) => ['a', size, size === 0 ? undefined : index]));
});

test('the frames of one turn are one message, and a large one is moved, not copied', async () => {
  const { a, b, posted } = pair();
  let got = 0;
  b.onFrame(() => void got++);
  const large = frame(1_000_000, 1);
  for (let index = 0; index < 100; index++) a.send('b', frame(100, index));
  a.send('b', large);
  await until('all frames', () => got === 101);
  expect(posted.length).toBe(1);
  expect(large.length).toBe(0);
  for (let index = 0; index < 3; index++) {
    a.send('b', frame(100, index));
    await until('the frame', () => got === 102 + index);
  }
  expect(posted.length).toBeGreaterThan(2);
});

test('a part of a buffer is not taken from its owner', async () => {
  const { a, b } = pair();
  const sizes: number[] = [];
  b.onFrame((_, bytes) => void sizes.push(bytes.length));
  const whole = frame(100_000, 1);
  a.send('b', whole.subarray(10, 50_010));
  await until('the frame', () => sizes.length > 0);
  expect([sizes, whole.length]).toEqual([[50_000], 100_000]);
});

test('send is refused where the peer does not keep up, is not there, or the frame is too large, and goes on when it has', async () => {
  const { a, b } = pair();
  const size = 32 << 20;
  let accepted = 0;
  while (accepted < 100 && a.send('b', new Uint8Array(size))) accepted++;
  expect(accepted).toBe(4);
  let got = 0;
  b.onFrame(() => void got++);
  await until('what was accepted', () => got === accepted);
  await turnsOfTheLoop();
  expect(a.send('b', new Uint8Array(size))).toBe(true);
  expect(a.send('c', frame(1, 1))).toBe(false);
  expect(() => a.send('b', new Uint8Array((64 << 20) + 1))).toThrow(NetworkError);
});

test('a peer comes up once and goes down once, and nothing of it arrives afterwards', async () => {
  const { a, b, disconnect } = pair();
  const events: PeerEvent[] = [];
  a.onPeer((event) => void events.push(event));
  let got = 0;
  a.onFrame(() => void got++);
  expect(a.peers()).toEqual(['b']);
  disconnect();
  disconnect();
  b.send('a', frame(10, 1));
  await turnsOfTheLoop();
  expect([events, a.peers(), got]).toEqual([[{ node: 'b', up: false }], [], 0]);
});

test('a flood is handled in short turns, in order, and the loop has its turn between them', async () => {
  const { a, b } = pair();
  const flood = 20_000;
  let turn = 0;
  const perTurn: number[] = [];
  const got: number[] = [];
  b.onFrame((_from, bytes) => {
    perTurn[turn] = (perTurn[turn] ?? 0) + 1;
    got.push(new DataView(bytes.buffer, bytes.byteOffset).getUint32(0));
  });
  const ticking = (): void => {
    turn++;
    if (got.length < flood) setImmediate(ticking);
  };
  setImmediate(ticking);
  for (let number = 0; number < flood; number++) {
    const bytes = new Uint8Array(4);
    new DataView(bytes.buffer).setUint32(0, number);
    expect(a.send('b', bytes)).toBe(true);
  }
  await until('the flood', () => got.length === flood);
  expect(got).toEqual(Array.from({ length: flood }, (_, number) => number));
  expect(Math.max(...perTurn.filter((count) => count !== undefined))).toBeLessThanOrEqual(512);
  // All of it is acknowledged: as much can be sent again.
  await turnsOfTheLoop();
  expect(a.send('b', new Uint8Array(64 << 20))).toBe(true);
  expect(a.send('b', new Uint8Array(64 << 20))).toBe(true);
});

test('a peer that ends is down when what had arrived of it is handled, and takes nothing more', async () => {
  const { a, b } = pair();
  let got = 0;
  const seen: string[] = [];
  b.onPeer(({ up }) => void seen.push(`${up ? 'up' : 'down'} after ${got}`));
  let end: (() => void) | undefined;
  b.onFrame(() => {
    got++;
    if (got === 1) end?.();
  });
  const { port1, port2 } = new MessageChannel();
  ports.push(port1, port2);
  const c = createWorkerNetwork('c');
  c.connect('b', port1);
  end = b.connect('c', port2);
  for (let count = 0; count < 1000; count++) c.send('b', frame(10, 1));
  await until('its end', () => seen.length === 2);
  expect(seen).toEqual(['up after 0', 'down after 1000']);
  expect([b.send('c', frame(1, 1)), b.peers()]).toEqual([false, ['a']]);
  expect(a.peers()).toEqual(['b']);
});

test('buffers travel beside their frame, each with its own, moved and whole', async () => {
  const { a, b } = pair();
  const got: unknown[] = [];
  b.buffers.onFrame((_from, bytes, buffers) => void got.push([bytes.length, buffers.map(({ length }) => length)]));
  const moved = [frame(20_000, 1), frame(50_000, 2), frame(30_000, 3)];
  const part = frame(100_000, 4).subarray(0, 40_000);
  a.buffers.send('b', frame(5, 1), moved.slice(0, 2));
  a.buffers.send('b', frame(6, 1), []);
  a.buffers.send('b', frame(17_000, 1), [part, moved[2]!]);
  await until('all three', () => got.length === 3);
  expect(got).toEqual([
    [5, [20_000, 50_000]],
    [6, []],
    [17_000, [40_000, 30_000]],
  ]);
  expect([...moved.map(({ length }) => length), part.length]).toEqual([0, 0, 0, 40_000]);
});
