// Law: see log.ts. The disk dies at every write, before it, within it and after it, and no node that comes back says a second thing.
import { describe, expect, test } from 'vitest';
import { createEngine, decodeEntry, decodeFrame, type EngineInput, type EngineOutput } from '../../consensus/index.ts';
import { createMemoryStorage } from '../../protocols/lanes/testing/index.ts';
import { utf8 } from '../../protocols/wire/index.ts';
import { createCrypto, testIdentity } from '../../test/support/world.ts';
import type { AppendFile, Storage } from '../system/index.ts';
import { openVoteLog, type VoteLog } from './log.ts';

const crypto = createCrypto();
const self = testIdentity(0, crypto);
const config = {
  epoch: 0,
  members: [{ id: self.id, weight: 1, name: 'one', site: 's', operator: 'o', modelFamily: 'none' }],
  f: 0,
  c: 0,
  p: 0,
  previous: new Uint8Array(32),
};
const options = { longBytes: 2_000 };
const instances = 24;

class Died extends Error {}

/** A storage whose process dies at its `dieAt`th write (from 0), when the write is done to `share` of it; of a replacement, all or none. */
function mortal(
  disk: Storage,
  dieAt: number,
  share: number,
): { readonly storage: Storage; readonly writes: () => number } {
  let count = 0;
  const dying = async (whole: () => Promise<void>, part: () => Promise<void>): Promise<void> => {
    if (count > dieAt) throw new Died();
    const dies = count++ === dieAt;
    await (dies ? part() : whole());
    if (dies) throw new Died();
  };
  const wrap = (file: AppendFile): AppendFile => ({
    get sizeBytes() {
      return file.sizeBytes;
    },
    readAll: () => file.readAll(),
    append: (bytes) =>
      dying(
        () => file.append(bytes),
        () => file.append(bytes.subarray(0, Math.floor(bytes.length * share))),
      ),
    sync: () =>
      dying(
        () => file.sync(),
        async () => {},
      ),
    truncate: (sizeBytes) => file.truncate(sizeBytes),
    replace: (parts) =>
      dying(
        () => file.replace(parts),
        async () => (share === 1 ? file.replace(parts) : undefined),
      ),
    close: () => file.close(),
  });
  return {
    storage: { ...disk, appendFile: async (name) => wrap(await disk.appendFile(name)) },
    writes: () => count,
  };
}

/** What was said in each place, by whatever life said it. */
type Said = Map<string, string>;

/** One life: restores, decides `instances` questions with its own payloads, rewriting its log whenever that is due. */
async function live(log: VoteLog, life: string, said: Said): Promise<void> {
  expect(log.damage).toBeUndefined();
  const timeouts = { baseMs: 100, maxMs: 1_000 };
  const limits = { settledWithVotes: 1, closedBytes: 1 };
  const engine = createEngine({ self, meshId: new Uint8Array(32), config, crypto, timeouts, limits });
  const hear = (outputs: readonly EngineOutput[]): void => {
    for (const output of outputs) {
      if (output.type !== 'send') continue;
      const { batch, relayed } = decodeFrame(output.frame);
      for (const bytes of [...(batch?.entries ?? []), ...relayed.map(({ entry }) => entry)]) {
        const entry = decodeEntry(bytes);
        const { instance, round } = entry.type === 'vote' ? entry.vote : entry.proposal;
        const place = `${instance} ${round} ${entry.type === 'vote' ? entry.vote.kind : 'proposal'}`;
        const text = Buffer.from(bytes).toString('hex');
        expect(said.get(place) ?? text, `${life} contradicts an earlier life`).toBe(text);
        said.set(place, text);
      }
    }
  };
  const call = async (inputs: readonly EngineInput[]): Promise<void> => {
    const outputs = engine.handleAll(inputs);
    const records = outputs.flatMap((output) => (output.type === 'persist' ? [output.record] : []));
    if (records.length > 0) await log.append(records);
    hear(outputs);
    if (records.length > 0 && log.isLong) await log.rewrite(engine.snapshot());
  };
  expect(engine.handleAll(log.takeRecords().map((record) => ({ type: 'restore', record })))).toEqual([]);
  await call([{ type: 'resume' }]);
  for (let i = 0; i < instances; i++) {
    const subject = { domain: 'verdict', key: utf8.encode(`question ${i}`) } as const;
    await call([{ type: 'start', subject, payload: utf8.encode(`${life} answers ${i}`) }]);
  }
}

describe('a log of votes that is rewritten', () => {
  test('lets nobody vote twice, wherever the process dies', async () => {
    const whole = mortal(createMemoryStorage(crypto), Number.POSITIVE_INFINITY, 0);
    const log = await openVoteLog(whole.storage, 0, crypto, options);
    await live(log, 'the only life', new Map());
    // A record for each question and the base and two records or more for each rewriting.
    expect(log.head.sequence).toBeGreaterThan(instances + 3 * 3);
    let deaths = 0;
    for (let dieAt = 0; dieAt < whole.writes(); dieAt++)
      for (const share of [0, 0.5, 1]) {
        const disk = createMemoryStorage(crypto);
        const said: Said = new Map();
        const first = await openVoteLog(mortal(disk, dieAt, share).storage, 0, crypto, options);
        await expect(live(first, 'the first life', said)).rejects.toThrow(Died);
        const { head } = first;
        await first.close();
        const second = await openVoteLog(disk, 0, crypto, options);
        // What peers may have been told is never more than what is there.
        expect(second.head.sequence).toBeGreaterThanOrEqual(head.sequence);
        await live(second, 'the second life', said);
        await second.close();
        const third = await openVoteLog(disk, 0, crypto, options);
        await live(third, 'the third life', said);
        deaths++;
      }
    console.info(`a vote log died ${deaths} deaths`);
  });

  test('goes beyond every position of what it replaces, so that an old copy of it is behind what peers saw', async () => {
    const disk = createMemoryStorage(crypto);
    const log = await openVoteLog(disk, 0, crypto, options);
    await log.append([new Uint8Array(4_000)]);
    const before = log.head;
    expect(log.isLong).toBe(true);
    await log.rewrite([new Uint8Array(100)]);
    expect(log.isLong).toBe(false);
    expect(log.head.sequence).toBeGreaterThan(before.sequence);
    await log.append([Uint8Array.of(7)]);
    const after = log.head;
    await log.close();
    const again = await openVoteLog(disk, 0, crypto, options);
    expect(again.head).toEqual(after);
    expect(again.takeRecords()).toEqual([new Uint8Array(100), Uint8Array.of(7)]);
    expect(again.takeRecords()).toEqual([]);
  });

  test('that cannot be rewritten goes on, and does not try again at once', async () => {
    const disk = createMemoryStorage(crypto);
    const full: Storage = {
      ...disk,
      appendFile: async (name) =>
        Object.assign(Object.create(await disk.appendFile(name)) as AppendFile, {
          replace: () => Promise.reject(new Error('no space')),
        }),
    };
    const log = await openVoteLog(full, 0, crypto, options);
    await log.append([new Uint8Array(4_000)]);
    await expect(log.rewrite([new Uint8Array(10)])).rejects.toThrow('no space');
    expect(log.isLong).toBe(false);
    await log.append([Uint8Array.of(1)]);
    const { head } = log;
    await log.close();
    const again = await openVoteLog(disk, 0, crypto, options);
    expect(again.head).toEqual(head);
    expect(again.takeRecords()).toHaveLength(2);
  });

  test('is damaged where a byte of what was rewritten is, and then stays as it was found', async () => {
    const disk = createMemoryStorage(crypto);
    const log = await openVoteLog(disk, 0, crypto, options);
    await log.append([new Uint8Array(50)]);
    await log.rewrite([new Uint8Array(100), new Uint8Array(100)]);
    await log.close();
    const found = await disk.appendFile('consensus-0.wal');
    const sound = await found.readAll();
    await found.close();
    for (const cut of [sound.length - 1, sound.length - 148, sound.length - 160]) {
      const file = await disk.appendFile('consensus-0.wal');
      await file.replace([sound.subarray(0, cut)]);
      await file.close();
      const again = await openVoteLog(disk, 0, crypto, options);
      expect(again.damage).toMatch(/was rewritten up to record 4/);
      await again.append([Uint8Array.of(1)]);
      await again.rewrite([Uint8Array.of(1)]);
      await again.close();
      const same = await disk.appendFile('consensus-0.wal');
      expect((await same.readAll()).length).toBe(cut);
      await same.close();
    }
  });
});
