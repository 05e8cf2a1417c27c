// Law: what falls over stands up again where it fell, and no work is lost: an actor between any two messages, a node at any moment, a site's
// connection, two nodes at once. Nobody who only fell over is accused.
import { afterEach, describe, expect, it } from 'vitest';
import type { AppendFile } from '../../actors/system/index.ts';
import { InProcessMesh, type InProcessOptions, planOf, task } from '../support/in-process-mesh.ts';

let mesh: InProcessMesh;
const start = async (options: Partial<InProcessOptions> = {}): Promise<void> => {
  mesh = await InProcessMesh.start({ count: 4, ...options });
};
afterEach(() => mesh.end());

const chain = () =>
  planOf([
    task('one'),
    task('two', { after: ['one'], skill: 'slow', input: { ms: 800 } }),
    task('three', { after: ['two'] }),
  ]);
const completed = (names: readonly string[]): string[] => names.map(() => 'completed');
const nobodyAccused = (): void => {
  for (const { name } of mesh.live) expect([name, mesh.accused(name)]).toEqual([name, []]);
};

const actors = [
  'auditor',
  'membership',
  'memory',
  'consensus',
  'audit-log',
  'admission',
  'roles',
  'roles/planner',
  'roles/executor',
  'roles/verifier',
  'roles/verdict',
  'roles/stewards',
];

describe('an actor that falls over', () => {
  it.each(actors)('%s, at every node in the middle of a workflow, costs no result', async (path) => {
    await start();
    const workflow = await mesh.open('amber', chain());
    for (const atMs of [0, 40, 200]) {
      await mesh.time.advance(atMs);
      for (const name of mesh.names) await mesh.crash(name, `/node/${path}`);
    }
    expect(await mesh.ended(workflow)).toEqual(completed(mesh.names));
    const next = await mesh.open('birch', chain(), 'the-one-after-it');
    expect(await mesh.ended(next)).toEqual(completed(mesh.names));
    nobodyAccused();
  });

  it('leaves no second pair of ears behind: each candidate is signed and each vote cast once', async () => {
    await start();
    for (const path of actors) {
      await mesh.crash('amber', `/node/${path}`);
      await mesh.time.advance(5_000);
    }
    const workflow = await mesh.open('amber', planOf([task('one')]));
    await mesh.ended(workflow);
    await mesh.time.advance(1_000);
    expect(mesh.node('amber').runs).toHaveLength(1);
    nobodyAccused();
  });

  it('again and again ends the node, which says so', async () => {
    await start();
    let ended: string | undefined;
    void mesh.node('amber').composed.ended.then(({ kind }) => {
      ended = kind;
    });
    for (let i = 0; i < 200 && ended === undefined; i++) {
      await mesh.crash('amber', '/node/memory').catch(() => {});
      await mesh.time.advance(10);
    }
    expect(ended).toBeDefined();
  });
});

describe('a node that is killed', () => {
  /** What the others take at most to finish its work: promised in the time of the clocks, and so held against virtual time. */
  const promisedMs = 5_000;

  it.each([0, 1, 5, 20, 60, 150, 500, 900])(
    '%i ms after it accepted, is made up for within five seconds, and learns the end when it is back',
    async (atMs) => {
      await start();
      for (const victim of mesh.names) {
        const others = mesh.names.filter((name) => name !== victim);
        const workflow = await mesh.open(victim, chain(), `killed-${victim}-key`);
        await mesh.time.advance(atMs);
        await mesh.stopNode(victim);
        expect(await mesh.ended(workflow, others, promisedMs)).toEqual(completed(others));
        await mesh.startNode(victim);
        expect(await mesh.ended(workflow, [victim], 20_000)).toEqual(['completed']);
      }
      nobodyAccused();
      expect(mesh.crashes).toEqual([]);
    },
  );

  it('beside another: nothing is decided, and everything is when one of them is back', async () => {
    await start();
    await mesh.stopNode('cedar');
    await mesh.stopNode('dune');
    const workflow = await mesh.open('amber', chain());
    await mesh.time.advance(60_000);
    expect(mesh.stateAt('amber', workflow)).toBeUndefined();
    await mesh.startNode('dune');
    expect(await mesh.ended(workflow, ['amber', 'birch', 'dune'])).toEqual(completed(['amber', 'birch', 'dune']));
    nobodyAccused();
  });

  it('together with all the others: the mesh goes on where it was', async () => {
    await start();
    const workflow = await mesh.open('amber', chain());
    await mesh.time.advance(300);
    for (const name of mesh.names) await mesh.stopNode(name);
    for (const name of mesh.names) await mesh.startNode(name);
    expect(await mesh.ended(workflow)).toEqual(completed(mesh.names));
    nobodyAccused();
    expect(mesh.crashes).toEqual([]);
  });
});

describe('a log of votes that is rewritten after every write', () => {
  const rewritten = { buggify: ['consensus.rewrite'] };

  it('costs no result, whoever is killed when, and nobody is accused', async () => {
    await start(rewritten);
    for (const [i, victim] of mesh.names.entries()) {
      const workflow = await mesh.open(victim, chain(), `rewritten-${victim}`);
      await mesh.time.advance(i * 90);
      await mesh.stopNode(victim);
      await mesh.startNode(victim);
      expect(await mesh.ended(workflow, mesh.names, 20_000)).toEqual(completed(mesh.names));
    }
    for (const name of mesh.names) await mesh.stopNode(name);
    for (const name of mesh.names) await mesh.startNode(name);
    const last = await mesh.open('amber', chain(), 'rewritten-after-all');
    expect(await mesh.ended(last)).toEqual(completed(mesh.names));
    nobodyAccused();
    expect(mesh.crashes).toEqual([]);
  });

  it('and put back as it was is told: that node does not vote, and the others go on', async () => {
    await start(rewritten);
    const first = await mesh.open('amber', chain(), 'before-the-copy');
    expect(await mesh.ended(first)).toEqual(completed(mesh.names));
    await mesh.time.advance(5_000);
    const { storage } = mesh.node('dune');
    const fileOf = async (change: (file: AppendFile) => Promise<void>): Promise<void> => {
      const file = await storage.appendFile('consensus-0.wal');
      await change(file);
      await file.close();
    };
    let copy: Uint8Array = new Uint8Array(0);
    await mesh.stopNode('dune');
    await fileOf(async (file) => {
      copy = await file.readAll();
    });
    await mesh.startNode('dune');
    const second = await mesh.open('amber', chain(), 'after-the-copy');
    expect(await mesh.ended(second)).toEqual(completed(mesh.names));
    await mesh.time.advance(5_000);
    nobodyAccused();
    await mesh.stopNode('dune');
    await fileOf((file) => file.replace([copy]));
    await mesh.startNode('dune');
    await mesh.time.advance(5_000);
    expect(mesh.accused('dune')).toEqual(['dune']);
    const third = await mesh.open('amber', chain(), 'without-its-vote');
    expect(await mesh.ended(third)).toEqual(completed(mesh.names));
    for (const name of ['amber', 'birch', 'cedar']) expect(mesh.accused(name)).toEqual([]);
  });
});

describe('a connection that is cut', () => {
  it('between two nodes keeps neither from the result', async () => {
    await start();
    mesh.disconnect('amber', 'birch');
    const workflow = await mesh.open('amber', chain());
    expect(await mesh.ended(workflow)).toEqual(completed(mesh.names));
    nobodyAccused();
  });

  it('through the middle of the mesh decides nothing on either side, and both agree when it is whole', async () => {
    await start();
    for (const [a, b] of [
      ['amber', 'cedar'],
      ['amber', 'dune'],
      ['birch', 'cedar'],
      ['birch', 'dune'],
    ] as const)
      mesh.disconnect(a, b);
    const workflow = await mesh.open('amber', chain());
    await mesh.time.advance(20_000);
    expect(mesh.names.map((name) => mesh.stateAt(name, workflow))).toEqual([
      undefined,
      undefined,
      undefined,
      undefined,
    ]);
    for (const [a, b] of [
      ['amber', 'cedar'],
      ['amber', 'dune'],
      ['birch', 'cedar'],
      ['birch', 'dune'],
    ] as const)
      mesh.connect(a, b);
    expect(await mesh.ended(workflow, mesh.names, 60_000)).toEqual(completed(mesh.names));
    nobodyAccused();
  });
});

describe('a skill that fails', () => {
  it('alike at every node fails the workflow with its own words, and accuses nobody', async () => {
    await start();
    const workflow = await mesh.open('amber', planOf([task('one', { skill: 'fail' })]));
    expect(await mesh.ended(workflow)).toEqual(mesh.names.map(() => 'failed'));
    expect(mesh.record('cedar', workflow)?.ended?.message).toBe('one (fail): no such column');
    nobodyAccused();
  });

  it('to run at one node is made up for by the others', async () => {
    const crashed = { kind: 'fault', code: 'crashed', message: 'it fell', durationMs: 1 } as const;
    await start({ outcome: { amber: () => crashed } });
    for (let i = 0; i < 4; i++) {
      const workflow = await mesh.open('birch', planOf([task('one')]), `a-broken-node-${i}`);
      expect(await mesh.ended(workflow)).toEqual(completed(mesh.names));
    }
    nobodyAccused();
  });

  it('to run at more nodes than may be missing is said after a few tries, and not after the task’s whole time for each', async () => {
    const crashed = { kind: 'fault', code: 'crashed', message: 'it fell', durationMs: 1 } as const;
    await start({ outcome: { amber: () => crashed, birch: () => crashed } });
    const workflow = await mesh.open('cedar', planOf([task('one')]));
    expect(await mesh.ended(workflow, mesh.names, 20_000)).toEqual(mesh.names.map(() => 'failed'));
    expect(mesh.record('cedar', workflow)?.ended?.message).toMatch(/no result after 3 attempt\(s\)/);
    nobodyAccused();
  });
});

describe('a site', () => {
  const placed = (site: string, more = {}) =>
    task(`at-${site}`, { placement: { site, dataSet: 'ledger' }, endorsement: 'site', optional: true, ...more });
  const everySite = () =>
    planOf([
      placed('north'),
      placed('south'),
      task('merge', {
        after: ['at-north', 'at-south'],
        files: { 'n.json': { task: 'at-north' }, 's.json': { task: 'at-south' } },
      }),
    ]);
  const content = (text: string) => ({
    content: new TextEncoder().encode(text),
    policy: { minimumGroupSize: 1, allow: ['echo'] },
  });
  const sites = { site: (i: number) => (i === 3 ? 'south' : 'north') };

  it('answers for itself; its nodes may hold different tables, and none of them is accused for it', async () => {
    await start({
      ...sites,
      dataSets: {
        amber: { ledger: content('a') },
        birch: { ledger: content('b') },
        cedar: { ledger: content('c') },
        dune: { ledger: content('d') },
      },
    });
    const workflow = await mesh.open('amber', everySite());
    expect(await mesh.ended(workflow)).toEqual(completed(mesh.names));
    nobodyAccused();
  });

  it('that is down is named as absent, and the others’ answer comes within seconds', async () => {
    await start({ ...sites, dataSets: { amber: { ledger: content('a') } } });
    await mesh.stopNode('dune');
    const names = ['amber', 'birch', 'cedar'];
    const workflow = await mesh.open('amber', everySite());
    expect(await mesh.ended(workflow, names, 10_000)).toEqual(completed(names));
    expect(mesh.record('amber', workflow)!.tasks.get('at-south')!.attempts.get(0)!.certified!.decision.kind).toBe(
      'REASSIGN',
    );
    nobodyAccused();
  });

  it('keeps its table: no other node ever has its bytes', async () => {
    const table = content('a table that stays');
    await start({ ...sites, dataSets: { dune: { ledger: table }, amber: { ledger: content('a') } } });
    const workflow = await mesh.open('amber', everySite());
    expect(await mesh.ended(workflow)).toEqual(completed(mesh.names));
    const { refOf } = await import('../support/in-process-mesh.ts');
    for (const name of ['amber', 'birch', 'cedar'])
      expect([name, await mesh.node(name).storage.blobs.has(refOf(table.content).digest)]).toEqual([name, false]);
  });
});
