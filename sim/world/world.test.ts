import { createRequire } from 'node:module';
import { describe, expect, it } from 'vitest';
import { createRandom } from '../../actors/system/index.ts';
import { createCrypto } from '../../node/index.ts';
import {
  createDraws,
  createHeapQueue,
  createKernel,
  createLife,
  createSimCrypto,
  createWheelQueue,
  type EventQueue,
  nobody,
} from './index.ts';

const require = createRequire(import.meta.url);

/** The simplest queue that can be right: a list kept in order. */
function listQueue(): EventQueue {
  const list: { atUs: number; slot: number }[] = [];
  return {
    get size() {
      return list.length;
    },
    push(atUs, slot) {
      let at = list.length;
      while (at > 0 && list[at - 1]!.atUs > atUs) at--;
      list.splice(at, 0, { atUs, slot });
    },
    peekUs: () => list[0]?.atUs ?? Number.POSITIVE_INFINITY,
    pop: () => list.shift()?.slot ?? -1,
  };
}

const clocks = { offsetMs: 0, driftPpm: 0 };
const lifeOf = (kernel: ReturnType<typeof createKernel>, seed = 1, node = 0, own = clocks) =>
  createLife({ kernel, node, number: 0, clocks: own, random: createRandom(seed) });

describe.each([
  ['heap', createHeapQueue],
  ['wheel', createWheelQueue],
])('the event queue as a %s', (_, create) => {
  it('gives out the same order as a list kept in order, through growth, ties and mixed pushes and pops', () => {
    const random = createRandom(5);
    const [heap, list] = [create(), listQueue()];
    // Packets, time-outs of seconds, and now and then one of an hour, as in a mesh.
    const spans = [500, 500, 150_000, 30_000_000, 3_600_000_000];
    let nowUs = 0;
    for (let i = 0; i < 20_000; i++) {
      if (random.chance(0.55) || heap.size === 0) {
        const atUs = nowUs + (random.chance(0.3) ? 0 : random.below(spans[random.below(random.chance(0.1) ? 5 : 4)]!));
        heap.push(atUs, i);
        list.push(atUs, i);
      } else {
        expect(heap.peekUs()).toBe(list.peekUs());
        nowUs = heap.peekUs();
        expect(heap.pop()).toBe(list.pop());
      }
    }
    while (list.size > 0) expect(heap.pop()).toBe(list.pop());
    expect(heap.pop()).toBe(-1);
  });

  it('keeps the order of a crowd at one instant, of what is pushed before the time it has come to, and of slots used again', () => {
    const random = createRandom(6);
    const [queue, list] = [create(), listQueue()];
    const free = Array.from({ length: 3_000 }, (_, slot) => slot);
    const push = (atUs: number): void => {
      const slot = free.pop()!;
      queue.push(atUs, slot);
      list.push(atUs, slot);
    };
    for (let round = 0; round < 20; round++) {
      // Far off, so that looking for the next event moves the queue on; then a crowd before it, thousands in a few microseconds.
      const beginUs = round * 7_000_000;
      push(beginUs + 6_999_999);
      expect(queue.peekUs()).toBe(list.peekUs());
      for (let i = 0; i < 2_000; i++) push(beginUs + 5_000_000 + random.below(random.chance(0.5) ? 40 : 900));
      for (let i = 0; i < 1_500; i++) {
        const slot = list.pop();
        expect(queue.pop()).toBe(slot);
        free.push(slot);
        if (i % 3 === 0) push(list.peekUs() + random.below(50));
      }
      while (list.size > 0) {
        expect(queue.peekUs()).toBe(list.peekUs());
        const slot = list.pop();
        expect(queue.pop()).toBe(slot);
        free.push(slot);
      }
      expect(queue.size).toBe(0);
    }
  });
});

/** A busy little world: timers that set timers, promises, cancels, chance. Returns its chain. */
async function bustle(seed: number, queue?: EventQueue): Promise<string> {
  const kernel = createKernel(queue === undefined ? {} : { queue });
  const lives = [0, 1, 2].map((node) => lifeOf(kernel, seed, node));
  for (const life of lives) {
    const random = life.random.fork(`bustle ${life.node}`);
    const act = async (): Promise<void> => {
      for (let hops = random.below(6); hops > 0; hops--) await null;
      const cancel = life.scheduler.at(life.clock.monotonicMs() + random.below(5), () => void act());
      if (random.chance(0.2)) {
        cancel();
        life.scheduler.yield(() => void act());
      }
      life.after(random.below(300), 'note', () => {}, random.bytes(3));
    };
    life.scheduler.defer(() => void act());
  }
  await kernel.run(200_000);
  expect(kernel.breaches).toEqual([]);
  return `${kernel.trace.count} ${kernel.trace.digest()}`;
}

describe('a simulated run', () => {
  it('ends in the same chain for the same seed, in another for another, and on either queue', async () => {
    const first = await bustle(7);
    expect(Number(first.split(' ')[0])).toBeGreaterThan(500);
    expect(await bustle(7)).toBe(first);
    expect(await bustle(7, listQueue())).toBe(first);
    expect(await bustle(7, createWheelQueue())).toBe(first);
    expect(await bustle(8)).not.toBe(first);
  });

  it('lets every promise settle before the next event, whatever the length of its chain', async () => {
    const kernel = createKernel();
    const seen: string[] = [];
    kernel.schedule(10, 0, 'first', () => {
      void (async () => {
        for (let i = 0; i < 1_000; i++) await null;
        seen.push('settled');
      })();
    });
    kernel.schedule(10, 0, 'second', () => void seen.push('second'));
    await kernel.run(20);
    expect(seen).toEqual(['settled', 'second']);
  });

  it.each([
    ['Date.now', () => Date.now()],
    ['new Date()', () => new Date()],
    ['Math.random', () => Math.random()],
    ['setTimeout', () => setTimeout(() => {}, 1)],
    ['setImmediate', () => setImmediate(() => {})],
    ['performance.now', () => performance.now()],
    ['fetch', () => fetch('http://127.0.0.1/')],
    ['the crypto global', () => crypto.randomUUID()],
    ['process.nextTick', () => process.nextTick(() => {})],
    ['process.hrtime', () => process.hrtime()],
    ['process.hrtime.bigint', () => process.hrtime.bigint()],
    ['node:fs readFileSync', () => require('node:fs').readFileSync('x')],
    ['node:net Socket', () => new (require('node:net').Socket)()],
    ['node:dgram createSocket', () => require('node:dgram').createSocket('udp4')],
    ['node:worker_threads Worker', () => new (require('node:worker_threads').Worker)('x')],
    ['node:zlib deflate', () => require('node:zlib').deflate(new Uint8Array(1), () => {})],
    [
      'node:crypto sign on the thread pool',
      () => require('node:crypto').sign(null, new Uint8Array(1), 'key', () => {}),
    ],
    ['crypto.subtle.digest', () => require('node:crypto').webcrypto.subtle.digest('SHA-256', new Uint8Array(1))],
    ['node:crypto randomBytes', () => require('node:crypto').randomBytes(4)],
    ['MessageChannel', () => new MessageChannel()],
  ])('fails where its code reaches for %s, and names the file that did', async (what, reach) => {
    const kernel = createKernel();
    kernel.schedule(3, 2, 'guilty', () => {
      try {
        void reach();
      } catch {
        // Swallowing it does not help.
      }
    });
    kernel.schedule(4, 1, 'after', () => {
      throw new Error('not reached');
    });
    await kernel.run(10);
    expect(kernel.breaches).toHaveLength(1);
    expect(kernel.breaches[0]).toMatchObject({ kind: 'leak', node: 2, atUs: 3 });
    expect(kernel.breaches[0]!.text).toContain(what);
    expect(kernel.breaches[0]!.text).toContain('world.test.ts');
  });

  it('fails where a file is read, from a module that imported it by name', async () => {
    const { readFileSync } = await import('node:fs');
    const kernel = createKernel();
    kernel.schedule(3, 2, 'guilty', () => void readFileSync(import.meta.filename));
    await kernel.run(10);
    expect(kernel.breaches[0]).toMatchObject({ kind: 'leak', node: 2 });
    // And the world is whole again afterwards.
    expect(readFileSync(import.meta.filename).length).toBeGreaterThan(0);
    expect(Date.now()).toBeGreaterThan(0);
    expect(new Date(0).getTime()).toBe(0);
  });

  it('keeps a callback that throws, and a rejection that nobody handles, under its node’s name', async () => {
    const kernel = createKernel();
    kernel.schedule(3, 1, 'throws', () => {
      throw new TypeError('broken');
    });
    await kernel.run(10);
    expect(kernel.breaches[0]).toMatchObject({ kind: 'uncaught', node: 1 });
    const other = createKernel();
    other.schedule(3, 1, 'rejects', () => void Promise.reject(new Error('unheard')));
    await other.run(10);
    expect(other.breaches[0]).toMatchObject({ kind: 'unhandled-rejection' });
  });

  it('stops a livelock: time must pass', async () => {
    const kernel = createKernel({ instantMax: 1_000 });
    const again = (): void => void kernel.schedule(kernel.nowUs, 0, 'again', again);
    again();
    await kernel.run(10);
    expect(kernel.breaches[0]).toMatchObject({ kind: 'livelock' });
  });

  it('holds the events of a paused node back, in their order, and nobody else’s', async () => {
    const kernel = createKernel();
    const seen: string[] = [];
    for (const [atUs, node] of [
      [5, 0],
      [6, 1],
      [7, 0],
    ] as const)
      kernel.schedule(atUs, node, 'event', () => void seen.push(`${node}@${atUs} ${kernel.nowUs}`));
    kernel.pause(0, 50);
    await kernel.run(100);
    expect(seen).toEqual(['1@6 6', '0@5 50', '0@7 50']);
    expect(nobody).toBe(-1);
  });
});

describe('a life', () => {
  it('ends where it stands: no timer, no deferred work, no log', async () => {
    const kernel = createKernel();
    const life = lifeOf(kernel);
    const seen: string[] = [];
    life.scheduler.at(5, () => void seen.push('timer'));
    kernel.schedule(1_000, nobody, 'kill', () => {
      life.scheduler.defer(() => void seen.push('deferred'));
      life.end();
      life.log('error', 'too late');
    });
    await kernel.run(10_000);
    expect(seen).toEqual([]);
    expect(life.logged).toEqual([]);
  });

  it('fires its timers by its own clock, which may run fast or slow, change its rate, and never goes back', async () => {
    const kernel = createKernel();
    const own = { offsetMs: 0, driftPpm: 200_000 };
    const life = lifeOf(kernel, 1, 0, own);
    const fired: number[] = [];
    life.scheduler.at(120, () => void fired.push(kernel.nowUs, life.clock.monotonicMs()));
    life.scheduler.at(600, () => void fired.push(kernel.nowUs, life.clock.monotonicMs()));
    kernel.schedule(200_000, nobody, 'slower', () => {
      expect(life.clock.monotonicMs()).toBeCloseTo(240, 6);
      own.driftPpm = -100_000;
      expect(life.clock.monotonicMs()).toBeCloseTo(240, 6);
    });
    await kernel.run(1_000_000);
    expect(fired[0]).toBe(100_000);
    expect(fired[1]).toBeGreaterThanOrEqual(120);
    expect(fired[2]).toBeGreaterThanOrEqual(600_000 - 1);
    expect(fired[3]).toBeGreaterThanOrEqual(600);
    expect(fired[3]).toBeLessThan(600.01);
  });
});

describe('keyed draws', () => {
  it('depend on seed, label and key alone, and spread evenly', () => {
    const [a, b] = [createDraws(1, 'net'), createDraws(1, 'net')];
    a.u32(1, 2, 3, 4);
    expect(a.u32(1, 2, 3, 5)).toBe(b.u32(1, 2, 3, 5));
    const others = [
      createDraws(2, 'net').u32(1, 2, 3, 5),
      createDraws(1, 'disk').u32(1, 2, 3, 5),
      a.u32(2, 2, 3, 5),
      a.u32(1, 3, 3, 5),
      a.u32(1, 2, 4, 5),
      a.u32(1, 2, 3, 6),
    ];
    expect(new Set([...others, a.u32(1, 2, 3, 5)]).size).toBe(7);
    const buckets = new Array<number>(16).fill(0);
    for (let n = 0; n < 16_000; n++) buckets[a.below(16, 0, 1, 2, n)]!++;
    // Chi-squared with 15 degrees of freedom: 37.7 is exceeded once in a thousand.
    expect(buckets.reduce((sum, count) => sum + (count - 1_000) ** 2 / 1_000, 0)).toBeLessThan(37.7);
    let hits = 0;
    for (let n = 0; n < 10_000; n++) hits += Number(a.chance(100, 9, 1, 2, n));
    expect(hits).toBeGreaterThan(880);
    expect(hits).toBeLessThan(1_120);
  });
});

describe('simulated signatures', () => {
  it.each(['ed25519', 'keyed-hash'] as const)(
    '%s: verify for their message and key alone, and cannot be made without the secret',
    (kind) => {
      const crypto = createSimCrypto(kind, createCrypto());
      const [secret, other] = [new Uint8Array(32).fill(7), new Uint8Array(32).fill(8)];
      const [key, otherKey] = [crypto.publicKey(secret), crypto.publicKey(other)];
      const message = Uint8Array.of(1, 2, 3);
      const signature = crypto.sign(secret, message);
      expect(signature).toHaveLength(64);
      expect(crypto.verify(key, message, signature)).toBe(true);
      expect(crypto.verify(otherKey, message, signature)).toBe(false);
      expect(crypto.verify(key, Uint8Array.of(1, 2, 4), signature)).toBe(false);
      expect(crypto.verify(key, message, crypto.sign(other, message))).toBe(false);
      expect(
        crypto.verify(
          key,
          message,
          signature.map((byte, i) => (i === 40 ? byte ^ 1 : byte)),
        ),
      ).toBe(false);
      expect(crypto.verify(key, message, new Uint8Array(64))).toBe(false);
      expect(crypto.verify(new Uint8Array(3), message, signature)).toBe(false);
      expect(crypto.sign(secret, message)).toEqual(signature);
      expect(crypto.publicKey(secret)).toEqual(createSimCrypto('ed25519', createCrypto()).publicKey(secret));
    },
  );
});
