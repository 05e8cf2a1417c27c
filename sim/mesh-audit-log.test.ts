// Law: whatever the members decided stands in one log, the same at every node, with a checkpoint that a quorum cosigned; a node that was
// away catches up with proof, and no workflow ever waits for any of it.
import { describe, expect, it } from 'vitest';
import { isLogged, openCheckpoint, verdictKey } from '../consensus/index.ts';
import { Swarm } from './swarm.ts';
import { computeTask, planOf } from './workload.ts';

const allCosigned = (swarm: Swarm, nodes: readonly number[], size: number): boolean =>
  nodes.every((index) => {
    const audit = swarm.nodes[index]!.process?.composed.audit;
    return audit !== undefined && audit.log(0).size === size && audit.isCosigned(0);
  });

function submit(swarm: Swarm, count: number, from = 0): void {
  for (let i = from; i < from + count; i++)
    swarm.submit(
      i % 3,
      planOf(`work ${i}`, [computeTask('first'), computeTask('second', { after: ['first'] })]),
      `client-${i}-audit`,
    );
}

describe('the audit log of a mesh', () => {
  it('logs every decision once, and proves each under a checkpoint that a quorum cosigned', async () => {
    const swarm = new Swarm({ seed: 7, nodes: 4 });
    swarm.start();
    await swarm.run(2_000);
    submit(swarm, 3);
    await swarm.run(60_000, () => allCosigned(swarm, [0, 1, 2, 3], 6));
    const books = swarm.nodes.map(({ process }) => process!.composed.audit);
    expect(books.map((book) => book.log(0).size)).toEqual([6, 6, 6, 6]);
    expect(new Set(books.map((book) => Buffer.from(book.log(0).root()).toString('hex'))).size).toBe(1);

    const { board } = swarm.nodes[1]!.process!.composed.parts;
    const { config } = swarm.genesis;
    let shown = 0;
    for (const record of board.all()) {
      for (const { attempts } of record.tasks.values()) {
        for (const { certified } of attempts.values()) {
          if (certified === undefined) continue;
          const entry = {
            kind: 'verdict',
            key: verdictKey(certified.decision),
            digest: certified.certificate.value,
          } as const;
          const proof = books[2]!.prove(0, entry)!;
          const opened = openCheckpoint(proof.checkpoint, config, swarm.meshId, swarm.crypto);
          expect(opened.ok).toBe(true);
          if (!opened.ok) continue;
          expect(isLogged(proof.entry, proof.index, opened.checkpoint, proof.proof, swarm.crypto)).toBe(true);
          expect(books[2]!.prove(0, { ...entry, digest: '0'.repeat(64) })).toBeUndefined();
          shown++;
        }
      }
    }
    expect(shown).toBe(6);
  });

  it('goes on with one member down, and the member catches up when it is back', async () => {
    const swarm = new Swarm({ seed: 8, nodes: 4 });
    swarm.start();
    await swarm.run(2_000);
    submit(swarm, 1);
    await swarm.run(30_000, () => allCosigned(swarm, [0, 1, 2, 3], 2));
    expect(allCosigned(swarm, [0, 1, 2, 3], 2)).toBe(true);
    swarm.nodes[3]!.end(true, 'reset');
    submit(swarm, 4, 1);
    await swarm.run(90_000, () => allCosigned(swarm, [0, 1, 2], 10));
    expect(allCosigned(swarm, [0, 1, 2], 10)).toBe(true);
    swarm.nodes[3]!.start();
    await swarm.run(swarm.nowMs + 30_000, () => allCosigned(swarm, [3], 10));
    const [one, back] = [0, 3].map((index) => swarm.nodes[index]!.process!.composed.audit.log(0));
    expect(back!.root()).toEqual(one!.root());
  });

  it('is still there after every node lost its power at once', async () => {
    const swarm = new Swarm({ seed: 9, nodes: 4 });
    swarm.start();
    await swarm.run(2_000);
    submit(swarm, 2);
    await swarm.run(60_000, () => allCosigned(swarm, [0, 1, 2, 3], 4));
    const before = swarm.nodes[0]!.process!.composed.audit.log(0).root();
    for (const node of swarm.nodes) node.end(true, 'reset');
    for (const node of swarm.nodes) node.start();
    await swarm.run(swarm.nowMs + 30_000, () => allCosigned(swarm, [0, 1, 2, 3], 4));
    expect(allCosigned(swarm, [0, 1, 2, 3], 4)).toBe(true);
    expect(swarm.nodes[2]!.process!.composed.audit.log(0).root()).toEqual(before);
  });
});
