// Law: see store.ts. What is appended, taken or refused while nothing is damaged.
import { expect, test } from 'vitest';
import type { KeyValue } from '../../actors/system/index.ts';
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
import { LaneRefused } from './store.ts';
import {
  alice,
  bob,
  carol,
  chain,
  createMemoryStorage,
  crypto,
  gather,
  mesh,
  open,
  reasons,
  rows,
  text,
  words,
} from './testing/index.ts';

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
