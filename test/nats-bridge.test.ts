// Law: one mesh may run on libp2p alone, on NATS alone, or on both with bridging nodes between: an intent given to a member on NATS alone is
// carried out with members on libp2p alone, certified once, and goes on when a bridge dies.
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { verifyCertificateFile } from '../actors/proof/index.ts';
import { localFile, TestMesh } from './support/mesh.ts';
import { type NatsServer, natsServerBinary, startNatsServer } from './support/nats.ts';
import { largestSums, packagesPath, readPackages } from './support/packages.ts';
import { createCrypto } from './support/world.ts';

const words = 'total installed_size per section in packages.csv, top 5';
const files = [localFile('packages.csv', readFileSync(packagesPath))];

describe.skipIf(natsServerBinary === undefined)('a mesh on two transports, with bridges', () => {
  let server: NatsServer;
  let mesh: TestMesh;
  beforeAll(async () => {
    server = await startNatsServer();
    const nats = { servers: [server.url], intents: false };
    mesh = await TestMesh.start([
      { name: 'amber', nats, isNatsAlone: true },
      { name: 'birch' },
      { name: 'cedar', nats },
      { name: 'dill', nats },
    ]);
  });
  afterAll(async () => {
    await mesh?.end();
    await server?.end();
  });

  it('certifies work of members that have no transport in common, also after a bridge was killed', async () => {
    for (const node of ['amber', 'birch']) {
      if (node === 'birch') await mesh.kill('dill');
      const { detail, workflow } = await mesh.ask(words, files, { node });
      expect(detail.state).toBe('completed');
      expect((detail.result!.json as { rows: unknown }).rows).toEqual(largestSums(readPackages(packagesPath), 5));
      const other = node === 'amber' ? 'birch' : 'amber';
      const certificate = await mesh.certificate(other, workflow);
      expect(verifyCertificateFile(certificate, { crypto: createCrypto() }).ok).toBe(true);
      expect((await mesh.story(other, workflow)).filter(({ type }) => type === 'ended').length).toBe(1);
    }
  });
});
