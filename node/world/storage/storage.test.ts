// Law: see storage.ts. The same contract as in memory, then what only a disk can do to a node.

import { execFileSync } from 'node:child_process';
import { chmod, mkdir, mkdtemp, readdir, rm, stat, symlink, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { BlobMismatch } from '../../../actors/system/index.ts';
import {
  appendFileContract,
  blobsContract,
  keyValueContract,
  type StorageUnderTest,
} from '../../../protocols/lanes/testing/index.ts';
import { createCrypto } from '../../../test/support/world.ts';
import { createStorage, type NodeStorage } from './storage.ts';

let root: string;
let count = 0;
const folder = (): string => join(root, `node-${count++}`);
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'parley-storage-'));
});
afterAll(() => rm(root, { recursive: true, force: true }));

const under = (path: string, storage: NodeStorage): StorageUnderTest => ({
  storage,
  async reopen() {
    await storage.close();
    return under(path, await createStorage(path));
  },
  dispose: () => storage.close(),
});
const open = async (): Promise<StorageUnderTest> => {
  const path = folder();
  return under(path, await createStorage(path));
};
const digestOf = (content: Uint8Array): string => Buffer.from(createCrypto().sha256(content)).toString('hex');
const bytes = (...values: number[]): Uint8Array => Uint8Array.from(values);
async function* once(content: Uint8Array): AsyncGenerator<Uint8Array> {
  yield content;
}

keyValueContract(open);
appendFileContract(open);
blobsContract(open, digestOf);

async function listed(storage: NodeStorage): Promise<{ digest: string; sizeBytes: number; storedAtMs: number }[]> {
  const found = [];
  for await (const blob of storage.listBlobs()) found.push(blob);
  return found;
}

test('every blob is listed with its size and when it was stored, and nothing that is none', async () => {
  const path = folder();
  const storage = await createStorage(path);
  const startMs = Date.now();
  const refs = await Promise.all([bytes(1), bytes(2, 3)].map((content) => storage.blobs.write(once(content))));
  await writeFile(join(path, 'blobs', refs[0]!.digest.slice(0, 2), 'notes.txt'), 'not a blob');
  const found = await listed(storage);
  const bySize = found.sort((a, b) => a.sizeBytes - b.sizeBytes);
  expect(bySize.map(({ digest, sizeBytes }) => ({ digest, sizeBytes }))).toEqual(refs);
  for (const { storedAtMs } of found) expect(Math.abs(storedAtMs - startMs)).toBeLessThan(60_000);
  await storage.blobs.delete(refs[0]!.digest);
  expect((await listed(storage)).map(({ digest }) => digest)).toEqual([refs[1]!.digest]);
  await storage.close();
});

describe('a folder', () => {
  test('belongs to one node at a time, and the error names it', async () => {
    const path = folder();
    const first = await createStorage(path);
    await expect(createStorage(path)).rejects.toMatchObject({ code: 'in_use', message: expect.stringContaining(path) });
    await first.close();
    await (await createStorage(path)).close();
  });

  test('and everything in it is for its owner only', async () => {
    const path = folder();
    const storage = await createStorage(path);
    await (await storage.appendFile('log')).append(bytes(1));
    const { digest } = await storage.blobs.write(once(bytes(1, 2)));
    const mode = async (name: string): Promise<number> => (await stat(name)).mode & 0o777;
    expect(await mode(path)).toBe(0o700);
    expect(await mode(join(path, 'files/log'))).toBe(0o600);
    expect(await mode(storage.blobPath(digest))).toBe(0o400);
    await storage.close();
  });

  test('that cannot be one is refused with its name and what to do', async () => {
    const file = join(root, 'a-file');
    await writeFile(file, 'x');
    await expect(createStorage(join(file, 'below'))).rejects.toMatchObject({
      name: 'StorageError',
      message: expect.stringContaining(file),
    });
    const locked = folder();
    await mkdir(locked, { mode: 0o500 });
    if (process.getuid?.() === 0) console.warn('notice: skipped the folder without rights, root may write everywhere');
    else
      await expect(createStorage(locked)).rejects.toMatchObject({
        code: 'denied',
        message: expect.stringContaining(locked),
      });
    await chmod(locked, 0o700);
  });

  test('closing waits for what is under way, and answers nothing afterwards', async () => {
    const path = folder();
    const storage = await createStorage(path);
    const [table, file] = [await storage.keyValue('table'), await storage.appendFile('log')];
    const work = [table.write([{ key: 'a', value: bytes(1) }]), file.append(bytes(1)), file.sync()];
    await storage.close();
    await Promise.all(work);
    await expect(storage.keyValue('table')).rejects.toThrow(/closed/);
    await expect(file.append(bytes(1))).rejects.toThrow(/closed/);
    const again = await createStorage(path);
    expect(await (await again.keyValue('table')).get('a')).toEqual(bytes(1));
    expect((await again.appendFile('log')).sizeBytes).toBe(1);
    await again.close();
  });

  test('names cannot leave it', async () => {
    const storage = await createStorage(folder());
    for (const name of ['../log', 'a/b', '', '.', '..', 'A', 'a\0b']) {
      await expect(storage.appendFile(name)).rejects.toThrow(RangeError);
      await expect(storage.keyValue(name)).rejects.toThrow(RangeError);
    }
    expect(() => storage.blobPath('../../etc/passwd')).toThrow(RangeError);
    expect(await storage.blobs.has('../../etc/passwd')).toBe(false);
    await storage.close();
  });
});

describe('a file being replaced', () => {
  test('when the process dies, at whatever byte, is the old one or the new one', async () => {
    const [old, next] = [bytes(1, 2, 3), bytes(9, 8, 7, 6, 5)];
    // Written so far, or all of it and renamed: there is no other moment. `syncName` comes after the rename, a crash before it is either.
    for (let written = 0; written <= next.length + 1; written++) {
      const path = folder();
      const storage = await createStorage(path);
      const file = await storage.appendFile('log');
      await file.append(old);
      await file.sync();
      await storage.close();
      const isRenamed = written > next.length;
      await writeFile(join(path, 'files', isRenamed ? 'log' : 'log.incoming'), next.subarray(0, written));
      const again = await createStorage(path);
      const found = await again.appendFile('log');
      expect(await found.readAll()).toEqual(isRenamed ? next : old);
      expect(await readdir(join(path, 'files'))).toEqual(['log']);
      // And what is replaced next is not mixed with what was left behind.
      await found.replace([bytes(4)]);
      expect(await found.readAll()).toEqual(bytes(4));
      await again.close();
    }
    await expect((await createStorage(folder())).appendFile('log.incoming')).rejects.toThrow(/replace/);
  });
});

describe('blobs', () => {
  test('what a crash left half written is swept on open', async () => {
    const path = folder();
    await (await createStorage(path)).close();
    await writeFile(join(path, 'blobs/incoming/0'), 'half a blob');
    const storage = await createStorage(path);
    expect(await readdir(join(path, 'blobs/incoming'))).toEqual([]);
    await storage.close();
  });

  test('a refused or failed write leaves no file', async () => {
    const path = folder();
    const storage = await createStorage(path, { maxBlobBytes: 10 });
    await expect(storage.blobs.write(once(bytes(1)), { digest: digestOf(bytes(2)), sizeBytes: 1 })).rejects.toThrow(
      BlobMismatch,
    );
    await expect(storage.blobs.write(once(new Uint8Array(11)))).rejects.toThrow(/at most 10 bytes/);
    expect(await readdir(join(path, 'blobs'))).toEqual(['incoming']);
    expect(await readdir(join(path, 'blobs/incoming'))).toEqual([]);
    await storage.close();
  });

  test('writing a blob again makes a damaged copy whole', async () => {
    const storage = await createStorage(folder());
    const content = new Uint8Array(1000).fill(5);
    const ref = await storage.blobs.write(once(content));
    await chmod(storage.blobPath(ref.digest), 0o600);
    await truncate(storage.blobPath(ref.digest), 10);
    await storage.blobs.write(once(content), ref);
    expect(await storage.blobs.sizeBytes(ref.digest)).toBe(1000);
    await storage.close();
  });
});

describe('a full disk', () => {
  test('an append that does not fit is refused with a clear error, leaves no torn tail, and the next one that fits is taken', async () => {
    const path = folder();
    const storage = await createStorage(path);
    await symlink('/dev/full', join(path, 'files/full'));
    const full = await storage.appendFile('full');
    await expect(full.append(bytes(1, 2, 3))).rejects.toMatchObject({
      code: 'full',
      message: expect.stringContaining(path),
    });
    expect(full.sizeBytes).toBe(0);
    await storage.close();
  });

  test('a file that cannot be replaced stays as it is, goes on, and leaves nothing behind', async () => {
    const path = folder();
    const storage = await createStorage(path);
    const file = await storage.appendFile('log');
    await file.append(bytes(1, 2));
    await symlink('/dev/full', join(path, 'files/log.incoming'));
    await expect(file.replace([bytes(3), bytes(4)])).rejects.toMatchObject({ code: 'full' });
    await file.append(bytes(5));
    await file.sync();
    expect(await file.readAll()).toEqual(bytes(1, 2, 5));
    expect(await readdir(join(path, 'files'))).toEqual(['log']);
    await storage.close();
  });

  test('stores and blobs say so, keep what was acknowledged, and work again once there is space', async () => {
    const path = folder();
    await mkdir(path);
    try {
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=4m', 'tmpfs', path], { stdio: 'pipe' });
    } catch {
      console.warn('notice: skipped, this user may not mount a small disk');
      return;
    }
    try {
      const storage = await createStorage(path);
      const [table, file] = [await storage.keyValue('table'), await storage.appendFile('log')];
      await file.append(new Uint8Array(100).fill(1));
      await file.sync();
      await expect(storage.blobs.write(once(new Uint8Array(8 << 20)))).rejects.toMatchObject({
        code: 'full',
        message: expect.stringContaining(path),
      });
      expect(await readdir(join(path, 'blobs/incoming'))).toEqual([]);

      let acknowledged = 0;
      const fill = async (): Promise<void> => {
        for (;;) {
          // Not compressible, or the store would swallow it for a long time.
          const value = Uint8Array.from({ length: 100_000 }, (_, i) => Math.imul(i + acknowledged, 2654435761) >>> 13);
          await table.write([{ key: `k${acknowledged}`, value }]);
          acknowledged++;
        }
      };
      await expect(fill()).rejects.toMatchObject({ code: 'full', message: expect.stringContaining('Free some space') });
      expect(acknowledged).toBeGreaterThan(5);

      const block = new Uint8Array(64 << 10).fill(2);
      const flood = async (): Promise<void> => {
        for (;;) await file.append(block);
      };
      await expect(flood()).rejects.toMatchObject({ code: 'full' });
      expect((file.sizeBytes - 100) % block.length).toBe(0);
      expect((await stat(join(path, 'files/log'))).size).toBe(file.sizeBytes);
      await file.truncate(100);
      await file.append(bytes(9));
      expect((await file.readAll()).slice(99)).toEqual(bytes(1, 9));
      await storage.close();

      execFileSync('mount', ['-o', 'remount,size=64m', path], { stdio: 'pipe' });
      const again = await createStorage(path);
      const reopened = await again.keyValue('table');
      for (let i = 0; i < acknowledged; i++) expect((await reopened.get(`k${i}`))?.length).toBe(100_000);
      await reopened.write([{ key: 'more', value: bytes(1) }]);
      await again.close();
    } finally {
      execFileSync('umount', ['-l', path], { stdio: 'pipe' });
    }
  });
});
