// Law: who has no vote learns everything and costs little: it keeps to the members, is told outcomes and not votes, and what one observer
// costs is the same however many there are.
import { describe, expect, it } from 'vitest';
import { Swarm } from './swarm.ts';
import { computeTask, planOf } from './workload.ts';

const members = 4;

interface Traffic {
  /** Of an observer and second, by type. */
  readonly perObserver: ReadonlyMap<string, number>;
  /** Between members and a second. */
  readonly amongMembers: number;
  readonly swarm: Swarm;
}

async function run(observers: number): Promise<Traffic> {
  const swarm = new Swarm({ seed: 11, nodes: members, observers });
  const seconds = 20;
  const byType = new Map<string, number>();
  let amongMembers = 0;
  let isCounting = false;
  swarm.watch({
    sent({ from, to, type }) {
      if (!isCounting) return;
      if (from < members && to < members) amongMembers++;
      else byType.set(type, (byType.get(type) ?? 0) + 1);
    },
  });
  swarm.start();
  await swarm.run(5_000);
  isCounting = true;
  swarm.submit(1, planOf('a task', [computeTask('only')]), 'observed work');
  await swarm.run(5_000 + seconds * 1_000);
  return {
    perObserver: new Map([...byType].map(([type, count]) => [type, count / observers / seconds])),
    amongMembers: amongMembers / seconds,
    swarm,
  };
}

describe('observers of a mesh', () => {
  it('keep to the members, learn what was certified, and are charged with nothing', async () => {
    const { swarm } = await run(12);
    const votes = new Set(swarm.nodes.slice(0, members).map(({ id }) => id));
    const [workflow] = swarm.submissions.map((submission) => submission.workflow);
    for (const { process } of swarm.observers) {
      const { board, world, view } = process!.composed.parts;
      expect(new Set(world.network.peers())).toEqual(votes);
      expect(board.get(workflow!)?.ended?.state).toBe('completed');
      expect(process!.composed.audit.log(0).size).toBe(1);
      expect(process!.composed.audit.isCosigned(0)).toBe(true);
      expect([...votes].map((id) => view.state(id))).toEqual([...votes].map(() => 'alive'));
    }
    for (const { process } of swarm.nodes) expect(process!.composed.parts.refusals.list()).toEqual([]);
  });

  it('cost the same each, and the members no more among themselves, when there are five times as many', async () => {
    const [few, many] = [await run(8), await run(40)];
    const total = ({ perObserver }: Traffic): number => [...perObserver.values()].reduce((sum, each) => sum + each, 0);
    expect(total(many)).toBeLessThan(total(few) * 1.1);
    expect(many.amongMembers).toBeLessThan(few.amongMembers * 1.1);
    expect(many.perObserver.get('consensus.frame')).toBeUndefined();
  });

  it('see a member die and come back though they look at nobody', async () => {
    const swarm = new Swarm({ seed: 12, nodes: members, observers: 3 });
    swarm.start();
    await swarm.run(5_000);
    const [last] = swarm.nodes.slice(members - 1);
    const stateOf = (): (string | undefined)[] =>
      swarm.observers.map(({ process }) => process?.composed.parts.view.state(last!.id));
    last!.end(true, 'silent');
    await swarm.run(30_000, () => stateOf().every((state) => state === 'dead'));
    expect(stateOf()).toEqual(['dead', 'dead', 'dead']);
    last!.start();
    await swarm.run(60_000, () => stateOf().every((state) => state === 'alive'));
    expect(stateOf()).toEqual(['alive', 'alive', 'alive']);
  });
});
