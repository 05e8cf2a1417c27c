import { afterAll, describe, expect, it } from 'vitest';
import { createRandom, type Network } from '../../actors/system/index.ts';
import { networkContract } from '../../protocols/network/testing/index.ts';
import { testIdentity } from '../../test/support/world.ts';
import { createKernel, createLife, type Kernel, type Life } from '../world/index.ts';
import { calm, Fabric, type NetworkProfile, openSimNetwork } from './index.ts';

const quick: NetworkProfile = { ...calm, dialMinUs: 100, dialMaxUs: 5_000 };
const ids = Array.from({ length: 5 }, (_, i) => testIdentity(i).id);

function lay(kernel: Kernel, profile: NetworkProfile = quick, seed = 1) {
  const fabric = new Fabric({ kernel, seed, profile });
  const lives = new Map<number, Life>();
  let born = 0;
  const open = (node: number): Network => {
    const life = createLife({
      kernel,
      node,
      number: born++,
      clocks: { offsetMs: 0, driftPpm: 0 },
      random: createRandom(seed),
    });
    lives.set(node, life);
    return openSimNetwork({ fabric, life, self: ids[node]!, site: 'here' });
  };
  const crash = (node: number, how: 'reset' | 'silent'): void => {
    lives.get(node)!.end();
    fabric.detach(node, how);
  };
  return { fabric, open, crash };
}

/** Virtual time that goes on while a test awaits: an event whenever the event loop is free. */
const kernel = createKernel({ instantMax: Number.MAX_SAFE_INTEGER });
let contractMeshes = 0;
let isPumping = true;
const pump = (): void => {
  kernel.step(Number.MAX_SAFE_INTEGER);
  if (isPumping) setImmediate(pump);
};
setImmediate(pump);
afterAll(() => {
  isPumping = false;
});
const clock = { wallMs: () => kernel.nowUs / 1_000, monotonicMs: () => kernel.nowUs / 1_000 };
networkContract('the simulated network', {
  clock,
  scheduler: {
    defer: queueMicrotask,
    yield: (drain) => void kernel.schedule(kernel.nowUs, -1, 'yield', drain),
    at: (atMs, fire) => kernel.schedule(atMs * 1_000, -1, 'timer', fire),
  },
  async open(count) {
    const { open } = lay(kernel, quick, contractMeshes++);
    const networks = Array.from({ length: count }, (_, node) => open(node));
    while (networks.some((network) => network.peers().length < count - 1))
      await new Promise((resolve) => setImmediate(resolve));
    return {
      networks,
      async restart(index) {
        await networks[index]!.close();
        networks[index] = open(index);
        return networks[index]!;
      },
      close: async () => void (await Promise.all(networks.map((network) => network.close()))),
    };
  },
});

describe('the simulated network', () => {
  const seconds = (count: number): number => count * 1_000_000;
  const setUp = async (profile: NetworkProfile = quick, count = 2, seed = 1) => {
    const kernel = createKernel();
    const mesh = lay(kernel, profile, seed);
    const networks = Array.from({ length: count }, (_, node) => mesh.open(node));
    await kernel.run(seconds(1));
    return { kernel, ...mesh, networks };
  };
  const withLink = (change: Partial<NetworkProfile['near']>): NetworkProfile => ({
    ...quick,
    near: { ...quick.near, ...change },
  });

  it('loses, delays and repeats as its profile says, in order within a session, and the same for the same seed', async () => {
    const runs: string[] = [];
    for (const seed of [1, 1, 2]) {
      const { kernel, networks } = await setUp(
        withLink({ lossPermille: 200, duplicatePermille: 100, jitterUs: 40_000 }),
        2,
        seed,
      );
      const got: number[] = [];
      networks[1]!.onFrame((_, frame) => void got.push(frame[0]! * 256 + frame[1]!));
      for (let i = 0; i < 1_000; i++) networks[0]!.send(ids[1]!, Uint8Array.of(i >> 8, i & 255));
      await kernel.run(seconds(20));
      const first = [...new Set(got)];
      expect(first.length).toBeGreaterThan(740);
      expect(first.length).toBeLessThan(860);
      expect(got.length - first.length).toBeGreaterThan(50);
      expect(first).toEqual([...first].sort((a, b) => a - b));
      runs.push(kernel.trace.digest());
    }
    expect(runs[0]).toBe(runs[1]);
    expect(runs[0]).not.toBe(runs[2]);
  });

  it('lets nothing through a one-way break, and the other way everything, until an end notices', async () => {
    const { kernel, fabric, networks } = await setUp({ ...quick, noticeMinUs: seconds(5), noticeMaxUs: seconds(6) });
    const got: string[] = [];
    networks.forEach((network, i) => void network.onFrame((_, frame) => void got.push(`${i} ${frame[0]}`)));
    fabric.block(0, 1, false);
    expect(networks[0]!.send(ids[1]!, Uint8Array.of(1))).toBe(true);
    networks[1]!.send(ids[0]!, Uint8Array.of(2));
    await kernel.run(seconds(4));
    expect(got).toEqual(['0 2']);
    await kernel.run(seconds(9));
    expect(networks.map((network) => network.peers().length)).toEqual([0, 0]);
    expect(networks[0]!.send(ids[1]!, Uint8Array.of(3))).toBe(false);
    fabric.unblock(0, 1);
    await kernel.run(seconds(10));
    networks[0]!.send(ids[1]!, Uint8Array.of(4));
    await kernel.run(seconds(11));
    expect(got).toEqual(['0 2', '1 4']);
  });

  it('brings what a short break held, in order, after it, where the break holds', async () => {
    const { kernel, fabric, networks } = await setUp({ ...quick, noticeMinUs: seconds(5), noticeMaxUs: seconds(6) });
    const got: number[] = [];
    networks[1]!.onFrame((_, frame) => void got.push(frame[0]!));
    fabric.block(0, 1, true);
    for (const i of [1, 2, 3]) networks[0]!.send(ids[1]!, Uint8Array.of(i));
    await kernel.run(seconds(3));
    expect(got).toEqual([]);
    fabric.unblock(0, 1);
    await kernel.run(seconds(4));
    expect(got).toEqual([1, 2, 3]);
    expect(networks[0]!.peers()).toEqual([ids[1]]);
  });

  it.each(['reset', 'silent'] as const)(
    'tells the peers of a crash (%s) and connects the next life anew, with nothing of the old',
    async (how) => {
      const { kernel, crash, open, networks } = await setUp();
      const events: string[] = [];
      networks[0]!.onPeer(
        ({ up }) => void events.push(`${up ? 'up' : 'down'} ${kernel.nowUs < seconds(1.2) ? 'at once' : 'later'}`),
      );
      networks[0]!.send(ids[1]!, Uint8Array.of(9));
      crash(1, how);
      expect(networks[1]!.peers()).toEqual([]);
      await kernel.run(seconds(20));
      expect(events).toEqual([how === 'reset' ? 'down at once' : 'down later']);
      const again = open(1);
      let heard = 0;
      again.onFrame(() => void heard++);
      await kernel.run(seconds(30));
      expect(events.slice(1)).toEqual(['up later']);
      expect(heard).toBe(0);
    },
  );

  it('an end that has not noticed its peer’s death hears down and up when the next life connects', async () => {
    const { kernel, crash, open, networks } = await setUp({
      ...quick,
      noticeMinUs: seconds(50),
      noticeMaxUs: seconds(60),
    });
    const events: boolean[] = [];
    networks[0]!.onPeer(({ up }) => void events.push(up));
    crash(1, 'silent');
    open(1);
    await kernel.run(seconds(5));
    expect(events).toEqual([false, true]);
    await kernel.run(seconds(100));
    expect(events).toEqual([false, true]);
  });

  it('keeps what a clogged direction was given, in order, and tells neither end, however long it lasts', async () => {
    const { kernel, fabric, networks } = await setUp({ ...quick, noticeMinUs: 1_000, noticeMaxUs: 2_000 });
    const got: string[] = [];
    let downs = 0;
    networks.forEach((network, i) => {
      network.onFrame((_, frame) => void got.push(`${i} ${frame[0]}`));
      network.onPeer(() => void downs++);
    });
    fabric.paths.clog(0, 1);
    for (const i of [1, 2, 3]) networks[0]!.send(ids[1]!, Uint8Array.of(i));
    networks[1]!.send(ids[0]!, Uint8Array.of(9));
    await kernel.run(seconds(60));
    expect([got, downs]).toEqual([['0 9'], 0]);
    fabric.paths.unclog(0, 1);
    await kernel.run(seconds(61));
    expect(got).toEqual(['0 9', '1 1', '1 2', '1 3']);
  });

  it('sends as many bytes in a second as the link has room for, and of a shared line all links together', async () => {
    const arrivals = async (profile: NetworkProfile, sites: readonly string[]): Promise<number[]> => {
      const kernel = createKernel();
      const fabric = new Fabric({ kernel, seed: 1, profile });
      const open = (node: number): Network => {
        const life = createLife({
          kernel,
          node,
          number: 0,
          clocks: { offsetMs: 0, driftPpm: 0 },
          random: createRandom(1),
        });
        return openSimNetwork({ fabric, life, self: ids[node]!, site: sites[node]! });
      };
      const networks = sites.map((_, node) => open(node));
      await kernel.run(seconds(2));
      const atMs: number[] = [];
      for (const to of [1, 2])
        networks[to]!.onFrame(() => void atMs.push(Math.round((kernel.nowUs - seconds(2)) / 1_000)));
      for (const to of [1, 2, 1, 2]) networks[0]!.send(ids[to]!, new Uint8Array(100_000));
      await kernel.run(seconds(20));
      return atMs;
    };
    const link = { ...calm.far, latencyUs: 0, jitterUs: 0, tailPermille: 0, bytesPerMs: 100 };
    const near = { ...calm.near, latencyUs: 0, jitterUs: 0, tailPermille: 0 };
    expect(await arrivals({ ...quick, near, far: link }, ['a', 'b', 'b'])).toEqual([1_000, 1_000, 2_000, 2_000]);
    expect(
      await arrivals({ ...quick, near, far: { ...link, bytesPerMs: 1e9, sharedBytesPerMs: 100 } }, ['a', 'b', 'b']),
    ).toEqual([1_000, 2_000, 3_000, 4_000]);
    const between = { 'a>b': { ...link, bytesPerMs: 400 } };
    expect(await arrivals({ ...quick, near, far: link, between }, ['a', 'b', 'c'])).toEqual([250, 500, 1_000, 2_000]);
  });

  it('lets frames overtake each other where its profile says so, and only there', async () => {
    const orders: boolean[] = [];
    for (const reorderPermille of [0, 300]) {
      const { kernel, networks } = await setUp(withLink({ reorderPermille }));
      const got: number[] = [];
      networks[1]!.onFrame((_, frame) => void got.push(frame[0]!));
      for (let i = 0; i < 100; i++) networks[0]!.send(ids[1]!, Uint8Array.of(i));
      await kernel.run(seconds(5));
      expect([...got].sort((a, b) => a - b)).toEqual(Array.from({ length: 100 }, (_, i) => i));
      orders.push(got.every((value, i) => value === i));
    }
    expect(orders).toEqual([true, false]);
  });

  it('a fault on one link moves nothing on another: every draw there is what it was without it', async () => {
    const traces: string[][] = [];
    for (const withFaults of [false, true]) {
      const { kernel, fabric, networks, crash, open } = await setUp(
        withLink({ lossPermille: 100, tailPermille: 300, jitterUs: 9_000 }),
        4,
      );
      const got: string[] = [];
      networks[3]!.onFrame((_, frame) => void got.push(`${frame[0]} ${kernel.nowUs}`));
      networks[3]!.onPeer(({ node, up }) => void (node === ids[2] && got.push(`${up} ${kernel.nowUs}`)));
      for (let i = 0; i < 40; i++) {
        if (withFaults && i === 5) fabric.block(0, 1, false);
        if (withFaults && i === 20) fabric.unblock(0, 1);
        if (withFaults && i === 25) crash(1, 'silent');
        if (i === 30) fabric.block(2, 3, false);
        if (withFaults && i === 35) open(1);
        for (const from of [0, 1]) networks[from]!.send(ids[1 - from]!, Uint8Array.of(i));
        networks[2]!.send(ids[3]!, Uint8Array.of(i));
        await kernel.run(kernel.nowUs + 200_000);
      }
      await kernel.run(seconds(40));
      traces.push(got);
    }
    expect(traces[0]!.length).toBeGreaterThan(20);
    expect(traces[0]).toContainEqual(expect.stringMatching(/^false /));
    expect(traces[1]).toEqual(traces[0]);
  });
});
