// Law: one LevelDB, one writer. Writes that wait go to the disk as one synced batch, in the order they were asked for, and each is all in
// that batch or not at all. Every store's keys live behind its name and a NUL, which no name contains.
import type { Level } from 'level';
import type { KeyValue } from '../../../actors/system/index.ts';
import { explain, StorageError } from './errors.ts';

export type Database = Level<string, Uint8Array>;

type Operation = { type: 'put'; key: string; value: Uint8Array } | { type: 'del'; key: string };

interface Write {
  readonly operations: readonly Operation[];
  readonly sizeBytes: number;
  resolve(): void;
  reject(error: unknown): void;
}

/** Waiting for the disk; what exceeds it is refused. */
const maxPendingBytes = 64 * 1024 * 1024;
/** One batch takes no more than this, or one write if that is larger. */
const maxBatchBytes = 8 * 1024 * 1024;

export interface Writer {
  write(operations: readonly Operation[]): Promise<void>;
  /** Resolves once every write asked for before is answered. */
  idle(): Promise<void>;
}

export function createWriter(database: Database, folder: string): Writer {
  let queue: Write[] = [];
  let pendingBytes = 0;
  let running: Promise<void> | undefined;

  const run = async (): Promise<void> => {
    while (queue.length > 0) {
      let count = 0;
      let sizeBytes = 0;
      while (count < queue.length && (count === 0 || sizeBytes + queue[count]!.sizeBytes <= maxBatchBytes))
        sizeBytes += queue[count++]!.sizeBytes;
      const writes = queue.slice(0, count);
      queue = queue.slice(count);
      try {
        await database.batch(
          writes.flatMap((write) => write.operations),
          { sync: true },
        );
        for (const write of writes) write.resolve();
      } catch (error) {
        const reason = explain(error, `write ${sizeBytes} bytes`, folder);
        for (const write of writes) write.reject(reason);
      }
      pendingBytes -= sizeBytes;
    }
    running = undefined;
  };

  return {
    write: (operations) =>
      new Promise((resolve, reject) => {
        const sizeBytes = operations.reduce(
          (sum, operation) => sum + operation.key.length + (operation.type === 'put' ? operation.value.length : 0),
          0,
        );
        if (pendingBytes + sizeBytes > maxPendingBytes) {
          throw new StorageError(
            'busy',
            `the store in ${folder} has ${pendingBytes} bytes waiting for the disk; await earlier writes first`,
          );
        }
        pendingBytes += sizeBytes;
        queue.push({ operations, sizeBytes, resolve, reject });
        running ??= Promise.resolve().then(run);
      }),
    async idle() {
      await running;
    },
  };
}

export function openKeyValue(
  database: Database,
  writer: Writer,
  name: string,
  folder: string,
  closedNow: () => void,
): KeyValue {
  const prefix = `${name}\0`;
  let closed = false;
  const check = (): void => {
    if (closed) throw new StorageError('closed', `the store ${name} in ${folder} is closed`);
  };
  return {
    async get(key) {
      check();
      const value = await database.get(prefix + key).catch((error: unknown) => {
        throw explain(error, `read '${key}'`, folder);
      });
      return value === undefined ? undefined : plain(value);
    },
    async write(changes) {
      check();
      for (const { key } of changes) if (!key.isWellFormed()) throw new RangeError('a key is well-formed Unicode text');
      if (changes.length === 0) return;
      await writer.write(
        changes.map(({ key, value }) =>
          value === undefined
            ? { type: 'del', key: prefix + key }
            : { type: 'put', key: prefix + key, value: value.slice() },
        ),
      );
    },
    async *range(from, to) {
      check();
      try {
        for await (const [key, value] of database.iterator({ gte: prefix + from, lt: prefix + to })) {
          yield { key: key.slice(prefix.length), value: plain(value) };
        }
      } catch (error) {
        throw explain(error, `read from '${from}' to '${to}'`, folder);
      }
    },
    async close() {
      if (closed) return;
      closed = true;
      await writer.idle();
      closedNow();
    },
  };
}

/** LevelDB hands out Buffers, whose `slice` shares memory where Uint8Array's copies. */
function plain(value: Uint8Array): Uint8Array {
  return new Uint8Array(value.buffer, value.byteOffset, value.length);
}
