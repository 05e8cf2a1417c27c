// Law: a record gives back exactly what was written, and holds once what several members said in the same bytes.
import { expect, test } from 'vitest';
import { ByteWriter, MalformedBytes } from '../protocols/wire/index.ts';
import { testIdentity } from '../test/support/world.ts';
import { decodeRecord, type EngineRecord, encodeRecord, nothingForgotten } from './record.ts';
import type { Batch } from './signed-entry.ts';

const entryBytes = 100;
const said = Array.from({ length: 50 }, (_, i) => new Uint8Array(entryBytes).fill(i + 1));
const batchOf = (index: number, entries: readonly Uint8Array[]): Batch => ({
  signer: testIdentity(index).id,
  entries,
  signature: new Uint8Array(64).fill(index + 100),
});
const recordOf = (batches: readonly Batch[], heard: readonly Batch[]): EngineRecord => ({
  batches,
  heard,
  instances: [],
  forgotten: nothingForgotten,
});

test('what four members said alike is written once, and read back under each of them, in their order', () => {
  const record = recordOf(
    [batchOf(0, said)],
    [batchOf(1, said.toReversed()), batchOf(2, said.slice(10)), batchOf(3, [said[3]!, new Uint8Array(7).fill(9)])],
  );
  const bytes = encodeRecord(record);
  expect(decodeRecord(bytes)).toEqual(record);
  expect(bytes.length).toBeLessThan(1.5 * said.length * entryBytes);
});

test('the same bytes in arrays of their own are read back as well', () => {
  const record = recordOf(
    [batchOf(0, said)],
    [
      batchOf(
        1,
        said.map((entry) => entry.slice()),
      ),
    ],
  );
  expect(decodeRecord(encodeRecord(record))).toEqual(record);
});

test('a batch that names an entry which is not there is refused', () => {
  const { signer, signature } = batchOf(0, []);
  for (const [number, isThere] of [
    [0, true],
    [1, false],
    [0xffffffff, false],
  ] as const) {
    const bytes = new ByteWriter('parley/record/3')
      .list([said[0]!], (w, entry) => w.bytes(entry))
      .list([signer], (w, each) =>
        w
          .text(each)
          .list([number], (v, n) => v.u32(n))
          .fixed(signature, 64),
      )
      .list([], () => {})
      .list([], () => {})
      .bytes(nothingForgotten)
      .finish();
    if (isThere) expect(decodeRecord(bytes).batches).toEqual([{ signer, entries: [said[0]], signature }]);
    else expect(() => decodeRecord(bytes)).toThrow(MalformedBytes);
  }
});
