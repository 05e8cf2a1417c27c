// Law: a file under `blobs/` is a whole blob whose name is its digest. It is written elsewhere, hashed on the way, made durable and only
// then renamed into place; a crash leaves at most a file in `incoming/`, which the next start sweeps.
import { createHash } from 'node:crypto';
import { type FileHandle, mkdir, open, opendir, rename, rm, stat, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { BlobMismatch, type Blobs } from '../../../actors/system/index.ts';
import { explain, StorageError } from './errors.ts';

const digestPattern = /^[0-9a-f]{64}$/;
const chunkBytes = 256 * 1024;

export interface StoredBlob {
  readonly digest: string;
  readonly sizeBytes: number;
  /** When it was stored here, the last time. */
  readonly storedAtMs: number;
}

export interface BlobFolder extends Blobs {
  /** Every blob, in no order; one that goes meanwhile is left out. */
  list(): AsyncIterable<StoredBlob>;
  /** Where the blob's bytes are as a file, to be read only. It exists while the blob does. Throws RangeError where `digest` is none. */
  path(digest: string): string;
}

/** Makes the names in a folder durable: after creating or renaming a file in it. */
export async function syncFolder(path: string): Promise<void> {
  const handle = await open(path, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** The caller holds the folder's lock. */
export async function openBlobs(folder: string, maxBlobBytes: number): Promise<BlobFolder> {
  const incoming = join(folder, 'incoming');
  try {
    await rm(incoming, { recursive: true, force: true });
    await mkdir(incoming, { recursive: true, mode: 0o700 });
  } catch (error) {
    throw explain(error, 'prepare the blobs', folder);
  }
  let nextName = 0;

  const shardOf = (digest: string): string => join(folder, digest.slice(0, 2));
  const pathOf = (digest: string): string => {
    if (!digestPattern.test(digest)) throw new RangeError(`'${digest}' is not a SHA-256 digest in lower-case hex`);
    return join(shardOf(digest), digest);
  };
  const sizeOf = async (digest: string): Promise<number | undefined> => {
    if (!digestPattern.test(digest)) return undefined;
    try {
      return (await stat(pathOf(digest))).size;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
      throw explain(error, `look for blob ${digest}`, folder);
    }
  };

  return {
    path: pathOf,
    sizeBytes: sizeOf,
    has: async (digest) => (await sizeOf(digest)) !== undefined,
    async write(source, expected) {
      const temporary = join(incoming, String(nextName++));
      const hash = createHash('sha256');
      let sizeBytes = 0;
      let handle: FileHandle | undefined;
      const disk = async <T>(operation: Promise<T>): Promise<T> =>
        operation.catch((error: unknown) => {
          throw explain(error, `store a blob of ${expected?.sizeBytes ?? sizeBytes} bytes`, folder);
        });
      try {
        // Read-only from the start: nothing but this handle ever writes it.
        handle = await disk(open(temporary, 'wx', 0o400));
        for await (const part of source) {
          sizeBytes += part.length;
          if (expected !== undefined && sizeBytes > expected.sizeBytes) {
            throw new BlobMismatch(`blob ${expected.digest} has ${expected.sizeBytes} bytes, the source more`);
          }
          if (sizeBytes > maxBlobBytes)
            throw new RangeError(`a blob has at most ${maxBlobBytes} bytes; split the payload`);
          hash.update(part);
          for (let at = 0; at < part.length; )
            at += (await disk(handle.write(part, at, part.length - at))).bytesWritten;
        }
        const digest = hash.digest('hex');
        if (expected !== undefined && (digest !== expected.digest || sizeBytes !== expected.sizeBytes)) {
          throw new BlobMismatch(
            `expected blob ${expected.digest} of ${expected.sizeBytes} bytes, got ${digest} of ${sizeBytes}`,
          );
        }
        await disk(handle.sync());
        await handle.close();
        handle = undefined;
        await disk(mkdir(shardOf(digest), { recursive: true, mode: 0o700 }));
        // Over a copy that is there already: should that one have been damaged, it is whole again.
        await disk(rename(temporary, pathOf(digest)));
        await disk(syncFolder(shardOf(digest)));
        await disk(syncFolder(folder));
        return { digest, sizeBytes };
      } catch (error) {
        await handle?.close();
        await unlink(temporary).catch(() => {});
        throw error;
      }
    },
    async *read(digest, offsetBytes = 0) {
      let handle: FileHandle;
      try {
        handle = await open(pathOf(digest), 'r');
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw explain(error, `read blob ${digest}`, folder);
        throw new StorageError('failed', `blob ${digest} is not here`, { cause: error });
      }
      try {
        for (let at = offsetBytes; ; ) {
          const chunk = new Uint8Array(chunkBytes);
          const { bytesRead } = await handle.read(chunk, 0, chunkBytes, at);
          if (bytesRead === 0) return;
          at += bytesRead;
          yield chunk.subarray(0, bytesRead);
        }
      } finally {
        await handle.close();
      }
    },
    async *list() {
      for await (const shard of await opendir(folder)) {
        if (!/^[0-9a-f]{2}$/.test(shard.name)) continue;
        for await (const { name } of await opendir(join(folder, shard.name))) {
          const found = digestPattern.test(name) ? await stat(pathOf(name)).catch(() => undefined) : undefined;
          if (found !== undefined) yield { digest: name, sizeBytes: found.size, storedAtMs: found.mtimeMs };
        }
      }
    },
    async delete(digest) {
      try {
        await unlink(pathOf(digest));
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw explain(error, `delete blob ${digest}`, folder);
      }
    },
  };
}
