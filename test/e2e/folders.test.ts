// Law: a node's folder is what the node is, and it survives what happens to folders: a write cut short costs nothing, a damaged memory of
// votes costs the vote and is said aloud, lost logs come back from the peers, and one folder is one node.
import { appendFileSync, existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { decodeEngineRecord, logStart, readLog } from '../../consensus/index.ts';
import { type Asked, eventually, livenessMs, localFile, TestMesh } from '../support/mesh.ts';
import { largestSums, packagesPath, readPackages } from '../support/packages.ts';
import { parley } from '../support/process.ts';
import { createCrypto } from '../support/world.ts';

const crypto = createCrypto();
const packages = localFile('packages.csv', readFileSync(packagesPath));
const words = 'total installed_size per section in packages.csv, top 5';
const victim = 'cedar';
const others = ['amber', 'birch', 'dahlia'] as const;

let mesh: TestMesh;
let first: Asked;
beforeAll(async () => {
  mesh = await TestMesh.start(['amber', 'birch', victim, 'dahlia']);
  first = await askRightly();
  await askRightly();
});
afterAll(() => mesh?.end());

async function askRightly(node = 'amber'): Promise<Asked> {
  return rightly(await mesh.ask(words, [packages], { node }));
}

function rightly(asked: Asked): Asked {
  expect((asked.detail.result!.json as { rows: unknown }).rows).toEqual(largestSums(readPackages(packagesPath), 5));
  return asked;
}

const signersOf = ({ events }: Pick<Asked, 'events'>): readonly string[] =>
  events.flatMap((event) => (event.type === 'decided' ? event.signers : []));
const votesOf = (name: string, { events }: Pick<Asked, 'events'>): number =>
  events.filter((event) => event.type === 'vote' && event.node === name).length;
const stored = (name: string, ...path: string[]): string => join(mesh.folder(name), 'store', ...path);
const voteLog = (): string => stored(victim, 'files', 'consensus-0.wal');
/** Where the last record with a statement of this node's own ends: what it learned after that, it told nobody. */
function endOfLastVote(log: Uint8Array): number {
  const { records, verdict } = readLog(log, logStart, crypto);
  expect(verdict).toBe('clean');
  const { payload } = records.findLast(({ payload }) => decodeEngineRecord(payload).batches.length > 0)!;
  return payload.byteOffset + payload.length - log.byteOffset;
}

const completedAt = async (name: string): Promise<string[]> =>
  (await mesh.clientOf(name).workflows())
    .filter(({ state }) => state === 'completed')
    .map(({ workflow }) => workflow)
    .sort();

/** With one of the others silent nothing is decided without the node's vote: three of four have to sign. */
async function expectToVote(name: string): Promise<void> {
  const asked = await mesh.whileFrozen('dahlia', () => askRightly('amber'));
  expect(signersOf(asked)).toContain(name);
}

/** Its log of votes, once nothing came to it for so long that what it says of itself has reached its peers. */
async function restingVoteLog(): Promise<Buffer> {
  let last = readFileSync(voteLog());
  let sinceMs = performance.now();
  return eventually(`${victim} to have nothing more to write down`, () => {
    const now = readFileSync(voteLog());
    if (!now.equals(last)) sinceMs = performance.now();
    last = now;
    return performance.now() - sinceMs > 1_500 ? last : undefined;
  });
}

/** What the victim's doctor says about its not voting, with what to do. */
const toldNotToVote = (): Promise<string> =>
  eventually(`${victim} to say that it does not vote`, async () => {
    const { checks } = await mesh.doctor(victim);
    const said = checks.find(({ ok, detail }) => !ok && /does not vote/.test(detail));
    return said?.fix === undefined ? undefined : `${said.detail} → ${said.fix}`;
  });

describe('a log of votes', () => {
  it('with a write that a crash cut short at its end is cut there, and its node votes on', async () => {
    await mesh.kill(victim);
    const whole = readFileSync(voteLog());
    expect(whole.length).toBeGreaterThan(500);
    // The beginning of a record whose rest never reached the disk: nothing of it was ever said.
    appendFileSync(voteLog(), whole.subarray(0, 60));
    await mesh.startNode(victim);
    await mesh.formed();
    await expectToVote(victim);
    expect(readFileSync(voteLog()).subarray(0, whole.length).equals(whole)).toBe(true);
    expect((await mesh.status(victim)).named).toEqual([]);
    await eventually(`${victim} to know what was done before`, async () =>
      (await completedAt(victim)).includes(first.workflow),
    );
  });

  it.each([
    ['an older copy of it', (now: Buffer, older: Buffer) => (now.length > older.length ? older : undefined)],
    ['its last vote cut off after it was sent', (now: Buffer) => now.subarray(0, endOfLastVote(now) - 7)],
    ['nothing in its place', () => Buffer.alloc(0)],
  ] as const)('replaced by %s silences its node, and the doctor is told', async (_what, replaced) => {
    await mesh.stop(victim);
    const older = readFileSync(voteLog());
    await mesh.startNode(victim);
    await mesh.formed();
    await expectToVote(victim);
    await restingVoteLog();
    await mesh.kill(victim);
    const now = readFileSync(voteLog());
    const put = replaced(now, older);
    expect(put).toBeDefined();
    writeFileSync(voteLog(), put!);
    await mesh.startNode(victim);
    await mesh.formed();
    expect(await toldNotToVote()).toMatch(/older than/);
    const asked = await askRightly();
    expect(votesOf(victim, asked)).toBe(0);
    for (const name of others) expect((await mesh.status(name)).named).toEqual([]);
    await mesh.stop(victim);
    writeFileSync(voteLog(), now);
    await mesh.startNode(victim);
    await mesh.formed();
    await expectToVote(victim);
  });

  it('damaged in its middle silences its node, which starts, works, does not vote, and says so to the doctor', async () => {
    await mesh.stop(victim);
    const sound = readFileSync(voteLog());
    const damaged = Buffer.from(sound);
    damaged[Math.floor(damaged.length / 2)]! ^= 0x10;
    writeFileSync(voteLog(), damaged);
    await mesh.startNode(victim);
    await mesh.formed();
    // While one of the others is silent nothing is decided without the victim's vote: there is time to see its work.
    const worked = await mesh.whileFrozen('dahlia', async (thaw) =>
      rightly(
        await mesh.ask(words, [packages], {
          node: 'amber',
          onEvent(event) {
            if ((event.type === 'candidate' || event.type === 'attestation') && event.node === victim) thaw();
          },
        }),
      ),
    );
    for (const asked of [worked, await askRightly(victim), await askRightly('birch')]) {
      expect(votesOf(victim, asked)).toBe(0);
      expect(signersOf(asked)).not.toContain(victim);
    }
    const told = await toldNotToVote();
    expect(told).toMatch(/the log of votes of epoch 0 is damaged/);
    console.log(`doctor: ${told}`);
    // The file is as it was found: nobody wrote behind the damage.
    expect(readFileSync(voteLog()).equals(damaged)).toBe(true);
    for (const name of others) expect((await mesh.status(name)).named).toEqual([]);
    await mesh.stop(victim);
    writeFileSync(voteLog(), sound);
  });
});

describe('the logs of work', () => {
  it('deleted, come back from the peers, and their node goes on with its own where it was', async () => {
    await mesh.startNode(victim);
    await mesh.formed();
    const last = await askRightly(victim);
    await eventually('amber to know all of it', async () => (await completedAt('amber')).includes(last.workflow));
    const known = await completedAt('amber');
    await mesh.kill(victim);
    rmSync(stored(victim, 'store'), { recursive: true });
    await mesh.startNode(victim);
    await mesh.formed();
    await eventually(
      `${victim} to have everything back`,
      async () => (await completedAt(victim)).join() === known.join(),
    );
    const asked = await askRightly(victim);
    for (const name of mesh.names)
      await eventually(`${name} to know the workflow opened after the loss`, async () =>
        (await completedAt(name)).includes(asked.workflow),
      );
    for (const name of mesh.names) expect([name, (await mesh.status(name)).named]).toEqual([name, []]);
  });

  it('deleted while a workflow is under way, do not make their node sign one place twice', async () => {
    await mesh.kill(victim);
    rmSync(stored(victim, 'store'), { recursive: true });
    // A running workflow that the returning node is asked to work on at once.
    await mesh.kill('dahlia');
    const waiting = mesh.ask(words, [packages], { node: 'amber' });
    await eventually('a workflow that waits', async () =>
      (await mesh.clientOf('amber').workflows()).some(({ state }) => state === 'waiting-for-quorum'),
    );
    await mesh.startNode(victim);
    await waiting;
    await mesh.startNode('dahlia');
    await mesh.formed();
    for (let i = 0; i < 2; i++) await askRightly(i === 0 ? victim : 'birch');
    for (const name of mesh.names) expect([name, (await mesh.status(name)).named]).toEqual([name, []]);
  });

  it('with a payload deleted, the node has it again when it needs it', async () => {
    await mesh.stop(victim);
    rmSync(stored(victim, 'blobs'), { recursive: true });
    await mesh.startNode(victim);
    await mesh.formed();
    const { taskDetails } = (await mesh.whileFrozen('dahlia', () => askRightly(victim))).detail;
    expect(taskDetails[0]!.endorsedBy).toContain(victim);
    await mesh.blob(victim, first.detail.result!.digest);
  });
});

describe('two processes on one folder', () => {
  it('are one node and one refusal, with what to do; the first is unharmed', async () => {
    const second = await parley(['up', '--folder', mesh.folder('amber'), '-o', 'json'], { timeoutMs: livenessMs });
    expect(second.code).toBe(1);
    const { error } = JSON.parse(second.err.trim().split('\n').at(-1)!) as { error: { code: string; message: string } };
    expect(error.code).toBe('folder_in_use');
    expect(error.message).toMatch(/in use by another node; stop that node, or give this one a folder of its own/);
    expect(second.out).toBe('');
    expect(mesh.process('amber').isGone).toBe(false);
    expect(existsSync(mesh.socketOf('amber'))).toBe(true);
    await askRightly('amber');
  });

  it('and a folder that is damaged is named, never replaced', async () => {
    await mesh.stop('dahlia');
    const path = join(mesh.folder('dahlia'), 'mesh.json');
    const sound = readFileSync(path);
    writeFileSync(path, sound.subarray(0, 100));
    const broken = await parley(['up', '--folder', mesh.folder('dahlia'), '-o', 'json'], { timeoutMs: livenessMs });
    expect([broken.code, broken.err]).toEqual([1, expect.stringContaining('mesh.json is not JSON')]);
    expect(readFileSync(path).length).toBe(100);
    writeFileSync(path, sound);
  });
});
