// Law: what a node verified in one life it does not verify again in the next: the votes of its own decisions included.
import { afterEach, expect, it, vi } from 'vitest';
import { crypto, InProcessMesh, planOf, task } from '../support/in-process-mesh.ts';

let mesh: InProcessMesh;
afterEach(async () => {
  vi.restoreAllMocks();
  await mesh.end();
});

it('a node that starts again checks the heads of its lanes, and of a decision what others certified it with and it did not', async () => {
  mesh = await InProcessMesh.start({ count: 4 });
  const decisions = 6;
  const tasks = Array.from({ length: decisions }, (_, i) => task(`t${i}`, i === 0 ? {} : { after: [`t${i - 1}`] }));
  const workflow = await mesh.open('amber', planOf(tasks));
  await mesh.ended(workflow);
  const size = () => mesh.node('birch').composed.audit.log(0).size;
  await mesh.until('all decisions in the log', () => size() === decisions);
  await mesh.stopNode('birch');
  const checks = vi.spyOn(crypto, 'verify');
  await mesh.startNode('birch');
  // Three votes make a certificate: anyone else's has one vote at most that is not among one's own.
  expect(checks.mock.calls.length).toBeLessThanOrEqual(mesh.names.length + decisions);
  expect([mesh.stateAt('birch', workflow), size()]).toEqual(['completed', decisions]);
});
