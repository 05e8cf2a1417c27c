import { describe, expect, it } from 'vitest';
import type { Network, PeerEvent } from '../../actors/system/index.ts';
import {
  createCrypto,
  realClock,
  realScheduler,
  recordingLog,
  testIdentity,
  turnsOfTheLoop,
  until,
} from '../../test/support/world.ts';
import { createLoopbackHub } from '../loopback/index.ts';
import { combineNetworks } from './combine.ts';
import { networkContract } from './testing/index.ts';

const clock = realClock();
const scheduler = realScheduler(clock);
const crypto = createCrypto();
const hubOf = () => createLoopbackHub({ clock, scheduler, log: recordingLog().log });

networkContract('two transports combined', {
  clock,
  scheduler,
  async open(count) {
    const hubs = [hubOf(), hubOf()];
    const start = (index: number): Network =>
      combineNetworks(
        hubs.map((hub) => hub.open(testIdentity(index).id)),
        crypto,
      );
    const networks = Array.from({ length: count }, (_, index) => start(index));
    await turnsOfTheLoop();
    return {
      networks,
      async restart(index) {
        await networks[index]!.close();
        networks[index] = start(index);
        return networks[index];
      },
      close: async () => void (await Promise.all(networks.map((network) => network.close()))),
    };
  },
});

describe('combined transports', () => {
  it('send by every path that is up where that is asked for, and by one otherwise', async () => {
    const [first, second] = [hubOf(), hubOf()];
    const [a, b] = [0, 1].map((i) =>
      combineNetworks([first.open(testIdentity(i).id), second.open(testIdentity(i).id)], crypto),
    );
    await until('up', () => a!.peers().length === 1 && b!.peers().length === 1);
    const got: number[] = [];
    b!.onFrame((_, frame) => void got.push(frame[0]!));
    expect(a!.send(b!.self, Uint8Array.of(1), { everyPath: true })).toBe(true);
    expect(a!.send(b!.self, Uint8Array.of(2))).toBe(true);
    await until('all three', () => got.length === 3);
    first.disconnect(a!.self, b!.self);
    await turnsOfTheLoop();
    expect(a!.send(b!.self, Uint8Array.of(3), { everyPath: true })).toBe(true);
    await until('the fourth', () => got.length === 4);
    await turnsOfTheLoop();
    expect(got.sort()).toEqual([1, 1, 2, 3]);
    second.disconnect(a!.self, b!.self);
    await turnsOfTheLoop();
    expect(a!.send(b!.self, Uint8Array.of(4), { everyPath: true })).toBe(false);
    await Promise.all([a!.close(), b!.close()]);
  });

  it('keep a peer up while one path to it is, and send on the path that is left', async () => {
    const [first, second] = [hubOf(), hubOf()];
    const [a, b] = [0, 1].map((i) =>
      combineNetworks([first.open(testIdentity(i).id), second.open(testIdentity(i).id)], crypto),
    );
    await until('up', () => a!.peers().length === 1 && b!.peers().length === 1);
    const events: PeerEvent[] = [];
    a!.onPeer((event) => void events.push(event));
    const got: number[] = [];
    b!.onFrame((_, frame) => void got.push(frame[0]!));
    first.disconnect(a!.self, b!.self);
    await turnsOfTheLoop();
    expect(a!.send(b!.self, Uint8Array.of(7))).toBe(true);
    await until('the frame', () => got.length === 1);
    expect(events).toEqual([]);
    second.disconnect(a!.self, b!.self);
    await turnsOfTheLoop();
    expect(events).toEqual([{ node: b!.self, up: false }]);
    expect(a!.send(b!.self, Uint8Array.of(8))).toBe(false);
    first.connect(a!.self, b!.self);
    await until('up again', () => events.length === 2);
    expect(a!.send(b!.self, Uint8Array.of(9))).toBe(true);
    await Promise.all([a!.close(), b!.close()]);
  });

  it('hand a publication on to peers that only another path reaches, once, and never back to its author', async () => {
    const [west, east] = [hubOf(), hubOf()];
    const onlyWest = combineNetworks([west.open(testIdentity(0).id)], crypto);
    const onlyEast = combineNetworks([east.open(testIdentity(1).id)], crypto);
    const bridges = [2, 3].map((i) =>
      combineNetworks([west.open(testIdentity(i).id), east.open(testIdentity(i).id)], crypto),
    );
    const all = [onlyWest, onlyEast, ...bridges];
    await until('up', () => onlyWest.peers().length === 2 && onlyEast.peers().length === 2);
    const got = all.map(() => [] as string[]);
    for (const [i, network] of all.entries())
      network.subscribe('news', (_, frame) => void got[i]!.push(Buffer.from(frame).toString()));
    await turnsOfTheLoop();
    onlyWest.publish('news', Buffer.from('from the west'));
    onlyEast.publish('news', Buffer.from('from the east'));
    bridges[0]!.publish('news', Buffer.from('from a bridge'));
    await turnsOfTheLoop();
    expect(got.map((list) => list.sort())).toEqual([
      ['from a bridge', 'from the east'],
      ['from a bridge', 'from the west'],
      ['from the east', 'from the west'],
      ['from a bridge', 'from the east', 'from the west'],
    ]);
    await Promise.all(all.map((network) => network.close()));
  });

  it('deliver a publication as often as it was published, though it comes by two paths', async () => {
    const [first, second] = [hubOf(), hubOf()];
    const a = combineNetworks([first.open(testIdentity(0).id), second.open(testIdentity(0).id)], crypto);
    const onlySecond = combineNetworks([second.open(testIdentity(2).id)], crypto);
    const b = combineNetworks([first.open(testIdentity(1).id), second.open(testIdentity(1).id)], crypto);
    await until('up', () => a.peers().length === 2 && b.peers().length === 2);
    const got = [b, onlySecond].map((network) => {
      const list: string[] = [];
      network.subscribe('news', (_, frame) => void list.push(Buffer.from(frame).toString()));
      return list;
    });
    await turnsOfTheLoop();
    for (let i = 0; i < 3; i++) a.publish('news', Buffer.from('again'));
    await turnsOfTheLoop();
    expect(got).toEqual([
      ['again', 'again', 'again'],
      ['again', 'again', 'again'],
    ]);
    await Promise.all([a, b, onlySecond].map((network) => network.close()));
  });
});
