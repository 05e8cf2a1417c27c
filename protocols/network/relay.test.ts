// Law: see relay.ts. Three members: one only on the west, one only on the east, and one on both that may lie.
import { describe, expect, it } from 'vitest';
import type { Network } from '../../actors/system/index.ts';
import {
  createCrypto,
  patientMs,
  realClock,
  realScheduler,
  recordingLog,
  testIdentity,
  turnsOfTheLoop,
  until,
} from '../../test/support/world.ts';
import { createLoopbackHub } from '../loopback/index.ts';
import { createRefusalTable } from '../wire/index.ts';
import { combineNetworks } from './combine.ts';
import { createRelay } from './relay.ts';
import { networkContract } from './testing/index.ts';

const clock = realClock();
const scheduler = realScheduler(clock);
const crypto = createCrypto();
const { log } = recordingLog();
const meshId = new Uint8Array(32).fill(3);
const hubOf = () => createLoopbackHub({ clock, scheduler, log });

function relayOn(network: Network, index: number, isBridge: boolean, refusals = createRefusalTable()): Network {
  const identity = testIdentity(index);
  const allow = () => true;
  return createRelay({ network, isBridge, identity, meshId, allow, crypto, clock, scheduler, refusals, log });
}
const bridgeIndex = 40;

/** Members on either side in turn, and bridges between them. */
function sides(count: number, bridges: number) {
  const [west, east] = [hubOf(), hubOf()];
  const open = (index: number): Network =>
    relayOn((index % 2 === 0 ? west : east).open(testIdentity(index).id), index, false);
  const all = Array.from({ length: bridges }, (_, i) => {
    const { id } = testIdentity(bridgeIndex + i);
    return relayOn(combineNetworks([west.open(id), east.open(id)], crypto), bridgeIndex + i, true);
  });
  return { west, east, open, bridges: all, networks: Array.from({ length: count }, (_, index) => open(index)) };
}

describe('members without a transport in common', () => {
  it('are peers while a bridge is there: frames, requests and pulls reach them, from who sent them, once and in order', async () => {
    const { networks, bridges } = sides(2, 2);
    const [a, b] = networks as [Network, Network];
    await until('up', () => a.peers().length === 3 && b.peers().length === 3);
    const got: string[] = [];
    b.onFrame((from, frame) => void got.push(`${from === a.self} ${Buffer.from(frame)}`));
    b.serve((from, frame) => Buffer.concat([Buffer.from(`${from === a.self} `), frame]));
    b.provide((_, resource, offsetBytes) =>
      resource === 'big'
        ? (async function* () {
            const bytes = Buffer.alloc(3_000_000, 'x').subarray(offsetBytes);
            for (let at = 0; at < bytes.length; at += 70_000) yield bytes.subarray(at, at + 70_000);
          })()
        : undefined,
    );
    for (let i = 0; i < 200; i++) expect(a.send(b.self, Buffer.from(String(i)))).toBe(true);
    await until('the frames', () => got.length === 200);
    expect(got).toEqual(Array.from({ length: 200 }, (_, i) => `true ${i}`));
    const reply = await a.request(b.self, Buffer.alloc(1_000_000, 'q'), { timeoutMs: patientMs });
    expect([reply.length, Buffer.from(reply.subarray(0, 5)).toString()]).toEqual([1_000_005, 'true ']);
    let sizeBytes = 0;
    for await (const chunk of a.pull(b.self, 'big', 1_000)) sizeBytes += chunk.length;
    expect(sizeBytes).toBe(2_999_000);
    const missing = a.pull(b.self, 'none', 0)[Symbol.asyncIterator]().next();
    await expect(missing).rejects.toMatchObject({ code: 'refused' });
    await Promise.all([...networks, ...bridges].map((network) => network.close()));
  });

  it('go on over another bridge when theirs goes, and are gone with the last', async () => {
    const { networks, bridges } = sides(2, 2);
    const [a, b] = networks as [Network, Network];
    await until('up', () => a.peers().length === 3 && b.peers().length === 3);
    const downs: string[] = [];
    a.onPeer(({ node, up }) => void (up || downs.push(node)));
    b.serve((_, frame) => frame);
    await bridges[0]!.close();
    expect(await a.request(b.self, Uint8Array.of(1), { timeoutMs: patientMs })).toEqual(Uint8Array.of(1));
    expect(downs).toEqual([bridges[0]!.self]);
    await bridges[1]!.close();
    await until('down', () => a.peers().length === 0);
    expect(new Set(downs)).toEqual(new Set([...bridges.map(({ self }) => self), b.self]));
    expect(a.send(b.self, Uint8Array.of(1))).toBe(false);
    await expect(a.request(b.self, Uint8Array.of(1), { timeoutMs: 500 })).rejects.toMatchObject({
      code: 'unreachable',
    });
    await Promise.all(networks.map((network) => network.close()));
  });

  it('are not deceived by a bridge that changes, repeats or invents what it carries, and say which bridge it was', async () => {
    const [west, east] = [hubOf(), hubOf()];
    const bridgeId = testIdentity(bridgeIndex).id;
    const [onWest, onEast] = [west.open(bridgeId), east.open(bridgeId)];
    const refusals = createRefusalTable();
    const a = relayOn(west.open(testIdentity(0).id), 0, false);
    const b = relayOn(east.open(testIdentity(1).id), 1, false, refusals);
    // Its reach as an honest bridge would say it, taken from one.
    const honest = relayOn(combineNetworks([onWest, onEast], crypto), bridgeIndex, true);
    await until('up', () => a.peers().length === 2 && b.peers().length === 2);
    const kept: Uint8Array[] = [];
    onWest.onFrame((_, frame) => void kept.push(frame.slice()));
    const got: string[] = [];
    b.onFrame((_, frame) => void got.push(Buffer.from(frame).toString()));
    a.send(b.self, Buffer.from('pay 10'));
    await until('the frame', () => got.length === 1);
    const [original] = kept as [Uint8Array];
    onEast.send(b.self, original);
    const changed = original.slice();
    changed[changed.indexOf('1'.charCodeAt(0), changed.length - 64 - 8)] = '9'.charCodeAt(0);
    onEast.send(b.self, changed);
    await until('the refusal', () => refusals.list().length > 0);
    await turnsOfTheLoop();
    expect(got).toEqual(['pay 10']);
    expect(refusals.list()[0]).toMatchObject({ from: bridgeId, reason: 'relay' });
    await Promise.all([a, b, honest].map((network) => network.close()));
  });

  it('carry nothing where a transport is in common, and a node that is no bridge carries for nobody', async () => {
    const hub = hubOf();
    const seen: number[] = [];
    const [a, b, c] = [0, 1, 2].map((i) => {
      const own = hub.open(testIdentity(i).id);
      own.onFrame((_, frame) => void seen.push(frame.length));
      return relayOn(own, i, false);
    }) as [Network, Network, Network];
    await until('up', () => a.peers().length === 2);
    const got: number[] = [];
    b.onFrame((_, frame) => void got.push(frame.length));
    a.send(b.self, new Uint8Array(10));
    await until('the frame', () => got.length === 1);
    expect(seen).toEqual([10]);
    hub.disconnect(a.self, b.self);
    await turnsOfTheLoop();
    expect(a.peers()).toEqual([c.self]);
    expect(a.send(b.self, new Uint8Array(10))).toBe(false);
    await Promise.all([a, b, c].map((network) => network.close()));
  });
});

networkContract('bridges between two transports', {
  clock,
  scheduler,
  async open(count) {
    const mesh = sides(count, 1);
    const networks = [...mesh.networks];
    const [bridge] = mesh.bridges as [Network];
    // Publications are handed on by who takes part in their topic, as every node of a mesh does.
    for (const topic of ['news', 'other']) bridge.subscribe(topic, () => {});
    const known = (): boolean => networks.every((network) => network.peers().length === count);
    await until('everyone', known);
    /** The bridge is how they meet, and no member of the suite's mesh. */
    const without = (network: Network): Network => ({
      ...network,
      peers: () => network.peers().filter((id) => id !== bridge.self),
      onPeer: (handler) => network.onPeer((event) => void (event.node !== bridge.self && handler(event))),
    });
    return {
      networks: networks.map(without),
      async restart(index) {
        await networks[index]!.close();
        await new Promise((resolve) => setTimeout(resolve, 5));
        networks[index] = mesh.open(index);
        return without(networks[index]!);
      },
      close: async () => void (await Promise.all([...networks, bridge].map((network) => network.close()))),
    };
  },
});
