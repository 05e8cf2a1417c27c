// Law: an epoch in which enough was decided ends by itself, with the same members, and no work notices: what was decided stays proven, what
// runs is decided where it began, and the epoch that is over is closed.
import { afterEach, expect, it } from 'vitest';
import { buildCertificateFile, verifyCertificateFile } from '../../actors/proof/index.ts';
import { workflowLane } from '../../actors/workflow/index.ts';
import { crypto, InProcessMesh, planOf, task } from '../support/in-process-mesh.ts';

let mesh: InProcessMesh;
afterEach(() => mesh.end());

it('an epoch that is spent is followed by one with the same members, over and over, and nothing is lost in between', async () => {
  mesh = await InProcessMesh.start({ count: 4, buggify: ['epochs.short', 'consensus.rewrite'] });
  const { names } = mesh;
  const chainAt = (name: string) => mesh.node(name).composed.parts.chain;
  /** As a gateway does: in the epoch in which the node is. */
  const open = async (name: string, key: string): Promise<string> => {
    const plan = planOf([task('one'), task('two', { after: ['one'] })]);
    const { entry, workflow } = mesh.opening(plan, key, chainAt(name).current.epoch);
    await mesh.say(name, workflowLane, entry);
    return workflow;
  };
  const workflows: { readonly workflow: string; readonly epoch: number }[] = [];
  const lastEpoch = 6;
  for (let i = 0; chainAt('amber').current.epoch < lastEpoch; i++) {
    expect(i).toBeLessThan(60);
    const workflow = await open(names[i % 4]!, `renewed-${i}-key`);
    expect(await mesh.ended(workflow, names, 30_000)).toEqual(names.map(() => 'completed'));
    workflows.push({ workflow, epoch: mesh.record('amber', workflow)!.opened!.epoch });
    await mesh.time.advance(2_000);
  }
  await mesh.until('all to be in the same epoch', () =>
    names.every((name) => chainAt(name).current.epoch === lastEpoch),
  );
  const members = JSON.stringify(chainAt('amber').config(0)!.members);
  for (const name of names)
    for (let epoch = 0; epoch <= lastEpoch; epoch++) {
      const { f, c, p, members: then } = chainAt(name).config(epoch)!;
      expect([f, c, p, JSON.stringify(then)]).toEqual([1, 0, 1, members]);
    }
  expect(new Set(workflows.map(({ epoch }) => epoch)).size).toBeGreaterThan(4);
  for (const { workflow } of workflows) {
    const record = mesh.record('birch', workflow)!;
    const file = buildCertificateFile(record, chainAt('birch'))!;
    expect(verifyCertificateFile(file, { crypto, meshId: chainAt('birch').meshIdHex }).ok).toBe(true);
  }
  // Closed, epoch by epoch, and a node that starts then goes on where the others are.
  const isClosed = (name: string): boolean => mesh.node(name).composed.audit.log(0).isClosed;
  await mesh.until('the first epoch to be closed', () => names.every(isClosed), 120_000);
  await mesh.stopNode('dune');
  await mesh.startNode('dune');
  const last = await open('dune', 'after-them-all');
  expect(await mesh.ended(last, names, 30_000)).toEqual(names.map(() => 'completed'));
  for (const name of names) expect([name, mesh.accused(name)]).toEqual([name, []]);
  expect(mesh.crashes).toEqual([]);
});
