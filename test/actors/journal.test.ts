// Law: the journal of durable actors keeps its contract on the disk too.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { keyValueJournal, keyValueSnapshots } from '../../actors/system/index.ts';
import { journalContract, snapshotsContract } from '../../actors/system/testing/contracts/index.ts';
import { createStorage } from '../../node/world/index.ts';

async function openFolder() {
  const folder = await mkdtemp(join(tmpdir(), 'parley-journal-'));
  let storage = await createStorage(folder);
  return {
    keyValue: () => storage.keyValue('journal'),
    async restart() {
      await storage.close();
      storage = await createStorage(folder);
    },
    async close() {
      await storage.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

journalContract('the journal over level', {
  async open() {
    const { keyValue, restart, close } = await openFolder();
    return {
      journal: keyValueJournal(await keyValue()),
      close,
      async reopen() {
        await restart();
        return keyValueJournal(await keyValue());
      },
    };
  },
});

snapshotsContract('the snapshots over level', {
  async open() {
    const { keyValue, restart, close } = await openFolder();
    return {
      snapshots: keyValueSnapshots(await keyValue()),
      close,
      async reopen() {
        await restart();
        return keyValueSnapshots(await keyValue());
      },
    };
  },
});
