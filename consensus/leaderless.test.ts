// Law: where nobody leads round 0, equal answers decide after one delay, a quorum of them after two, and unequal ones end in "no
// agreement"; what one member may have decided at once, no later round contradicts, whoever leads it and whatever it shows.
import { describe, expect, it, test } from 'vitest';
import { createIdentity, hex, utf8 } from '../protocols/wire/index.ts';
import { createCrypto } from '../test/support/world.ts';
import { verifyCertificate } from './certificate.ts';
import { verifyEvidence } from './evidence.ts';
import { judgeReports } from './fast-path.ts';
import { noAgreement, noHash, type Subject } from './messages.ts';
import { defaultFaultBudget, leaderlessThresholds, thresholdsOf } from './quorum.ts';
import { type Rules, soundRules } from './rules.ts';
import { runChaos } from './testing/chaos.ts';
import { createFastCrypto } from './testing/fast-crypto.ts';
import { Sim, testMesh } from './testing/sim.ts';
import { Stage } from './testing/stage.ts';

const crypto = createFastCrypto(createCrypto().sha256);
const subject: Subject = { domain: 'exact', key: utf8.encode('how many') };
const none = Buffer.from(noAgreement).toString('hex');
const delayMs = 10;

/** Each member's answer; undefined for one that is down. */
function answered(answers: readonly (string | undefined)[]): Sim {
  const identities = answers.map((_, i) => createIdentity(crypto, new Uint8Array(32).fill(i + 1)));
  const mesh = testMesh(identities, defaultFaultBudget(answers.length), crypto);
  const sim = new Sim({ mesh, crypto });
  for (const [i, answer] of answers.entries()) if (answer === undefined) sim.crash(i);
  for (const [i, answer] of answers.entries())
    if (answer !== undefined) sim.start(i, subject, answer === '' ? undefined : utf8.encode(answer));
  sim.run(20_000, () => sim.nodes.every(({ isUp, decided }) => !isUp || decided.size === 1));
  return sim;
}

describe('without a leader in round 0', () => {
  test.each([
    // n = 4, f = 1 leaves no slack: all four decide at once, three in two delays.
    [['v', 'v', 'v', 'v'], 'v', 1],
    [['v', 'v', 'v', 'w'], 'v', 2],
    [['v', 'v', 'v', undefined], 'v', 2],
    // n = 6, f = 1, c = 1 none either; n = 3 and c = 1: none.
    [['v', 'v', 'v', 'v', 'v', 'v'], 'v', 1],
    [['v', 'v', 'v', 'v', 'w', 'w'], 'v', 2],
    [['v', 'v', 'v', 'v', undefined, undefined], 'v', 2],
    [['v', 'v', 'v'], 'v', 1],
    [['v', 'v', undefined], 'v', 2],
    [['v'], 'v', 0],
  ] as const)('%j is answered with %s within %i delays', (answers, value, delays) => {
    const sim = answered(answers);
    const up = sim.nodes.filter(({ isUp }) => isUp);
    for (const { index, decided } of up) {
      const [found] = decided.values();
      expect(found === undefined ? undefined : utf8.decode(found.payload)).toBe(value);
      // Who found something else has to fetch what was decided.
      expect(found!.atMs).toBeLessThanOrEqual((answers[index] === value ? delays : delays + 2) * delayMs);
      const { config, meshId } = sim.options.mesh;
      expect(verifyCertificate(found!.certificate, config, meshId, crypto)).toEqual({ ok: true });
    }
    expect(sim.violations()).toEqual([]);
    expect(sim.refusals).toEqual([]);
  });

  test.each([
    [
      ['v', 'v', 'w', 'w'],
      ['v', 'w'],
    ],
    [['v', 'w', 'x', 'y'], [none]],
    [
      ['v', 'v', 'w', 'x'],
      ['v', none],
    ],
    [['', '', '', ''], [none]],
    [['v', '', '', undefined], [none]],
    [
      ['v', 'v', 'w', ''],
      ['v', none],
    ],
  ] as const)('%j ends in one of %j, the same everywhere', (answers, allowed) => {
    const sim = answered(answers);
    const up = sim.nodes.filter(({ isUp }) => isUp);
    const found = up.map(({ decided }) => [...decided.values()].map(({ payload }) => Buffer.from(payload)));
    for (const payloads of found) {
      expect(payloads).toHaveLength(1);
      expect(payloads[0]).toEqual(found[0]![0]);
      expect(allowed.map((text) => (text === none ? Buffer.from(noAgreement) : Buffer.from(text)))).toContainEqual(
        payloads[0],
      );
    }
    expect(sim.violations()).toEqual([]);
  });

  it('spares less than a round with a leader does, and all of it comes from the same function', () => {
    const of = (n: number, f: number, c: number, p: number) => {
      const members = Array.from({ length: n }, (_, i) => ({
        id: `${i}`,
        weight: 1,
        name: '',
        site: '',
        operator: '',
        modelFamily: '',
      }));
      const led = thresholdsOf({ members, f, c, p });
      return { led, leaderless: leaderlessThresholds(led) };
    };
    expect(of(4, 1, 0, 1)).toMatchObject({ led: { fast: 3 }, leaderless: { fast: 4, p: 0, quorum: 3 } });
    expect(of(6, 1, 0, 2)).toMatchObject({ led: { fast: 4 }, leaderless: { fast: 5, p: 1 } });
    expect(of(8, 1, 0, 2)).toMatchObject({ led: { fast: 6 }, leaderless: { fast: 6, p: 2 } });
    expect(of(3, 0, 1, 1)).toMatchObject({ led: { fast: 2 }, leaderless: { fast: 3, p: 0 } });
    expect(of(5, 0, 2, 2)).toMatchObject({ led: { fast: 3 }, leaderless: { fast: 4, p: 1 } });
  });
});

interface SceneResult {
  readonly stage: Stage;
  readonly violations: readonly string[];
  readonly allDecided: boolean;
}
type Scene = (rules: Rules) => SceneResult;
const honest = ['a', 'b', 'c'] as const;

function finish(stage: Stage): SceneResult {
  stage.onStatement = undefined;
  stage.arrives = () => true;
  const allDecided = stage.run(stage.sim.nowMs + 20_000, () =>
    honest.every((role) => stage.decided(role) !== undefined),
  );
  return { stage, violations: stage.sim.violations([3]), allDecided };
}

/** All find "v"; z says so to a alone, who decides at once and is cut off. To the others z says "w", and it leads round 1. */
function aDecidesAlone(rules: Rules): Stage {
  const stage = new Stage({ crypto, rules, order: ['a', 'z', 'b', 'c'], domain: 'exact' });
  stage.arrives = (_, to) => to === 'a';
  for (const role of honest) stage.start(role, 'v');
  stage.tell(['a'], [stage.vote('prevote', 0, stage.value('v'))]);
  stage.run(15);
  if (stage.decided('a') !== 'v') throw new Error('the scene is not set: a has not decided');
  stage.arrives = (from, to) => from !== 'a' && to !== 'a';
  stage.tell(['b', 'c'], [stage.vote('prevote', 0, stage.value('w'))]);
  // b and c hear each other's reports, and a's from z, which hides nothing that it could not hide anyway.
  stage.tell(['b'], [stage.heard('c', 'prevote', 0)]);
  stage.tell(['c'], [stage.heard('b', 'prevote', 0)]);
  stage.votesNilWith(['b', 'c'], ['b', 'c']);
  return stage;
}

function zProposesIn1(stage: Stage, reports: Uint8Array): void {
  stage.run(
    stage.sim.nowMs + 2_000,
    () => stage.overheard.filter(({ said }) => 'kind' in said && said.kind === 'precommit').length >= 2,
  );
  stage.run(stage.sim.nowMs + 130);
  const proposal = stage.proposal(1, stage.value('w'), -1, reports);
  stage.tell(['b', 'c'], [proposal], ['w'], [reports]);
  stage.run(stage.sim.nowMs + 30);
  stage.tell(['b', 'c'], [stage.vote('prevote', 1, stage.value('w'), proposal)]);
  stage.run(stage.sim.nowMs + 30);
  stage.tell(['b', 'c'], [stage.vote('precommit', 1, stage.value('w'))]);
  stage.run(stage.sim.nowMs + 30);
}

const scenes: Readonly<Record<string, Scene>> = {
  'reports that force the decided answer do not let z propose another': (rules) => {
    const stage = aDecidesAlone(rules);
    const [b, c] = [stage.heard('b', 'prevote', 0), stage.heard('c', 'prevote', 0)];
    zProposesIn1(stage, stage.reports([b, c, stage.vote('prevote', 0, stage.value('w'))]));
    return finish(stage);
  },
  'nor do fewer reports than must be waited for': (rules) => {
    const stage = aDecidesAlone(rules);
    const b = stage.heard('b', 'prevote', 0);
    zProposesIn1(stage, stage.reports([b, stage.vote('prevote', 0, stage.value('w'))]));
    return finish(stage);
  },
  'nor does one reporter listed twice': (rules) => {
    const stage = aDecidesAlone(rules);
    const own = [stage.vote('prevote', 0, stage.value('w')), stage.vote('prevote', 0, null)];
    zProposesIn1(stage, stage.reports([stage.heard('b', 'prevote', 0), ...own]));
    return finish(stage);
  },
  'a decision at once takes everybody where there is no slack': (rules) => {
    const stage = new Stage({ crypto, rules, order: ['a', 'b', 'c', 'z'], domain: 'exact' });
    stage.arrives = (from, to) => from === 'b' && to === 'a';
    for (const role of honest) stage.start(role, role === 'c' ? 'w' : 'v');
    // a hears v of b and z: three of four, as many as would do with a leader.
    stage.tell(['a'], [stage.vote('prevote', 0, stage.value('v'))]);
    stage.run(15);
    stage.arrives = (from, to) => from !== 'a' && to !== 'a';
    stage.tell(['b', 'c'], [stage.vote('prevote', 0, stage.value('w'))]);
    stage.tell(['b'], [stage.heard('c', 'prevote', 0)]);
    stage.tell(['c'], [stage.heard('b', 'prevote', 0)]);
    stage.votesNilWith(['b', 'c'], ['b', 'c']);
    stage.onStatement = ((inner) => (role, said) => {
      inner?.(role, said);
      if ('kind' in said || said.round === 0) return;
      stage.sim.at(stage.sim.nowMs + 1, () =>
        stage.tell(
          ['b', 'c'],
          [
            stage.vote('prevote', said.round, said.value, stage.heard(role, 'proposal', said.round)),
            stage.vote('precommit', said.round, said.value),
          ],
        ),
      );
    })(stage.onStatement);
    stage.run(stage.sim.nowMs + 1_000);
    return finish(stage);
  },
};

describe('directed attacks without a leader', () => {
  for (const [name, scene] of Object.entries(scenes)) {
    test(name, () => {
      const { violations, allDecided, stage } = scene(soundRules);
      expect(violations).toEqual([]);
      expect(allDecided).toBe(true);
      expect(new Set(honest.map((role) => stage.decided(role))).size).toBe(1);
    });
  }

  it('a leader whose reports force another answer has signed its own conviction, which anyone can check', () => {
    const stage = scenes['reports that force the decided answer do not let z propose another']!(soundRules).stage;
    const convicted = stage.sim.evidence.filter(({ kind }) => kind === 'unjustified');
    expect(new Set(convicted.map(({ culprit }) => culprit))).toEqual(new Set([stage.z.id]));
    const { config, meshId } = stage.mesh;
    for (const evidence of convicted) expect(verifyEvidence(evidence, config, meshId, crypto)).toEqual({ ok: true });
  });

  it('a proposal of round 0 is nobody’s to make: it is not followed, and no answer rests on it', () => {
    const stage = new Stage({ crypto, order: ['z', 'a', 'b', 'c'], domain: 'exact' });
    for (const role of honest) stage.start(role);
    const proposal = stage.proposal(0, stage.value('v'));
    stage.tell(honest, [proposal, stage.vote('prevote', 0, stage.value('v'), proposal)], ['v']);
    stage.run(50);
    expect(stage.overheard.filter(({ said }) => said.value === stage.value('v'))).toEqual([]);
    expect(finish(stage).allDecided).toBe(true);
    expect(honest.map((role) => stage.decided(role))).not.toContain('v');
    expect(hex.encode(new Uint8Array(32))).toBe(noHash);
  });
});

describe('planted bugs in the rules without a leader', () => {
  const caughtBy = (rules: Rules): string | undefined => {
    for (const [name, scene] of Object.entries(scenes)) {
      try {
        const { violations, allDecided } = scene(rules);
        if (violations.length > 0 || !allDecided) return `${name}: ${violations[0] ?? 'not all decided'}`;
      } catch (error) {
        return `${name}: ${String(error)}`;
      }
    }
    return undefined;
  };
  const mutants: Readonly<Record<string, Partial<Rules>>> = {
    'no rule about reports': { judgeReports: () => ({ admissible: true, forced: undefined }) },
    // With four members either of two rules would do: that a value is forced, and that only a backed one may be proposed. Both bent:
    'a value is forced by one report too many, and any may be proposed where none is': {
      judgeReports: (reports, thresholds, leader) => {
        const judgement = judgeReports(reports, { ...thresholds, p: thresholds.p - 1 }, leader);
        return judgement.admissible ? { admissible: true, forced: judgement.forced } : judgement;
      },
    },
    'a decision at once by one prevote too few': {
      thresholds: (config) => ({ ...thresholdsOf(config), fast: thresholdsOf(config).fast - 1 }),
    },
    'a quorum of one too few': {
      thresholds: (config) => ({ ...thresholdsOf(config), quorum: thresholdsOf(config).quorum - 1 }),
    },
  };
  it('sound rules pass', () => expect(caughtBy(soundRules)).toBeUndefined());
  for (const [name, mutant] of Object.entries(mutants)) {
    test(`${name}: found`, () => {
      const found = caughtBy({ ...soundRules, ...mutant });
      console.info(`${name}: ${found}`);
      expect(found).toBeDefined();
    });
  }
});

describe('chaos without a leader', () => {
  it.each([
    [4, 0, 0],
    [4, 1, 0],
    [4, 0, 1],
    [7, 2, 0],
  ])('n = %i, %i never up, %i twins: answers agree, nobody votes twice, and all are answered', (n, dead, twins) => {
    for (let seed = 1; seed <= 12; seed++) {
      const budget = defaultFaultBudget(n);
      const { violations, undecided } = runChaos({ crypto, n, budget, seed, dead, twins, domain: 'exact' });
      expect({ seed, violations, undecided }).toEqual({ seed, violations: [], undecided: 0 });
    }
  });
});
