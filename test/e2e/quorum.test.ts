// Law: without a quorum nothing is certified and nothing is lost: the client is told so and given its own exit code, and the workflow goes
// on by itself when enough members are back.
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { verifyCertificateFile } from '../../actors/proof/index.ts';
import { eventually, localFile, pause, TestMesh } from '../support/mesh.ts';
import { largestSums, packagesPath, readPackages } from '../support/packages.ts';
import { parley } from '../support/process.ts';
import { createCrypto } from '../support/world.ts';

const words = 'total installed_size per section in packages.csv, top 5';
let mesh: TestMesh;
let meshId: string;

beforeAll(async () => {
  mesh = await TestMesh.start(['amber', 'birch', 'cedar', 'dahlia']);
  meshId = (await mesh.status('amber')).mesh.id;
});
afterAll(() => mesh?.end());

describe('with two of four members down', () => {
  let workflow: string;
  /** Enough for the node to find the mesh short of members, which it knows, and to say so. */
  const patienceSeconds = '8';

  it('an intent is kept and not certified: exit code 4, with what is missing and what to do', async () => {
    await Promise.all([mesh.kill('cedar'), mesh.kill('dahlia')]);
    for (const name of mesh.live)
      await eventually(`${name} to miss two`, async () => (await mesh.status(name)).mesh.live === 2);
    const asked = await parley([
      'ask',
      words,
      '--data',
      packagesPath,
      '--folder',
      mesh.folder('amber'),
      '--timeout',
      patienceSeconds,
    ]);
    expect([asked.code, asked.err]).toEqual([
      4,
      expect.stringMatching(
        /no quorum after 8 s: workflow [0-9a-f]{8} needs 3 live members and 2 are\. Nothing was certified/,
      ),
    ]);
    expect(asked.err).toMatch(/kept and finishes when enough nodes return/);
    expect(asked.out).toContain('held by 1 other member');
    console.log(asked.err.trim());
    const summaries = await mesh.clientOf('birch').workflows();
    expect(summaries.map(({ state }) => state)).toEqual(['waiting-for-quorum']);
    workflow = summaries[0]!.workflow;
  });

  it('says so as JSON too, and as a mesh whose members are missing by name', async () => {
    const asked = await parley([
      'ask',
      words,
      '--data',
      packagesPath,
      '--folder',
      mesh.folder('birch'),
      '--timeout',
      patienceSeconds,
      '-o',
      'json',
    ]);
    expect(asked.code).toBe(4);
    expect(JSON.parse(asked.err.trim().split('\n').at(-1)!)).toMatchObject({
      error: { code: 'no_quorum', exitCode: 4 },
    });
    const doctor = await parley(['doctor', '--folder', mesh.folder('amber'), '-o', 'json']);
    expect(doctor.code).toBe(1);
    const failed = (
      JSON.parse(doctor.out) as { checks: { subject: string; check: string; ok: boolean; fix?: string }[] }
    ).checks.filter(({ ok }) => !ok);
    expect(failed.map(({ subject, check }) => `${subject} ${check}`)).toEqual(
      expect.arrayContaining(['mesh quorum', 'cedar connection', 'dahlia connection']),
    );
    for (const { fix } of failed) expect(fix).toMatch(/./);
  });

  it('holds no certificate and no result anywhere', async () => {
    for (const name of mesh.live) {
      await expect(mesh.clientOf(name).certificate(workflow)).rejects.toMatchObject({ code: 'not_ready' });
      expect((await mesh.detail(name, workflow))?.result).toBeUndefined();
    }
  });

  it('the workflow completes by itself once one of them is back, as seen from a third node', async () => {
    const watched = mesh.story('birch', workflow);
    const startedMs = performance.now();
    await mesh.startNode('dahlia');
    const events = await watched;
    console.log(`completed ${(performance.now() - startedMs).toFixed(0)} ms after the start of the third process`);
    expect(events.some(({ type }) => type === 'waiting')).toBe(true);
    expect(events.at(-1)).toMatchObject({ type: 'ended', state: 'completed' });
    for (const name of ['amber', 'birch', 'dahlia']) {
      const detail = await eventually(`${name} to know the end`, async () => {
        const found = await mesh.detail(name, workflow);
        return found?.state === 'completed' ? found : undefined;
      });
      expect((detail.result!.json as { rows: unknown }).rows).toEqual(largestSums(readPackages(packagesPath), 5));
      expect(verifyCertificateFile(await mesh.certificate(name, workflow), { crypto: createCrypto(), meshId }).ok).toBe(
        true,
      );
    }
  });

  it('and so do all others that waited', async () => {
    await eventually('no workflow waits any more', async () =>
      (await mesh.clientOf('amber').workflows()).every(({ state }) => state === 'completed'),
    );
    await mesh.startNode('cedar');
    await mesh.formed();
    await eventually(
      'cedar to have caught up',
      async () => (await mesh.clientOf('cedar').workflows()).filter(({ state }) => state === 'completed').length === 2,
    );
  });
});

describe('with all members stopped and started again', () => {
  it('a workflow that was under way when the whole mesh lost power completes', async () => {
    await Promise.all([mesh.kill('cedar'), mesh.kill('dahlia')]);
    const workflow = await mesh.open(words, [localFile('packages.csv', readFileSync(packagesPath))], 'amber');
    await eventually(
      'the workflow to wait',
      async () => (await mesh.detail('birch', workflow))?.state === 'waiting-for-quorum',
    );
    await Promise.all([mesh.kill('amber'), mesh.kill('birch')]);
    await pause(200);
    await Promise.all(mesh.names.map((name) => mesh.startNode(name)));
    for (const name of mesh.names)
      await eventually(
        `${name} to see it completed`,
        async () => (await mesh.detail(name, workflow))?.state === 'completed',
      );
  });
});
