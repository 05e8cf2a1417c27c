// Law: a member that signs two things where one is allowed is removed by the others, and by no one's word but its own; the work goes on,
// what it had a part in deciding stays proven, and a mesh that cannot afford to lose it only names it.
import { describe, expect, it } from 'vitest';
import { removalOf } from '../actors/epochs/index.ts';
import { configKey, decodeCertificate, verifyCertificate } from '../consensus/index.ts';
import { type EpochConfig, encodeConfig } from '../protocols/mesh/index.ts';
import { disguiseOf } from './faults/index.ts';
import { Swarm } from './swarm.ts';
import { computeTask, planOf } from './workload.ts';

const plan = (text: string) => planOf(text, [computeTask('first'), computeTask('second', { after: ['first'] })]);

/** The last of the nodes is two-faced. */
function swarmWithLiar(
  nodes: number,
  seed: number,
): { readonly swarm: Swarm; readonly honest: readonly number[]; readonly liar: number } {
  const swarm = new Swarm({ seed, nodes });
  const liar = nodes - 1;
  swarm.nodes[liar]!.disguise = disguiseOf(['two-faced'], swarm.random.fork('liar'), swarm.nodes[liar]!.troubles);
  swarm.start();
  return { swarm, liar, honest: Array.from({ length: nodes - 1 }, (_, i) => i) };
}
const configs = (swarm: Swarm, nodes: readonly number[]): EpochConfig[] =>
  nodes.map((index) => swarm.nodes[index]!.process!.composed.parts.chain.current);
const completed = (swarm: Swarm, index: number): number =>
  swarm.nodes[index]!.process!.composed.parts.board.all().filter(({ ended }) => ended?.state === 'completed').length;

/** Work until the liar has had its chances to lie. */
async function work(swarm: Swarm, honest: readonly number[], isOver: () => boolean): Promise<number> {
  let submitted = 0;
  await swarm.run(2_000);
  while (submitted < 12 && !isOver()) {
    swarm.submit(submitted % honest.length, plan(`work ${submitted}`), `client-${submitted}-removal`);
    submitted++;
    await swarm.run(swarm.nowMs + 20_000, isOver);
  }
  return submitted;
}

describe('a member that equivocates', () => {
  it('is removed from a mesh of five, and the others go on; its certificates stay verifiable', async () => {
    const { swarm, honest, liar } = swarmWithLiar(5, 41);
    const culprit = swarm.nodes[liar]!.id;
    const isRemoved = (): boolean => configs(swarm, honest).every(({ epoch }) => epoch === 1);
    const submitted = await work(swarm, honest, isRemoved);
    for (const config of configs(swarm, honest)) {
      expect(config.members.map(({ id }) => id)).not.toContain(culprit);
      expect(config).toMatchObject({ epoch: 1, f: 1 });
    }
    await swarm.run(swarm.nowMs + 120_000, () => honest.every((index) => completed(swarm, index) === submitted));
    swarm.submit(0, plan('after'), 'client-after-removal');
    await swarm.run(swarm.nowMs + 60_000, () => honest.every((index) => completed(swarm, index) === submitted + 1));
    expect(honest.map((index) => completed(swarm, index))).toEqual(honest.map(() => submitted + 1));

    const { parts } = swarm.nodes[0]!.process!.composed;
    let old = 0;
    for (const record of parts.board.all())
      for (const { attempts } of record.tasks.values())
        for (const { certified } of attempts.values()) {
          if (certified === undefined) continue;
          const certificate = decodeCertificate(certified.certificateBytes);
          const config = parts.chain.config(certificate.epoch)!;
          expect(verifyCertificate(certificate, config, swarm.meshId, swarm.crypto)).toEqual({ ok: true });
          if (certificate.epoch === 0) old++;
        }
    expect(old).toBeGreaterThan(0);
  });

  it('is only named in a mesh of four, which would tolerate no liar without it', async () => {
    const { swarm, honest, liar } = swarmWithLiar(4, 42);
    const culprit = swarm.nodes[liar]!.id;
    const isNamed = (): boolean =>
      honest.every((index) =>
        swarm.nodes[index]!.process!.composed.parts.ledger.charges().some(
          ({ node, what }) => node === culprit && what.startsWith('equivocated'),
        ),
      );
    await work(swarm, honest, isNamed);
    expect(isNamed()).toBe(true);
    await swarm.run(swarm.nowMs + 30_000);
    expect(configs(swarm, honest).map(({ epoch }) => epoch)).toEqual(honest.map(() => 0));
  });

  it('nobody is removed without evidence, whoever proposes it', async () => {
    const swarm = new Swarm({ seed: 43, nodes: 5 });
    swarm.start();
    await swarm.run(2_000);
    const victim = swarm.nodes[4]!.id;
    const payload = encodeConfig(removalOf(swarm.genesis.config, victim, swarm.crypto)!);
    // What a node offers counts as right in its own eyes: it is the others who must not follow.
    const subject = { domain: 'config', key: configKey(1) } as const;
    swarm.nodes[0]!.process!.composed.keeper.ref!.tell({ type: 'propose', epoch: 0, subject, payload });
    await swarm.run(60_000);
    expect(configs(swarm, [0, 1, 2, 3, 4]).map(({ epoch }) => epoch)).toEqual([0, 0, 0, 0, 0]);
  });
});
