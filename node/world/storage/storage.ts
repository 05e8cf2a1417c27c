// Law: one folder, one node. The folder is locked by LevelDB's own lock before anything in it is touched, and a lock dies with its
// process, so a killed node restarts at once. What was acknowledged survives SIGKILL and power loss.
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { Level } from 'level';
import type { AppendFile, KeyValue, Storage } from '../../../actors/system/index.ts';
import { incomingSuffix, openAppendFile } from './append-file.ts';
import { openBlobs, type StoredBlob, syncFolder } from './blobs.ts';
import { explain, StorageError } from './errors.ts';
import { createWriter, type Database, openKeyValue } from './key-value.ts';

export interface NodeStorage extends Storage {
  /** Where a blob's bytes are as a file, for the sandbox to open, read only. */
  blobPath(digest: string): string;
  /** Every blob, in no order. */
  listBlobs(): AsyncIterable<StoredBlob>;
  /** Closes what is open, writes first, and gives the folder free. */
  close(): Promise<void>;
}

export interface StorageOptions {
  /** Default 4 GiB. */
  readonly maxBlobBytes?: number;
}

const namePattern = /^[a-z0-9][a-z0-9._-]{0,99}$/;

/** Creates `folder` (mode 0700) where it is missing. Throws StorageError, which names the folder and what to do. */
export async function createStorage(folder: string, options: StorageOptions = {}): Promise<NodeStorage> {
  const files = join(folder, 'files');
  const database: Database = new Level(join(folder, 'store'), {
    keyEncoding: 'utf8',
    valueEncoding: 'view',
    // A node's working set is small and its memory is counted.
    cacheSize: 4 * 1024 * 1024,
  });
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    await mkdir(files, { recursive: true, mode: 0o700 });
    await database.open();
    await syncFolder(folder);
  } catch (error) {
    throw explain(error, 'open the storage', folder);
  }
  const blobs = await openBlobs(join(folder, 'blobs'), options.maxBlobBytes ?? 4 * 1024 ** 3).catch(
    async (error: unknown) => {
      await database.close();
      throw error;
    },
  );

  const writer = createWriter(database, folder);
  const open = new Map<string, AppendFile | KeyValue | undefined>();
  let closed = false;

  const hold = (name: string, what: string): string => {
    if (closed) throw new StorageError('closed', `the storage in ${folder} is closed`);
    if (!namePattern.test(name))
      throw new RangeError(`'${name}' is not a name: lower-case letters, digits, '.', '_', '-', at most 100`);
    const key = `${what} ${name}`;
    if (open.has(key)) throw new StorageError('in_use', `${key} in ${folder} is open already; close it first`);
    open.set(key, undefined);
    return key;
  };

  return {
    async appendFile(name) {
      if (name.endsWith(incomingSuffix)) throw new RangeError(`'${name}' ends as what is to replace a file does`);
      const key = hold(name, 'append file');
      try {
        const file = await openAppendFile(join(files, name), {
          syncName: () => syncFolder(files),
          closed: () => void open.delete(key),
        });
        open.set(key, file);
        return file;
      } catch (error) {
        open.delete(key);
        throw error;
      }
    },
    async keyValue(name) {
      const key = hold(name, 'key-value store');
      const store = openKeyValue(database, writer, name, folder, () => void open.delete(key));
      open.set(key, store);
      return store;
    },
    blobs,
    listBlobs: () => blobs.list(),
    blobPath: (digest) => blobs.path(digest),
    async close() {
      if (closed) return;
      closed = true;
      for (const one of [...open.values()]) await one?.close();
      await writer.idle();
      await database.close();
    },
  };
}
