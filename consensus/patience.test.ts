// Law: a quorum that is not enough to decide at once waits a little for the rest, says nothing meanwhile, and never waits for long, nor for
// whom it has no reason to expect.
import { describe, expect, test } from 'vitest';
import { utf8 } from '../protocols/wire/index.ts';
import { createCrypto, testIdentity } from '../test/support/world.ts';
import type { EngineInput } from './engine-types.ts';
import { decodeEntry, type Subject } from './messages.ts';
import { fastDelayMs } from './pacer.ts';
import { defaultFaultBudget } from './quorum.ts';
import { decodeRecord } from './record.ts';
import { createFastCrypto } from './testing/fast-crypto.ts';
import { Sim, testMesh } from './testing/sim.ts';

const crypto = createFastCrypto(createCrypto().sha256);
const subject: Subject = { domain: 'verdict', key: utf8.encode('a question') };
const members = 7;
const baseMs = 400;
const waitMs = fastDelayMs({ baseMs, maxMs: baseMs });
/** Frames take between half of it and all of it. */
const delayMs = 20;

const seeds = Array.from({ length: 20 }, (_, i) => i + 1);

interface Scene {
  readonly sim: Sim;
  /** Those that run. */
  readonly there: Sim['nodes'];
  suspect(): void;
  /** When the last of them decided. */
  decidedAtMs(): number;
  precommits(): number;
}

/** One question asked of seven, of whom `down` are not there; the leader is. */
function scene(down: number, seed: number): Scene {
  const identities = Array.from({ length: members }, (_, i) => testIdentity(i, crypto));
  const sim = new Sim({
    mesh: testMesh(identities, defaultFaultBudget(members), crypto),
    crypto,
    seed,
    baseMs,
    delayMs: (_from, _to, _now, chance) => delayMs * (0.5 + 0.5 * chance.next()),
  });
  const { engine } = sim.nodes[0]!;
  const leader = engine.leader(engine.instanceId(subject), 0);
  const absent = sim.nodes.filter(({ identity }) => identity.id !== leader).slice(0, down);
  const there = sim.nodes.filter((node) => !absent.includes(node));
  for (const { index } of absent) sim.crash(index);
  return {
    sim,
    there,
    suspect() {
      const inputs = absent.map(({ identity }): EngineInput => ({ type: 'suspect', node: identity.id }));
      for (const { index } of there) sim.input(index, ...inputs);
    },
    decidedAtMs: () => Math.max(...there.flatMap(({ decided }) => [...decided.values()].map(({ atMs }) => atMs))),
    precommits: () => sim.votes.filter(({ vote }) => vote.kind === 'precommit').length,
  };
}

function ask({ sim, there }: Scene): void {
  for (const { index } of there) sim.start(index, subject, utf8.encode('found'));
}

function finish({ sim, there }: Scene): void {
  expect(sim.run(sim.nowMs + 60_000, () => there.every(({ decided }) => decided.size === 1))).toBe(true);
  expect(sim.violations()).toEqual([]);
  expect(sim.evidence).toEqual([]);
}

describe('a quorum that is not enough to decide at once', () => {
  test('needs no second vote where all are there, nor where just as many are as decide at once', () => {
    for (const seed of seeds)
      for (const down of [0, 1]) {
        const asked = scene(down, seed);
        ask(asked);
        finish(asked);
        expect(asked.precommits()).toBe(0);
        expect(asked.decidedAtMs()).toBeLessThanOrEqual(2 * delayMs);
      }
  });

  test('waits for no longer than its timer says where the others never come', () => {
    // Nothing but that timer could end it before the round's own.
    expect(3 * delayMs + waitMs).toBeLessThan(baseMs / 2);
    for (const seed of seeds) {
      const asked = scene(2, seed);
      ask(asked);
      finish(asked);
      expect(asked.precommits()).toBeGreaterThan(0);
      expect(asked.decidedAtMs()).toBeLessThanOrEqual(3 * delayMs + waitMs);
    }
  });

  test('does not wait for members that are suspected, nor any longer once they are', () => {
    for (const seed of seeds) {
      const known = scene(2, seed);
      known.suspect();
      ask(known);
      finish(known);
      expect(known.decidedAtMs()).toBeLessThanOrEqual(3 * delayMs);

      const learnt = scene(2, seed);
      ask(learnt);
      learnt.sim.run(2 * delayMs + 1);
      expect(learnt.precommits()).toBe(0);
      learnt.suspect();
      finish(learnt);
      expect(learnt.decidedAtMs()).toBeLessThanOrEqual(3 * delayMs + 1);
    }
  });

  test('goes on from a log that was rewritten while it waited', () => {
    for (const seed of seeds) {
      const asked = scene(2, seed);
      const { sim, there } = asked;
      ask(asked);
      sim.run(2 * delayMs + 1);
      expect(asked.precommits()).toBe(0);
      for (const node of there) {
        node.durable = node.engine.snapshot();
        // Its own vote, the polka that it may lock on as soon as the wait is over, and what they are about.
        const parts = node.durable.flatMap((record) => decodeRecord(record).instances);
        expect(parts.flatMap(({ payloads }) => payloads)).toContainEqual(utf8.encode('found'));
        const voters = parts.flatMap(({ entries }) =>
          entries.filter(({ entry }) => decodeEntry(entry).type === 'vote'),
        );
        expect(voters.map(({ signer }) => signer)).toContain(node.identity.id);
        expect(voters.length).toBeGreaterThanOrEqual(5);
        sim.crash(node.index);
      }
      for (const { index } of there) sim.restart(index);
      finish(asked);
    }
  });
});
