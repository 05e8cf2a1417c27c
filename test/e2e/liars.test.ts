// Law: one member may lie in any way and the answer is still the right one. What a lie leaves under the liar's own signature names it;
// what leaves no signature is counted under the peer it came from, and does no harm.
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { verifyCertificateFile } from '../../actors/proof/index.ts';
import { type AuditFinding, auditOf } from '../support/audit.ts';
import { type Asked, eventually, localFile, TestMesh, untilFound } from '../support/mesh.ts';
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
});
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
  return rightly(await mesh.ask(words, [packages()], { node }));
}

/** As `askRightly`, with another honest node silent, without which nothing can be decided, until the liar was heard on the task. */
async function askHearingTheLiar(round: number): Promise<Asked> {
  const node = honest[round % honest.length]!;
  const silent = honest[(round + 1) % honest.length]!;
  const hear = (thaw: () => void): Promise<Asked> =>
    mesh.ask(words, [packages()], {
      node,
      onEvent(event) {
        if ((event.type === 'candidate' || event.type === 'attestation') && event.node === liar) thaw();
      },
    });
  return rightly(await mesh.whileFrozen(silent, hear));
}

async function rightly(asked: Asked): Promise<Asked> {
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

/** Its roles are chosen by the workflow's id, and a lie that comes after the end is charged and no longer part of the workflow's story: asks on. */
const untilTold = (line: RegExp, ask: (round: number) => Promise<Asked>): Promise<Asked> =>
  untilFound(`was it told in time that ${liar} ${line}`, async (round) => {
    const asked = await ask(round);
    return (await evidenceIn(asked)).some((said) => said.startsWith(liar) && line.test(said)) ? asked : undefined;
  });

describe('one of four lies', () => {
  it('by signing a wrong result: it is outvoted, and named by every honest node with its own signature', async () => {
    await turn('wrong-result');
    const asked = await untilTold(/: signed a result other than the certified one$/, askHearingTheLiar);
    await everyoneNames(/signed a result other than the certified one/);
    const [task] = asked.detail.taskDetails;
    expect(task!.endorsedBy).not.toContain(liar);
  });

  it('by attesting against the right result: it is outvoted, and named as one who disputed it', async () => {
    await turn('wrong-attestation');
    await untilTold(/: disputed the certified result$/, askHearingTheLiar);
    await everyoneNames(/disputed the certified result/);
  });

  it('by voting both ways: the decision stands, and it is named for signing two votes of one round', async () => {
    await turn('equivocate');
    await untilTold(/: equivocated/, (round) => askRightly(honest[round % honest.length]));
    await everyoneNames(/equivocated: two prevotes in one round/);
  });

  it('by voting nil and proposing nonsense: the others decide without it', async () => {
    await turn('wrong-vote');
    await untilFound(`a vote of ${liar} for nil`, async (round) => {
      const { events } = await askRightly(honest[round % honest.length]);
      for (const event of events)
        if (event.type === 'decided' && event.path === 'FAST') expect(event.signers).not.toContain(liar);
      const isNil = events.some((event) => event.type === 'vote' && event.node === liar && event.value === null);
      return isNil || undefined;
    });
  });

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
  });

  it('by sending garbage in frames, requests, replies and gossip: counted under its name, and harmless', async () => {
    const before = await Promise.all(honest.map((name) => refusedBy(name)));
    await turn('garbage');
    await askRightly();
    await askRightly('birch');
    for (const [i, name] of honest.entries()) {
      const refused = await eventually(`${name} to refuse messages of ${liar}`, async () => {
        const count = (await refusedBy(name)) - before[i]!;
        return count > 20 ? count : undefined;
      });
      console.log(`${name} refused ${refused} messages of ${liar}`);
    }
    await noHonestNodeIsNamed();
  });

  it('by handing out other payloads than asked for: they are not believed, it is named, and an honest holder is asked', async () => {
    await turn('bad-blobs');
    const file = packages();
    // Everyone but cedar comes to hold the file.
    await mesh.stop('cedar');
    await mesh.ask(words, [file], { node: 'amber' });
    await mesh.startNode('cedar');
    await mesh.formed();
    // Cedar asks the node that took the intent for the file first, which is the liar; with amber silent there is no result without cedar's.
    const asked = await mesh.whileFrozen('amber', () => mesh.ask(words, [file], { node: liar }));
    expect((asked.detail.result!.json as { rows: unknown }).rows).toEqual(expected);
    await eventually('cedar to count it', async () => (await refusedBy('cedar', 'payload')) > 0);
    expect(asked.detail.taskDetails[0]!.endorsedBy).toContain('cedar');
  });

  it('by signing as somebody else: no forged message, log entry or vote counts, and the hand that gave them is known', async () => {
    await turn('forge');
    const asked = await askRightly();
    await askRightly('cedar');
    // A cancellation in the gateway's name, believed, would have ended the workflow.
    for (const name of honest)
      await eventually(
        `${name} to know that it completed`,
        async () => (await mesh.detail(name, asked.workflow))?.state === 'completed',
      );
    for (const name of honest)
      for (const reason of ['not_author', 'log', 'consensus'])
        await eventually(
          `${name} to count what was forged (${reason})`,
          async () => (await refusedBy(name, reason)) > 0,
        );
    await noHonestNodeIsNamed();
  });

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
  });
});
