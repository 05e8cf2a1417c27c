// Law: see sync.ts. The test carries bodies between stores by hand, through the schemas, and drops, repeats and reorders them.
import { expect, test } from 'vitest';
import { createCrypto, recordingLog, testIdentity } from '../../test/support/world.ts';
import type { Identity } from '../wire/index.ts';
import { encodeEntry, entryHash, type LaneEntry, signEntry, verifyFork } from './entry.ts';
import { type LaneStore, openLaneStore } from './store.ts';
import { createLaneSync, type LaneEntriesBody, type LaneSync, laneEntriesSchema, laneFrontierSchema } from './sync.ts';
import { createMemoryStorage } from './testing/index.ts';

const crypto = createCrypto();
const mesh = new Uint8Array(32).fill(7);
const text = (value: string): Uint8Array => new TextEncoder().encode(value);

interface Peer {
  readonly identity: Identity;
  readonly store: LaneStore;
  readonly sync: LaneSync;
}

let clock = 0n;
async function peer(index: number, maxBatchBytes = 4_000): Promise<Peer> {
  const identity = testIdentity(index, crypto);
  const keyValue = await createMemoryStorage(crypto).keyValue('lanes');
  const store = await openLaneStore({
    keyValue,
    crypto,
    identity,
    meshId: mesh,
    hlc: () => ++clock,
    isAuthor: () => true,
    log: recordingLog().log,
  });
  return { identity, store, sync: createLaneSync({ store, maxBatchBytes }) };
}

/** `asker` sends its frontier to `teller` until it has all of it; returns the number of batches. */
async function pull(asker: Peer, teller: Peer, maxRounds = 1_000): Promise<number> {
  for (let round = 0; round < maxRounds; round++) {
    const digest = laneFrontierSchema.parse(await asker.sync.digestFor(teller.identity.id));
    const { batch } = await teller.sync.answer(digest);
    if (batch === undefined) return round;
    const { askAgain } = await asker.sync.receive(laneEntriesSchema.parse(batch), teller.identity.id);
    if (!askAgain) return round + 1;
  }
  throw new Error('no end');
}

async function gather<T>(source: AsyncIterable<T>): Promise<T[]> {
  const items: T[] = [];
  for await (const item of source) items.push(item);
  return items;
}

/** Deterministic draws: a test that fails fails again. */
function draws(seed: number): (bound: number) => number {
  let state = seed >>> 0;
  return (bound) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * bound);
  };
}

test.each([1, 2, 3])(
  'peers that lose, repeat and reorder pushes end with equal stores and the same order of entries (seed %i)',
  async (seed) => {
    const below = draws(seed);
    const peers = await Promise.all([0, 1, 2, 3].map((i) => peer(i)));
    const lost: { to: Peer; from: Peer; batch: LaneEntriesBody }[] = [];
    for (let step = 0; step < 120; step++) {
      const author = peers[below(4)]!;
      const count = 1 + below(3);
      const entries = await Promise.all(
        Array.from({ length: count }, () =>
          author.store.append(below(2) === 0 ? 'audit' : 'workflow', new Uint8Array(below(600)).fill(step)),
        ),
      );
      for (const to of peers) {
        for (const batch of to === author ? [] : author.sync.push(entries)) {
          if (below(3) === 0) lost.push({ to, from: author, batch });
          else await to.sync.receive(laneEntriesSchema.parse(batch), author.identity.id);
        }
      }
      if (below(4) === 0 && lost.length > 0) {
        const { to, from, batch } = lost.splice(below(lost.length), 1)[0]!;
        await to.sync.receive(batch, from.identity.id);
      }
    }
    for (const asker of peers) for (const teller of peers) if (asker !== teller) await pull(asker, teller);
    const [first] = peers as [Peer];
    const order = async (one: Peer): Promise<string[]> =>
      (await gather(one.store.all('audit'))).map((entry) => `${entry.author}/${entry.sequence}`);
    const expected = await order(first);
    expect(expected.length).toBeGreaterThan(100);
    for (const other of peers) {
      expect(other.store.frontier()).toEqual(first.store.frontier());
      expect(await order(other)).toEqual(expected);
      expect(other.store.forks()).toEqual([]);
    }
    const times = (await gather(first.store.all('audit'))).map((entry) => entry.hlc);
    expect(times).toEqual([...times].sort((a, b) => (a < b ? -1 : 1)));
  },
);

test('a batch stays within its bound but always carries an entry, and a newcomer pulls a history in as many as it takes', async () => {
  const [teller, newcomer] = [await peer(0, 4_000), await peer(1, 4_000)];
  for (let i = 0; i < 20; i++) await teller.store.append('audit', new Uint8Array(900));
  await teller.store.append('audit', new Uint8Array(200_000));
  const { batch } = await teller.sync.answer({ items: [] });
  expect(batch!.entries.reduce((sum, entry) => sum + entry.length, 0)).toBeLessThanOrEqual(4_000);
  expect(batch!.more).toBe(true);
  expect(await pull(newcomer, teller)).toBeGreaterThanOrEqual(8);
  expect(newcomer.store.frontier()).toEqual(teller.store.frontier());
});

test('an answer says where the asker is ahead', async () => {
  const [a, b] = [await peer(0), await peer(1)];
  await a.store.append('audit', text('a'));
  expect(await b.sync.answer(await a.sync.digestFor(b.identity.id))).toEqual({ batch: undefined, behind: true });
  expect((await a.sync.answer(await b.sync.digestFor(a.identity.id))).behind).toBe(false);
});

test('a push over a gap asks for what is missing; a lane whose next entry is refused for itself is not asked for in a circle', async () => {
  const [a, b] = [await peer(0), await peer(1)];
  const entries = [await a.store.append('audit', text('1')), await a.store.append('audit', text('2'))];
  expect((await b.sync.receive(a.sync.push(entries.slice(1))[0]!, a.identity.id)).askAgain).toBe(true);
  const spoiled = encodeEntry({ ...entries[0]!, body: text('x') });
  expect(
    (await b.sync.receive({ entries: [spoiled, encodeEntry(entries[1]!)], more: true }, a.identity.id)).askAgain,
  ).toBe(false);
});

test('a digest to an author proves its own lane to it, so a node set back to an old copy stops before it signs a place twice', async () => {
  const [author, keeper] = [await peer(0), await peer(1)];
  for (const word of ['a', 'b']) await author.store.append('workflow', text(word));
  await pull(keeper, author);
  const restored = await peer(0);
  const digest = laneFrontierSchema.parse(await keeper.sync.digestFor(restored.identity.id));
  expect(digest.items[0]!.proof).toBeDefined();
  expect((await restored.sync.answer(digest)).behind).toBe(true);
  await expect(restored.store.append('workflow', text('c'))).rejects.toThrow(/fetched back/);
  await pull(restored, keeper);
  expect((await restored.store.append('workflow', text('c'))).sequence).toBe(3);
  // A claim without proof stops nobody: anyone could make it.
  await restored.sync.answer({ items: [{ ...digest.items[0]!, sequence: 1_000, proof: undefined }] as never });
  expect((await restored.store.append('workflow', text('d'))).sequence).toBe(4);
});

test('peers on two branches of a forked lane both end with the evidence, and then stop sending each other entries of it', async () => {
  const liar = testIdentity(9, crypto);
  const [a, b, c] = [await peer(0), await peer(1), await peer(2)];
  const entry = (after: LaneEntry | undefined, body: string): LaneEntry =>
    signEntry(
      {
        mesh,
        lane: 'audit',
        sequence: (after?.sequence ?? 0) + 1,
        previous: after === undefined ? new Uint8Array(32) : entryHash(after, crypto),
        hlc: (after?.hlc ?? 0n) + 1n,
        body: text(body),
      },
      liar,
      crypto,
    );
  const first = entry(undefined, '1');
  const [left, right] = [entry(first, 'left'), entry(first, 'right')];
  const third = entry(right, 'right 3');
  const longer = [third, entry(third, 'right 4')];
  await a.store.ingest([first, left].map(encodeEntry), liar.id);
  await b.store.ingest([first, right, ...longer].map(encodeEntry), liar.id);
  await c.store.ingest([first, left].map(encodeEntry), liar.id);

  // One entry of another branch proves the fork; the rest of it is of no use to the asker.
  expect((await b.sync.answer(await a.sync.digestFor(b.identity.id))).batch!.entries).toHaveLength(1);
  await pull(a, b, 5);
  await pull(b, a, 5);
  await c.sync.receive(laneEntriesSchema.parse(a.sync.evidence()), a.identity.id);
  for (const one of [a, b, c]) {
    expect(one.store.forks()).toHaveLength(1);
    expect(verifyFork(one.store.forks()[0]!, mesh, crypto)).toBe(true);
  }
  for (const [asker, teller] of [
    [a, b],
    [b, a],
  ] as const) {
    expect((await teller.sync.answer(await asker.sync.digestFor(teller.identity.id))).batch).toBeUndefined();
  }
});

test('peers of which each is behind the other in another lane that was forked ask each other once, and not without end', async () => {
  const liar = testIdentity(9, crypto);
  const [a, b] = [await peer(0), await peer(1)];
  const branch = (lane: string, word: string, length: number): Uint8Array[] => {
    const rows: LaneEntry[] = [];
    for (let sequence = 1; sequence <= length; sequence++) {
      const before = rows.at(-1);
      const previous = before === undefined ? new Uint8Array(32) : entryHash(before, crypto);
      const place = { mesh, lane, sequence, previous, hlc: BigInt(sequence) };
      rows.push(signEntry({ ...place, body: text(`${word} ${sequence}`) }, liar, crypto));
    }
    return rows.map(encodeEntry);
  };
  await a.store.ingest([...branch('audit', 'left', 2), ...branch('workflow', 'left', 4)], liar.id);
  await b.store.ingest([...branch('audit', 'right', 4), ...branch('workflow', 'right', 2)], liar.id);
  for (let turn = 0; turn < 2; turn++) {
    await pull(a, b, 5);
    await pull(b, a, 5);
  }
  expect([a, b].map(({ store }) => store.forks().length)).toEqual([2, 2]);
  // As `memory` does it: a question, and answers to answers as long as one is due.
  let frontiers = 0;
  for (let [asker, teller, isAnswer] = [a, b, false]; ; [asker, teller] = [teller, asker]) {
    frontiers++;
    const digest = laneFrontierSchema.parse({ ...(await asker.sync.digestFor(teller.identity.id)), isAnswer });
    const { batch, behind } = await teller.sync.answer(digest);
    expect(batch).toBeUndefined();
    if (!behind || frontiers > 5) break;
    isAnswer = true;
  }
  expect(frontiers).toBe(2);
});

test('bodies out of bounds fail the schemas', () => {
  const item = { author: 'x', lane: 'audit', sequence: 1, hash: new Uint8Array(32) };
  expect(laneFrontierSchema.safeParse({ items: [item] }).success).toBe(true);
  expect(laneFrontierSchema.safeParse({ items: [{ ...item, hash: new Uint8Array(31) }] }).success).toBe(false);
  expect(laneFrontierSchema.safeParse({ items: [{ ...item, sequence: 0 }] }).success).toBe(false);
  expect(laneFrontierSchema.safeParse({ items: Array.from({ length: 5000 }, () => item) }).success).toBe(false);
  expect(laneEntriesSchema.safeParse({ entries: ['text'], more: false }).success).toBe(false);
  expect(laneEntriesSchema.safeParse({ entries: [new Uint8Array(300_000)], more: false }).success).toBe(false);
});
