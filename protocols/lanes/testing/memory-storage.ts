// Law: the in-memory Storage keeps the port's contract to the letter (the same suite runs against it and against the disk), and forgets
// everything with its process. It models no crash: what was written is there.
import {
  type AppendFile,
  BlobMismatch,
  type BlobRef,
  type Blobs,
  type Crypto,
  type KeyValue,
  type Storage,
} from '../../../actors/system/index.ts';
import { compareBytes, hex, utf8 } from '../../wire/index.ts';

/** Opening the same name again, after `close`, finds what was there: a process that restarts on the same storage. */
export function createMemoryStorage(crypto: Pick<Crypto, 'sha256'>): Storage {
  const files = new Map<string, { bytes: Uint8Array }>();
  const tables = new Map<string, Map<string, Uint8Array>>();
  const blobs = new Map<string, Uint8Array>();
  const open = new Set<string>();

  const hold = (name: string): (() => void) => {
    if (open.has(name)) throw new Error(`${name} is open already; close it first`);
    open.add(name);
    return () => void open.delete(name);
  };

  return {
    async appendFile(name) {
      const release = hold(`append file ${name}`);
      const file = files.get(name) ?? { bytes: new Uint8Array(0) };
      files.set(name, file);
      return memoryAppendFile(name, file, release);
    },
    async keyValue(name) {
      const release = hold(`key-value store ${name}`);
      const table = tables.get(name) ?? new Map<string, Uint8Array>();
      tables.set(name, table);
      return memoryKeyValue(name, table, release);
    },
    blobs: memoryBlobs(blobs, crypto),
  };
}

function gate(what: string, release: () => void): { check(): void; close(): void } {
  let closed = false;
  return {
    check() {
      if (closed) throw new Error(`${what} is closed`);
    },
    close() {
      if (!closed) release();
      closed = true;
    },
  };
}

function memoryAppendFile(name: string, file: { bytes: Uint8Array }, release: () => void): AppendFile {
  const state = gate(`append file ${name}`, release);
  return {
    get sizeBytes() {
      return file.bytes.length;
    },
    async readAll() {
      state.check();
      return file.bytes.slice();
    },
    async append(bytes) {
      state.check();
      const grown = new Uint8Array(file.bytes.length + bytes.length);
      grown.set(file.bytes);
      grown.set(bytes, file.bytes.length);
      file.bytes = grown;
    },
    async sync() {
      state.check();
    },
    async truncate(sizeBytes) {
      state.check();
      if (!Number.isInteger(sizeBytes) || sizeBytes < 0 || sizeBytes > file.bytes.length) {
        throw new RangeError(`cannot truncate ${file.bytes.length} bytes to ${sizeBytes}`);
      }
      file.bytes = file.bytes.slice(0, sizeBytes);
    },
    async replace(parts) {
      state.check();
      file.bytes = new Uint8Array(Buffer.concat(parts));
    },
    async close() {
      state.close();
    },
  };
}

function memoryKeyValue(name: string, table: Map<string, Uint8Array>, release: () => void): KeyValue {
  const state = gate(`key-value store ${name}`, release);
  return {
    async get(key) {
      state.check();
      return table.get(key)?.slice();
    },
    async write(changes) {
      state.check();
      for (const { key } of changes) if (!key.isWellFormed()) throw new RangeError('a key is well-formed Unicode text');
      for (const { key, value } of changes) {
        if (value === undefined) table.delete(key);
        else table.set(key, value.slice());
      }
    },
    async *range(from, to) {
      state.check();
      const [low, high] = [utf8.encode(from), utf8.encode(to)];
      const found = [...table]
        .map(([key, value]) => ({ key, value, order: utf8.encode(key) }))
        .filter(({ order }) => compareBytes(order, low) >= 0 && compareBytes(order, high) < 0)
        .sort((a, b) => compareBytes(a.order, b.order));
      for (const { key, value } of found) yield { key, value: value.slice() };
    },
    async close() {
      state.close();
    },
  };
}

function memoryBlobs(blobs: Map<string, Uint8Array>, crypto: Pick<Crypto, 'sha256'>): Blobs {
  return {
    async has(digest) {
      return blobs.has(digest);
    },
    async sizeBytes(digest) {
      return blobs.get(digest)?.length;
    },
    async write(source, expected) {
      const parts: Uint8Array[] = [];
      let sizeBytes = 0;
      for await (const part of source) {
        parts.push(part.slice());
        sizeBytes += part.length;
        if (expected !== undefined && sizeBytes > expected.sizeBytes) {
          throw new BlobMismatch(`blob ${expected.digest} has ${expected.sizeBytes} bytes, the source more`);
        }
      }
      const ref: BlobRef = { digest: hex.encode(crypto.sha256(...parts)), sizeBytes };
      if (expected !== undefined && (expected.digest !== ref.digest || expected.sizeBytes !== sizeBytes)) {
        throw new BlobMismatch(
          `expected blob ${expected.digest} of ${expected.sizeBytes} bytes, got ${ref.digest} of ${sizeBytes}`,
        );
      }
      const bytes = new Uint8Array(sizeBytes);
      let at = 0;
      for (const part of parts) {
        bytes.set(part, at);
        at += part.length;
      }
      blobs.set(ref.digest, bytes);
      return ref;
    },
    async *read(digest, offsetBytes = 0) {
      const bytes = blobs.get(digest);
      if (bytes === undefined) throw new Error(`blob ${digest} is not here`);
      const chunkBytes = 64 * 1024;
      for (let at = offsetBytes; at < bytes.length; at += chunkBytes) yield bytes.slice(at, at + chunkBytes);
    },
    async delete(digest) {
      blobs.delete(digest);
    },
  };
}
