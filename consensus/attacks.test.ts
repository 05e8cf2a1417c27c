import { describe, expect, test } from 'vitest';
import { utf8 } from '../protocols/wire/index.ts';
import { createCrypto } from '../test/support/world.ts';
import { decodeEvidence, encodeEvidence, verifyEvidence } from './evidence.ts';
import { type Rules, soundRules } from './rules.ts';
import type { SignedEntry } from './signed-entry.ts';
import {
  cherryPickedReports,
  equivocatingLeader,
  hiddenLock,
  isolatedFastDecider,
  lockedOut,
  olderPolka,
  twoFastWordings,
  twoProposals,
  twoWordings,
  voteBeforeProposal,
} from './testing/attacks.ts';
import { testMesh } from './testing/sim.ts';
import { type Role, Stage } from './testing/stage.ts';

const crypto = createCrypto();
const honest = ['a', 'b', 'c'] as const;
const decidedBy = (stage: Stage) => honest.map((role) => stage.decided(role));
const reasons = (stage: Stage) => stage.sim.refusals.map(({ reason }) => reason).join('; ');

/** Every piece of evidence found is against z, survives its encoding and convinces an outsider. */
function convicted(stage: Stage): Set<string> {
  for (const evidence of stage.sim.evidence) {
    expect(evidence.culprit).toBe(stage.z.id);
    expect(
      verifyEvidence(decodeEvidence(encodeEvidence(evidence)), stage.mesh.config, stage.mesh.meshId, crypto),
    ).toEqual({ ok: true });
  }
  return new Set(stage.sim.evidence.map(({ kind }) => kind));
}

describe('directed attacks, with real signatures', () => {
  test('a fast decision that nobody else saw is not contradicted by a leader that pretends it did not happen, and that leader is convicted', () => {
    const { stage, violations, allDecided } = isolatedFastDecider(crypto, soundRules);
    expect([violations, allDecided]).toEqual([[], true]);
    expect(decidedBy(stage)).toEqual(['v', 'v', 'v']);
    expect(convicted(stage)).toContain('unjustified');
  });

  test('leaving out the one report that shows a value leaves too few reports', () => {
    const { stage, violations, allDecided } = cherryPickedReports(crypto, soundRules);
    expect([violations, allDecided]).toEqual([[], true]);
    expect(convicted(stage)).toContain('unjustified');
  });

  test('a leader that proposes two values, with one of them decided at a lone node, splits nobody and is convicted', () => {
    const { stage, violations, allDecided } = equivocatingLeader(crypto, soundRules);
    expect([violations, allDecided]).toEqual([[], true]);
    expect(decidedBy(stage)).toEqual(['v', 'v', 'v']);
    expect(convicted(stage)).toContain('prevotes');
  });

  test('locked members do not follow a proposal that its reports would permit', () => {
    const { violations, allDecided } = lockedOut(crypto, soundRules);
    expect([violations, allDecided]).toEqual([[], true]);
  });

  test('a polka older than the lock does not unlock', () => {
    const { stage, violations, allDecided } = olderPolka(crypto, soundRules);
    expect([violations, allDecided]).toEqual([[], true]);
    expect(convicted(stage)).toContain('prevotes');
  });

  test('a leader that proposes two values, none of them decided, is convicted, and what most of the others hold is decided without it', () => {
    const { stage, violations, allDecided } = twoProposals(crypto, soundRules);
    expect([violations, allDecided]).toEqual([[], true]);
    expect(decidedBy(stage)).toEqual(['v', 'v', 'v']);
    expect(stage.sim.nodes[0]!.decided.get(stage.id)!.certificate.round).toBe(1);
    expect(convicted(stage)).toContain('proposals');
  });

  test('two wordings of one vote count once, for a polka and for a fast decision', () => {
    for (const scene of [twoWordings, twoFastWordings]) {
      const { stage, violations, allDecided } = scene(crypto, soundRules);
      expect([violations, allDecided]).toEqual([[], true]);
      expect(convicted(stage)).toContain('prevotes');
    }
  });

  test('a hidden lock shows itself: the next honest leader proposes the locked value', () => {
    const roundOf = (rules: Rules): number | undefined => {
      const { stage, violations, allDecided } = hiddenLock(crypto, rules);
      expect([violations, allDecided]).toEqual([[], true]);
      return stage.sim.nodes[1]!.decided.get(stage.id)?.certificate.round;
    };
    expect(roundOf(soundRules)).toBe(3);
    // Without the rule that learns polkas from syncs it takes until the locked member leads itself.
    expect(roundOf({ ...soundRules, learnPolka: (state) => state })).toBe(4);
  });

  test('a vote for what its leader has not proposed yet does not become the leader’s own', () => {
    const { stage, violations, allDecided } = voteBeforeProposal(crypto, soundRules);
    expect([violations, allDecided]).toEqual([[], true]);
    expect(decidedBy(stage)).toEqual(['v of a', 'v of a', 'v of a']);
  });
});

describe('forged justification', () => {
  /** Everybody is in round 1, which z leads, with nil in round 0. */
  function roundOneOfZ(): Stage {
    const stage = new Stage({ crypto, order: ['a', 'z', 'b', 'c'] });
    for (const role of honest) stage.start(role, role === 'a' ? undefined : `own of ${role}`);
    stage.votesNilWith(honest, honest);
    stage.run(
      2_000,
      () => stage.overheard.filter(({ said }) => 'kind' in said && said.kind === 'precommit').length === 3,
    );
    stage.run(stage.sim.nowMs + 120);
    stage.onStatement = undefined;
    return stage;
  }
  const nil = (stage: Stage, role: Role) =>
    role === 'z' ? stage.vote('prevote', 0, null) : stage.heard(role, 'prevote', 0);
  const forgeries: Readonly<Record<string, (stage: Stage) => { bytes: Uint8Array; polkaRound: number }>> = {
    'reports of too few': (stage) => ({ bytes: stage.reports([nil(stage, 'b'), nil(stage, 'c')]), polkaRound: -1 }),
    'one member reporting twice': (stage) => ({
      bytes: stage.reports([nil(stage, 'b'), nil(stage, 'c'), nil(stage, 'c')]),
      polkaRound: -1,
    }),
    'a report with another value under its signature': (stage) => {
      const forged = {
        ...nil(stage, 'c'),
        entry: stage.vote('prevote', 0, stage.value('w'), stage.proposal(0, stage.value('w'))).entry,
      };
      return { bytes: stage.reports([nil(stage, 'b'), forged, nil(stage, 'z')]), polkaRound: -1 };
    },
    'a report that its signer never signed': (stage) => {
      // The words are c's own; the signature is z's.
      const forged = { ...stage.vote('prevote', 0, null), signer: stage.idOf('c') };
      return { bytes: stage.reports([nil(stage, 'a'), nil(stage, 'b'), forged]), polkaRound: -1 };
    },
    'a value whose proposal is not shown': (stage) => {
      const own = stage.vote('prevote', 0, stage.value('w'), stage.proposal(0, stage.value('w')));
      return { bytes: stage.reports([nil(stage, 'b'), nil(stage, 'c'), own]), polkaRound: -1 };
    },
    'a value that the leader of round 0 never proposed': (stage) => {
      const own = stage.vote('prevote', 0, stage.value('w'), stage.proposal(0, stage.value('w')));
      return {
        bytes: stage.reports([nil(stage, 'b'), nil(stage, 'c'), own], [stage.proposal(0, stage.value('w'))]),
        polkaRound: -1,
      };
    },
    'precommits for reports': (stage) => ({
      bytes: stage.reports([
        stage.heard('b', 'precommit', 0),
        stage.heard('c', 'precommit', 0),
        stage.vote('precommit', 0, null),
      ]),
      polkaRound: -1,
    }),
    'reports of another instance': (stage) => ({
      bytes: stage.reports([
        nil(stage, 'b'),
        nil(stage, 'c'),
        stage.vote('prevote', 0, null, undefined, -1, 'ab'.repeat(32)),
      ]),
      polkaRound: -1,
    }),
    'a polka of one': (stage) => ({
      bytes: stage.polka(0, stage.value('w'), [stage.vote('prevote', 0, stage.value('w'))]),
      polkaRound: 0,
    }),
    'a polka of nil votes': (stage) => ({
      bytes: stage.polka(0, stage.value('w'), [nil(stage, 'a'), nil(stage, 'b'), nil(stage, 'c')]),
      polkaRound: 0,
    }),
    'not a justification at all': () => ({ bytes: utf8.encode('trust me'), polkaRound: -1 }),
  };
  for (const [name, forge] of Object.entries(forgeries)) {
    test(`${name} permit nothing and convict their proposer`, () => {
      const stage = roundOneOfZ();
      const { bytes, polkaRound } = forge(stage);
      stage.tell(honest, [stage.proposal(1, stage.value('w'), polkaRound, bytes)], ['w'], [bytes]);
      stage.run(stage.sim.nowMs + 30);
      for (const role of honest)
        expect(
          stage.overheard.find(
            ({ said, signed }) => signed.signer === stage.idOf(role) && 'kind' in said && said.round === 1,
          )?.said,
        ).toMatchObject({ value: null });
      expect(convicted(stage)).toContain('unjustified');
      expect(stage.run(20_000, () => decidedBy(stage).every((text) => text === 'own of b'))).toBe(true);
      expect(stage.sim.violations([3])).toEqual([]);
    });
  }

  test('a proposal by someone who does not lead the round is refused and convicts', () => {
    const stage = new Stage({ crypto, order: ['a', 'b', 'c', 'z'] });
    for (const role of honest) stage.start(role, `own of ${role}`);
    stage.tell(honest, [stage.proposal(0, stage.value('w'))], ['w']);
    stage.run(100);
    expect(convicted(stage)).toEqual(new Set(['unjustified']));
    expect(decidedBy(stage)).toEqual(Array(3).fill('own of a'));
  });
});

describe('lies that leave traces', () => {
  test('a member that votes against its own precommit is convicted of amnesia', () => {
    const stage = new Stage({ crypto, order: ['z', 'a', 'b', 'c'] });
    for (const role of honest) stage.start(role, `own of ${role}`);
    const v = stage.proposal(0, stage.value('v'));
    stage.tell(['b'], [stage.vote('precommit', 0, stage.value('v')), stage.vote('prevote', 1, stage.value('w'), v)]);
    expect(convicted(stage)).toEqual(new Set(['amnesia']));
    // The same prevote with a polka at least as late as the lock would be no proof of anything.
    const fair = new Stage({ crypto, order: ['z', 'a', 'b', 'c'] });
    fair.start('b');
    fair.tell(['b'], [fair.vote('precommit', 0, fair.value('v')), fair.vote('prevote', 1, fair.value('w'), v, 0)]);
    expect(fair.sim.evidence).toEqual([]);
  });

  test('a lone ballot for a payload that nobody holds does not block the others', () => {
    const stage = new Stage({ crypto, order: ['z', 'a', 'b', 'c'] });
    for (const role of honest) stage.start(role, `own of ${role}`);
    const ghost = stage.proposal(0, stage.value('ghost'));
    stage.tell(honest, [ghost, stage.vote('prevote', 0, stage.value('ghost'), ghost)]);
    stage.votesNilWith(honest, honest, 1);
    expect(stage.run(5_000, () => decidedBy(stage).every((text) => text === 'own of a'))).toBe(true);
    expect(stage.sim.violations([3])).toEqual([]);
  });

  test('an invalid payload gets no honest prevote and the next leader proposes another', () => {
    const stage = new Stage({ crypto, order: ['z', 'a', 'b', 'c'] });
    for (const role of honest) stage.start(role, `own of ${role}`);
    const proposal = stage.proposal(0, stage.value('invalid'));
    stage.tell(honest, [proposal, stage.vote('prevote', 0, stage.value('invalid'), proposal)], ['invalid']);
    expect(stage.run(5_000, () => decidedBy(stage).every((text) => text === 'own of a'))).toBe(true);
    expect(stage.sim.violations([3])).toEqual([]);
  });

  test('signatures that do not verify are refused and attributed to who handed them over', () => {
    const stage = new Stage({ crypto, order: ['a', 'b', 'c', 'z'] });
    for (const role of honest) stage.start(role, `own of ${role}`);
    const own = stage.vote('prevote', 0, null);
    const stolen: SignedEntry = { ...own, signer: stage.idOf('c') };
    stage.tell(['a'], [stolen]);
    const stranger = {
      ...own,
      signer: testMesh([], { f: 0, c: 0, p: 0 }, crypto).identities[0]?.id ?? '12D3KooWNotAMember',
    };
    stage.tell(['b'], [stranger]);
    expect(reasons(stage)).toContain(`relays a signature of ${stage.idOf('c')} that does not verify`);
    expect(reasons(stage)).toContain('who is not a member');
    expect(stage.sim.refusals.every(({ from }) => from === stage.z.id)).toBe(true);
  });
});
