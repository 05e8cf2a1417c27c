// Law: the victim of crash.test.ts. It writes as fast as it can and says on standard output what was acknowledged, never before it was.
import { writeSync } from 'node:fs';
import { openLaneStore } from '../../../protocols/lanes/index.ts';
import { createIdentity } from '../../../protocols/wire/index.ts';
import { createCrypto } from '../../crypto/index.ts';
import { createStorage } from './storage.ts';

/** Bytes of one record in the append file: its number, big-endian, over and over. */
export const recordBytes = 32;
export const crashMesh: Uint8Array = new Uint8Array(32).fill(3);
export const crashSecret: Uint8Array = new Uint8Array(32).fill(4);

export function recordOf(number: number): Uint8Array {
  const record = Buffer.alloc(recordBytes);
  for (let at = 0; at < recordBytes; at += 4) record.writeUInt32BE(number, at);
  return new Uint8Array(record);
}

export function blobOf(number: number): Uint8Array {
  return new Uint8Array(50_000 + (number % 7) * 20_000).fill(number % 251);
}

async function writeForEver(folder: string): Promise<void> {
  const storage = await createStorage(folder);
  const [table, lanes, file] = [
    await storage.keyValue('table'),
    await storage.keyValue('lanes'),
    await storage.appendFile('log'),
  ];
  const crypto = createCrypto();
  const store = await openLaneStore({
    keyValue: lanes,
    crypto,
    identity: createIdentity(crypto, crashSecret),
    meshId: crashMesh,
    hlc: () => BigInt(Date.now()),
    isAuthor: () => true,
    log: () => {},
  });
  const say = (what: string, number: number): void => void writeSync(1, `${what} ${number}\n`);
  const forever = async (from: number, step: (number: number) => Promise<void>): Promise<void> => {
    for (let number = from; ; number++) await step(number);
  };

  let rows = 0;
  for await (const { key } of table.range('a/', 'a0')) rows = Math.max(rows, (Number(key.slice(2)) >> 2) + 1);
  const writers = [0, 1, 2, 3].map((lane) =>
    forever(rows, async (number) => {
      const mine = number * 4 + lane;
      await table.write(['a', 'b', 'c'].map((half) => ({ key: `${half}/${mine}`, value: recordOf(mine) })));
      say('row', mine);
    }),
  );
  const appends = forever(file.sizeBytes / recordBytes, async (number) => {
    await file.append(recordOf(number));
    await file.sync();
    say('record', number);
    // The same bytes under the same name in another file: a crash must not show that there were two.
    if (number % 8 === 7) {
      await file.replace(Array.from({ length: number + 1 }, (_, each) => recordOf(each)));
      say('replaced', number);
    }
  });
  const blobs = forever(0, async (number) => {
    await storage.blobs.write(
      (async function* () {
        const bytes = blobOf(number);
        for (let at = 0; at < bytes.length; at += 10_000) yield bytes.subarray(at, at + 10_000);
      })(),
    );
    say('blob', number);
  });
  const entries = forever(0, async () => say('entry', (await store.append('audit', new Uint8Array(200))).sequence));
  await Promise.all([...writers, appends, blobs, entries]);
}

if (import.meta.main) await writeForEver(process.argv[2]!);
