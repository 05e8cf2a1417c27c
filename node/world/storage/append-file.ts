// Law: appends reach the file in the order they were asked for, and `sync` answers only for what fdatasync covered. A failed append leaves
// no torn tail behind; after a failed fdatasync the kernel may have dropped the pages, so the file takes nothing more until it is reopened.
// A file is replaced by renaming another one over it that is durable by then, so there is always exactly one of the two under its name.
import { constants, type FileHandle, open, rename, rm } from 'node:fs/promises';
import type { AppendFile } from '../../../actors/system/index.ts';
import { explain, StorageError } from './errors.ts';

/** Bytes appended and not yet written; what exceeds it is refused. */
const maxPendingBytes = 64 * 1024 * 1024;

interface Append {
  readonly bytes: Uint8Array;
  resolve(): void;
  reject(error: unknown): void;
}

/** What a file is called while it is being written to replace another. A crash may leave one behind; it counts for nothing. */
export const incomingSuffix = '.incoming';

/**
 * Creates the file (mode 0600) where there is none. `syncName` makes the names in its folder durable: before the first append, and when
 * the file was replaced.
 */
export async function openAppendFile(
  path: string,
  options: { syncName(): Promise<void>; closed(): void },
): Promise<AppendFile> {
  const flags = constants.O_APPEND | constants.O_CREAT | constants.O_RDWR;
  const incoming = path + incomingSuffix;
  let handle: FileHandle;
  let sizeBytes: number;
  try {
    await rm(incoming, { force: true });
    handle = await open(path, flags, 0o600);
    sizeBytes = (await handle.stat()).size;
    await options.syncName();
  } catch (error) {
    throw explain(error, 'open a file', path);
  }

  let broken: StorageError | undefined;
  let closed = false;
  let pendingBytes = 0;
  /** Appends that will go to the file as one write. */
  let group: Append[] | undefined;
  let tail: Promise<unknown> = Promise.resolve();
  let syncing: Promise<void> = Promise.resolve();
  let nextSync: Promise<void> | undefined;

  const sound = (): void => {
    if (broken !== undefined) throw broken;
  };
  const check = (): void => {
    if (closed) throw new StorageError('closed', `the file ${path} is closed`);
    sound();
  };
  const enqueue = <T>(operation: () => Promise<T>): Promise<T> => {
    const result = tail.then(operation);
    tail = result.catch(() => {});
    return result;
  };

  const writeAll = async (bytes: Uint8Array, to: FileHandle = handle): Promise<void> => {
    for (let at = 0; at < bytes.length; ) at += (await to.write(bytes, at, bytes.length - at)).bytesWritten;
  };

  const flush = async (appends: readonly Append[]): Promise<void> => {
    const bytes = appends.length === 1 ? appends[0]!.bytes : Buffer.concat(appends.map((append) => append.bytes));
    try {
      sound();
      await writeAll(bytes);
      sizeBytes += bytes.length;
      for (const append of appends) append.resolve();
    } catch (error) {
      const reason = explain(error, `append ${bytes.length} bytes`, path);
      // Part of the write may be in the file: what was refused must not be read back.
      if (broken === undefined) await handle.truncate(sizeBytes).catch(() => (broken = reason));
      for (const append of appends) append.reject(reason);
    } finally {
      pendingBytes -= bytes.length;
    }
  };

  return {
    get sizeBytes() {
      return sizeBytes;
    },
    async readAll() {
      check();
      return enqueue(async () => {
        const bytes = new Uint8Array(sizeBytes);
        let at = 0;
        while (at < bytes.length) {
          const { bytesRead } = await handle.read(bytes, at, bytes.length - at, at);
          if (bytesRead === 0)
            throw new StorageError('damaged', `the file ${path} ends after ${at} bytes, ${sizeBytes} were written`);
          at += bytesRead;
        }
        return bytes;
      });
    },
    append(bytes) {
      return new Promise<void>((resolve, reject) => {
        check();
        if (pendingBytes + bytes.length > maxPendingBytes) {
          throw new StorageError(
            'busy',
            `the file ${path} has ${pendingBytes} bytes waiting for the disk; await earlier appends first`,
          );
        }
        pendingBytes += bytes.length;
        if (group === undefined) {
          const mine: Append[] = [];
          group = mine;
          void enqueue(() => {
            if (group === mine) group = undefined;
            return flush(mine);
          });
        }
        group.push({ bytes: bytes.slice(), resolve, reject });
      });
    },
    async sync() {
      check();
      await tail;
      // One fdatasync at a time. It covers what is in the file when it starts, so whoever comes while it runs shares the next.
      nextSync ??= syncing
        .catch(() => {})
        .then(async () => {
          syncing = nextSync!;
          nextSync = undefined;
          sound();
          await handle.datasync().catch((error: unknown) => {
            broken = explain(error, 'make a file durable', path);
            throw broken;
          });
        });
      await nextSync;
    },
    async truncate(toBytes) {
      check();
      group = undefined;
      await enqueue(async () => {
        sound();
        if (!Number.isInteger(toBytes) || toBytes < 0 || toBytes > sizeBytes) {
          throw new RangeError(`cannot truncate ${path} of ${sizeBytes} bytes to ${toBytes}`);
        }
        try {
          await handle.truncate(toBytes);
          sizeBytes = toBytes;
          await handle.datasync();
        } catch (error) {
          broken = explain(error, 'truncate a file', path);
          throw broken;
        }
      });
    },
    async replace(parts) {
      check();
      group = undefined;
      await enqueue(async () => {
        sound();
        const next = await open(incoming, 'w', 0o600).catch((error: unknown) => {
          throw explain(error, 'create a file', incoming);
        });
        try {
          for (const part of parts) await writeAll(part, next);
          await next.datasync();
          await next.close();
        } catch (error) {
          await next.close().catch(() => {});
          await rm(incoming, { force: true }).catch(() => {});
          throw explain(error, 'write a file', incoming);
        }
        try {
          // Closed first: not every system renames over a file that is open.
          await handle.close();
          await rename(incoming, path);
          await options.syncName();
          handle = await open(path, flags, 0o600);
          sizeBytes = (await handle.stat()).size;
        } catch (error) {
          broken = explain(error, 'replace a file', path);
          throw broken;
        }
      });
    },
    async close() {
      if (closed) return;
      closed = true;
      group = undefined;
      await tail;
      await (nextSync ?? syncing).catch(() => {});
      // A file that could not be replaced may be closed already.
      await handle.close().catch((error: unknown) => {
        if (broken === undefined) throw error;
      });
      options.closed();
    },
  };
}
