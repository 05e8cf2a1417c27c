// Law: a node whose log of votes went back does not vote, says why, and holds nobody up; a log that ends where its node last spoke is no
// rollback, however the node ended.
import { describe, expect, it } from 'vitest';
import type { Charge } from '../actors/parts/index.ts';
import type { SimNode } from './node.ts';
import { Swarm } from './swarm.ts';
import { computeTask, planOf } from './workload.ts';

const plan = (text: string) => planOf(text, [computeTask('first'), computeTask('second', { after: ['first'] })]);
const done = (swarm: Swarm, nodes: readonly number[], count: number): boolean =>
  nodes.every(
    (index) =>
      (swarm.nodes[index]!.process?.composed.parts.board.all() ?? []).filter(
        ({ ended }) => ended?.state === 'completed',
      ).length === count,
  );
const conduct = (node: SimNode): readonly Charge[] =>
  (node.process?.composed.parts.ledger.charges() ?? []).filter((charge) => charge.node === node.id);

/** The vote log as a backup would have it. */
function backup(node: SimNode): () => void {
  const file = node.disk.files.get('consensus-0.wal')!;
  const copy = { ...file, bytes: file.bytes.slice() };
  return () => void node.disk.files.set('consensus-0.wal', { ...copy, bytes: copy.bytes.slice() });
}

async function worked(seed: number): Promise<Swarm> {
  const swarm = new Swarm({ seed, nodes: 4 });
  swarm.start();
  await swarm.run(2_000);
  swarm.submit(0, plan('one'), 'client-one-rollback');
  await swarm.run(30_000, () => done(swarm, [0, 1, 2, 3], 1));
  expect(done(swarm, [0, 1, 2, 3], 1)).toBe(true);
  return swarm;
}

describe('a log of votes that went back', () => {
  for (const [what, whole] of [
    ['a node restored from an older copy of its folder', false],
    ['the same when the whole mesh went down with it', true],
  ] as const) {
    it(`${what} does not vote and says so; the others decide without it`, async () => {
      const swarm = await worked(whole ? 22 : 21);
      const victim = swarm.nodes[2]!;
      const restore = backup(victim);
      swarm.submit(1, plan('two'), 'client-two-rollback');
      await swarm.run(swarm.nowMs + 30_000, () => done(swarm, [0, 1, 2, 3], 2));
      // Longer than peers keep what they saw in memory only.
      await swarm.run(swarm.nowMs + 3_000);
      for (const node of whole ? swarm.nodes : [victim]) node.end(true, 'reset');
      restore();
      for (const node of whole ? swarm.nodes : [victim]) node.start();
      await swarm.run(swarm.nowMs + 5_000);
      expect(conduct(victim).map(({ what: text }) => text)).toEqual([expect.stringContaining('older than')]);

      const votes: string[] = [];
      swarm.watch({ sent: ({ from, type }) => void (from === 2 && type === 'consensus.frame' && votes.push(type)) });
      swarm.submit(0, plan('three'), 'client-three-rollback');
      await swarm.run(swarm.nowMs + 60_000, () => done(swarm, [0, 1, 3], 3));
      expect(done(swarm, [0, 1, 3], 3)).toBe(true);
      expect(votes).toEqual([]);
    });
  }

  it('a wiped log is one that went back, too', async () => {
    const swarm = await worked(23);
    swarm.nodes[1]!.end(true, 'reset');
    swarm.nodes[1]!.disk.files.delete('consensus-0.wal');
    swarm.nodes[1]!.start();
    await swarm.run(swarm.nowMs + 5_000);
    expect(conduct(swarm.nodes[1]!).map(({ what }) => what)).toEqual([expect.stringContaining('ends at record 0')]);
  });

  it('a node that lost its power in the middle of its work votes again, alone or with all the others', async () => {
    for (let seed = 31; seed < 37; seed++) {
      const swarm = new Swarm({ seed, nodes: 4 });
      swarm.start();
      await swarm.run(2_000);
      swarm.submit(0, plan('one'), 'client-one-rollback');
      await swarm.run(2_000 + 20 * (seed - 30));
      const down = seed % 2 === 0 ? swarm.nodes : [swarm.nodes[1 + (seed % 3)]!];
      for (const node of down) node.end(true, 'reset');
      for (const node of down) node.start();
      await swarm.run(swarm.nowMs + 60_000, () => done(swarm, [0, 1, 2, 3], 1));
      expect(swarm.nodes.flatMap(conduct)).toEqual([]);
    }
  });
});
