// Law: before a moment nobody knows, the network and the machines do what they like; afterwards messages arrive in time and machines stay
// up. Agreement has to hold always, and every instance has to be decided in the end.
import type { Crypto } from '../../actors/system/index.ts';
import { createIdentity, utf8 } from '../../protocols/wire/index.ts';
import { type Domain, isLeaderless, type Subject } from '../messages.ts';
import type { FaultBudget } from '../quorum.ts';
import type { Rules } from '../rules.ts';
import { Sim, testMesh } from './sim.ts';

export interface ChaosOptions {
  readonly crypto: Crypto;
  readonly n: number;
  readonly budget: FaultBudget;
  readonly seed: number;
  readonly rules?: Rules;
  readonly instances?: number;
  /** When the chaos ends, in virtual milliseconds. */
  readonly stableAtMs?: number;
  /** Nodes that never come up: at most f + c of them, with the twins. */
  readonly dead?: number;
  /** Members that run twice under one key, each of the two honest by itself and the pair an equivocator: at most f. */
  readonly twins?: number;
  /** A shell that sends before its records are durable and so forgets what it said: what the write-ahead log is there to prevent. */
  readonly forgetsRecords?: boolean;
  readonly crashes?: boolean;
  /** Logs are rewritten when they have grown by this many records, and of what was decided hardly anything is kept. */
  readonly rewriteAfter?: number;
  /** Of all instances; where nobody leads round 0, the members find one of two answers each. */
  readonly domain?: Domain;
}

export interface ChaosResult {
  readonly sim: Sim;
  readonly violations: readonly string[];
  readonly undecided: number;
}

export function runChaos(options: ChaosOptions): ChaosResult {
  const { crypto, n, budget, seed, instances = 3, stableAtMs = 1_500 } = options;
  const { dead = 0, twins = 0, crashes = true, domain = 'verdict' } = options;
  const identities = Array.from({ length: n }, (_, i) => createIdentity(crypto, new Uint8Array(32).fill(i + 1)));
  const mesh = testMesh(identities, budget, crypto);
  const sim = new Sim({
    mesh,
    crypto,
    running: [...identities, ...identities.slice(n - twins)],
    seed,
    baseMs: 80,
    ...(options.rules === undefined ? {} : { rules: options.rules }),
    ...(options.rewriteAfter === undefined
      ? {}
      : { rewriteAfter: options.rewriteAfter, limits: { settledWithVotes: 1, closedBytes: 1_500 } }),
    delayMs: (_from, _to, nowMs, chance) =>
      nowMs < stableAtMs ? 1 + Math.floor(chance.next() ** 3 * 400) : 1 + Math.floor(chance.next() * 19),
    delivers: (_from, _to, _frame, nowMs, chance) => {
      if (nowMs >= stableAtMs) return true;
      const draw = chance.next();
      return draw < 0.25 ? false : draw < 0.35 ? 'twice' : true;
    },
  });
  const { chance } = sim;
  const below = (bound: number): number => Math.floor(chance.next() * bound);
  const living = sim.nodes.map(({ index }) => index).slice(dead);
  const honest = living.filter((index) => index < n - twins);
  const lying = living.filter((index) => index >= n - twins);
  for (let i = 0; i < dead; i++) sim.crash(i);
  const subjects: Subject[] = Array.from({ length: instances }, (_, i) => ({
    domain,
    key: utf8.encode(`seed ${seed} instance ${i}`),
  }));
  const ids = subjects.map((subject) => sim.nodes[0]!.engine.instanceId(subject));
  const payloadOf = (i: number, index: number): Uint8Array =>
    utf8.encode(`payload ${i} of ${isLeaderless(domain) ? (index * 7 + seed + i) % 2 : index}`);
  subjects.forEach((subject, i) => {
    for (const index of living) {
      // Some are told at once, some late, some only by their peers; all of them may propose something of their own.
      if (chance.next() < 0.7) sim.at(below(stableAtMs), () => sim.start(index, subject, payloadOf(i, index)));
    }
    sim.at(stableAtMs + 1, () => {
      for (const index of living) sim.start(index, subject, payloadOf(i, index));
    });
  });
  if (crashes) {
    // A node may die between any two outputs: after the record and before the send, between two sends.
    sim.crashAt = (node) => {
      if (sim.nowMs >= stableAtMs || chance.next() >= 0.02) return false;
      if (options.forgetsRecords === true) sim.nodes[node]!.durable = sim.nodes[node]!.durable.slice(0, -2);
      sim.at(sim.nowMs + 1 + below(300), () => sim.restart(node));
      return true;
    };
    sim.at(stableAtMs, () => {
      for (const index of living) sim.restart(index);
    });
  }
  const isDone = (): boolean => honest.every((index) => ids.every((id) => sim.nodes[index]!.decided.has(id)));
  sim.run(stableAtMs + 60_000, isDone);
  const undecided = honest.reduce(
    (sum, index) => sum + ids.filter((id) => !sim.nodes[index]!.decided.has(id)).length,
    0,
  );
  return { sim, violations: sim.violations(lying), undecided };
}
