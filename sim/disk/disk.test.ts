import { afterAll, describe, expect, it } from 'vitest';
import { type AppendFile, createRandom, type Storage } from '../../actors/system/index.ts';
import { createCrypto } from '../../node/index.ts';
import {
  appendFileContract,
  blobsContract,
  keyValueContract,
  type StorageUnderTest,
} from '../../protocols/lanes/testing/index.ts';
import { hex } from '../../protocols/wire/index.ts';
import { createKernel, createLife, createSimCrypto, type Kernel } from '../world/index.ts';
import { Disk, openSimStorage, quickDisk } from './index.ts';

const crypto = createSimCrypto('ed25519', createCrypto());

function nodeOn(kernel: Kernel, seed = 1) {
  const disk = new Disk({ kernel, node: 0, seed, profile: quickDisk });
  let lives = 0;
  const start = () => {
    const life = createLife({
      kernel,
      node: 0,
      number: lives++,
      clocks: { offsetMs: 0, driftPpm: 0 },
      random: createRandom(seed),
    });
    return { life, storage: openSimStorage({ disk, life, crypto }) };
  };
  return { disk, start };
}

const contractKernel = createKernel({ instantMax: Number.MAX_SAFE_INTEGER });
let isPumping = true;
const pump = (): void => {
  contractKernel.step(Number.MAX_SAFE_INTEGER);
  if (isPumping) setImmediate(pump);
};
setImmediate(pump);
afterAll(() => {
  isPumping = false;
});
const open = async (): Promise<StorageUnderTest> => {
  const { disk, start } = nodeOn(contractKernel);
  let { life, storage } = start();
  const here = (): StorageUnderTest => ({
    storage,
    async reopen() {
      life.end();
      disk.crash(false);
      ({ life, storage } = start());
      return here();
    },
    dispose: async () => life.end(),
  });
  return here();
};
describe('the simulated disk keeps the Storage contract', () => {
  keyValueContract(open);
  appendFileContract(open);
  blobsContract(open, (content) => hex.encode(crypto.sha256(content)));
});

/** Runs `act` to its end in virtual time and returns what it came to. */
async function acted<T>(kernel: Kernel, act: () => Promise<T>): Promise<T> {
  let result: { value: T } | { error: unknown } | undefined;
  kernel.schedule(kernel.nowUs, 0, 'act', () => {
    act().then(
      (value) => {
        result = { value };
      },
      (error: unknown) => {
        result = { error };
      },
    );
  });
  await kernel.run(kernel.nowUs + 10_000_000, () => result !== undefined);
  expect(kernel.breaches).toEqual([]);
  if (result === undefined) throw new Error('it did not end');
  if ('error' in result) throw result.error;
  return result.value;
}

describe('a crash of the simulated disk', () => {
  const synced = Uint8Array.from({ length: 700 }, (_, i) => 1 + (i % 250));
  const loose = Uint8Array.from({ length: 3_000 }, (_, i) => 1 + (i % 250));
  const write = async (storage: Storage): Promise<AppendFile> => {
    const file = await storage.appendFile('log');
    await file.append(synced);
    await file.sync();
    await file.append(loose);
    return file;
  };

  it('keeps what was synced, whole, and of the rest loses, cuts or holes some, over seeds all of it', async () => {
    const seen = new Set<string>();
    for (let seed = 0; seed < 60; seed++) {
      const kernel = createKernel();
      const { disk, start } = nodeOn(kernel, seed);
      const first = start();
      await acted(kernel, () => write(first.storage));
      first.life.end();
      disk.crash(true);
      const { storage } = start();
      const found = await acted(kernel, async () => (await storage.appendFile('log')).readAll());
      expect(found.subarray(0, 700)).toEqual(synced);
      const tail = found.subarray(700);
      expect(tail.length).toBeLessThanOrEqual(3_000);
      for (const [i, byte] of tail.entries()) expect([0, loose[i]]).toContain(byte);
      const zeros = tail.filter((byte) => byte === 0).length;
      seen.add(
        tail.length === 0
          ? 'lost'
          : zeros === 0
            ? tail.length === 3_000
              ? 'kept'
              : 'cut'
            : tail[tail.length - 1] === 0
              ? 'zeroed'
              : 'holed',
      );
    }
    expect([...seen].sort()).toEqual(['cut', 'holed', 'kept', 'lost', 'zeroed']);
  });

  it('of a process alone loses nothing that was acknowledged', async () => {
    const kernel = createKernel();
    const { disk, start } = nodeOn(kernel);
    const first = start();
    await acted(kernel, () => write(first.storage));
    first.life.end();
    disk.crash(false);
    expect((await acted(kernel, async () => (await start().storage.appendFile('log')).readAll())).length).toBe(3_700);
  });

  it('applies of the writes under way some first ones, each whole, and settles none of their promises', async () => {
    const counts = new Set<number>();
    for (let seed = 0; seed < 40; seed++) {
      const kernel = createKernel();
      const { disk, start } = nodeOn(kernel, seed);
      const first = start();
      let settled = 0;
      await acted(kernel, async () => {
        const table = await first.storage.keyValue('table');
        for (const key of ['a', 'b', 'c']) {
          void table
            .write([
              { key, value: Uint8Array.of(1) },
              { key: `${key}2`, value: Uint8Array.of(2) },
            ])
            .then(() => void settled++);
        }
      });
      first.life.end();
      disk.crash(true);
      await kernel.run(kernel.nowUs + 1_000_000);
      expect(settled).toBe(0);
      const keys = [...disk.tables.get('table')!.keys()];
      expect(keys).toEqual(['a', 'a2', 'b', 'b2', 'c', 'c2'].slice(0, keys.length));
      expect(keys.length % 2).toBe(0);
      counts.add(keys.length);
    }
    expect([...counts].sort()).toEqual([0, 2, 4, 6]);
  });

  it('a failing disk refuses writes and syncs by name; after a failed sync the file takes nothing until it is opened again', async () => {
    const kernel = createKernel();
    const { disk, start } = nodeOn(kernel);
    const { storage } = start();
    await acted(kernel, async () => {
      const file = await storage.appendFile('log');
      await file.append(Uint8Array.of(1));
      disk.errorPermille = 1_000;
      await expect(file.append(Uint8Array.of(2))).rejects.toThrow(/EIO/);
      await expect(file.sync()).rejects.toThrow(/EIO/);
      disk.errorPermille = 0;
      await expect(file.append(Uint8Array.of(3))).rejects.toThrow(/open it again/);
      await file.close();
      const again = await storage.appendFile('log');
      await again.append(Uint8Array.of(4));
      expect(await again.readAll()).toEqual(Uint8Array.of(1, 4));
    });
  });

  it('gives a damaged row back with one bit wrong until it is written anew or the damage is lifted', async () => {
    const kernel = createKernel();
    const { disk, start } = nodeOn(kernel);
    const { storage } = start();
    await acted(kernel, async () => {
      const table = await storage.keyValue('table');
      await table.write([
        { key: 'a', value: Uint8Array.of(1, 1) },
        { key: 'b', value: Uint8Array.of(2, 2) },
      ]);
      disk.damage('table', 'a', 9);
      disk.damage('table', 'b', 0);
      expect(await table.get('a')).toEqual(Uint8Array.of(1, 3));
      const rows: { readonly key: string; readonly value: Uint8Array }[] = [];
      for await (const row of table.range('', '~')) rows.push(row);
      expect(rows).toEqual([
        { key: 'a', value: Uint8Array.of(1, 3) },
        { key: 'b', value: Uint8Array.of(3, 2) },
      ]);
      await table.write([{ key: 'a', value: Uint8Array.of(7, 7) }]);
      expect(await table.get('a')).toEqual(Uint8Array.of(7, 7));
      disk.lift();
      expect(await table.get('b')).toEqual(Uint8Array.of(2, 2));
    });
  });
});

describe('a disk that does not do what it says', () => {
  const bytesOf = (text: string) => new TextEncoder().encode(text);

  it('loses what it promised where the power fails meanwhile, each write from some point on, and nothing from before', async () => {
    const lost: number[] = [];
    for (let seed = 1; seed <= 12; seed++) {
      const kernel = createKernel();
      const { disk, start } = nodeOn(kernel, seed);
      const { life, storage } = start();
      await acted(kernel, async () => {
        const table = await storage.keyValue('t');
        const file = await storage.appendFile('f');
        await table.write([{ key: 'before', value: bytesOf('kept') }]);
        await file.append(bytesOf('kept'));
        await file.sync();
        disk.lieAboutSyncs(true);
        for (const key of ['a', 'b', 'c']) await table.write([{ key, value: bytesOf(key) }]);
        await file.append(bytesOf('promised'));
        await file.sync();
      });
      life.end();
      disk.crash(true);
      const held = [...disk.tables.get('t')!.keys()];
      expect(held).toEqual(['before', 'a', 'b', 'c'].slice(0, held.length));
      expect(held.length).toBeGreaterThan(0);
      expect(Buffer.from(disk.files.get('f')!.bytes.slice(0, 4)).toString()).toBe('kept');
      lost.push(4 - held.length);
    }
    expect(Math.max(...lost)).toBeGreaterThan(0);
  });

  it('gives back another row where a write went astray, until that row is written again or the fault is lifted', async () => {
    const kernel = createKernel();
    const { disk, start } = nodeOn(kernel);
    const { storage } = start();
    await acted(kernel, async () => {
      const table = await storage.keyValue('t');
      for (const key of ['a', 'b']) await table.write([{ key, value: bytesOf(key) }]);
      disk.misplace('t', 'a', 'b');
      expect(await table.get('a')).toBeUndefined();
      expect(await table.get('b')).toEqual(bytesOf('a'));
      const rows: string[] = [];
      for await (const { key } of table.range('', 'z')) rows.push(key);
      expect(rows).toEqual(['b']);
      await table.write([{ key: 'b', value: bytesOf('new') }]);
      expect(await table.get('b')).toEqual(bytesOf('new'));
      disk.lift();
      expect(await table.get('a')).toEqual(bytesOf('a'));
    });
  });

  it('of an earlier day is that day’s, whatever was written since', () => {
    const { disk } = nodeOn(createKernel());
    disk.setRow('none', 'k', bytesOf('x'));
    disk.tables.set('t', new Map([['k', bytesOf('old')]]));
    const image = disk.image();
    disk.setRow('t', 'k', bytesOf('new'));
    disk.blobs.set('digest', bytesOf('new'));
    disk.become(image);
    expect([disk.row('t', 'k'), disk.blobs.size]).toEqual([bytesOf('old'), 0]);
  });
});
