// Law: members are removed and weigh otherwise when a quorum of members said so, each under its own key, and never on fewer words; what was
// certified before stays proven, and work goes on in the epoch after.
import { afterEach, expect, it } from 'vitest';
import { amended, encodeMeshEntry, meshLane } from '../../actors/epochs/index.ts';
import { buildCertificateFile, verifyCertificateFile } from '../../actors/proof/index.ts';
import { configKey, thresholdsOf } from '../../consensus/index.ts';
import { encodeConfig } from '../../protocols/mesh/index.ts';
import { crypto, InProcessMesh, planOf, task } from '../support/in-process-mesh.ts';

let mesh: InProcessMesh;
afterEach(() => mesh.end());
const chainAt = (name: string) => mesh.node(name).composed.parts.chain;
const epochs = (): number[] => mesh.names.map((name) => chainAt(name).current.epoch);

const word = (name: string, of: string, weight?: number, epoch = chainAt(name).current.epoch): Promise<void> =>
  mesh.say(
    name,
    meshLane,
    encodeMeshEntry({ kind: 'amend', epoch, node: mesh.idOf(of), ...(weight === undefined ? {} : { weight }) }),
  );

async function complete(at: string, key: string): Promise<string> {
  const { epoch } = chainAt(at).current;
  const { workflow, entry } = mesh.opening(planOf([task('one')]), key, epoch);
  await mesh.say(at, 'workflow', entry);
  const members = mesh.names.filter((name) => chainAt(at).isMember(mesh.idOf(name)));
  expect(await mesh.ended(workflow, members)).toEqual(members.map(() => 'completed'));
  return workflow;
}

function proven(at: string, workflow: string): ReturnType<typeof verifyCertificateFile> {
  const chain = chainAt(at);
  const file = buildCertificateFile(mesh.record(at, workflow)!, chain)!;
  return verifyCertificateFile(file, { crypto, meshId: chain.meshIdHex });
}

it('a member is removed when a quorum said so, not before, and its certificates stay proven', async () => {
  mesh = await InProcessMesh.start({ count: 5 });
  const before = await complete('elm', 'before-the-removal');
  expect(thresholdsOf(chainAt('amber').current).quorum).toBe(4);
  // What was said and taken back does not count; said twice it counts once.
  await word('dune', 'elm', 0);
  await word('dune', 'elm');
  for (const name of ['amber', 'birch', 'cedar', 'amber']) await word(name, 'elm', 0);
  await word('elm', 'amber', 0);
  await mesh.time.advance(15_000);
  expect(epochs()).toEqual([0, 0, 0, 0, 0]);

  await word('dune', 'elm', 0);
  await mesh.until(
    'the epoch without elm',
    () =>
      epochs()
        .slice(0, 4)
        .every((epoch) => epoch === 1),
    30_000,
  );
  expect(chainAt('amber').isMember(mesh.idOf('elm'))).toBe(false);
  expect(chainAt('amber').current).toMatchObject({ f: 1, members: { length: 4 } });
  const after = await complete('birch', 'after-the-removal');
  expect(proven('cedar', after)).toMatchObject({ ok: true });
  const old = proven('cedar', before);
  expect(old).toMatchObject({ ok: true });
  expect(old.ok && old.about.members.join()).toContain('elm');
  // What was said of amber in the epoch before lapsed with it.
  expect(mesh.node('amber').composed.approvals.of(chainAt('amber').current)).toEqual([]);
  for (const name of ['amber', 'birch', 'cedar', 'dune']) expect([name, mesh.accused(name)]).toEqual([name, []]);
});

it('a member weighs otherwise when a quorum said so, and decisions count its weight', async () => {
  mesh = await InProcessMesh.start({ count: 7 });
  for (const name of mesh.names.slice(0, 5)) await word(name, 'grove', 2);
  await mesh.until('the epoch in which grove weighs 2', () => epochs().every((epoch) => epoch === 1), 30_000);
  const { current } = chainAt('birch');
  expect(current.members.find(({ name }) => name === 'grove')?.weight).toBe(2);
  expect(thresholdsOf(current)).toMatchObject({ totalWeight: 8, f: 2, quorum: 6 });
  const workflow = await complete('grove', 'with-more-weight');
  const verdict = proven('amber', workflow);
  expect(verdict).toMatchObject({ ok: true });
  expect(verdict.ok && verdict.about.basis).toMatch(/weight \d of 8/);
});

it('a lying member that proposes an epoch nobody approved gets no vote for it, and does not hold up another', async () => {
  mesh = await InProcessMesh.start({ count: 5 });
  const { current } = chainAt('elm');
  const next = amended(current, { node: mesh.idOf('amber'), weight: 0 }, crypto);
  if (!next.ok) throw new Error(next.reason);
  mesh.node('elm').composed.keeper.ref?.tell({
    type: 'propose',
    epoch: 0,
    subject: { domain: 'config', key: configKey(1) },
    payload: encodeConfig(next.config),
  });
  // Its words in others' names are its own words: they stand in its lane.
  for (const name of ['amber', 'birch', 'cedar']) await word('elm', name, 0);
  await mesh.time.advance(10_000);
  expect(epochs()).toEqual([0, 0, 0, 0, 0]);
  for (const name of ['amber', 'birch', 'cedar', 'dune']) await word(name, 'elm', 0);
  await mesh.until(
    'the epoch without elm',
    () =>
      epochs()
        .slice(0, 4)
        .every((epoch) => epoch === 1),
    60_000,
  );
  expect(chainAt('amber').isMember(mesh.idOf('amber'))).toBe(true);
  expect(chainAt('amber').isMember(mesh.idOf('elm'))).toBe(false);
});
