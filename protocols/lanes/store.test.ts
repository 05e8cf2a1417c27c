// Law: see store.ts. Restarts reopen the same in-memory storage; damage is done by writing to its rows directly.
import { expect, test } from 'vitest';
import type { KeyValue, Storage } from '../../actors/system/index.ts';
import { createCrypto, recordingLog, testIdentity } from '../../test/support/world.ts';
import type { Identity } from '../wire/index.ts';
import {
  decodeEntry,
  encodeEntry,
  encodeHeadProof,
  entryHash,
  type LaneEntry,
  openHeadProof,
  signEntry,
  verifyEntry,
  verifyFork,
} from './entry.ts';
import { entryKey } from './rows.ts';
import { type LaneLimits, LaneRefused, type LaneStore, openLaneStore } from './store.ts';
import { createMemoryStorage } from './testing/index.ts';

const crypto = createCrypto();
const mesh = new Uint8Array(32).fill(7);
const [alice, bob, carol] = [0, 1, 2].map((i) => testIdentity(i, crypto)) as [Identity, Identity, Identity];
const text = (value: string): Uint8Array => new TextEncoder().encode(value);
const words = (entry: LaneEntry): string => new TextDecoder().decode(entry.body);

async function open(
  identity: Identity,
  options: {
    storage?: Storage;
    keyValue?: KeyValue;
    hlc?: () => bigint;
    isAuthor?: (id: string) => boolean;
    limits?: LaneLimits;
  } = {},
): Promise<{ store: LaneStore; keyValue: KeyValue; lines: ReturnType<typeof recordingLog>['lines'] }> {
  const keyValue = options.keyValue ?? (await (options.storage ?? createMemoryStorage(crypto)).keyValue('lanes'));
  const { log, lines } = recordingLog();
  let time = 0n;
  const store = await openLaneStore({
    keyValue,
    crypto,
    identity,
    meshId: mesh,
    hlc: options.hlc ?? (() => ++time),
    isAuthor: options.isAuthor ?? (() => true),
    log,
    ...(options.limits === undefined ? {} : { limits: options.limits }),
  });
  return { store, keyValue, lines };
}

async function gather<T>(source: AsyncIterable<T>): Promise<T[]> {
  const items: T[] = [];
  for await (const item of source) items.push(item);
  return items;
}

/** A chain of `count` entries by `identity`, encoded. */
function chain(
  identity: Identity,
  count: number,
  options: { lane?: string; after?: LaneEntry; mark?: string; mesh?: Uint8Array } = {},
): LaneEntry[] {
  const entries: LaneEntry[] = [];
  let last = options.after;
  for (let i = 0; i < count; i++) {
    const sequence = (last?.sequence ?? 0) + 1;
    last = signEntry(
      {
        mesh: options.mesh ?? mesh,
        lane: options.lane ?? 'audit',
        sequence,
        previous: last === undefined ? new Uint8Array(32) : entryHash(last, crypto),
        hlc: (last?.hlc ?? 0n) + 10n,
        body: text(`${options.mark ?? ''}${sequence}`),
      },
      identity,
      crypto,
    );
    entries.push(last);
  }
  return entries;
}
const rows = (entries: readonly LaneEntry[]): Uint8Array[] => entries.map(encodeEntry);
const reasons = async (store: LaneStore, entries: readonly Uint8Array[]): Promise<string[]> =>
  (await store.ingest(entries, carol.id)).refused.map((refusal) => refusal.reason);

test('an entry has one encoding, and no flipped bit of it passes for an entry its author signed', () => {
  const [entry] = chain(alice, 1) as [LaneEntry];
  const bytes = encodeEntry(entry);
  expect(decodeEntry(bytes)).toEqual(entry);
  expect(verifyEntry(entry, crypto)).toBe(true);
  for (let i = 0; i < bytes.length; i++) {
    const flipped = bytes.slice();
    flipped[i]! ^= 1 << (i % 8);
    let passes = false;
    try {
      passes = verifyEntry(decodeEntry(flipped), crypto);
    } catch (error) {
      expect((error as Error).name).toBe('MalformedBytes');
    }
    expect(passes, `byte ${i}`).toBe(false);
  }
  expect(() => decodeEntry(bytes.subarray(0, -1))).toThrow(/ends after/);
  expect(() => decodeEntry(Uint8Array.from([...bytes, 0]))).toThrow(/too many/);
});

test('a head proof says how far a lane reached without its body, and only its author can make one', () => {
  const [, second] = chain(alice, 2) as [LaneEntry, LaneEntry];
  const proof = encodeHeadProof(second, crypto);
  expect(openHeadProof(proof, crypto)).toEqual({
    mesh,
    author: alice.id,
    lane: 'audit',
    sequence: 2,
    hash: entryHash(second, crypto),
  });
  const forged = encodeHeadProof({ ...second, sequence: 900 }, crypto);
  expect(() => openHeadProof(forged, crypto)).toThrow(/signed by its author/);
});

test('appends are numbered from 1, chained, later each time whatever the clock says, and durable before they resolve', async () => {
  const { store, keyValue } = await open(alice, { hlc: () => 5n });
  const [one, two] = [await store.append('audit', text('a')), await store.append('audit', text('b'))];
  expect([one.sequence, two.sequence]).toEqual([1, 2]);
  expect(two.previous).toEqual(entryHash(one, crypto));
  expect([one.hlc, two.hlc]).toEqual([5n, 6n]);
  expect(await keyValue.get(entryKey(two, 2))).toEqual(encodeEntry(two));
  expect((await gather(store.read(alice.id, 'audit'))).map(words)).toEqual(['a', 'b']);
  expect((await gather(store.read(alice.id, 'audit', 2))).map(words)).toEqual(['b']);
});

test('appends that wait go to the disk as one write, and no handler hears of an entry before that write', async () => {
  const inner = await createMemoryStorage(crypto).keyValue('lanes');
  const written: number[] = [];
  let durable = 0;
  const keyValue: KeyValue = {
    ...inner,
    async write(changes) {
      await new Promise((resolve) => setTimeout(resolve, 5));
      await inner.write(changes);
      durable += changes.length;
      written.push(changes.length);
    },
  };
  const { store } = await open(alice, { keyValue });
  const heard: number[] = [];
  store.onEntry((entry) => {
    expect(entry.sequence).toBeLessThanOrEqual(durable);
    heard.push(entry.sequence);
  });
  const entries = await Promise.all(Array.from({ length: 300 }, (_, i) => store.append('audit', text(`${i}`))));
  expect(entries.map((entry) => entry.sequence)).toEqual(Array.from({ length: 300 }, (_, i) => i + 1));
  expect(entries.map(words)).toEqual(Array.from({ length: 300 }, (_, i) => `${i}`));
  expect(heard).toEqual(entries.map((entry) => entry.sequence));
  expect(written.length).toBeLessThanOrEqual(2);
});

test('a write the disk refuses fails its appends, uses up no place and is told to nobody', async () => {
  const inner = await createMemoryStorage(crypto).keyValue('lanes');
  let full = true;
  const keyValue: KeyValue = {
    ...inner,
    write: async (changes) => (full ? Promise.reject(new Error('disk full')) : inner.write(changes)),
  };
  const { store } = await open(alice, { keyValue });
  const heard: LaneEntry[] = [];
  store.onEntry((entry) => heard.push(entry));
  await expect(store.append('audit', text('a'))).rejects.toThrow('disk full');
  expect(heard).toEqual([]);
  full = false;
  expect((await store.append('audit', text('b'))).sequence).toBe(1);
});

test('the queue to the disk is bounded: what does not fit is refused at once', async () => {
  const inner = await createMemoryStorage(crypto).keyValue('lanes');
  const keyValue: KeyValue = { ...inner, write: () => new Promise(() => {}) };
  const { store } = await open(alice, { keyValue, limits: { maxQueued: 3 } });
  void store.append('audit', text('under way'));
  await new Promise((resolve) => setTimeout(resolve, 5));
  for (let i = 0; i < 3; i++) void store.append('audit', text('waits'));
  await expect(store.append('audit', text('too many'))).rejects.toThrow(LaneRefused);
});

test('a name or size out of bounds is refused before anything is written', async () => {
  const { store } = await open(alice, { limits: { maxBodyBytes: 10 } });
  await expect(store.append('Audit', text('a'))).rejects.toThrow(RangeError);
  await expect(store.append('a/b', text('a'))).rejects.toThrow(RangeError);
  await expect(store.append('audit', new Uint8Array(11))).rejects.toThrow(/blob/);
  expect(store.frontier()).toEqual([]);
});

test('every entry that cannot be stored is refused with its reason, and costs the others nothing', async () => {
  const { store } = await open(carol, { isAuthor: (id) => id !== bob.id, limits: { maxLanesPerAuthor: 2 } });
  const [one, two, three] = chain(alice, 3) as [LaneEntry, LaneEntry, LaneEntry];
  const foreign = chain(alice, 1, { mesh: new Uint8Array(32) });
  const unsigned = { ...two, body: text('else') };
  const result = await store.ingest(
    [
      encodeEntry(one),
      encodeEntry(three),
      encodeEntry(one),
      encodeEntry(unsigned),
      text('garbage'),
      ...rows(foreign),
      ...rows(chain(bob, 1)),
      encodeEntry(two),
    ],
    alice.id,
  );
  expect(result.stored.map((entry) => entry.sequence)).toEqual([1, 2]);
  expect(result.refused.map((refusal) => refusal.reason)).toEqual([
    'gap',
    'duplicate',
    'signature',
    'malformed',
    'foreign-mesh',
    'not-author',
  ]);
  expect(result.refused[0]).toMatchObject({ author: alice.id, lane: 'audit', sequence: 3, from: alice.id });
  expect(
    await reasons(store, [...rows(chain(alice, 1, { lane: 'second' })), ...rows(chain(alice, 1, { lane: 'third' }))]),
  ).toEqual(['limit']);
  const back = signEntry(
    { mesh, lane: 'audit', sequence: 3, previous: entryHash(two, crypto), hlc: two.hlc, body: text('x') },
    alice,
    crypto,
  );
  expect(await reasons(store, [encodeEntry(back)])).toEqual(['malformed']);
});

test('two entries for one place are a fork: the first stays, both are kept as evidence anyone can check', async () => {
  const storage = createMemoryStorage(crypto);
  const { store, keyValue } = await open(carol, { storage });
  const [one, two] = chain(alice, 2) as [LaneEntry, LaneEntry];
  const [other] = chain(alice, 1, { after: one, mark: 'other ' }) as [LaneEntry];
  await store.ingest(rows([one, two]), alice.id);
  expect(await reasons(store, [encodeEntry(other)])).toEqual(['fork']);
  expect((await gather(store.read(alice.id, 'audit'))).map(words)).toEqual(['1', '2']);
  const [fork] = store.forks();
  expect(fork).toMatchObject({ author: alice.id, lane: 'audit', sequence: 2 });
  expect(verifyFork(fork!, mesh, crypto)).toBe(true);
  expect(verifyFork({ ...fork!, other: fork!.kept }, mesh, crypto)).toBe(false);
  expect(verifyFork({ ...fork!, other: encodeEntry(one) }, mesh, crypto)).toBe(false);
  expect(verifyFork(fork!, new Uint8Array(32), crypto)).toBe(false);
  expect(verifyFork({ ...fork!, author: bob.id }, mesh, crypto)).toBe(false);
  expect(store.frontier()[0]!.forked).toBe(true);
  await keyValue.close();
  expect((await open(carol, { storage })).store.forks()).toEqual([fork]);
});

test('an entry that names another predecessor proves the fork before it', async () => {
  const { store } = await open(carol);
  const [one, two] = chain(alice, 2) as [LaneEntry, LaneEntry];
  const [, third] = chain(alice, 2, { after: one, mark: 'other ' }) as [LaneEntry, LaneEntry];
  await store.ingest(rows([one, two]), alice.id);
  expect(await reasons(store, [encodeEntry(third)])).toEqual(['fork']);
  const [fork] = store.forks();
  expect(fork!.sequence).toBe(2);
  expect(verifyFork(fork!, mesh, crypto)).toBe(true);
});

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

test('a handler that throws is logged and keeps no other from hearing', async () => {
  const { store, lines } = await open(alice);
  const heard: number[] = [];
  store.onEntry(() => {
    throw new Error('handler');
  });
  const stop = store.onEntry((entry) => heard.push(entry.sequence));
  await store.append('audit', text('a'));
  stop();
  await store.append('audit', text('b'));
  expect(heard).toEqual([1]);
  expect(lines.filter((line) => line.level === 'error')).toHaveLength(2);
});
