// Law: one suite says what the Storage port promises; an implementation is one that passes it. `reopen` gives what a restarted process
// would see: everything that was acknowledged, nothing else.
import { describe, expect, test } from 'vitest';
import { BlobMismatch, type Blobs, type Storage } from '../../../actors/system/index.ts';

export interface StorageUnderTest {
  readonly storage: Storage;
  /** A new Storage on the same content; the old one must not be used any more. */
  reopen(): Promise<StorageUnderTest>;
  dispose(): Promise<void>;
}

type Open = () => Promise<StorageUnderTest>;

const bytes = (...values: number[]): Uint8Array => Uint8Array.from(values);
const text = (value: string): Uint8Array => new TextEncoder().encode(value);

async function gather<T>(source: AsyncIterable<T>): Promise<T[]> {
  const items: T[] = [];
  for await (const item of source) items.push(item);
  return items;
}

async function join(source: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  return new Uint8Array(Buffer.concat(await gather(source)));
}

async function* chunks(...parts: Uint8Array[]): AsyncGenerator<Uint8Array> {
  yield* parts;
}

async function during(
  open: Open,
  run: (opened: StorageUnderTest) => Promise<StorageUnderTest | undefined>,
): Promise<void> {
  const opened = await open();
  const last = await run(opened);
  await (last ?? opened).dispose();
}

export function keyValueContract(open: Open): void {
  describe('KeyValue', () => {
    test('a key never written, or deleted, has no value; an empty value is a value', () =>
      during(open, async ({ storage }) => {
        const table = await storage.keyValue('table');
        expect(await table.get('a')).toBeUndefined();
        await table.write([{ key: 'a', value: bytes() }]);
        expect(await table.get('a')).toEqual(bytes());
        await table.write([{ key: 'a', value: undefined }]);
        expect(await table.get('a')).toBeUndefined();
        await table.close();
        return undefined;
      }));

    test('changes of one write apply in order, the last one to a key counts', () =>
      during(open, async ({ storage }) => {
        const table = await storage.keyValue('table');
        await table.write([
          { key: 'a', value: bytes(1) },
          { key: 'a', value: undefined },
          { key: 'b', value: bytes(1) },
          { key: 'b', value: bytes(2) },
        ]);
        expect(await table.get('a')).toBeUndefined();
        expect(await table.get('b')).toEqual(bytes(2));
        return undefined;
      }));

    test('writes under way at once apply in the order they were asked for', () =>
      during(open, async ({ storage }) => {
        const table = await storage.keyValue('table');
        const writes = Array.from({ length: 200 }, (_, i) =>
          table.write([
            { key: 'last', value: bytes(i) },
            { key: `k${i}`, value: bytes(i) },
          ]),
        );
        await Promise.all(writes);
        expect(await table.get('last')).toEqual(bytes(199));
        expect(await gather(table.range('k', 'l'))).toHaveLength(200);
        return undefined;
      }));

    test('a range is half-open, in byte order of the keys as UTF-8', () =>
      during(open, async ({ storage }) => {
        const table = await storage.keyValue('table');
        // U+FFFD sorts before U+1F600 in UTF-8 and after its surrogates in UTF-16.
        const keys = ['a', 'b', 'b/1', 'b0', 'é', '\u{fffd}', '\u{1f600}', 'c'];
        await table.write(keys.map((key) => ({ key, value: text(key) })));
        const all = (await gather(table.range('', '\u{10ffff}'))).map(({ key }) => key);
        expect(all).toEqual(['a', 'b', 'b/1', 'b0', 'c', 'é', '\u{fffd}', '\u{1f600}']);
        expect((await gather(table.range('b', 'b0'))).map(({ key }) => key)).toEqual(['b', 'b/1']);
        expect(await gather(table.range('c', 'c'))).toEqual([]);
        return undefined;
      }));

    test('a range may be left early and started again', () =>
      during(open, async ({ storage }) => {
        const table = await storage.keyValue('table');
        await table.write(
          Array.from({ length: 50 }, (_, i) => ({ key: `k${String(i).padStart(2, '0')}`, value: bytes(i) })),
        );
        for await (const { key } of table.range('k', 'l')) {
          expect(key).toBe('k00');
          break;
        }
        expect(await gather(table.range('k', 'l'))).toHaveLength(50);
        return undefined;
      }));

    test('two names are two stores, whatever their keys', () =>
      during(open, async ({ storage }) => {
        const [one, two] = [await storage.keyValue('one'), await storage.keyValue('one.two')];
        await one.write([{ key: 'k', value: bytes(1) }]);
        expect(await two.get('k')).toBeUndefined();
        await two.write([{ key: 'k', value: bytes(2) }]);
        expect(await gather(one.range('', '\u{10ffff}'))).toEqual([{ key: 'k', value: bytes(1) }]);
        expect(await gather(two.range('', '\u{10ffff}'))).toEqual([{ key: 'k', value: bytes(2) }]);
        return undefined;
      }));

    test('what was written cannot be changed through the arrays that carried it', () =>
      during(open, async ({ storage }) => {
        const table = await storage.keyValue('table');
        const value = bytes(1, 2, 3);
        await table.write([{ key: 'a', value }]);
        value[0] = 9;
        const read = await table.get('a');
        expect(read).toEqual(bytes(1, 2, 3));
        read![0] = 9;
        expect(await table.get('a')).toEqual(bytes(1, 2, 3));
        return undefined;
      }));

    test('a name is open once, and what is closed answers nothing', () =>
      during(open, async ({ storage }) => {
        const table = await storage.keyValue('table');
        await expect(storage.keyValue('table')).rejects.toThrow(/open already/);
        await table.close();
        await expect(table.get('a')).rejects.toThrow(/closed/);
        await expect(table.write([{ key: 'a', value: bytes(1) }])).rejects.toThrow(/closed/);
        await (await storage.keyValue('table')).close();
        return undefined;
      }));

    test('a key that is no Unicode text is refused, and the write with it', () =>
      during(open, async ({ storage }) => {
        const table = await storage.keyValue('table');
        await expect(
          table.write([
            { key: 'fine', value: bytes(1) },
            { key: '\ud800', value: bytes(1) },
          ]),
        ).rejects.toThrow(RangeError);
        expect(await table.get('fine')).toBeUndefined();
        return undefined;
      }));

    test('what was acknowledged is there after reopening', () =>
      during(open, async (opened) => {
        const table = await opened.storage.keyValue('table');
        await table.write([{ key: 'a', value: bytes(1) }]);
        await table.close();
        const again = await opened.reopen();
        expect(await (await again.storage.keyValue('table')).get('a')).toEqual(bytes(1));
        return again;
      }));
  });
}

export function appendFileContract(open: Open): void {
  describe('AppendFile', () => {
    test('a new file is empty; appends follow each other, also those under way at once', () =>
      during(open, async ({ storage }) => {
        const file = await storage.appendFile('log');
        expect(file.sizeBytes).toBe(0);
        expect(await file.readAll()).toEqual(bytes());
        await Promise.all(Array.from({ length: 100 }, (_, i) => file.append(bytes(i, i))));
        expect(file.sizeBytes).toBe(200);
        expect(await file.readAll()).toEqual(Uint8Array.from({ length: 200 }, (_, i) => i >> 1));
        await file.append(bytes());
        expect(file.sizeBytes).toBe(200);
        return undefined;
      }));

    test('truncating cuts the end, and the next append follows the cut', () =>
      during(open, async ({ storage }) => {
        const file = await storage.appendFile('log');
        await file.append(bytes(1, 2, 3, 4));
        await file.truncate(2);
        await file.append(bytes(9));
        expect(await file.readAll()).toEqual(bytes(1, 2, 9));
        expect(file.sizeBytes).toBe(3);
        await expect(file.truncate(4)).rejects.toThrow(RangeError);
        await expect(file.truncate(-1)).rejects.toThrow(RangeError);
        return undefined;
      }));

    test('a replaced file is the new bytes and nothing of the old ones; appends go on behind them, after reopening too', () =>
      during(open, async (opened) => {
        const file = await opened.storage.appendFile('log');
        await file.append(bytes(1, 2, 3, 4));
        await file.replace([bytes(7), bytes(), bytes(8, 9)]);
        expect(file.sizeBytes).toBe(3);
        await file.append(bytes(5));
        expect(await file.readAll()).toEqual(bytes(7, 8, 9, 5));
        await file.sync();
        await file.close();
        const again = await opened.reopen();
        const reopened = await again.storage.appendFile('log');
        expect(await reopened.readAll()).toEqual(bytes(7, 8, 9, 5));
        await reopened.replace([]);
        expect(reopened.sizeBytes).toBe(0);
        await reopened.append(bytes(6));
        expect(await reopened.readAll()).toEqual(bytes(6));
        return again;
      }));

    test('what was synced is there after reopening, and appends go on behind it', () =>
      during(open, async (opened) => {
        const file = await opened.storage.appendFile('log');
        await file.append(bytes(1, 2));
        await file.sync();
        await file.close();
        const again = await opened.reopen();
        const reopened = await again.storage.appendFile('log');
        expect(reopened.sizeBytes).toBe(2);
        await reopened.append(bytes(3));
        expect(await reopened.readAll()).toEqual(bytes(1, 2, 3));
        return again;
      }));

    test('a name is open once, and what is closed takes nothing', () =>
      during(open, async ({ storage }) => {
        const file = await storage.appendFile('log');
        await expect(storage.appendFile('log')).rejects.toThrow(/open already/);
        await file.close();
        await expect(file.append(bytes(1))).rejects.toThrow(/closed/);
        await expect(file.sync()).rejects.toThrow(/closed/);
        await (await storage.appendFile('log')).close();
        return undefined;
      }));
  });
}

/** `digestOf` is lower-case hex SHA-256. */
export function blobsContract(open: Open, digestOf: (content: Uint8Array) => string): void {
  const content = Uint8Array.from({ length: 300_000 }, (_, i) => (i * 7) & 0xff);
  const ref = { digest: digestOf(content), sizeBytes: content.length };
  const parts = () => chunks(content.subarray(0, 1), content.subarray(1, 200_000), bytes(), content.subarray(200_000));
  const absent = async (blobs: Blobs, digest: string): Promise<void> => {
    expect(await blobs.has(digest)).toBe(false);
    expect(await blobs.sizeBytes(digest)).toBeUndefined();
    await expect(join(blobs.read(digest))).rejects.toThrow(/not here/);
  };

  describe('Blobs', () => {
    test('a blob is named by its bytes, however they were cut, and read back from any offset', () =>
      during(open, async ({ storage: { blobs } }) => {
        await absent(blobs, ref.digest);
        expect(await blobs.write(parts())).toEqual(ref);
        expect(await blobs.has(ref.digest)).toBe(true);
        expect(await blobs.sizeBytes(ref.digest)).toBe(content.length);
        expect(await join(blobs.read(ref.digest))).toEqual(content);
        expect(await join(blobs.read(ref.digest, 299_990))).toEqual(content.subarray(299_990));
        expect(await join(blobs.read(ref.digest, content.length))).toEqual(bytes());
        expect(await blobs.write(parts(), ref)).toEqual(ref);
        return undefined;
      }));

    test('the empty blob is a blob', () =>
      during(open, async ({ storage: { blobs } }) => {
        const empty = await blobs.write(chunks());
        expect(empty).toEqual({ digest: digestOf(bytes()), sizeBytes: 0 });
        expect(await join(blobs.read(empty.digest))).toEqual(bytes());
        return undefined;
      }));

    test('what differs from what was expected is refused and leaves nothing behind', () =>
      during(open, async ({ storage: { blobs } }) => {
        const other = digestOf(bytes(1));
        await expect(blobs.write(parts(), { digest: other, sizeBytes: content.length })).rejects.toThrow(BlobMismatch);
        await expect(blobs.write(parts(), { ...ref, sizeBytes: ref.sizeBytes - 1 })).rejects.toThrow(BlobMismatch);
        await expect(blobs.write(parts(), { ...ref, sizeBytes: ref.sizeBytes + 1 })).rejects.toThrow(BlobMismatch);
        await absent(blobs, ref.digest);
        await absent(blobs, other);
        return undefined;
      }));

    test('a source longer than expected is left at once, not drained', () =>
      during(open, async ({ storage: { blobs } }) => {
        let drawn = 0;
        let left = false;
        async function* endless(): AsyncGenerator<Uint8Array> {
          try {
            for (;;) {
              drawn++;
              yield new Uint8Array(1000);
            }
          } finally {
            left = true;
          }
        }
        await expect(blobs.write(endless(), { digest: ref.digest, sizeBytes: 5_000 })).rejects.toThrow(BlobMismatch);
        expect(drawn).toBeLessThan(10);
        expect(left).toBe(true);
        return undefined;
      }));

    test('a source that fails leaves nothing behind, and its error is the one that is seen', () =>
      during(open, async ({ storage: { blobs } }) => {
        async function* broken(): AsyncGenerator<Uint8Array> {
          yield content.subarray(0, 100_000);
          throw new Error('the peer went away');
        }
        await expect(blobs.write(broken())).rejects.toThrow('the peer went away');
        await absent(blobs, ref.digest);
        return undefined;
      }));

    test('the same blob written twice at once is stored once, whole', () =>
      during(open, async ({ storage: { blobs } }) => {
        expect(await Promise.all([blobs.write(parts()), blobs.write(parts(), ref)])).toEqual([ref, ref]);
        expect(await join(blobs.read(ref.digest))).toEqual(content);
        return undefined;
      }));

    test('deleting removes a blob; deleting what is not there is no error', () =>
      during(open, async ({ storage: { blobs } }) => {
        await blobs.write(parts());
        await blobs.delete(ref.digest);
        await blobs.delete(ref.digest);
        await absent(blobs, ref.digest);
        return undefined;
      }));

    test('a blob is there after reopening', () =>
      during(open, async (opened) => {
        await opened.storage.blobs.write(parts());
        const again = await opened.reopen();
        expect(await join(again.storage.blobs.read(ref.digest))).toEqual(content);
        return again;
      }));
  });
}
