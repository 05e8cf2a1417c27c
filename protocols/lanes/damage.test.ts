// Law: see store.ts. Restarts reopen the same in-memory storage; damage is done by writing to its rows directly.
import { expect, test } from 'vitest';
import { encodeEntry, encodeHeadProof, type LaneEntry } from './entry.ts';
import { entryKey } from './rows.ts';
import { LaneRefused } from './store.ts';
import {
  alice,
  bob,
  carol,
  chain,
  createMemoryStorage,
  crypto,
  gather,
  open,
  reasons,
  rows,
  text,
  words,
} from './testing/index.ts';

test('after a restart every lane goes on where it ended', async () => {
  const storage = createMemoryStorage(crypto);
  const first = await open(alice, { storage });
  await first.store.append('audit', text('a'));
  await first.store.append('workflow', text('w'));
  await first.store.ingest(rows(chain(bob, 3)), bob.id);
  const frontier = first.store.frontier();
  await first.keyValue.close();
  const { store } = await open(alice, { storage });
  expect(store.frontier()).toEqual(frontier);
  expect(store.damage()).toEqual([]);
  expect((await store.append('audit', text('b'))).sequence).toBe(2);
});

test.each(['a hole', 'a flipped bit', 'a row that is no entry', 'a last entry with a flipped bit'])(
  '%s in a lane is found on open, only what is before it is served, and peers fill it again',
  async (kind) => {
    const storage = createMemoryStorage(crypto);
    const before = await open(carol, { storage });
    const entries = chain(alice, 6);
    await before.store.ingest(rows(entries), alice.id);
    const at = kind.startsWith('a last') ? 6 : 4;
    const key = entryKey(entries[0]!, at);
    const row = (await before.keyValue.get(key))!;
    row[row.length - 70]! ^= 1;
    await before.keyValue.write([
      { key, value: kind === 'a hole' ? undefined : kind.startsWith('a row') ? text('?') : row },
    ]);
    await before.keyValue.close();

    const { store, lines } = await open(carol, { storage });
    expect(store.damage()).toMatchObject([
      { author: alice.id, lane: 'audit', keptSequence: at - 1, highestSequence: 6 },
    ]);
    expect(lines.map((line) => line.level)).toEqual(['warn']);
    expect(store.frontier()[0]!.sequence).toBe(at - 1);
    expect((await gather(store.read(alice.id, 'audit'))).map(words)).toEqual(entries.slice(0, at - 1).map(words));

    const heard: number[] = [];
    store.onEntry((entry) => heard.push(entry.sequence));
    // Only the damaged entry is sent: what lies behind it on this disk joins up again.
    const { stored } = await store.ingest([encodeEntry(entries[at - 1]!)], bob.id);
    expect(stored.map((entry) => entry.sequence)).toEqual(at === 6 ? [6] : [4, 5, 6]);
    expect(heard).toEqual(stored.map((entry) => entry.sequence));
    expect(store.damage()).toEqual([]);
    expect((await gather(store.read(alice.id, 'audit'))).map(words)).toEqual(entries.map(words));
  },
);

test.each([1, 3])('a node whose disk lost the last of its own %d entries signs nothing in its place', async (count) => {
  const storage = createMemoryStorage(crypto);
  const before = await open(alice, { storage });
  const entries: LaneEntry[] = [];
  for (let i = 1; i <= count; i++) entries.push(await before.store.append('workflow', text(`${i}`)));
  await before.keyValue.write([{ key: entryKey(entries[0]!, count), value: undefined }]);
  await before.keyValue.close();

  const { store, keyValue } = await open(alice, { storage });
  expect(store.rolledBack()).toEqual([{ lane: 'workflow', haveSequence: count - 1, knownSequence: count }]);
  await expect(store.append('workflow', text('other'))).rejects.toThrow(LaneRefused);
  await store.ingest([encodeEntry(entries[count - 1]!)], bob.id);
  expect(store.rolledBack()).toEqual([]);
  await keyValue.write([{ key: entryKey(entries[0]!, count), value: undefined }]);
  await keyValue.close();
  // What was fetched back is as well remembered as what was written.
  const again = await open(alice, { storage });
  await expect(again.store.append('workflow', text('other'))).rejects.toThrow(LaneRefused);
  await again.store.ingest([encodeEntry(entries[count - 1]!)], bob.id);
  expect((await again.store.append('workflow', text('next'))).sequence).toBe(count + 1);
});

test('bytes that change under an open store are noticed when read', async () => {
  const { store, keyValue } = await open(carol);
  const entries = chain(alice, 3);
  await store.ingest(rows(entries), alice.id);
  const key = entryKey(entries[0]!, 3);
  const row = (await keyValue.get(key))!;
  row[row.length - 1]! ^= 1;
  await keyValue.write([{ key, value: row }]);
  await expect(gather(store.read(alice.id, 'audit'))).rejects.toThrow(/damaged on this disk/);
});

test('a node whose own lane was rolled back appends nothing until its entries are fetched back', async () => {
  const { store: peer } = await open(bob);
  const original = await open(alice);
  for (const word of ['a', 'b', 'c']) await original.store.append('workflow', text(word));
  const entries = await gather(original.store.read(alice.id, 'workflow'));
  await peer.ingest(rows(entries), alice.id);

  const restored = await open(alice);
  await restored.store.ingest([encodeEntry(entries[0]!)], bob.id);
  await restored.store.observeProof((await peer.proof({ author: alice.id, lane: 'workflow' }))!);
  expect(restored.store.rolledBack()).toEqual([{ lane: 'workflow', haveSequence: 1, knownSequence: 3 }]);
  await expect(restored.store.append('workflow', text('again'))).rejects.toThrow(LaneRefused);
  expect((await restored.store.append('audit', text('another lane'))).sequence).toBe(1);

  const { entries: missing } = await peer.missing(restored.store.frontier(), 1 << 20);
  await restored.store.ingest(missing, bob.id);
  expect(restored.store.rolledBack()).toEqual([]);
  expect((await restored.store.append('workflow', text('d'))).sequence).toBe(4);
});

test('a rollback is remembered over a restart, and only the node itself can prove one', async () => {
  const storage = createMemoryStorage(crypto);
  const first = await open(alice, { storage });
  const entries = chain(alice, 3, { lane: 'workflow' });
  await first.store.observeProof(encodeHeadProof({ ...entries[2]!, sequence: 99 }, crypto));
  await first.store.observeProof(encodeHeadProof(chain(bob, 3)[2]!, crypto));
  await first.store.observeProof(encodeHeadProof(chain(alice, 3, { mesh: new Uint8Array(32) })[2]!, crypto));
  await first.store.observeProof(text('garbage'));
  expect(first.store.rolledBack()).toEqual([]);
  // An entry beyond a gap proves as much as a head proof does.
  expect(await reasons(first.store, [encodeEntry(entries[2]!)])).toEqual(['gap']);
  await first.keyValue.close();
  const second = await open(alice, { storage });
  expect(second.store.rolledBack()).toEqual([{ lane: 'workflow', haveSequence: 0, knownSequence: 3 }]);
  await expect(second.store.append('workflow', text('x'))).rejects.toThrow(LaneRefused);
  await second.store.resume('workflow');
  expect((await second.store.append('workflow', text('x'))).sequence).toBe(1);
});

test('a hole in the own lane stops appending until it is filled, and loses no entry behind it', async () => {
  const storage = createMemoryStorage(crypto);
  const before = await open(alice, { storage });
  for (let i = 1; i <= 5; i++) await before.store.append('audit', text(`${i}`));
  const [, second] = await gather(before.store.read(alice.id, 'audit'));
  await before.keyValue.write([{ key: entryKey(second!, 2), value: undefined }]);
  await before.keyValue.close();
  const { store } = await open(alice, { storage });
  expect(store.rolledBack()).toEqual([{ lane: 'audit', haveSequence: 1, knownSequence: 5 }]);
  await expect(store.append('audit', text('6'))).rejects.toThrow(LaneRefused);
  await store.ingest([encodeEntry(second!)], bob.id);
  expect((await store.append('audit', text('6'))).sequence).toBe(6);
});

test('an own lane that forked takes no more appends', async () => {
  const { store } = await open(alice);
  await store.append('audit', text('mine'));
  await store.ingest(rows(chain(alice, 1)), bob.id);
  expect(store.forks()).toHaveLength(1);
  await expect(store.append('audit', text('more'))).rejects.toThrow(/forked/);
});
