// Law: two honest machines with one key are one liar and no more: what either says to its side is borne out or named, and what the others
// certify is one.
import { describe, expect, it } from 'vitest';
import type { SimCase } from './case.ts';
import { faultyNodes, twinsOf } from './faults/index.ts';
import { runCase } from './run.ts';
import { compile } from './scenario/index.ts';
import { loadScenario } from './scenarios.ts';
import type { Swarm } from './swarm.ts';

const oneRunMs = 240_000;

interface Watched {
  readonly swarm: Swarm;
  /** Of the double's frames: who sent them, to whom. */
  readonly sent: ReadonlyMap<number, ReadonlySet<number>>;
  readonly charges: readonly string[];
}

async function run(simCase: SimCase): Promise<Watched & { readonly result: Awaited<ReturnType<typeof runCase>> }> {
  const sent = new Map<number, Set<number>>();
  const charges: string[] = [];
  let swarm: Swarm | undefined;
  const result = await runCase(simCase, {
    watch: (watched) => {
      swarm = watched;
      return {
        sent({ from, to }) {
          sent.set(from, (sent.get(from) ?? new Set()).add(to));
        },
        charged: (node, { node: culprit, what }) =>
          void charges.push(`${node.index} ${watched.nodes.findIndex(({ id }) => id === culprit)} ${what}`),
      };
    },
  });
  return { swarm: swarm!, sent, charges, result };
}

describe('a member on two machines', () => {
  it('is two processes of the node’s own code under one key, which never meet and both are heard', {
    timeout: oneRunMs,
  }, async () => {
    const simCase = compile(loadScenario('twins').scenario, 1);
    expect(twinsOf(simCase.plan)).toEqual([4]);
    expect([...faultyNodes(simCase.plan)]).toEqual([4]);
    const { swarm, sent, result } = await run(simCase);
    expect(result.violations).toEqual([]);
    const [original, twin] = [swarm.nodes[4]!, swarm.nodes[5]!];
    expect(twin.id).toBe(original.id);
    expect(twin.disk).not.toBe(original.disk);
    for (const [from, other] of [
      [4, 5],
      [5, 4],
    ] as const) {
      expect([...sent.get(from)!].sort()).toEqual([0, 1, 2, 3]);
      expect(sent.get(from)!.has(other)).toBe(false);
    }
  });

  it('is removed once its contradicting votes came to light, which they do sooner or later', {
    timeout: 4 * oneRunMs,
  }, async () => {
    // A twin that hears in time that its log is not its own says no more: then there is a fork of its lanes, and no vote against a vote.
    for (let seed = 1; seed <= 6; seed++) {
      const { swarm, charges, result } = await run(compile(loadScenario('twins').scenario, seed));
      expect(result.violations).toEqual([]);
      if (!result.reached.includes('a guilty member removed')) continue;
      for (const honest of [0, 1, 2, 3]) {
        expect(charges.some((charge) => charge.startsWith(`${honest} 4 equivocated`))).toBe(true);
        const { chain } = swarm.nodes[honest]!.process!.composed.parts;
        expect(chain.current.epoch).toBeGreaterThan(0);
        expect(chain.isMember(swarm.nodes[4]!.id)).toBe(false);
      }
      return;
    }
    expect.unreachable('none of six seeds let the two contradict each other in votes');
  });

  it('of four is named and stays, and whatever is accepted comes to its end', { timeout: oneRunMs }, async () => {
    const scenario = loadScenario('twins').scenario;
    const { swarm, charges, result } = await run(
      compile({ ...scenario, nodes: 4, liars: [{ node: 3, kits: ['twins'] }] }, 2),
    );
    expect(result.violations).toEqual([]);
    expect(result.workflows.completed + result.workflows.failed).toBe(result.workflows.accepted);
    expect(charges.length).toBeGreaterThan(0);
    expect(charges.filter((charge) => !charge.includes(' 3 '))).toEqual([]);
    for (const index of [0, 1, 2]) expect(swarm.nodes[index]!.process!.composed.parts.chain.current.epoch).toBe(0);
  });
});
