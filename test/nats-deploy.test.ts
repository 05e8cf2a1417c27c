// Law: the server configurations in deploy/nats are valid, grant a mesh and its clients what they need, and no more: tested with the real
// server, the real nodes and the example client.
import { spawn, spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { connect, type NatsConnection } from '@nats-io/transport-node';
import { afterEach, describe, expect, it } from 'vitest';
import { verifyCertificateFile } from '../actors/proof/index.ts';
import { createNatsNetwork, openJetStreamBus } from '../protocols/nats/index.ts';
import { eventually, TestMesh } from './support/mesh.ts';
import { natsServerBinary } from './support/nats.ts';
import { deployFolder, deployServer } from './support/nats-deploy.ts';
import { largestSums, packagesPath, readPackages } from './support/packages.ts';
import { freePorts } from './support/ports.ts';
import { repository } from './support/process.ts';
import {
  createCrypto,
  patientMs,
  realClock,
  realRandom,
  realScheduler,
  recordingLog,
  testIdentity,
  until,
} from './support/world.ts';

const passwords = { PARLEY_NODE_PASSWORD: 'of-the-nodes', PARLEY_CLIENT_PASSWORD: 'of-the-clients' };
const environment = {
  ...passwords,
  PARLEY_SERVER: 'nats-1',
  PARLEY_ROUTE_PASSWORD: 'of-routes',
  PARLEY_ROUTE_1: 'nats-route://route:of-routes@nats-1:6222',
  PARLEY_ROUTE_2: 'nats-route://route:of-routes@nats-2:6222',
  PARLEY_ROUTE_3: 'nats-route://route:of-routes@nats-3:6222',
  PARLEY_SITE_PASSWORD: 'of-sites',
  PARLEY_HUB: 'nats-leaf://site:of-sites@hub.example:7422',
};
const hasPython = spawnSync('python3', ['--version']).status === 0;
const hasNatsPy = spawnSync('python3', ['-c', 'import nats.aio.client']).status === 0;
const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

/** A server of `file`, on ports of its own; `replace` moves the ports that no argument can. */
async function serverOf(file: string, replace: readonly (readonly [string, string])[] = [], env = {}) {
  const server = await deployServer(file, { replace, env: { ...environment, ...env } });
  cleanups.push(() => server.end());
  return server;
}

/** Every node has made, or found, the queue of intents: within the permissions of a node. */
async function takingIntents(mesh: TestMesh): Promise<void> {
  await eventually('the queue', () =>
    mesh.names.every((name) =>
      readFileSync(join(mesh.folder(name), 'node.log'), 'utf8').includes('taking intents from the queue'),
    ),
  );
}

describe.skipIf(natsServerBinary === undefined)('the NATS server configurations', () => {
  it.each(['single.conf', 'cluster.conf', 'hub.conf', 'leaf.conf'])('%s is valid to the server itself', (file) => {
    const { status, stderr } = spawnSync(natsServerBinary!, ['-t', '-c', join(deployFolder, file)], {
      env: { ...process.env, ...environment },
      encoding: 'utf8',
    });
    expect(stderr).toContain('is valid');
    expect(status).toBe(0);
  });

  it('let nodes form a mesh and the example client get a certified answer, and a client read no traffic of members', async () => {
    const server = await serverOf('single.conf');
    const passwordFile = join(server.folder, 'node-password');
    writeFileSync(passwordFile, `${passwords.PARLEY_NODE_PASSWORD}\n`, { mode: 0o600 });
    const nats = { servers: [server.url], user: 'node', passwordFile };
    const mesh = await TestMesh.start(['amber', 'birch'].map((name) => ({ name, isNatsAlone: true, nats })));
    cleanups.push(() => mesh.end());
    await takingIntents(mesh);
    const url = `nats://client:${passwords.PARLEY_CLIENT_PASSWORD}@127.0.0.1:${server.port}`;
    const child = spawn(
      process.execPath,
      [
        join(repository, 'examples/clients/ask.ts'),
        'total installed_size per section in packages.csv, top 5',
        packagesPath,
      ],
      { cwd: server.folder, env: { ...process.env, NATS_URL: url }, stdio: ['ignore', 'pipe', 'pipe'] },
    );
    let output = '';
    let errors = '';
    child.stdout.on('data', (chunk: Buffer) => {
      output += chunk.toString();
    });
    child.stderr.on('data', (chunk: Buffer) => {
      errors += chunk.toString();
    });
    const code = await new Promise((resolve) => child.once('close', resolve));
    expect(errors).toContain('decided');
    expect(code).toBe(0);
    expect((JSON.parse(output) as { rows: unknown }).rows).toEqual(largestSums(readPackages(packagesPath), 5));
    const certificate = new Uint8Array(readFileSync(join(server.folder, 'certificate.json')));
    expect(verifyCertificateFile(certificate, { crypto: createCrypto() }).ok).toBe(true);
    if (!hasPython) console.warn('notice: skipped, python3 is not installed: the Python example is not run');
    else {
      if (!hasNatsPy)
        console.warn(
          'notice: nats-py is not installed: a stand-in speaks for it (pip install nats-py, or name its folder in PYTHONPATH)',
        );
      const packages = hasNatsPy ? {} : { PYTHONPATH: join(repository, 'test/support/python') };
      const asked = spawnSync(
        'python3',
        [
          '-B',
          join(repository, 'examples/clients/ask.py'),
          'total installed_size per section in packages.csv, top 5',
          packagesPath,
        ],
        {
          cwd: server.folder,
          env: { ...process.env, NATS_URL: url, ...packages },
          encoding: 'utf8',
        },
      );
      expect(asked.stderr).toContain('workflow');
      expect((JSON.parse(asked.stdout) as { rows: unknown }).rows).toEqual(largestSums(readPackages(packagesPath), 5));
    }
    for (const name of mesh.names)
      expect(readFileSync(join(mesh.folder(name), 'node.log'), 'utf8')).not.toContain('the NATS server refused');
    const client: NatsConnection = await connect({
      servers: `127.0.0.1:${server.port}`,
      user: 'client',
      pass: passwords.PARLEY_CLIENT_PASSWORD,
    });
    cleanups.push(() => client.close());
    for (const subject of ['parley.mesh.>', 'parley.intent.submit', '>']) {
      const subscription = client.subscribe(subject, { callback: () => {} });
      expect(String(await subscription.closed)).toContain('Permissions Violation');
    }
  });

  /** A hub, and the server of a site that is its leaf node. */
  async function hubAndSite() {
    const [leafPort] = await freePorts(1);
    const hub = await serverOf('hub.conf', [['0.0.0.0:7422', `127.0.0.1:${leafPort}`]]);
    const site = await serverOf('leaf.conf', [], {
      PARLEY_SERVER: 'site-1',
      PARLEY_HUB: `nats-leaf://site:${environment.PARLEY_SITE_PASSWORD}@127.0.0.1:${leafPort}`,
    });
    return [hub, site] as const;
  }

  it('keep intents and events of a site at the hub: its nodes take from the queue there, and events pass both ways', async () => {
    const [hub, site] = await hubAndSite();
    const passwordFile = join(site.folder, 'node-password');
    writeFileSync(passwordFile, `${passwords.PARLEY_NODE_PASSWORD}\n`, { mode: 0o600 });
    const nats = { servers: [site.url], user: 'node', passwordFile, domain: 'hub' };
    const mesh = await TestMesh.start([{ name: 'amber', isNatsAlone: true, nats }]);
    cleanups.push(() => mesh.end());
    await eventually(
      'the queue',
      () => readFileSync(join(mesh.folder('amber'), 'node.log'), 'utf8').includes('taking intents from the queue'),
      60_000,
    );
    const client = await connect({
      servers: `127.0.0.1:${hub.port}`,
      user: 'client',
      pass: passwords.PARLEY_CLIENT_PASSWORD,
    });
    cleanups.push(() => client.close());
    const replyTo = '_INBOX.leaf.1';
    const answers: { ok: boolean; workflow?: string }[] = [];
    client.subscribe(replyTo, { callback: (_, message) => void answers.push(message.json()) });
    const files = [{ name: 'packages.csv', content: readFileSync(packagesPath).toString('base64') }];
    const words = 'total installed_size per section in packages.csv, top 5';
    client.publish('parley.intent.queue', JSON.stringify({ words, files, replyTo }));
    await eventually('the site’s node to have taken it', () => answers[0]?.ok, 60_000);

    const clock = realClock();
    const [atHub, atSite] = await Promise.all(
      [hub, site].map((server) =>
        openJetStreamBus({
          servers: [server.url],
          credentials: { user: 'node', password: passwords.PARLEY_NODE_PASSWORD },
          domain: 'hub',
          clock,
          scheduler: realScheduler(clock),
          random: realRandom(),
          crypto: createCrypto(),
          log: () => {},
        }),
      ),
    );
    cleanups.push(() => Promise.all([atHub!.close(), atSite!.close()]));
    const got = { hub: [] as string[], site: [] as string[] };
    const stop = new AbortController();
    cleanups.push(() => stop.abort());
    for (const [bus, list] of [
      [atHub!, got.hub],
      [atSite!, got.site],
    ] as const)
      void (async () => {
        for await (const { data } of bus.read('orders', { from: 'first', signal: stop.signal }))
          list.push(Buffer.from(data).toString());
      })();
    await atSite!.publish('orders', { key: 'k', data: Buffer.from('from the site') });
    await atHub!.publish('orders', { key: 'k', data: Buffer.from('from the hub') });
    for (const list of [got.hub, got.site])
      await eventually('both events, in order', () => list.join() === 'from the site,from the hub', 60_000);
  }, 180_000);

  it('join a site to the hub by a leaf node: members at both ends meet', async () => {
    const [hub, site] = await hubAndSite();
    const [a, b] = await Promise.all(
      [hub, site].map((server, index) =>
        createNatsNetwork({
          identity: testIdentity(index),
          meshId: new Uint8Array(32).fill(1),
          preSharedKey: new Uint8Array(32).fill(2),
          servers: [server.url],
          credentials: { user: 'node', password: passwords.PARLEY_NODE_PASSWORD },
          crypto: createCrypto(),
          allow: () => true,
          log: recordingLog().log,
        }),
      ),
    );
    cleanups.push(() => Promise.all([a!.close(), b!.close()]));
    await until('both up', () => a!.peers().length === 1 && b!.peers().length === 1);
    b!.serve((_, frame) => frame);
    expect(await a!.request(b!.self, Uint8Array.of(1, 2), { timeoutMs: patientMs })).toEqual(Uint8Array.of(1, 2));
  });
});
