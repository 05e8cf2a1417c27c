import { describe, expect, test } from 'vitest';
import { utf8 } from '../protocols/wire/index.ts';
import { createCrypto, testIdentity } from '../test/support/world.ts';
import { buildEngine } from './engine.ts';
import type { Subject } from './messages.ts';
import { defaultFaultBudget } from './quorum.ts';
import { soundRules } from './rules.ts';
import { createFastCrypto } from './testing/fast-crypto.ts';
import { Sim, testMesh } from './testing/sim.ts';

const crypto = createFastCrypto(createCrypto().sha256);
const subject: Subject = { domain: 'verdict', key: utf8.encode('a question') };

/** One question asked of `n` members whose frames take unequal times; `disturb` is called before each event with the number of events so far. */
function run(n: number, seed: number, disturb: (sim: Sim, event: number) => void): Sim {
  const identities = Array.from({ length: n }, (_, i) => testIdentity(i, crypto));
  const mesh = testMesh(identities, defaultFaultBudget(n), crypto);
  const sim = new Sim({
    mesh,
    crypto,
    seed,
    delivers: () => 'twice',
    delayMs: (_from, _to, _now, chance) => 5 + 20 * chance.next(),
  });
  for (const { index } of sim.nodes) sim.start(index, subject, utf8.encode(`found by ${index}`));
  let event = 0;
  sim.run(60_000, () => {
    disturb(sim, event++);
    return sim.nodes.every((node) => node.decided.size === 1) && event > 60;
  });
  return sim;
}

function check(sim: Sim): void {
  expect(sim.violations()).toEqual([]);
  expect(sim.evidence).toEqual([]);
  expect(sim.nodes.map((node) => node.decided.size)).toEqual(sim.nodes.map(() => 1));
}

describe('an instance that ceases to be calm', () => {
  for (const n of [1, 2, 4, 6, 7]) {
    test(`at any point, at any member of ${n}, says nothing twice and decides with the others`, () => {
      for (let at = 0; at < 40; at++) {
        const instance = at % n;
        const sim = run(n, at + 1, (running, event) => {
          if (event !== at) return;
          const { engine } = running.nodes[instance]!;
          const id = engine.instanceId(subject);
          // A repetition that is due before its time: only the whole machine repeats.
          running.input(instance, { type: 'timeout', instance: id, kind: 'resend', round: 0 });
        });
        check(sim);
      }
    });
  }

  test('because its time is up votes nil or what it voted, and never both', () => {
    for (let at = 0; at < 40; at++) {
      const sim = run(4, 100 + at, (running, event) => {
        if (event !== at) return;
        for (const { index, engine } of running.nodes) {
          const id = engine.instanceId(subject);
          if (index !== at % 4) running.input(index, { type: 'timeout', instance: id, kind: 'propose', round: 0 });
        }
      });
      check(sim);
    }
  });

  test('goes on after a restart from what its calm form wrote down', () => {
    for (let at = 0; at < 40; at++) {
      const sim = run(4, 200 + at, (running, event) => {
        if (event === at) running.crash(at % 4);
        if (event !== at + 5) return;
        running.restart(at % 4);
        // Who said nothing wrote nothing down, and is asked again like anybody.
        running.start(at % 4, subject, utf8.encode('found later'));
      });
      check(sim);
    }
  });

  test('writes down and sends the same bytes as one that never was calm', () => {
    // Member by member, from the same inputs: the first call of a leader that has something to propose.
    for (let i = 0; i < 4; i++) {
      const identities = Array.from({ length: 4 }, (_, k) => testIdentity(k, crypto));
      const { meshId, config } = testMesh(identities, defaultFaultBudget(4), crypto);
      const timeouts = { baseMs: 100, maxMs: 2_000 };
      const [calm, whole] = [0, 1].map(() =>
        buildEngine({ self: identities[i]!, meshId, config, crypto, timeouts }, soundRules),
      ) as [ReturnType<typeof buildEngine>, ReturnType<typeof buildEngine>];
      const payload = utf8.encode('found');
      const instance = calm.instanceId(subject);
      // `resume` before there is anything to resume makes the second one whole from the start.
      const started = whole.handleAll([{ type: 'start', subject }, { type: 'resume' }]);
      const offered = whole.handle({ type: 'offer', instance, payload });
      const expected = calm.handleAll([
        { type: 'start', subject },
        { type: 'offer', instance, payload },
      ]);
      const said = (outputs: readonly { readonly type: string }[]) =>
        outputs.filter(({ type }) => type === 'persist' || type === 'send' || type === 'vote');
      expect(said(expected)).toEqual(said([...started, ...offered]));
    }
  });
});
