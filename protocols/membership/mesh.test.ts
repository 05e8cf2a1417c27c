// Law: see detector.ts. Meshes run in virtual time over a network that delays, loses and cuts; every message crosses the schema.
import { describe, expect, test } from 'vitest';
import { type Crypto, createRandom } from '../../actors/system/index.ts';
import { createCrypto } from '../../test/support/world.ts';
import type { Claim } from './messages.ts';
import { createRecordBook } from './record.ts';
import { createVirtualMesh, type VirtualMesh, type VirtualMeshOptions } from './testing/virtual-mesh.ts';

const real = createCrypto();
/** Real signatures would be nearly all the work of a mesh in virtual time; a digest under the public key keeps their rules. */
const publicKeys = new Map<string, Uint8Array>();
const cheap: Crypto = {
  ...real,
  sign(secretKey, message) {
    const name = Buffer.from(secretKey).toString('hex');
    const key = publicKeys.get(name) ?? real.publicKey(secretKey);
    publicKeys.set(name, key);
    return new Uint8Array([...real.sha256(key, message), ...real.sha256(message, key)]);
  },
  verify: (publicKey, message, signature) =>
    Buffer.compare(real.sha256(publicKey, message), signature.subarray(0, 32)) === 0,
};

function mesh(count: number, seed: number, options: Partial<VirtualMeshOptions> = {}): VirtualMesh {
  return createVirtualMesh({ count, random: createRandom(seed), crypto: cheap, ...options });
}

/** The share `p` of `values` is at most this. */
function quantile(values: readonly number[], p: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(p * sorted.length))]!;
}

const everyPair = (net: VirtualMesh): [number, number][] =>
  net.nodes.flatMap(({ index: a }) =>
    net.nodes.filter(({ index: b }) => b !== a).map(({ index: b }): [number, number] => [a, b]),
  );
const deathsAfter = (net: VirtualMesh, mark: number) => net.changes.slice(mark).filter(({ to }) => to === 'dead');

describe('a mesh', () => {
  test.each([2, 3, 5, 50])('of %i, each connected to two neighbours, is known to every node within 15 s', (count) => {
    const net = mesh(count, count);
    net.run(15_000);
    for (const [a, b] of everyPair(net)) expect(net.state(a, b)).toBe('alive');
    expect(net.nodes[0]!.detector.view()[0]!.record).toMatchObject({ site: 'here', skills: ['table.query'] });
    expect(net.refused).toBe(0);
  });

  test('runs the same from the same seed', () => {
    const run = (): VirtualMesh['changes'] => {
      const net = mesh(6, 3, { loss: 0.1 });
      net.run(10_000);
      net.kill(2);
      net.run(5_000);
      return net.changes;
    };
    expect(run()).toEqual(run());
  });

  test('costs a node a bounded, constant number of messages', () => {
    for (const count of [5, 40]) {
      const net = mesh(count, 9);
      net.run(20_000);
      const before = net.sent;
      net.run(20_000);
      expect((net.sent - before) / 20 / count).toBeLessThan(12);
    }
  });
});

describe('a killed node', () => {
  test.each([
    [5, 60, 0],
    [5, 60, 0.1],
    [20, 8, 0.1],
    [50, 4, 0],
  ])(
    'in a mesh of %i is dead for every other within 5 s at p99 (%i runs, loss %d), and nobody else is',
    (count, runs, loss) => {
      const times: number[] = [];
      for (let run = 0; run < runs; run++) {
        const random = createRandom(1_000 * count + run);
        const net = createVirtualMesh({ count, random, crypto: cheap, loss });
        net.run(15_000 + random.below(2_000));
        const [mark, atMs] = [net.changes.length, net.nowMs];
        net.kill(0);
        net.run(8_000);
        const deaths = deathsAfter(net, mark);
        expect(deaths.filter(({ subject }) => subject !== 0)).toEqual([]);
        expect(new Set(deaths.map(({ observer }) => observer)).size).toBe(count - 1);
        times.push(...deaths.map((death) => death.atMs - atMs));
      }
      console.log(
        `${count} nodes, loss ${loss}: dead after p50 ${Math.round(quantile(times, 0.5))} ms, p99 ${Math.round(quantile(times, 0.99))} ms`,
      );
      expect(quantile(times, 0.99)).toBeLessThan(5_000);
      expect(quantile(times, 0)).toBeGreaterThan(2_000);
    },
  );

  test('is suspected at once where transports tell of it, and dead no sooner than a suspicion takes', () => {
    const net = mesh(6, 1, { hints: true });
    net.run(15_000);
    const [mark, atMs] = [net.changes.length, net.nowMs];
    net.kill(0);
    net.run(100);
    for (let i = 1; i < 6; i++) expect(net.state(i, 0)).toBe('suspect');
    net.run(4_000);
    const times = deathsAfter(net, mark).map((death) => death.atMs - atMs);
    expect(times).toHaveLength(5);
    expect(Math.min(...times)).toBeGreaterThanOrEqual(3_000);
    expect(Math.max(...times)).toBeLessThan(3_600);
  });

  test.each([0, 5_000_000])(
    'that comes back, remembering nothing, with first incarnation %i is alive again for all',
    (incarnation) => {
      const net = mesh(5, 4);
      net.run(15_000);
      net.kill(2);
      net.run(8_000);
      expect(net.state(0, 2)).toBe('dead');
      net.restart(2, incarnation);
      net.run(5_000);
      for (const [a, b] of everyPair(net)) expect(net.state(a, b)).toBe('alive');
    },
  );
});

describe('a node that is not dead', () => {
  test.each([
    [4, 30],
    [10, 10],
  ])(
    'is not declared so: %i nodes, %i minutes, a tenth of all messages lost, one after the other standing still for 2 s',
    (count, minutes) => {
      const random = createRandom(count);
      const net = createVirtualMesh({ count, random, crypto: cheap, loss: 0.1 });
      net.run(15_000);
      const mark = net.changes.length;
      const endMs = net.nowMs + minutes * 60_000;
      let pauses = 0;
      for (; net.nowMs < endMs; pauses++) {
        net.pause(random.below(count), 2_000);
        net.run(2_000 + random.below(8_000));
      }
      net.run(10_000);
      const suspicions = net.changes.slice(mark).filter(({ to }) => to === 'suspect').length;
      console.log(
        `${count} nodes, ${minutes} min: ${pauses} pauses, ${suspicions} suspicions, ${deathsAfter(net, mark).length} deaths`,
      );
      expect(suspicions).toBeGreaterThan(pauses);
      expect(deathsAfter(net, mark)).toEqual([]);
      for (const [a, b] of everyPair(net)) expect(net.state(a, b)).not.toBe('dead');
    },
  );

  test('is not declared so though every message to and from it takes up to 350 ms', () => {
    const slow = 3;
    const net = mesh(6, 8, { delayMs: (from, to) => (from === slow || to === slow ? 350 : 3) });
    net.run(5 * 60_000);
    expect(net.changes.filter(({ to }) => to === 'dead')).toEqual([]);
  });

  test('refutes a suspicion by raising its incarnation, and others believe its record only', () => {
    const net = mesh(5, 6);
    net.run(15_000);
    const before = net.nodes[1]!.detector.own.incarnation;
    net.pause(1, 1_500);
    net.run(1_400);
    expect(net.changes.some(({ subject, to }) => subject === 1 && to === 'suspect')).toBe(true);
    net.run(3_000);
    expect(net.nodes[1]!.detector.own.incarnation).toBeGreaterThan(before);
    for (const index of [0, 2, 3, 4]) expect(net.state(index, 1)).toBe('alive');
  });

  test('is not made dead by a broken connection: a hint is a suspicion, and is refuted', () => {
    const net = mesh(4, 7);
    net.run(15_000);
    const mark = net.changes.length;
    for (const index of [0, 1, 3]) net.input(index, { kind: 'peer', node: net.nodes[2]!.identity.id, up: false });
    expect(net.state(0, 2)).toBe('suspect');
    net.run(5_000);
    expect(deathsAfter(net, mark)).toEqual([]);
    expect(net.state(0, 2)).toBe('alive');
  });

  test('is not made dead by the word of another: a lie that someone is dead is a suspicion, and is refuted', () => {
    const net = mesh(5, 12);
    net.run(15_000);
    const mark = net.changes.length;
    const [liar, victim] = [net.nodes[4]!, net.nodes[0]!];
    const bookOfVictim = createRecordBook({
      crypto: cheap,
      identity: victim.identity,
      meshId: new Uint8Array(32).fill(1),
    });
    const { incarnation, id: _, leaving: __, ...content } = victim.detector.own;
    const record = bookOfVictim.issue(content, incarnation, false).bytes;
    for (const by of [4, 3, 2, 1]) {
      const lie: Claim = { state: 'dead', record, by: net.nodes[by]!.identity.id };
      for (const index of [1, 2, 3])
        net.input(index, { kind: 'message', from: liar.identity.id, message: { kind: 'gossip', claims: [lie] } });
    }
    expect(net.state(1, 0)).toBe('suspect');
    net.run(6_000);
    expect(deathsAfter(net, mark)).toEqual([]);
    expect(net.state(1, 0)).toBe('alive');
  });

  test('is not made dead by a transport that swallows everything to and from it while another one works', () => {
    let isStuck = false;
    const net = mesh(5, 15, { stuck: (from, to) => isStuck && (from === 3 || to === 3) });
    net.run(15_000);
    const mark = net.changes.length;
    isStuck = true;
    net.run(60_000);
    expect(net.changes.slice(mark)).toEqual([]);
  });

  test('and can be reached by somebody stays alive though one other cannot reach it', () => {
    const net = mesh(5, 13, { cut: (from, to) => from === 0 && to === 1 });
    net.run(60_000);
    expect(net.changes.filter(({ to }) => to === 'dead')).toEqual([]);
  });
});

test('a node that hears nothing but can speak is declared dead, and its own suspicions bury nobody for the others', () => {
  let deaf = false;
  const net = mesh(6, 14, { cut: (_, to) => deaf && to === 0 });
  net.run(15_000);
  const mark = net.changes.length;
  deaf = true;
  net.run(30_000);
  for (let i = 1; i < 6; i++) expect(net.state(i, 0)).toBe('dead');
  expect(deathsAfter(net, mark).filter(({ observer, subject }) => observer !== 0 && subject !== 0)).toEqual([]);
  deaf = false;
  net.run(15_000);
  for (const [a, b] of everyPair(net)) expect(net.state(a, b)).toBe('alive');
});

test('two halves that were cut apart bury each other, and find together again without any help of a transport', () => {
  let cut = false;
  const net = mesh(8, 15, { cut: (from, to) => cut && from < 4 !== to < 4 });
  net.run(15_000);
  cut = true;
  net.run(10_000);
  for (const [a, b] of everyPair(net)) expect(net.state(a, b)).toBe(a < 4 === b < 4 ? 'alive' : 'dead');
  cut = false;
  net.run(30_000);
  for (const [a, b] of everyPair(net)) expect(net.state(a, b)).toBe('alive');
});

test('a node that leaves is gone for all within a second, unsuspected, and stays silent', () => {
  const net = mesh(6, 16);
  net.run(15_000);
  const mark = net.changes.length;
  net.input(3, { kind: 'leave' });
  net.run(1_000);
  for (const index of [0, 1, 2, 4, 5]) expect(net.state(index, 3)).toBe('dead');
  net.run(10_000);
  expect(net.changes.slice(mark).some(({ to }) => to === 'suspect')).toBe(false);
  expect(net.nodes[3]!.detector.nextMs).toBe(Number.POSITIVE_INFINITY);
});

test('what a node says of itself reaches every other', () => {
  const net = mesh(20, 17);
  net.run(15_000);
  const { id: _, incarnation: __, leaving: ___, ...content } = net.nodes[7]!.detector.own;
  net.input(7, { kind: 'update', content: { ...content, load: 900 } });
  net.run(2_000);
  for (const node of net.nodes.filter(({ index }) => index !== 7)) {
    const seen = node.detector.view().find(({ id }) => id === net.nodes[7]!.identity.id);
    expect(seen!.record!.load).toBe(900);
    expect(seen!.state).toBe('alive');
  }
});
