// Law: two honest copies of one member under one key, each with a past of its own, are the liar that needs no code. The network falls apart
// anew all the time, mostly between the two.
import type { Crypto } from '../../actors/system/index.ts';
import { createIdentity, utf8 } from '../../protocols/wire/index.ts';
import type { Subject } from '../messages.ts';
import type { Rules } from '../rules.ts';
import { Sim, seededChance, testMesh } from './sim.ts';

export interface TwinsResult {
  readonly sim: Sim;
  readonly violations: readonly string[];
  readonly allDecided: boolean;
}

/** How long each partition lasts, how many there are, and into how many groups. */
const schedules = [
  { partMs: 150, parts: 20, groups: 2 },
  { partMs: 7, parts: 150, groups: 3 },
] as const;

/** Four members, the last of them twice. Even seeds change their partitions slowly, odd ones fast. */
export function runTwins(crypto: Crypto, rules: Rules, seed: number): TwinsResult {
  const identities = Array.from({ length: 4 }, (_, i) => createIdentity(crypto, new Uint8Array(32).fill(i + 1)));
  const running = [...identities, identities[3]!];
  const chance = seededChance(seed * 7919);
  const { partMs, parts, groups } = schedules[seed % 2]!;
  const partitions = Array.from({ length: parts }, () =>
    running.map((_, i) => (i === 3 ? 0 : i === 4 ? 1 : Math.floor(chance.next() * groups))),
  );
  const sim = new Sim({
    mesh: testMesh(identities, { f: 1, c: 0, p: 1 }, crypto),
    crypto,
    rules,
    running,
    seed,
    baseMs: 80,
    delayMs: (_from, _to, _nowMs, draw) => 1 + Math.floor(draw.next() * 40),
    delivers: (from, to, _frame, nowMs) => {
      const partition = partitions[Math.floor(nowMs / partMs)];
      return partition === undefined || partition[from] === partition[to];
    },
  });
  const subject: Subject = { domain: 'verdict', key: utf8.encode(`twins ${seed}`) };
  for (const { index } of sim.nodes) sim.start(index, subject, utf8.encode(`payload of ${index}`));
  const id = sim.nodes[0]!.engine.instanceId(subject);
  const allDecided = sim.run(60_000, () => [0, 1, 2].every((i) => sim.nodes[i]!.decided.has(id)));
  return { sim, violations: sim.violations([3, 4]), allDecided };
}
