// Law: whatever single node dies or freezes at whatever moment after an intent was accepted, the certified result still arrives without anybody's
// help; the dead node, started again from its folder, learns how it ended and works on.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { verifyCertificateFile } from '../../actors/proof/index.ts';
import { createRandom } from '../../actors/system/index.ts';
import { eventually, localFile, pause, TestMesh } from '../support/mesh.ts';
import { largestSums, packagesPath, readPackages } from '../support/packages.ts';
import { parley } from '../support/process.ts';
import { createCrypto } from '../support/world.ts';

const names = ['amber', 'birch', 'cedar', 'dahlia'] as const;
const crypto = createCrypto();
const seed = Number(process.env.PARLEY_SEED ?? Date.now() % 1_000_000);
const random = createRandom(seed);
const words = 'total installed_size per section in packages.csv, top 5';
/** Copies of the example's rows: enough work for a kill to fall into the middle of it. */
const copies = 60;
const [header, ...lines] = readFileSync(packagesPath, 'utf8').trimEnd().split('\n');
const table = `${header}\n${`${lines.join('\n')}\n`.repeat(copies)}`;
const packages = localFile('packages.csv', table);
const expected = largestSums(readPackages(packagesPath), 5).map(([section, sum]) => [section, sum * copies]);
/** As long as the workflow takes when nobody dies, about. */
const killWithinMs = 700;

let mesh: TestMesh;
let meshId: string;

beforeAll(async () => {
  console.log(`seed ${seed} (set PARLEY_SEED to repeat)`);
  mesh = await TestMesh.start([...names]);
  meshId = (await mesh.status('amber')).mesh.id;
  // The first run of a skill on each node also pays for starting its worker.
  await mesh.ask(words, [packages], { node: 'amber' });
});
afterAll(() => mesh?.end());

/** What a certificate file proves, apart from which of the members' votes it happens to hold. */
function meaning(bytes: Uint8Array): unknown {
  const verdict = verifyCertificateFile(bytes, { crypto, meshId });
  if (!verdict.ok) throw new Error(verdict.reason);
  const { workflow, resultDigest, goal, members } = verdict.about;
  return { workflow, resultDigest, goal, members };
}

/** With another one silent there is a result only where the node runs the task and votes: both take three of four. */
async function expectToTakePart(name: string): Promise<void> {
  const silent = names.find((other) => other !== name)!;
  const { events, detail } = await mesh.whileFrozen(silent, () => mesh.ask(words, [packages], { node: name }));
  expect((detail.result!.json as { rows: unknown }).rows).toEqual(expected);
  const [task] = detail.taskDetails;
  expect([...task!.executors, ...task!.verifiers]).toContain(name);
  expect(task!.endorsedBy).toContain(name);
  expect(events.flatMap((event) => (event.type === 'decided' ? event.signers : []))).toContain(name);
}

async function expectNobodyNamed(): Promise<void> {
  for (const name of names) expect([name, (await mesh.status(name)).named]).toEqual([name, []]);
}

interface Scene {
  /** Who dies; `steward` is whoever drives this workflow when the moment has come. */
  readonly victim: (typeof names)[number] | 'steward';
  readonly gateway: (typeof names)[number];
  readonly delayMs: number;
}

async function survives({ victim, gateway, delayMs }: Scene): Promise<void> {
  let killedAtMs = 0;
  let killed = '';
  let dying: Promise<void> = Promise.resolve();
  let workflow = '';
  const asked = await mesh.ask(words, [packages], {
    node: gateway,
    onOpened(id) {
      workflow = id;
      dying = (async () => {
        const startedMs = performance.now();
        const steward = victim === 'steward' ? (await mesh.detail(gateway, workflow))?.steward : undefined;
        killed = victim === 'steward' ? steward! : victim;
        await pause(Math.max(0, delayMs - (performance.now() - startedMs)));
        killedAtMs = performance.now();
        await mesh.kill(killed);
      })();
    },
  });
  const endedAtMs = performance.now();
  await dying;
  const afterKillMs = endedAtMs - killedAtMs;
  const wasSteward = asked.events.some((event) => event.type === 'steward' && event.node === killed);
  console.log(
    `${killed}${wasSteward ? ' (steward)' : ''} killed ${delayMs} ms after the intent was accepted by ${gateway}: certified ${afterKillMs < 0 ? `${(-afterKillMs).toFixed(0)} ms before the kill` : `${afterKillMs.toFixed(0)} ms after the kill`}, client moved ${asked.moves.length}×`,
  );
  expect(asked.detail.state).toBe('completed');
  expect((asked.detail.result!.json as { rows: unknown }).rows).toEqual(expected);

  const survivor = names.find((name) => name !== killed)!;
  const proof = meaning(await mesh.certificate(survivor, workflow));
  await mesh.restart(killed);
  const caughtUp = await eventually(`${killed} to learn how the workflow ended`, async () => {
    const detail = await mesh.detail(killed, workflow);
    return detail?.state === 'completed' ? detail : undefined;
  });
  expect(caughtUp.result?.digest).toBe(asked.detail.result!.digest);
  expect(meaning(await mesh.certificate(killed, workflow))).toEqual(proof);

  await expectToTakePart(killed);
  await expectNobodyNamed();
}

it.each(names.map((victim, i) => [victim, names[(i + (i % 2)) % names.length]!] as const))(
  'SIGKILL of %s at a random moment, asked through %s, costs no result',
  async (victim, gateway) => survives({ victim, gateway, delayMs: random.below(killWithinMs) }),
);

it('SIGKILL of the steward in the middle of its work costs no result', async () => {
  await survives({ victim: 'steward', gateway: 'birch', delayMs: 20 + random.below(200) });
});

it('SIGKILL of the node that was asked, at once after it accepted, moves the client to another and costs no result', async () => {
  await survives({ victim: 'cedar', gateway: 'cedar', delayMs: 0 });
});

it('`parley ask` goes on through another node when the one it was given dies, and ends with exit code 0', async () => {
  const path = join(mesh.root, 'packages.csv');
  writeFileSync(path, table);
  const before = (await mesh.clientOf('birch').workflows()).length;
  const asking = parley(['ask', words, '--data', path, '--folder', mesh.folder('amber')]);
  await eventually(
    'the workflow at another node',
    async () => (await mesh.clientOf('birch').workflows()).length > before,
  );
  await mesh.kill('amber');
  const asked = await asking;
  expect([asked.code, asked.err]).toEqual([0, expect.anything()]);
  for (const [section, sum] of expected) expect(asked.out).toMatch(new RegExp(`${section} +${sum}`));
  expect(asked.out).toMatch(/certificate +\S+/);
  await mesh.restart('amber');
});

describe('a node that freezes (SIGSTOP) stays connected and says nothing', () => {
  const frozen = 'dahlia';
  const thaw = async (workflow: string): Promise<void> => {
    mesh.process(frozen).thaw();
    await mesh.formed();
    await eventually(
      `${frozen} to learn how the workflow ended`,
      async () => (await mesh.detail(frozen, workflow))?.state === 'completed',
    );
    await expectToTakePart(frozen);
    await expectNobodyNamed();
  };

  it('before an intent comes: neither its acceptance nor its result waits for it', async () => {
    for (const gateway of ['amber', 'birch', 'cedar'] as const) {
      mesh.process(frozen).freeze();
      const startedMs = performance.now();
      const asked = await mesh.ask(words, [packages], { node: gateway });
      const tookMs = performance.now() - startedMs;
      console.log(`${frozen} frozen, asked through ${gateway}: ${tookMs.toFixed(0)} ms from the words to the result`);
      expect((asked.detail.result!.json as { rows: unknown }).rows).toEqual(expected);
      await thaw(asked.workflow);
    }
  });

  it('after it accepted an intent: the client goes on through another and has its result', async () => {
    let frozenAtMs = 0;
    const asked = await mesh.ask(words, [packages], {
      node: frozen,
      onOpened() {
        frozenAtMs = performance.now();
        mesh.process(frozen).freeze();
      },
    });
    console.log(`${frozen} frozen after it accepted: result after ${(performance.now() - frozenAtMs).toFixed(0)} ms`);
    expect(asked.moves[0]?.from).toContain(frozen);
    expect((asked.detail.result!.json as { rows: unknown }).rows).toEqual(expected);
    await thaw(asked.workflow);
  });
});
