// Law: one member may lie in any way and the answer is still the right one. What a lie leaves under the liar's own signature names it;
// what leaves no signature is counted under the peer it came from, and does no harm.
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { verifyCertificateFile } from '../../actors/proof/index.ts';
import { type AuditFinding, auditOf } from '../support/audit.ts';
import { type Asked, eventually, localFile, TestMesh } from '../support/mesh.ts';
import { largestSums, packagesPath, readPackages } from '../support/packages.ts';
import type { Behaviour } from '../support/traitor.ts';
import { createCrypto } from '../support/world.ts';

const liar = 'dahlia';
const honest = ['amber', 'birch', 'cedar'] as const;
const crypto = createCrypto();
const content = readFileSync(packagesPath, 'utf8');
const expected = largestSums(readPackages(packagesPath), 5);
const words = 'total installed_size per section in packages.csv, top 5';
/** A file nobody holds yet: its first line differs, its answer does not. */
let fresh = 0;
const packages = () => localFile('packages.csv', content.replace('architecture', `architecture${fresh++}`));

let mesh: TestMesh;
let meshId: string;

beforeAll(async () => {
  mesh = await TestMesh.start([...honest, liar]);
  meshId = (await mesh.status('amber')).mesh.id;
}, 90_000);
afterAll(() => mesh?.end());

async function turn(behaviour: Behaviour): Promise<void> {
  await mesh.stop(liar);
  await mesh.startNode(liar, behaviour);
  await eventually(`${liar} connected`, async () => {
    const all = await Promise.all(honest.map((name) => mesh.status(name)));
    return all.every(({ peers }) => peers.some(({ name, connected }) => name === liar && connected));
  });
}

/** Asks, and holds the answer and its certificate against what must be. */
async function askRightly(node: string = 'amber'): Promise<Asked> {
  const asked = await mesh.ask(words, [packages()], { node, timeoutMs: 45_000 });
  expect(asked.detail.state).toBe('completed');
  expect((asked.detail.result!.json as { rows: unknown }).rows).toEqual(expected);
  const verdict = verifyCertificateFile(await mesh.certificate('birch', asked.workflow), {
    crypto,
    meshId,
    result: await mesh.blob('cedar', asked.detail.result!.digest),
  });
  expect(verdict.ok).toBe(true);
  return asked;
}

/** How often the node refused something of the liar's, for this reason or any. */
const refusedBy = async (name: string, wanted?: string): Promise<number> =>
  (await mesh.status(name)).refusals
    .filter(({ from, reason }) => from === liar && (wanted === undefined || reason === wanted))
    .reduce((sum, { count }) => sum + count, 0);
type Named = { readonly node: string; readonly what: string; readonly count: number };
/** What the node holds against anybody. */
const namedBy = async (name: string): Promise<readonly Named[]> => (await mesh.status(name)).named;

/** Every honest node names the liar with these words, and nobody honest is named by anybody honest. */
async function everyoneNames(what: RegExp): Promise<void> {
  for (const name of honest)
    await eventually(`${name} to name ${liar} (${what})`, async () =>
      (await namedBy(name)).some((named) => named.node === liar && what.test(named.what)),
    );
  await noHonestNodeIsNamed();
}

async function noHonestNodeIsNamed(): Promise<void> {
  for (const name of honest)
    expect([name, (await namedBy(name)).filter(({ node }) => node !== liar)]).toEqual([name, []]);
}

/** What any honest node tells of the workflow against anybody. */
async function evidenceIn({ workflow, events }: Asked): Promise<string[]> {
  const stories = await Promise.all(honest.map((name) => mesh.story(name, workflow)));
  return [...events, ...stories.flat()].flatMap((event) =>
    event.type === 'evidence' ? [`${event.node}: ${event.message}`] : [],
  );
}

/** The liar's roles are chosen by the workflow's id: asks until it had the one that is wanted. */
async function untilItHad(role: 'executors' | 'verifiers'): Promise<Asked> {
  for (let tries = 0; tries < 12; tries++) {
    const asked = await askRightly(honest[tries % honest.length]);
    if (asked.detail.taskDetails[0]![role].includes(liar)) return asked;
  }
  throw new Error(`${liar} was never among the ${role}`);
}

describe('one of four lies', () => {
  it('by signing a wrong result: it is outvoted, and named by every honest node with its own signature', async () => {
    await turn('wrong-result');
    const asked = await untilItHad('executors');
    await everyoneNames(/signed a result other than the certified one/);
    const [task] = asked.detail.taskDetails;
    expect(task!.endorsedBy).not.toContain(liar);
    expect(await evidenceIn(asked)).toContain(`${liar}: signed a result other than the certified one`);
  }, 60_000);

  it('by attesting against the right result: it is outvoted, and named as one who disputed it', async () => {
    await turn('wrong-attestation');
    const told: string[] = [];
    // A lie that comes after the end is charged, and no longer part of the workflow's story.
    for (let tries = 0; tries < 8 && told.length === 0; tries++)
      told.push(...(await evidenceIn(await untilItHad('verifiers'))).filter((line) => line.startsWith(liar)));
    expect(told).toContain(`${liar}: disputed the certified result`);
    await everyoneNames(/disputed the certified result/);
  }, 60_000);

  it('by voting both ways: the decision stands, and it is named for signing two votes of one round', async () => {
    await turn('equivocate');
    const told: string[] = [];
    // A lie that comes after the end is charged, and no longer part of the workflow's story.
    for (let tries = 0; tries < 8 && told.length === 0; tries++)
      told.push(
        ...(await evidenceIn(await askRightly(honest[tries % honest.length]))).filter((line) =>
          line.startsWith(`${liar}: equivocated`),
        ),
      );
    expect(told.length).toBeGreaterThan(0);
    await everyoneNames(/equivocated: two (prevotes|precommits) in one round/);
  }, 60_000);

  it('by voting nil and proposing nonsense: the others decide without it', async () => {
    await turn('wrong-vote');
    let nils = 0;
    for (let i = 0; i < 4; i++) {
      const { events } = await askRightly(honest[i % honest.length]);
      nils += events.filter((event) => event.type === 'vote' && event.node === liar && event.value === null).length;
      for (const event of events)
        if (event.type === 'decided' && event.path === 'FAST') expect(event.signers).not.toContain(liar);
    }
    expect(nils).toBeGreaterThan(0);
  }, 90_000);

  it('by saying nothing at all: the others do not wait for it beyond their patience', async () => {
    await turn('silent');
    for (let i = 0; i < 2; i++) {
      const asked = await askRightly(honest[i]);
      console.log(`with a silent member: ${asked.elapsedMs.toFixed(0)} ms`);
      expect(asked.detail.taskDetails[0]!.endorsedBy).not.toContain(liar);
    }
    for (const name of honest) {
      await eventually(`${name} to notice that ${liar} is silent`, async () =>
        (await mesh.status(name)).peers.some((peer) => peer.name === liar && peer.connected && peer.state === 'dead'),
      );
      const { checks } = await mesh.doctor(name);
      expect(checks).toContainEqual(
        expect.objectContaining({ subject: liar, check: 'answering', ok: false, fix: expect.stringMatching(/silent/) }),
      );
    }
    await noHonestNodeIsNamed();
  }, 90_000);

  it('by sending garbage in frames, requests, replies and gossip: counted under its name, and harmless', async () => {
    const before = await Promise.all(honest.map((name) => refusedBy(name)));
    await turn('garbage');
    await askRightly();
    await askRightly('birch');
    for (const [i, name] of honest.entries()) {
      const refused = await refusedBy(name);
      console.log(`${name} refused ${refused - before[i]!} messages of ${liar}`);
      expect(refused).toBeGreaterThan(before[i]! + 20);
    }
    for (const name of honest)
      expect([name, (await namedBy(name)).filter(({ node }) => node !== liar)]).toEqual([name, []]);
  }, 90_000);

  it('by handing out other payloads than asked for: they are not believed, it is named, and an honest holder is asked', async () => {
    await turn('bad-blobs');
    const file = packages();
    // Everyone but cedar comes to hold the file.
    await mesh.stop('cedar');
    await mesh.ask(words, [file], { node: 'amber' });
    await mesh.startNode('cedar');
    await mesh.formed();
    // Cedar asks the node that took the intent for the file first, which is the liar.
    const asked = await mesh.ask(words, [file], { node: liar, timeoutMs: 45_000 });
    expect((asked.detail.result!.json as { rows: unknown }).rows).toEqual(expected);
    await eventually('cedar to count it', async () => (await refusedBy('cedar', 'payload')) > 0);
    expect([...asked.detail.taskDetails[0]!.executors, ...asked.detail.taskDetails[0]!.verifiers]).toContain('cedar');
  }, 90_000);

  it('by signing as somebody else: no forged message, log entry or vote counts, and the hand that gave them is known', async () => {
    await turn('forge');
    const asked = await askRightly();
    await askRightly('cedar');
    // A cancellation in the gateway's name, believed, would have ended the workflow.
    for (const name of honest)
      expect([name, (await mesh.detail(name, asked.workflow))?.state]).toEqual([name, 'completed']);
    for (const name of honest)
      for (const reason of ['not_author', 'log', 'consensus'])
        await eventually(
          `${name} to count what was forged (${reason})`,
          async () => (await refusedBy(name, reason)) > 0,
        );
    await noHonestNodeIsNamed();
  }, 90_000);

  it('and what each node wrote down against it is proven by the liar’s own signatures', async () => {
    await mesh.stopAll();
    const id = mesh.idOf(liar);
    for (const name of honest) {
      const found = await auditOf(mesh.folder(name));
      const kinds = new Set(found.map(({ kind }) => kind));
      expect([name, found.filter(({ culprit, isProven }) => culprit !== id || !isProven)]).toEqual([name, []]);
      for (const kind of ['candidate', 'attestation', 'prevotes'] satisfies AuditFinding['kind'][])
        expect([name, [...kinds]]).toEqual([name, expect.arrayContaining([kind])]);
    }
  }, 60_000);
});
