// Law: what was decided is logged, also where every node stopped between the decision and its batch.
import { afterEach, expect, it } from 'vitest';
import { buildCertificateFile, certifiedEntries } from '../../actors/proof/index.ts';
import { InProcessMesh, planOf, task } from '../support/in-process-mesh.ts';

let mesh: InProcessMesh;
afterEach(() => mesh.end());

it('logs after a restart of all what it had decided before', async () => {
  mesh = await InProcessMesh.start({ count: 4 });
  const workflow = await mesh.open('amber', planOf([task('one')]));
  await mesh.ended(workflow);
  const books = () => mesh.names.map((name) => mesh.node(name).composed.audit);
  expect(books().map((book) => book.log(0).size)).toEqual([0, 0, 0, 0]);
  for (const name of mesh.names) await mesh.stopNode(name);
  for (const name of mesh.names) await mesh.startNode(name);
  await mesh.until('the log', () => books().every((book) => book.log(0).size === 1 && book.isCosigned(0)), 60_000);
  const { chain } = mesh.node('amber').composed.parts;
  const [entry] = certifiedEntries(buildCertificateFile(mesh.record('amber', workflow)!, chain)!);
  expect(books()[2]!.prove(0, entry!)).toBeDefined();
});
