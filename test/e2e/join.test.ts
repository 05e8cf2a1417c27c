// Law: a mesh grows by tickets and by its members' decision: every newcomer with a ticket of its own becomes what the ticket says, nobody
// else gets in, and each refusal says which it is.
import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { joinMesh as joinRequest } from '../../actors/epochs/index.ts';
import { verifyCertificateFile } from '../../actors/proof/index.ts';
import { follow, MeshClient, type NodeStatus, type WorkflowEvent } from '../../node/client/index.ts';
import { openHome } from '../../node/home/index.ts';
import { joinMesh } from '../../node/index.ts';
import { createLibp2pNetwork } from '../../protocols/libp2p/index.ts';
import { formatTicket, parseTicket } from '../../protocols/mesh/index.ts';
import { createPostOffice, hex } from '../../protocols/wire/index.ts';
import { eventually, livenessMs, type Ready, temporaryFolder } from '../support/mesh.ts';
import { largestSums, packagesPath, readPackages } from '../support/packages.ts';
import { freePorts } from '../support/ports.ts';
import { type CliRun, parley, repository, TestProcess } from '../support/process.ts';
import { createCrypto, realClock, realRandom, testIdentity } from '../support/world.ts';

const crypto = createCrypto();
const words = 'total installed_size per section in packages.csv, top 5';
const root = temporaryFolder('parley-join-');
const processes: TestProcess[] = [];
const ready = new Map<string, Ready>();
const folder = (name: string): string => join(root, name);
const only = (name: string): MeshClient => new MeshClient([ready.get(name)!.socket], { searchTimeoutMs: 0 });

afterAll(async () => {
  await Promise.all(processes.map((child) => (child.isGone ? undefined : child.stop())));
  rmSync(root, { recursive: true, force: true });
});

/** Where a node listens; the same again when it is started again. */
const ports = new Map<string, number>();
async function portOf(name: string): Promise<number> {
  const port = ports.get(name) ?? (await freePorts(1))[0]!;
  ports.set(name, port);
  return port;
}

async function run(name: string, command: readonly string[]): Promise<TestProcess> {
  const port = await portOf(name);
  const log = join(root, `${name}.log`);
  const settings = [
    '--folder',
    folder(name),
    '--name',
    name,
    '--listen',
    `127.0.0.1:${port}`,
    '-o',
    'json',
    '--exit-with-parent',
  ];
  const child = new TestProcess([`${repository}bin/parley.mjs`, ...command, ...settings], log);
  processes.push(child);
  ready.set(name, await child.firstLine<Ready>());
  return child;
}

async function invite(name: string, ...options: string[]): Promise<string> {
  const { code, out, err } = await parley(['invite', '--folder', folder(name), ...options]);
  expect([code, err]).toEqual([0, expect.stringContaining('as you would a password')]);
  return out.trim();
}

/** Tries to join in a folder of its own; the process has to end by itself. */
async function tryJoin(
  ticket: string,
  name: string,
  ...options: string[]
): Promise<CliRun & { readonly error: { readonly code: string; readonly message: string; readonly hint?: string } }> {
  const [port] = await freePorts(1);
  const run = await parley(
    [
      'join',
      ticket,
      '--folder',
      folder(name),
      '--name',
      name,
      '--listen',
      `127.0.0.1:${port}`,
      '-o',
      'json',
      ...options,
    ],
    { timeoutMs: 2 * livenessMs },
  );
  const line = run.err.trim().split('\n').at(-1) ?? '';
  return {
    ...run,
    error: line.startsWith('{')
      ? (JSON.parse(line) as { error: { code: string; message: string } }).error
      : { code: '', message: run.err },
  };
}

async function agreeOn(names: readonly string[], members: number): Promise<NodeStatus['mesh']> {
  const statuses = await eventually(
    `${names.join(', ')} to show ${members} members`,
    async () => {
      const found = await Promise.all(names.map((name) => only(name).status()));
      const isSame = new Set(found.map(({ mesh }) => `${mesh.id} ${mesh.epoch}`)).size === 1;
      return isSame && found.every(({ mesh }) => mesh.members === members && mesh.live === members) ? found : undefined;
    },
    2 * livenessMs,
  );
  return statuses[0]!.mesh;
}

describe('a mesh of one member', () => {
  beforeAll(async () => {
    await run('amber', ['up']);
  });

  it('works, and says that it tolerates nothing', async () => {
    const { mesh, node } = await only('amber').status();
    expect(mesh).toMatchObject({ members: 1, epoch: 0, quorum: 1 });
    expect(mesh.tolerance).toMatch(/no Byzantine tolerance/);
    expect(node.role).toBe('member');
    const asked = await parley(['ask', words, '--data', packagesPath, '--folder', folder('amber'), '-o', 'json']);
    expect([asked.code, asked.err]).toEqual([0, '']);
    const { result, certificate } = JSON.parse(asked.out) as { result: { rows: unknown }; certificate: string };
    expect(result.rows).toEqual(largestSums(readPackages(packagesPath), 5));
    const verdict = verifyCertificateFile(new Uint8Array(readFileSync(certificate)), { crypto, meshId: mesh.id });
    expect(verdict.ok && verdict.about.tolerance).toMatch(/no Byzantine tolerance/);
  });

  it('while no ticket is out the door is shut, and whoever tries an old one is told so', async () => {
    const { mesh, addresses, id } = ready.get('amber')!;
    const { psk } = openHome(folder('amber')).mesh()!;
    const old = formatTicket(
      {
        meshId: hex.decode(mesh),
        issuer: id,
        addresses,
        psk: hex.decode(psk),
        token: new Uint8Array(16),
        expiresAtMs: 0,
        role: 'member',
      },
      crypto,
    );
    const { code, error } = await tryJoin(old, 'latecomer');
    expect([code, error.code]).toEqual([1, 'closed']);
    expect(error.hint).toContain('Ask for a new one');
  });

  it('takes a second member in by a ticket: epoch 1, and both show two members', async () => {
    await run('birch', ['join', await invite('amber')]);
    expect(await agreeOn(['amber', 'birch'], 2)).toMatchObject({ epoch: 1 });
  });

  it('a third and a fourth, invited by different members: from four on any one may lie', async () => {
    await run('cedar', ['join', await invite('birch')]);
    expect((await agreeOn(['amber', 'birch', 'cedar'], 3)).tolerance).toMatch(/no Byzantine tolerance/);
    await run('dahlia', ['join', await invite('cedar')]);
    expect(await agreeOn(['amber', 'birch', 'cedar', 'dahlia'], 4)).toMatchObject({
      epoch: 3,
      tolerance: '3 of 4 members, any 1 may be lying',
      quorum: 3,
    });
  });

  it('its work then carries a chain of configs that leads back to genesis', async () => {
    const asked = await parley(['ask', words, '--data', packagesPath, '--folder', folder('dahlia'), '-o', 'json'], {
      cwd: root,
    });
    expect([asked.code, asked.err]).toEqual([0, '']);
    const { result, certificate } = JSON.parse(asked.out) as { result: { rows: unknown }; certificate: string };
    expect(result.rows).toEqual(largestSums(readPackages(packagesPath), 5));
    const bytes = new Uint8Array(readFileSync(certificate));
    const file = JSON.parse(Buffer.from(bytes).toString('utf8')) as { mesh: { configs: { config: string }[] } };
    expect(file.mesh.configs).toHaveLength(3);
    const meshId = ready.get('amber')!.mesh;
    expect(verifyCertificateFile(bytes, { crypto, meshId }).ok).toBe(true);
    // A chain that leaves out how somebody came in proves nothing.
    const cut = { ...file, mesh: { ...file.mesh, configs: file.mesh.configs.slice(1) } };
    const verdict = verifyCertificateFile(new TextEncoder().encode(`${JSON.stringify(cut, null, 1)}\n`), {
      crypto,
      meshId,
    });
    expect(verdict.ok).toBe(false);
  });
});

describe('a ticket', () => {
  /** A newcomer whose ticket names another mesh is patient before it gives up. */
  let foreigner: ReturnType<typeof tryJoin>;
  beforeAll(async () => {
    const genuine = parseTicket(await invite('amber'), crypto);
    foreigner = tryJoin(formatTicket({ ...genuine, meshId: crypto.sha256(genuine.meshId) }, crypto), 'foreigner');
  });

  it('opens the door once: used by another, it is refused as used', async () => {
    const ticket = await invite('amber', '--role', 'observer');
    await run('watcher', ['join', ticket]);
    const { code, error } = await tryJoin(ticket, 'second');
    expect([code, error.code]).toEqual([1, 'used']);
    expect(error.message).toContain('every newcomer needs its own');
    expect(error.hint).toMatch(/Ask for a new ticket/);
  });

  it('ends: expired, it is refused as expired', async () => {
    const ticket = await invite('birch', '--valid', '1s');
    await new Promise((resolve) => setTimeout(resolve, 1_200));
    // Somebody else's ticket is out, or the door would be shut before a word is said.
    await invite('birch');
    const { code, error } = await tryJoin(ticket, 'late');
    expect([code, error.code]).toEqual([1, 'expired']);
    expect(error.message).toMatch(/expired \d+ s ago/);
  });

  it('mistyped is no ticket, and nothing is dialed', async () => {
    const ticket = await invite('amber');
    const wrong = `${ticket.slice(0, 60)}${ticket[60] === 'A' ? 'B' : 'A'}${ticket.slice(61)}`;
    for (const text of [wrong, ticket.slice(0, -5), 'parley1-', 'hello']) {
      const { code, error } = await tryJoin(text, 'typo');
      expect([text.slice(-8), code, error.code]).toEqual([text.slice(-8), 2, 'bad_ticket']);
    }
  });

  it('of another mesh does not move a node that is in one', async () => {
    const ticket = await invite('amber');
    const [port] = await freePorts(1);
    const founder = new TestProcess(
      [
        `${repository}bin/parley.mjs`,
        'up',
        '--folder',
        folder('elm'),
        '--name',
        'elm',
        '--listen',
        `127.0.0.1:${port}`,
        '-o',
        'json',
        '--exit-with-parent',
      ],
      join(root, 'elm.log'),
    );
    processes.push(founder);
    await founder.firstLine();
    await founder.stop();
    const { code, error } = await tryJoin(ticket, 'elm');
    expect([code, error.code]).toEqual([1, 'exists']);
    expect(error.message).toContain('not the one of this ticket');
  });

  it('forged for another mesh, or with a token nobody issued, opens nothing', async () => {
    const genuine = parseTicket(await invite('amber'), crypto);
    const guessed = formatTicket({ ...genuine, token: crypto.sha256(genuine.token).slice(0, 16) }, crypto);
    const [a, b] = await Promise.all([foreigner, tryJoin(guessed, 'guesser')]);
    expect([a.code, a.error.code]).toEqual([1, 'foreign']);
    expect(a.error.message).toContain('not of the mesh that the ticket names');
    expect([b.code, b.error.code]).toEqual([1, 'unknown']);
    expect(b.error.message).toContain('issued no such ticket');
    expect((await only('amber').status()).mesh.members).toBe(4);
  });

  it('is not refused for what it is where the clocks are ten minutes apart, but for that, and stays good', async () => {
    const ticket = await invite('amber', '--role', 'observer');
    const real = realClock();
    const node = {
      name: 'early',
      site: 'local',
      operator: 'local',
      modelFamily: 'none',
      listen: ['/ip4/127.0.0.1/tcp/0'],
    };
    const attempt = (name: string, offMs: number) =>
      joinMesh(
        { folder: folder(name), ticket, node: { ...node, name, dataSets: [] } },
        { ...real, wallMs: () => real.wallMs() + offMs },
      );
    await expect(attempt('early', 600_000)).rejects.toMatchObject({
      code: 'clock',
      message: expect.stringMatching(/10\.0 min ahead/),
      hint: expect.stringContaining('NTP'),
    });
    await expect(attempt('late', -600_000)).rejects.toMatchObject({
      code: 'clock',
      message: expect.stringMatching(/10\.0 min behind/),
    });
    expect(await attempt('early', 0)).toMatchObject({ role: 'observer' });
  });

  it('brings in nobody of another version, and says which both are', async () => {
    const ticket = parseTicket(await invite('amber'), crypto);
    const identity = testIdentity(3);
    const network = await createLibp2pNetwork({
      identity,
      meshId: ticket.meshId,
      preSharedKey: ticket.psk,
      listen: [],
      bootstrap: [],
      allow: () => true,
      log: () => {},
    });
    const office = createPostOffice({
      identity,
      meshId: ticket.meshId,
      crypto,
      clock: realClock(),
      random: realRandom(),
      network,
      log: () => {},
    });
    try {
      await network.dial(ticket.addresses[0]!);
      const about = { name: 'future', site: 'local', operator: 'local', modelFamily: 'none', version: '9.9.0' };
      const reply = await office.request(
        ticket.issuer,
        joinRequest,
        { token: ticket.token, ...about },
        { timeoutMs: livenessMs },
      );
      expect(reply).toMatchObject({
        admitted: false,
        code: 'version',
        reason: expect.stringMatching(/runs parley 9\.9\.0, this mesh \d/),
      });
    } finally {
      office.close();
      await network.close();
    }
  });

  it('does not let in a second node of a name that a member has', async () => {
    const ticket = await invite('amber');
    const [port] = await freePorts(1);
    const { code, err } = await parley(
      [
        'join',
        ticket,
        '--folder',
        folder('namesake'),
        '--name',
        'birch',
        '--listen',
        `127.0.0.1:${port}`,
        '-o',
        'json',
      ],
      { timeoutMs: 2 * livenessMs },
    );
    expect([code, JSON.parse(err.trim().split('\n').at(-1)!)]).toEqual([
      1,
      { error: expect.objectContaining({ code: 'name_taken', hint: expect.stringContaining('--name') }) },
    ]);
  });
});

describe('an observer', () => {
  it('has no vote and changes no quorum', async () => {
    const { node, mesh } = await only('watcher').status();
    expect(node.role).toBe('observer');
    expect(mesh).toMatchObject({ members: 4, epoch: 3, quorum: 3 });
  });

  it('follows a workflow to its end and has its certificate', async () => {
    const opened = await parley(['ask', words, '--data', packagesPath, '--folder', folder('cedar'), '-o', 'json']);
    expect(opened.code).toBe(0);
    const { workflow } = JSON.parse(opened.out) as { workflow: string };
    const events: WorkflowEvent[] = [];
    await eventually('the observer to know the workflow', async () =>
      (await only('watcher').workflows()).some((known) => known.workflow === workflow && known.state === 'completed'),
    );
    for await (const event of follow(only('watcher'), workflow, { signal: AbortSignal.timeout(livenessMs) }))
      events.push(event);
    expect(events.at(-1)).toMatchObject({ type: 'ended', state: 'completed' });
    const shown = await parley(['show', workflow.slice(0, 8), '--folder', folder('watcher')]);
    expect([shown.code, shown.err]).toEqual([0, '']);
    const proof = new Uint8Array(await only('watcher').certificate(workflow));
    expect(verifyCertificateFile(proof, { crypto, meshId: ready.get('amber')!.mesh }).ok).toBe(true);
  });

  it('may not open one: exit code 3', async () => {
    const asked = await parley(['ask', words, '--data', packagesPath, '--folder', folder('watcher')]);
    expect([asked.code, asked.err]).toEqual([
      3,
      expect.stringContaining('this node is an observer: it can follow workflows and not open them'),
    ]);
  });

  it('may not invite', async () => {
    const asked = await parley(['invite', '--folder', folder('watcher')]);
    expect([asked.code, asked.err]).toEqual([3, expect.stringContaining('observer and cannot invite')]);
  });
});

describe('a member that was away while the mesh grew', () => {
  it('learns of it when it is back, and works under the new epoch', async () => {
    const [amber] = processes;
    await amber!.kill();
    await run('fern', ['join', await invite('birch')]);
    await eventually('fern to be a member', async () => (await only('fern').status()).mesh.members === 5);
    await run('amber', ['up']);
    // Whoever looked for it in vain looks again after ten seconds or so.
    expect(await agreeOn(['amber', 'birch', 'cedar', 'dahlia', 'fern'], 5)).toMatchObject({ epoch: 4 });
    const asked = await parley(['ask', words, '--data', packagesPath, '--folder', folder('amber'), '-o', 'json']);
    expect([asked.code, asked.err]).toEqual([0, '']);
    expect((JSON.parse(asked.out) as { result: { rows: unknown } }).result.rows).toEqual(
      largestSums(readPackages(packagesPath), 5),
    );
  });
});

describe('a member that leaves', () => {
  it('is one no more when `down --leave` returns, and the others know it and go on', async () => {
    const left = await parley(['down', '--leave', '--folder', folder('fern'), '-o', 'json']);
    expect([left.code, left.err]).toEqual([0, '']);
    expect(JSON.parse(left.out)).toMatchObject({
      stopped: ['fern'],
      left: { epoch: 5, drained: true, members: 4, tolerance: '3 of 4 members, any 1 may be lying' },
    });
    expect(await agreeOn(['amber', 'birch', 'cedar', 'dahlia'], 4)).toMatchObject({ epoch: 5, quorum: 3 });
    const asked = await parley(['ask', words, '--data', packagesPath, '--folder', folder('birch'), '-o', 'json']);
    expect([asked.code, asked.err]).toEqual([0, '']);
  });
});
