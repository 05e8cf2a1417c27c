// Law: a node joins over NATS alone by the ticket of a member that no newcomer could dial: the ticket names the server, not what the issuer
// proves itself to it with.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseTicket } from '../protocols/mesh/index.ts';
import { eventually, TestMesh } from './support/mesh.ts';
import { natsServerBinary } from './support/nats.ts';
import { type DeployedServer, deployServer } from './support/nats-deploy.ts';
import { parley } from './support/process.ts';
import { createCrypto } from './support/world.ts';

const password = 'of-the-nodes';

describe.skipIf(natsServerBinary === undefined)('a mesh on NATS alone', () => {
  let server: DeployedServer;
  let mesh: TestMesh;
  let passwordFile: string;
  beforeAll(async () => {
    server = await deployServer('single.conf', {
      env: { PARLEY_NODE_PASSWORD: password, PARLEY_CLIENT_PASSWORD: 'of-the-clients' },
    });
    passwordFile = join(server.folder, 'node-password');
    writeFileSync(passwordFile, `${password}\n`, { mode: 0o600 });
    const nats = { servers: [server.url], user: 'node', passwordFile };
    mesh = await TestMesh.start([{ name: 'amber', isNatsAlone: true, nats }]);
  });
  afterAll(async () => {
    await mesh?.end();
    await server?.end();
  });

  it('admits a newcomer by a ticket over the server', async () => {
    const { ticket } = await mesh.client('amber').invite({ role: 'member', validForMs: 600_000 });
    expect(parseTicket(ticket, createCrypto()).addresses).toEqual([server.url]);
    const folder = join(server.folder, 'birch');
    const access = ['--nats', server.url, '--nats-user', 'node', '--nats-password-file', passwordFile];
    const joined = await parley(['join', ticket, '--folder', folder, '--name', 'birch', ...access, '--detach']);
    try {
      expect([joined.err, joined.code]).toEqual(['', 0]);
      await eventually('two members', async () => (await mesh.status('amber')).mesh.live === 2);
    } finally {
      await parley(['down', '--folder', folder]);
    }
  });
});
