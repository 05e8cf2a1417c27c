// Law: `node consensus/testing/seeds.ts` is the long run of the engine alone: each seed draws its own mesh, faults and liars, and an alarm
// is a line that shows it again. Production code but for the signatures, which are hashes: forgery is the subject of other tests.
import { hash } from 'node:crypto';
import { parseArgs } from 'node:util';
import { defaultFaultBudget } from '../quorum.ts';
import { soundRules } from '../rules.ts';
import * as attacks from './attacks.ts';
import { type ChaosOptions, runChaos } from './chaos.ts';
import { createFastCrypto } from './fast-crypto.ts';
import { seededChance } from './sim.ts';

const crypto = createFastCrypto((...parts) => hash('sha256', Buffer.concat(parts), 'buffer'));
const sizes = [4, 4, 4, 4, 4, 3, 6, 7] as const;

/** Everything about the run of a seed but its schedule, which `runChaos` draws from the same seed. */
export function drawChaos(seed: number): Omit<ChaosOptions, 'crypto'> {
  const chance = seededChance(seed ^ 0x5eed);
  const below = (bound: number): number => Math.floor(chance.next() * bound);
  const n = sizes[below(sizes.length)]!;
  const budget = defaultFaultBudget(n);
  const twins = chance.next() < 0.5 ? below(budget.f + 1) : 0;
  const dead = chance.next() < 0.4 ? below(budget.f + budget.c - twins + 1) : 0;
  return {
    seed,
    n,
    budget: chance.next() < 0.2 ? { ...budget, p: 0 } : budget,
    twins,
    dead,
    instances: 1 + below(3),
    crashes: chance.next() < 0.8,
    stableAtMs: 500 + below(2_000),
  };
}

/** Every so many seeds one of the directed attacks takes its turn: what it takes is a script, which chance alone hardly writes. */
const attackEvery = 10;

export function alarmsOf(seed: number): { readonly found: readonly string[]; readonly frames: number } {
  const scenes = Object.entries(attacks);
  const [name, scene] = scenes[Math.floor(seed / attackEvery) % scenes.length]!;
  if (seed % attackEvery === 0) {
    const { violations, allDecided } = scene(crypto, soundRules);
    const found = allDecided ? violations : [...violations, 'not all decided'];
    if (found.length > 0) return { found: found.map((each) => `${each} (${name})`), frames: 0 };
  }
  const { violations, undecided, sim } = runChaos({ crypto, ...drawChaos(seed) });
  return { found: undecided === 0 ? violations : [...violations, `${undecided} undecided`], frames: sim.messageCount };
}

if (import.meta.main) {
  const { values } = parseArgs({
    options: {
      seeds: { type: 'string', default: '20000' },
      from: { type: 'string', default: '1' },
      'until-fail': { type: 'boolean', default: false },
    },
  });
  const [seeds, from] = [Number(values.seeds), Number(values.from)];
  const before = process.cpuUsage();
  let [alarms, frames, runs] = [0, 0, 0];
  for (let seed = from; seed < from + seeds && !(values['until-fail'] && alarms > 0); seed++) {
    runs++;
    let found: readonly string[];
    try {
      const run = alarmsOf(seed);
      frames += run.frames;
      found = run.found;
    } catch (error) {
      found = [String(error)];
    }
    if (found.length === 0) continue;
    alarms++;
    console.log(`FAIL seed=${seed} ${found[0]} → node consensus/testing/seeds.ts --from ${seed} --seeds 1`);
  }
  const used = process.cpuUsage(before);
  const cpuSeconds = (used.user + used.system) / 1e6;
  console.log(
    `${runs} seeds, ${alarms} alarm(s), ${frames} frames, ${cpuSeconds.toFixed(1)} CPU s, ${Math.round((runs / cpuSeconds) * 3_600)} seeds per CPU hour`,
  );
  process.exitCode = alarms === 0 ? 0 : 1;
}
