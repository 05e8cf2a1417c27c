// Law: a member that signed two votes of one round is voted out by the others, processes as they are, where the mesh can afford it; its
// work goes on under the new epoch, and its certificates carry the chain that shows who was let go.
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { verifyCertificateFile, verifyEvidenceFile } from '../../actors/proof/index.ts';
import { eventually, localFile, TestMesh, untilFound } from '../support/mesh.ts';
import { largestSums, packagesPath, readPackages } from '../support/packages.ts';
import { createCrypto } from '../support/world.ts';

const honest = ['amber', 'birch', 'cedar', 'dahlia'] as const;
const liar = 'elm';
const words = 'total installed_size per section in packages.csv, top 5';
const packages = localFile('packages.csv', readFileSync(packagesPath));
const expected = largestSums(readPackages(packagesPath), 5);

let mesh: TestMesh;
beforeAll(async () => {
  mesh = await TestMesh.start([...honest, { name: liar, behaviour: 'equivocate' }]);
});
afterAll(() => mesh?.end());

const membersAt = async (name: string): Promise<string[]> =>
  (await mesh.status(name)).peers.filter(({ role }) => role === 'member').map((peer) => peer.name);

it('an equivocating fifth member is voted out by the four others, and the mesh tolerates one liar still', async () => {
  const { mesh: before } = await mesh.status('amber');
  expect(before).toMatchObject({ members: 5, epoch: 0, tolerance: expect.stringContaining('any 1 may be lying') });
  // Its lie has to meet an honest member before the vote is over.
  await untilFound(`was ${liar} voted out`, async (round) => {
    const { detail } = await mesh.ask(words, [packages], { node: honest[round % honest.length]! });
    expect((detail.result!.json as { rows: unknown }).rows).toEqual(expected);
    return (await mesh.status('amber')).mesh.epoch > 0 || undefined;
  });
  for (const name of honest) {
    await eventually(`${name} to be rid of ${liar}`, async () => !(await membersAt(name)).includes(liar));
    const { mesh: after } = await mesh.status(name);
    expect([name, after.members, after.epoch, after.tolerance]).toEqual([
      name,
      4,
      1,
      '3 of 4 members, any 1 may be lying',
    ]);
  }
});

it('what is decided afterwards is proven by the chain from genesis, and the one let go has no part in it', async () => {
  const asked = await mesh.ask(words, [packages], { node: 'cedar' });
  expect((asked.detail.result!.json as { rows: unknown }).rows).toEqual(expected);
  const [task] = asked.detail.taskDetails;
  expect([...task!.executors, ...task!.verifiers]).not.toContain(liar);
  const meshId = (await mesh.status('amber')).mesh.id;
  const verdict = verifyCertificateFile(await mesh.certificate('birch', asked.workflow), {
    crypto: createCrypto(),
    meshId,
  });
  expect(verdict.ok && verdict.about.members.map((member) => member.split(' ')[0])).toHaveLength(4);
  expect(verdict.ok && verdict.about.members.join()).not.toContain(liar);
});

it('what convicted it is given out by any node, and convinces offline whoever knows the mesh', async () => {
  const meshId = (await mesh.status('amber')).mesh.id;
  for (const name of honest) {
    const lines = await eventually(`${name} to hold what convicted it`, async () => {
      const file = Buffer.from(JSON.stringify(await mesh.clientOf(name).auditEvidence()));
      const verdict = verifyEvidenceFile(file, { crypto: createCrypto(), meshId });
      if (!verdict.ok) throw new Error(verdict.reason);
      return verdict.lines.length > 0 ? verdict.lines.join() : undefined;
    });
    expect(lines).toMatch(/^elm \(\w+\) signed two \w+ in one round; a member no more in epoch 1/);
  }
});

it('a member let go that restarts does not come back in', async () => {
  await mesh.stop(liar);
  await mesh.startNode(liar, null);
  const asked = await mesh.ask(words, [packages], { node: 'amber' });
  expect((asked.detail.result!.json as { rows: unknown }).rows).toEqual(expected);
  for (const name of honest) expect(await membersAt(name)).toEqual(expect.not.arrayContaining([liar]));
});

it('nothing is wrong with the others, though what the one let go still sends is refused by them', async () => {
  await eventually('it to be refused', async () => (await mesh.status('amber')).refusals.length > 0);
  for (const name of honest)
    await eventually(`${name} to find nothing wrong`, async () => {
      const wrong = (await mesh.doctor(name)).checks.filter(({ ok }) => !ok);
      if (wrong.length > 0) throw new Error(JSON.stringify(wrong));
      return true;
    });
});
