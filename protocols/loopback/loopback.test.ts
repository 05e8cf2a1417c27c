import { describe, expect, it } from 'vitest';
import type { PeerEvent } from '../../actors/system/index.ts';
import { realClock, realScheduler, recordingLog, testIdentity, until } from '../../test/support/world.ts';
import { networkContract } from '../network/testing/index.ts';
import { createLoopbackHub } from './index.ts';

const clock = realClock();
const scheduler = realScheduler(clock);

networkContract('loopback', {
  clock,
  scheduler,
  async open(count) {
    const hub = createLoopbackHub({ clock, scheduler, log: recordingLog().log });
    const networks = Array.from({ length: count }, (_, i) => hub.open(testIdentity(i).id));
    await new Promise<void>((resolve) => scheduler.yield(resolve));
    return {
      networks,
      async restart(index) {
        const { self } = networks[index]!;
        await networks[index]!.close();
        networks[index] = hub.open(self);
        return networks[index]!;
      },
      close: async () => void (await Promise.all(networks.map((network) => network.close()))),
    };
  },
});

describe('a loopback hub', () => {
  it('cuts and heals a pair: nothing of the time before arrives after', async () => {
    const hub = createLoopbackHub({ clock, scheduler, log: recordingLog().log });
    const [a, b, c] = [0, 1, 2].map((i) => hub.open(testIdentity(i).id));
    const events: PeerEvent[] = [];
    a!.onPeer((event) => void events.push(event));
    await until('both up', () => events.length === 2);
    const got: string[] = [];
    b!.onFrame((_, frame) => void got.push(String(frame[0])));
    a!.send(b!.self, Uint8Array.of(1));
    hub.disconnect(a!.self, b!.self);
    expect(a!.peers()).toEqual([c!.self]);
    expect(a!.send(b!.self, Uint8Array.of(2))).toBe(false);
    hub.connect(a!.self, b!.self);
    a!.send(b!.self, Uint8Array.of(3));
    await until('the frame', () => got.length > 0);
    expect(got).toEqual(['3']);
    expect(events.slice(2)).toEqual([
      { node: b!.self, up: false },
      { node: b!.self, up: true },
    ]);
  });

  it('copies frames, so that a sender who reuses its buffer does not change what was sent', async () => {
    const hub = createLoopbackHub({ clock, scheduler, log: recordingLog().log });
    const [a, b] = [0, 1].map((i) => hub.open(testIdentity(i).id));
    const got: number[] = [];
    b!.onFrame((_, frame) => void got.push(frame[0]!));
    const frame = Uint8Array.of(7);
    a!.send(b!.self, frame);
    frame[0] = 9;
    await until('the frame', () => got.length === 1);
    expect(got).toEqual([7]);
  });
});
