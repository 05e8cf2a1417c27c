// Law: SIGKILL at any moment loses no event that was acknowledged and repeats no effect that was; what was not acknowledged is done again.
import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { createStorage } from '../../node/world/index.ts';
import { ledgerId, openJournal } from './ledger-victim.ts';

const victim = fileURLToPath(new URL('./ledger-victim.ts', import.meta.url));
/** PARLEY_CRASH_ROUNDS=100 for a long run. */
const rounds = Number(process.env.PARLEY_CRASH_ROUNDS ?? 6);
const timeLimitMs = 240_000 + rounds * 5_000;
/** In every other life, before its end is near: a slow machine says as much as a fast one, only later. */
const bookingsFirst = 40;

type Said = { readonly what: string; readonly number: number; readonly life: number };

async function live(
  folder: string,
  life: number,
  said: Said[],
  lifeMs?: number,
): Promise<NodeJS.Signals | number | null> {
  const bookings = lifeMs === undefined ? 0 : 1_000_000;
  const child = spawn(process.execPath, [victim, folder, `${bookings}`], { stdio: ['ignore', 'pipe', 'inherit'] });
  let kill: NodeJS.Timeout | undefined;
  let booked = 0;
  const ended = new Promise<NodeJS.Signals | number | null>((resolve) =>
    child.once('exit', (code, signal) => resolve(signal ?? code)),
  );
  for await (const line of createInterface({ input: child.stdout })) {
    const [what, number] = line.split(' ');
    said.push({ what: what!, number: Number(number), life });
    if (what === 'committed') booked++;
    if (lifeMs !== undefined && booked >= (life % 2) * bookingsFirst)
      kill ??= setTimeout(() => child.kill('SIGKILL'), lifeMs);
  }
  clearTimeout(kill);
  return ended;
}

test(
  'SIGKILL at random moments: no acknowledged event is lost and no acknowledged effect is repeated',
  async () => {
    const folder = await mkdtemp(join(tmpdir(), 'parley-ledger-'));
    const said: Said[] = [];
    try {
      for (let life = 0; life < rounds; life++) {
        expect(await live(folder, life, said, 10 + Math.random() * 250)).toBe('SIGKILL');
        const storage = await createStorage(folder);
        const { journal } = await openJournal(storage);
        const highest = await journal.highest(ledgerId);
        await storage.close();
        const committed = said.filter(({ what }) => what === 'committed').length;
        const acknowledged = said.filter(({ what }) => what === 'acknowledged').length;
        expect(highest).toBeGreaterThanOrEqual(committed + acknowledged);
      }
      expect(await live(folder, rounds, said)).toBe(0);

      const numbers = (what: string): number[] => said.filter((line) => line.what === what).map(({ number }) => number);
      const committed = numbers('committed');
      // Each number once: had an acknowledged booking been lost, a later life would have given its number again.
      expect(new Set(committed).size).toBe(committed.length);
      const booked = Math.max(...numbers('effect'));
      expect(booked).toBeGreaterThanOrEqual(Math.max(...committed));
      // Every booking's effect was done, in order of first doing, and none before its commit in the life that made it.
      expect(new Set(numbers('effect')).size).toBe(booked);
      const acknowledgedIn = new Map<number, number>();
      const effects = new Map<number, number[]>();
      for (const { what, number, life } of said) {
        if (what === 'acknowledged') {
          expect(acknowledgedIn.has(number)).toBe(false);
          acknowledgedIn.set(number, life);
        }
        if (what !== 'effect') continue;
        expect(acknowledgedIn.has(number)).toBe(false);
        const lives = effects.get(number) ?? [];
        expect(lives).not.toContain(life);
        effects.set(number, [...lives, life]);
      }
      const repeated = [...effects.values()].filter((lives) => lives.length > 1).length;
      console.log(
        `${rounds} kills: ${committed.length} bookings acknowledged, ${booked} made, ${acknowledgedIn.size} effects acknowledged, ${repeated} unacknowledged ones done again`,
      );
      expect(committed.length).toBeGreaterThan(100);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  },
  timeLimitMs,
);
