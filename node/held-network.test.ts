// Law: see held-network.ts.
import { expect, it } from 'vitest';
import { virtualWorld } from '../actors/system/testing/index.ts';
import { createLoopbackHub } from '../protocols/loopback/index.ts';
import { holdNetwork } from './held-network.ts';

it('a peer that floods a node that starts keeps nobody else’s words out: each has its own room, and its order', async () => {
  const world = virtualWorld(3);
  const hub = createLoopbackHub(world);
  const [here, loud, calm] = ['here', 'loud', 'calm'].map((id) => hub.open(id));
  const held = holdNetwork(here!);
  const got: [from: string, size: number][] = [];
  held.network.onFrame((from, frame) => void got.push([from, frame.length]));
  await world.advance(10);
  for (let i = 0; i < 40; i++) {
    for (let n = 0; n < 50; n++) loud!.send('here', new Uint8Array(7));
    await world.advance(1);
  }
  for (let i = 1; i <= 100; i++) calm!.send('here', new Uint8Array(i));
  await world.advance(1);
  for (let i = 0; i < 12; i++) calm!.send('here', new Uint8Array(1 << 19));
  await world.advance(1);
  expect(got).toEqual([]);
  held.open();
  expect(got.filter(([from]) => from === 'loud')).toHaveLength(256);
  const fromCalm = got.filter(([from]) => from === 'calm').map(([, size]) => size);
  expect(fromCalm.slice(0, 100)).toEqual(Array.from({ length: 100 }, (_, i) => i + 1));
  // 4 MiB, less the little that came before.
  expect(fromCalm.slice(100)).toEqual(Array.from({ length: 7 }, () => 1 << 19));
  calm!.send('here', new Uint8Array(3));
  await world.advance(1);
  expect(got.at(-1)).toEqual(['calm', 3]);
});
