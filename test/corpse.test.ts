// Law: a node whose tree gave up leaves the network and says why; it does not stay as a corpse that answers to nothing.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { createMeshFolders } from '../node/home/index.ts';
import { startNode } from '../node/index.ts';

test('a node one of whose parts fails again and again ends, with the reason', async () => {
  const root = mkdtempSync(join(tmpdir(), 'parley-corpse-'));
  try {
    const [home] = createMeshFolders({
      root,
      meshName: 'corpse',
      nodes: [{ name: 'amber', site: 'local', listen: ['/ip4/127.0.0.1/tcp/0'] }],
    });
    let isBroken = false;
    const node = await startNode({
      folder: home!.folder,
      wrap: {
        // From then on whatever actor asks who is there crashes, and crashes again after its restart.
        network: (network) => ({
          ...network,
          peers: () => {
            if (isBroken) throw new Error('broken on purpose');
            return network.peers();
          },
        }),
      },
    });
    isBroken = true;
    expect(await node.ended).toMatch(/kept failing/);
    await node.stop();
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
});
