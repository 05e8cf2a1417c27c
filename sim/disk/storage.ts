// Law: the Storage port of one life over its node's disk: the port's contract to the letter, and every promise settles in an event of its own.
import {
  type AppendFile,
  BlobMismatch,
  type BlobRef,
  type Blobs,
  type Crypto,
  type KeyValue,
  type Storage,
} from '../../actors/system/index.ts';
import { compareBytes, hex, utf8 } from '../../protocols/wire/index.ts';
import type { Life } from '../world/index.ts';
import type { Disk, FileBody } from './disk.ts';

const chunkBytes = 64 * 1024;

export function openSimStorage({
  disk,
  life,
  crypto,
}: {
  readonly disk: Disk;
  readonly life: Life;
  readonly crypto: Pick<Crypto, 'sha256'>;
}): Storage {
  const open = new Set<string>();
  const hold = (what: string): Gate => {
    if (open.has(what)) throw new Error(`${what} is open already; close it first`);
    open.add(what);
    let isClosed = false;
    return {
      check() {
        if (isClosed) throw new Error(`${what} is closed`);
      },
      async close(finish) {
        if (isClosed) return;
        isClosed = true;
        // The name is free once everything asked before is done, as with a real file.
        await finish();
        open.delete(what);
      },
    };
  };
  return {
    async appendFile(name) {
      const gate = hold(`append file ${name}`);
      return disk.operate(life, 'read', `file ${name}`, () => {
        const file = disk.files.get(name) ?? {
          bytes: new Uint8Array(1_024),
          sizeBytes: 0,
          syncedBytes: 0,
          isBroken: false,
        };
        file.isBroken = false;
        disk.files.set(name, file);
        return appendFile(disk, life, name, file, gate);
      });
    },
    async keyValue(name) {
      const gate = hold(`key-value store ${name}`);
      return disk.operate(life, 'read', `table ${name}`, () => {
        if (!disk.tables.has(name)) disk.tables.set(name, new Map());
        return keyValue(disk, life, name, gate);
      });
    },
    blobs: blobStore(disk, life, crypto),
  };
}

interface Gate {
  check(): void;
  close(finish: () => Promise<void>): Promise<void>;
}

function appendFile(disk: Disk, life: Life, name: string, file: FileBody, gate: Gate): AppendFile {
  const target = `file ${name}`;
  const check = (): void => {
    gate.check();
    if (file.isBroken) throw new Error(`the append file ${name} failed to become durable; open it again`);
  };
  return {
    get sizeBytes() {
      return file.sizeBytes;
    },
    async readAll() {
      check();
      return disk.operate(life, 'read', target, () => file.bytes.slice(0, file.sizeBytes));
    },
    async append(bytes) {
      check();
      const copy = bytes.slice();
      await disk.operate(
        life,
        'append',
        target,
        () => {
          const sizeBytes = file.sizeBytes + copy.length;
          if (sizeBytes > file.bytes.length) {
            const grown = new Uint8Array(Math.max(sizeBytes, 2 * file.bytes.length));
            grown.set(file.bytes.subarray(0, file.sizeBytes));
            file.bytes = grown;
          }
          file.bytes.set(copy, file.sizeBytes);
          file.sizeBytes = sizeBytes;
        },
        copy,
      );
    },
    async sync() {
      check();
      try {
        // Everything appended before the call was done before this, in the target's order.
        await disk.operate(life, 'sync', target, () => {
          if (!disk.isLyingAboutSyncs) file.syncedBytes = file.sizeBytes;
        });
      } catch (error) {
        file.isBroken = true;
        throw error;
      }
    },
    async truncate(sizeBytes) {
      check();
      await disk.operate(life, 'sync', target, () => {
        if (!Number.isInteger(sizeBytes) || sizeBytes < 0 || sizeBytes > file.sizeBytes)
          throw new RangeError(`cannot truncate ${file.sizeBytes} bytes to ${sizeBytes}`);
        file.sizeBytes = sizeBytes;
        file.syncedBytes = sizeBytes;
      });
    },
    async replace(parts) {
      check();
      const bytes = new Uint8Array(Buffer.concat(parts));
      // The rename is what counts, and it is whole or not at all.
      await disk.operate(
        life,
        'sync',
        target,
        () => {
          file.bytes = bytes;
          file.sizeBytes = bytes.length;
          file.syncedBytes = bytes.length;
        },
        bytes,
      );
    },
    close: () => gate.close(() => disk.operate(life, 'read', target, () => {})),
  };
}

function keyValue(disk: Disk, life: Life, name: string, gate: Gate): KeyValue {
  const target = `table ${name}`;
  return {
    async get(key) {
      gate.check();
      return disk.operate(life, 'read', target, () => disk.row(name, key));
    },
    async write(changes) {
      gate.check();
      for (const { key } of changes) if (!key.isWellFormed()) throw new RangeError('a key is well-formed Unicode text');
      const copies = changes.map(({ key, value }) => ({ key, value: value?.slice() }));
      await disk.operate(
        life,
        'write',
        target,
        () => {
          for (const { key, value } of copies) disk.setRow(name, key, value);
        },
        traceOf(copies),
      );
    },
    async *range(from, to) {
      gate.check();
      const [low, high] = [utf8.encode(from), utf8.encode(to)];
      const found = await disk.operate(life, 'read', target, () =>
        [...disk.tables.get(name)!.keys()]
          .map((key) => ({ key, order: utf8.encode(key) }))
          .filter(({ order }) => compareBytes(order, low) >= 0 && compareBytes(order, high) < 0)
          .sort((a, b) => compareBytes(a.order, b.order))
          .flatMap(({ key }) => {
            const value = disk.row(name, key);
            return value === undefined ? [] : [{ key, value }];
          }),
      );
      for (const { key, value } of found) yield { key, value };
    },
    close: () => gate.close(() => disk.operate(life, 'read', target, () => {})),
  };
}

/** What the trace takes in of a write. */
function traceOf(changes: readonly { readonly key: string; readonly value: Uint8Array | undefined }[]): Uint8Array {
  return new Uint8Array(
    Buffer.concat(changes.flatMap(({ key, value }) => [utf8.encode(key), value ?? new Uint8Array(0)])),
  );
}

function blobStore(disk: Disk, life: Life, crypto: Pick<Crypto, 'sha256'>): Blobs {
  const { blobs } = disk;
  return {
    has: (digest) => disk.operate(life, 'read', 'blobs', () => blobs.has(digest)),
    sizeBytes: (digest) => disk.operate(life, 'read', 'blobs', () => blobs.get(digest)?.length),
    async write(source, expected) {
      const parts: Uint8Array[] = [];
      let sizeBytes = 0;
      for await (const part of source) {
        parts.push(part.slice());
        sizeBytes += part.length;
        if (expected !== undefined && sizeBytes > expected.sizeBytes)
          throw new BlobMismatch(`blob ${expected.digest} has ${expected.sizeBytes} bytes, the source more`);
      }
      const ref: BlobRef = { digest: hex.encode(crypto.sha256(...parts)), sizeBytes };
      if (expected !== undefined && (expected.digest !== ref.digest || expected.sizeBytes !== sizeBytes)) {
        throw new BlobMismatch(
          `expected blob ${expected.digest} of ${expected.sizeBytes} bytes, got ${ref.digest} of ${sizeBytes}`,
        );
      }
      const bytes = new Uint8Array(Buffer.concat(parts));
      await disk.operate(life, 'write', `blob ${ref.digest}`, () => void blobs.set(ref.digest, bytes), bytes);
      return ref;
    },
    async *read(digest, offsetBytes = 0) {
      const bytes = await disk.operate(life, 'read', 'blobs', () => blobs.get(digest));
      if (bytes === undefined) throw new Error(`blob ${digest} is not here`);
      for (let at = offsetBytes; at < bytes.length; at += chunkBytes) yield bytes.slice(at, at + chunkBytes);
    },
    delete: (digest) => disk.operate(life, 'write', 'blobs', () => void blobs.delete(digest)),
  };
}
