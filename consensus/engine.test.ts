import { describe, expect, test } from 'vitest';
import { utf8 } from '../protocols/wire/index.ts';
import { createCrypto, testIdentity } from '../test/support/world.ts';
import type { Subject } from './messages.ts';
import { defaultFaultBudget, type FaultBudget } from './quorum.ts';
import { Sim, type SimOptions, testMesh } from './testing/sim.ts';

const crypto = createCrypto();
const meshOf = (n: number, budget: FaultBudget = defaultFaultBudget(n)) =>
  testMesh(
    Array.from({ length: n }, (_, i) => testIdentity(i, crypto)),
    budget,
    crypto,
  );
const subject = (text: string): Subject => ({ domain: 'verdict', key: utf8.encode(text) });
const payload = (text: string): Uint8Array => utf8.encode(`payload ${text}`);
const simOf = (n: number, options: Partial<SimOptions> = {}, budget?: FaultBudget) =>
  new Sim({ mesh: meshOf(n, budget), crypto, ...options });

const delayMs = 10;

describe('the good case', () => {
  // The leader's own prevote travels with its proposal: (n − 1) + (n − 1)² frames where the fast path decides alone.
  for (const [n, down, latest, messages] of [
    [4, 0, 2, 12],
    [4, 1, 2, 9],
    [5, 0, 2, 20],
    [6, 0, 2, 30],
    [6, 2, 2, 20],
    [7, 0, 2, 84],
    [7, 1, 2, 72],
    [7, 2, 3, 60],
    [3, 0, 2, 6],
    [3, 1, 2, 4],
    [1, 0, 0, 0],
  ] as const) {
    test(`n = ${n} with ${down} down decides everywhere within ${latest} one-way delays, in ${messages} messages`, () => {
      const sim = simOf(n);
      const about = subject('task');
      const id = sim.nodes[0]!.engine.instanceId(about);
      const leader = sim.nodes.findIndex(({ identity }) => identity.id === sim.nodes[0]!.engine.leader(id, 0));
      const others = sim.nodes.map(({ index }) => index).filter((index) => index !== leader);
      for (const index of others.slice(0, down)) sim.crash(index);
      sim.start(leader, about, payload('a'));
      const up = sim.nodes.filter((node) => node.isUp);
      sim.run(5_000);
      expect(Math.max(...up.map((node) => node.decided.get(id)?.atMs ?? Number.POSITIVE_INFINITY))).toBe(
        latest * delayMs,
      );
      expect(sim.violations()).toEqual([]);
      expect(sim.refusals).toEqual([]);
      expect(sim.messageCount).toBe(messages);
    });
  }
});
