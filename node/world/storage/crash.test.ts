// Law: what was acknowledged before SIGKILL is there afterwards, what is there is whole, and the folder opens at once.
import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { openLaneStore } from '../../../protocols/lanes/index.ts';
import { createIdentity } from '../../../protocols/wire/index.ts';
import { createCrypto } from '../../crypto/index.ts';
import { blobOf, crashMesh, crashSecret, recordBytes, recordOf } from './crash-writer.ts';
import { createStorage } from './storage.ts';

const victim = fileURLToPath(new URL('./crash-writer.ts', import.meta.url));
const crypto = createCrypto();

type Acknowledged = Record<'row' | 'record' | 'replaced' | 'blob' | 'entry', Set<number>>;

/** Runs the victim until `lifeMs` after its first acknowledgement, in the first life one of each kind; adds what it said was acknowledged, by kind. */
async function runAndKill(folder: string, lifeMs: number, acknowledged: Acknowledged): Promise<void> {
  const child = spawn(process.execPath, [victim, folder], { stdio: ['ignore', 'pipe', 'inherit'] });
  let kill: NodeJS.Timeout | undefined;
  const ended = new Promise<NodeJS.Signals | null>((resolve) => child.once('exit', (_, signal) => resolve(signal)));
  for await (const line of createInterface({ input: child.stdout })) {
    const [what, number] = line.split(' ') as [keyof Acknowledged, string];
    acknowledged[what].add(Number(number));
    const isEachSaid = Object.values(acknowledged).every(({ size }) => size > 0);
    if (isEachSaid) kill ??= setTimeout(() => child.kill('SIGKILL'), lifeMs);
  }
  clearTimeout(kill);
  expect(await ended).toBe('SIGKILL');
}

async function join32(source: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  for await (const part of source) parts.push(part);
  return crypto.sha256(...parts);
}

test('kill -9 at random moments loses nothing acknowledged and tears nothing', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'parley-crash-'));
  const acknowledged: Acknowledged = {
    row: new Set(),
    record: new Set(),
    replaced: new Set(),
    blob: new Set(),
    entry: new Set(),
  };
  try {
    for (let round = 0; round < 5; round++) {
      await runAndKill(folder, 20 + Math.random() * 300, acknowledged);
      const storage = await createStorage(folder);
      const [table, lanes, file] = [
        await storage.keyValue('table'),
        await storage.keyValue('lanes'),
        await storage.appendFile('log'),
      ];

      const log = await file.readAll();
      const whole = Math.floor(log.length / recordBytes);
      expect(whole).toBeGreaterThan(Math.max(...acknowledged.record));
      for (let i = 0; i < whole; i++) expect(log.subarray(i * recordBytes, (i + 1) * recordBytes)).toEqual(recordOf(i));
      // A torn last record is its user's to cut; the next life starts on a whole one.
      await file.truncate(whole * recordBytes);

      const rows = { a: new Set<number>(), b: new Set<number>(), c: new Set<number>() };
      for await (const { key, value } of table.range('a/', 'd')) {
        const number = Number(key.slice(2));
        rows[key[0] as keyof typeof rows].add(number);
        expect(value).toEqual(recordOf(number));
      }
      expect(rows.b).toEqual(rows.a);
      expect(rows.c).toEqual(rows.a);
      expect([...acknowledged.row].filter((number) => !rows.a.has(number))).toEqual([]);

      for (const i of acknowledged.blob) {
        const digest = Buffer.from(crypto.sha256(blobOf(i))).toString('hex');
        expect(Buffer.from(await join32(storage.blobs.read(digest))).toString('hex')).toBe(digest);
      }

      const identity = createIdentity(crypto, crashSecret);
      const store = await openLaneStore({
        keyValue: lanes,
        crypto,
        identity,
        meshId: crashMesh,
        hlc: () => 0n,
        isAuthor: () => true,
        log: () => {},
      });
      expect(store.damage()).toEqual([]);
      expect(store.head({ author: identity.id, lane: 'audit' })!.sequence).toBeGreaterThanOrEqual(
        Math.max(...acknowledged.entry),
      );
      await storage.close();
    }
    const counts = Object.entries(acknowledged).map(([what, numbers]) => `${numbers.size} ${what}`);
    console.log(`acknowledged before five kills, all there: ${counts.join(', ')}`);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});
