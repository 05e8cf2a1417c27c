// Law: a worker runs what it is offered and decides nothing: its results stand because members found the same, its name stands among the
// executors and in no quorum, and a lie of its costs the mesh nothing but its services.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { verifyCertificateFile } from '../../actors/proof/index.ts';
import { MeshClient, StoredFiles } from '../../node/client/index.ts';
import { type Asked, eventually, localFile, type Ready, TestMesh } from '../support/mesh.ts';
import { largestSums, packagesPath, readPackages } from '../support/packages.ts';
import { freePorts } from '../support/ports.ts';
import { parley, repository, TestProcess } from '../support/process.ts';
import { createCrypto } from '../support/world.ts';

const crypto = createCrypto();
const members = ['amber', 'birch', 'cedar', 'dahlia'] as const;
const words = 'total installed_size per section in packages.csv, top 5';
const expected = largestSums(readPackages(packagesPath), 5);
const packages = localFile('packages.csv', readFileSync(packagesPath));
const patienceMs = 60_000;

let mesh: TestMesh;
let worker: TestProcess | undefined;
let ready: Ready;
let elm: MeshClient;
const folder = (): string => join(mesh.root, 'elm');

async function start(args: readonly string[]): Promise<void> {
  worker = new TestProcess(args, join(mesh.root, 'elm.log'));
  ready = await worker.firstLine<Ready>(patienceMs);
  elm = new MeshClient([ready.socket], { searchTimeoutMs: 0 });
  await eventually('every member to see elm alive', () => everyMember(({ isAlive }) => isAlive), patienceMs);
}

async function everyMember(
  holds: (seen: { readonly isAlive: boolean; readonly role: string | undefined; readonly named: string[] }) => boolean,
): Promise<boolean> {
  const all = await Promise.all(members.map((name) => mesh.status(name)));
  return all.every(({ peers, named }) => {
    const peer = peers.find(({ name }) => name === 'elm');
    return holds({
      isAlive: peer?.connected === true && peer.state === 'alive' && peer.skills.length > 0,
      role: peer?.role,
      named: named.filter(({ node }) => node === 'elm').map(({ what }) => what),
    });
  });
}

async function askRightly(node: string): Promise<Asked> {
  const asked = await mesh.ask(words, [packages], { node, timeoutMs: patienceMs });
  expect((asked.detail.result!.json as { rows: unknown }).rows).toEqual(expected);
  const file = await mesh.certificate('birch', asked.workflow);
  const { id } = (await mesh.status('birch')).mesh;
  expect(verifyCertificateFile(file, { crypto, meshId: id }).ok).toBe(true);
  return asked;
}

/**
 * A run that others overtake is given up, or comes when all is over: asks until elm's own result is on the record before the end, or named
 * elm, which is asked no more then.
 */
async function untilItRan(): Promise<Asked> {
  const endMs = performance.now() + 2 * patienceMs;
  for (let tries = 0; performance.now() < endMs; tries++) {
    const asked = await askRightly(members[tries % members.length]!);
    if (asked.events.some((event) => event.type === 'candidate' && event.node === 'elm')) return asked;
    if (await everyMember(({ named }) => named.length > 0)) return asked;
  }
  throw new Error(`elm had no result before the others in ${2 * patienceMs} ms`);
}

beforeAll(async () => {
  mesh = await TestMesh.start([...members]);
}, 90_000);
afterAll(async () => {
  if (worker?.isGone === false) await worker.stop();
  await mesh?.end();
});

describe('a worker', () => {
  it('joins by the members’ decision and changes no quorum', async () => {
    const invited = await parley(['invite', '--role', 'worker', '--folder', mesh.folder('amber')]);
    expect(invited.err).toContain('Good for one worker');
    const [port] = await freePorts(1);
    const listen = ['--name', 'elm', '--listen', `127.0.0.1:${port}`, '-o', 'json', '--exit-with-parent'];
    await start([`${repository}bin/parley.mjs`, 'join', invited.out.trim(), '--folder', folder(), ...listen]);
    const { node, mesh: seen, peers } = await elm.status();
    expect(node.role).toBe('worker');
    expect(seen).toMatchObject({ epoch: 1, members: 4, quorum: 3, tolerance: '3 of 4 members, any 1 may be lying' });
    expect(peers.filter(({ role }) => role === 'member').map(({ name }) => name)).toEqual(
      expect.arrayContaining([...members]),
    );
    expect(await everyMember(({ role }) => role === 'worker')).toBe(true);
    const listed = await parley(['member', 'list', '--folder', mesh.folder('cedar')]);
    expect(listed.out).toMatch(/elm +worker/);
    // What it had to fetch first, it would have to give up halfway wherever the members are done sooner.
    await new StoredFiles([packages]).at(ready.socket);
  }, 120_000);

  it('runs a task: it stands among the executors, and members alone signed and weigh', async () => {
    const { detail, events } = await untilItRan();
    const [task] = detail.taskDetails;
    expect(task!.executors).toContain('elm');
    // And a third, where the machine is so loaded that one of the two had its time.
    expect(task!.executors.length).toBeGreaterThanOrEqual(2);
    expect(task!.verifiers).not.toContain('elm');
    // Its result may be the one that stands: then three members at least found the same beside it.
    expect(task!.endorsedBy.filter((name) => name !== 'elm').length).toBeGreaterThanOrEqual(3);
    const decided = events.filter((event) => event.type === 'decided');
    expect(decided.length).toBeGreaterThan(0);
    for (const { signers } of decided) expect(signers).not.toContain('elm');
    for (const event of events) if (event.type === 'vote') expect(event.node).not.toBe('elm');
  }, 240_000);

  it('opens no workflow, invites nobody and has no word on who is a member', async () => {
    const asked = await parley(['ask', words, '--data', packagesPath, '--folder', folder()]);
    expect([asked.code, asked.err]).toEqual([3, expect.stringContaining('this node is a worker: it can follow')]);
    const invited = await parley(['invite', '--folder', folder()]);
    expect([invited.code, invited.err]).toEqual([3, expect.stringContaining('a worker and cannot invite')]);
    const removed = await parley(['member', 'remove', 'amber', '--folder', folder()]);
    expect([removed.code, removed.err]).toEqual([3, expect.stringContaining('no vote on who is a member')]);
  }, 60_000);

  it('that lies is outvoted, named by its own signature, and asked no more', async () => {
    await worker!.stop();
    await start([`${repository}test/support/traitor.ts`, folder(), 'wrong-result']);
    const { detail } = await untilItRan();
    expect(detail.taskDetails[0]!.endorsedBy).not.toContain('elm');
    await eventually(
      'every member to name elm',
      () => everyMember(({ named }) => named.includes('signed a result other than the certified one')),
      patienceMs,
    );
    const { checks } = await mesh.doctor('amber');
    expect(checks).toContainEqual(
      expect.objectContaining({
        subject: 'elm',
        check: 'conduct',
        ok: false,
        fix: expect.stringMatching(/member remove/),
      }),
    );
    const after = await askRightly('amber');
    expect(after.detail.taskDetails[0]!.executors).not.toContain('elm');
  }, 240_000);

  it('leaves by its own word, and the members go on', async () => {
    const left = await parley(['down', '--leave', '--folder', folder(), '-o', 'json']);
    expect([left.code, left.err]).toEqual([0, '']);
    expect(JSON.parse(left.out)).toMatchObject({ stopped: ['elm'], left: { epoch: 2, drained: true, members: 4 } });
    await eventually(
      'every member to know it',
      async () =>
        (await Promise.all(members.map((name) => mesh.status(name)))).every(({ mesh: { epoch } }) => epoch === 2),
      patienceMs,
    );
    await askRightly('dahlia');
  }, 120_000);

  it('comes back from the same folder with a new ticket, as what that says', async () => {
    const folderBefore = folder();
    const again = new TestProcess(
      [`${repository}bin/parley.mjs`, 'up', '--folder', folderBefore, '-o', 'json', '--exit-with-parent'],
      join(mesh.root, 'elm-alone.log'),
    );
    await again.firstLine<Ready>(patienceMs);
    await eventually(
      'it to say how it comes back',
      () => again.lastWords(5).includes('is in its mesh no more') && again.lastWords(5).includes('join TICKET'),
      patienceMs,
    );
    await again.stop();
    const invited = await parley(['invite', '--role', 'member', '--folder', mesh.folder('birch')]);
    await start([
      ...[`${repository}bin/parley.mjs`, 'join', invited.out.trim(), '--folder', folderBefore],
      ...['-o', 'json', '--exit-with-parent'],
    ]);
    const { node, mesh: seen } = await elm.status();
    expect(node.role).toBe('member');
    expect(seen).toMatchObject({ epoch: 3, members: 5 });
    const twice = await parley(['join', invited.out.trim(), '--folder', folderBefore]);
    expect(twice.code).not.toBe(0);
  }, 180_000);
});
