import { describe, expect, test } from 'vitest';
import { MalformedBytes, utf8 } from '../protocols/wire/index.ts';
import { certify } from '../test/support/certify.ts';
import { amberCandidate, candidateBy, digest, mesh as four, judgementBy } from '../test/support/decisions.ts';
import { createCrypto } from '../test/support/world.ts';
import { epochViewOf, leaderOrder } from './epoch.ts';
import {
  conflictOf,
  decodeEvidence,
  type Evidence,
  encodeEvidence,
  evidenceBetween,
  type PairKind,
  verifyEvidence,
} from './evidence.ts';
import { instanceIdOf, noHash, type Vote } from './messages.ts';
import type { SignedEntry } from './signed-entry.ts';
import { Stage } from './testing/stage.ts';

const crypto = createCrypto();
const stage = new Stage({ crypto, order: ['a', 'z', 'b', 'c'] });
const { config, meshId } = stage.mesh;
const [v, w] = [stage.value('v'), stage.value('w')];
const pair = (kind: PairKind, first: SignedEntry, second: SignedEntry): Evidence => ({
  kind,
  culprit: stage.z.id,
  first,
  second,
});
const verdict = (evidence: Evidence): string => {
  const check = verifyEvidence(evidence, config, meshId, crypto);
  return check.ok ? 'guilty' : check.reason;
};

const guilty: Readonly<Record<string, Evidence>> = {
  'two prevotes of one round': pair('prevotes', stage.vote('prevote', 2, v), stage.vote('prevote', 2, null)),
  'two precommits of one round': pair('precommits', stage.vote('precommit', 2, v), stage.vote('precommit', 2, w)),
  'two proposals of one round': pair('proposals', stage.proposal(0, v), stage.proposal(0, w)),
  'a vote against its own lock': pair(
    'amnesia',
    stage.vote('precommit', 1, v),
    stage.vote('prevote', 2, w, undefined, 0),
  ),
  'a proposal in a round it does not lead': {
    kind: 'unjustified',
    culprit: stage.z.id,
    subject: stage.subject,
    proposal: stage.proposal(0, v),
    justification: undefined,
  },
  'a proposal on reports of nobody': {
    kind: 'unjustified',
    culprit: stage.z.id,
    subject: stage.subject,
    proposal: stage.proposal(1, v, -1, stage.reports([])),
    justification: stage.reports([]),
  },
};

describe('evidence', () => {
  for (const [name, evidence] of Object.entries(guilty)) {
    test(`${name} convicts, in one encoding, and not with any byte of it flipped`, () => {
      expect(verdict(evidence)).toBe('guilty');
      const bytes = encodeEvidence(evidence);
      expect(decodeEvidence(bytes)).toEqual(evidence);
      for (let at = 0; at < bytes.length; at++) {
        const bad = bytes.slice();
        bad[at]! ^= 1 << (at % 8);
        let outcome: string;
        try {
          outcome = verdict(decodeEvidence(bad));
        } catch (error) {
          expect(error).toBeInstanceOf(MalformedBytes);
          continue;
        }
        expect(outcome, `byte ${at} of ${bytes.length}`).not.toBe('guilty');
      }
    });
  }

  test('is refused in words where it proves nothing', () => {
    const vote = stage.vote('prevote', 2, v);
    expect(verdict(pair('prevotes', vote, vote))).toBe('its two statements are the same one');
    expect(verdict(pair('prevotes', vote, stage.vote('prevote', 3, w)))).toContain('not two conflicting prevotes');
    expect(verdict(pair('prevotes', vote, stage.vote('prevote', 2, w, undefined, -1, 'ab'.repeat(32))))).toContain(
      'not two conflicting',
    );
    expect(verdict(pair('precommits', vote, stage.vote('prevote', 2, w)))).toContain('not two conflicting precommits');
    expect(verdict(pair('proposals', stage.proposal(0, v), vote))).toContain('not two conflicting proposals');
    expect(verdict({ ...pair('prevotes', vote, stage.vote('prevote', 2, w)), culprit: stage.idOf('a') })).toContain(
      'not both of the culprit',
    );
    expect(verdict({ ...guilty['two prevotes of one round']!, culprit: '12D3KooWNobody' })).toContain(
      'is not a member',
    );
    const { subject } = stage;
    expect(
      verdict({
        kind: 'unjustified',
        culprit: stage.z.id,
        subject,
        proposal: stage.proposal(1, v, -1, stage.reports([])),
        justification: undefined,
      }),
    ).toContain('justification is not shown');
    expect(
      verdict({
        kind: 'unjustified',
        culprit: stage.z.id,
        subject,
        proposal: stage.proposal(1, v, -1, stage.reports([])),
        justification: stage.reports([vote]),
      }),
    ).toContain('not the one that was signed');
    const elsewhere = { ...subject, domain: 'log' } as const;
    expect(
      verdict({
        kind: 'unjustified',
        culprit: stage.z.id,
        subject: elsewhere,
        proposal: stage.proposal(0, v),
        justification: undefined,
      }),
    ).toContain('not of this mesh');
  });

  test('never comes from what an honest member may sign: revoting for its own lock, or following a later polka', () => {
    const vote = (what: Partial<Vote>): Vote => ({
      kind: 'prevote',
      instance: stage.id,
      round: 0,
      value: v,
      polkaRound: -1,
      proposalHash: noHash,
      ...what,
    });
    const lock = vote({ kind: 'precommit', round: 3 });
    expect(conflictOf(lock, vote({ round: 5 }))).toBeUndefined();
    expect(conflictOf(lock, vote({ round: 5, value: null }))).toBeUndefined();
    expect(conflictOf(lock, vote({ round: 5, value: w, polkaRound: 3 }))).toBeUndefined();
    expect(conflictOf(lock, vote({ round: 5, value: w, polkaRound: 2 }))).toBe('amnesia');
    expect(conflictOf(lock, vote({ round: 2, value: w }))).toBeUndefined();
    expect(
      conflictOf(vote({ kind: 'precommit', round: 3, value: null }), vote({ round: 5, value: w })),
    ).toBeUndefined();
    expect(conflictOf(vote({ round: 1 }), vote({ round: 2, value: w }))).toBeUndefined();
  });
});

describe('a judge’s two answers', () => {
  const [yes, no] = [true, false].map((accepts) => judgementBy('dune', amberCandidate, accepts));
  const both = { kind: 'judgements', culprit: four.who('dune').id, first: yes!, second: no! } as const;
  const convicts = (evidence: Evidence, at = four): string => {
    const check = verifyEvidence(evidence, at.config, at.meshId, crypto);
    return check.ok ? 'guilty' : check.reason;
  };

  test('to one result convict it, in one encoding, and not with any byte of it flipped', () => {
    expect(convicts(both)).toBe('guilty');
    const bytes = encodeEvidence(both);
    expect(decodeEvidence(bytes)).toEqual(both);
    for (let at = 0; at < bytes.length; at++) {
      const bad = bytes.slice();
      bad[at]! ^= 1 << (at % 8);
      let outcome: string;
      try {
        outcome = convicts(decodeEvidence(bad));
      } catch (error) {
        expect(error).toBeInstanceOf(MalformedBytes);
        continue;
      }
      expect(outcome, `byte ${at} of ${bytes.length}`).not.toBe('guilty');
    }
  });

  test('prove nothing where they are alike, of two results, of two judges, or of another mesh or epoch', () => {
    const answer = (accepts: boolean, more: object = {}) =>
      judgementBy('dune', amberCandidate, accepts, four.config, more);
    expect(convicts({ ...both, second: answer(true, { ownDigest: digest('said otherwise') }) })).toMatch(
      /say the same/,
    );
    expect(convicts({ ...both, second: judgementBy('dune', candidateBy('birch'), false) })).toMatch(/different things/);
    expect(convicts({ ...both, second: answer(false, { attempt: 1 }) })).toMatch(/different things/);
    expect(convicts({ ...both, second: answer(false, { callDigest: digest('other') }) })).toMatch(/different things/);
    expect(convicts({ ...both, second: judgementBy('birch', amberCandidate, false) })).toMatch(
      /not both of the culprit/,
    );
    expect(convicts({ ...both, second: { ...no!, signature: new Uint8Array(64) } })).toMatch(/does not verify/);
    expect(convicts(both, { ...four, meshId: digest('elsewhere') })).toMatch(/another mesh or epoch/);
    expect(convicts(both, { ...four, config: { ...four.config, epoch: 4 } })).toMatch(/another mesh or epoch/);
  });
});

describe('two certificates of one question', () => {
  const epoch = epochViewOf(four.config, four.meshId, crypto);
  const both = ['birch', 'cedar'].map((name) => four.who(name).id);
  /** One that a member of both sets leads: without its leader, three do not decide in round 0. */
  const subject = Array.from({ length: 50 }, (_, i) => ({
    domain: 'log' as const,
    key: utf8.encode(`question ${i}`),
  })).find((each) => both.includes(leaderOrder(instanceIdOf(epoch.scope, each, crypto), epoch.weights.keys())[0]!))!;
  const decide = (payload: string, by: readonly string[]) =>
    certify({
      identities: by.map((name) => four.who(name)),
      config: four.config,
      meshId: four.meshId,
      subject,
      payload: utf8.encode(payload),
    });

  test('that decide differently convict everyone who signed both: more than may lie', () => {
    // Each set of three decides without the fourth; whoever is in both has lied.
    const one = decide('one answer', ['amber', 'birch', 'cedar']);
    const other = decide('another answer', ['birch', 'cedar', 'dune']);
    const found = evidenceBetween(one, other);
    expect(new Set(found.map(({ culprit }) => culprit))).toEqual(new Set(both));
    expect(found.length).toBeGreaterThan(four.config.f);
    for (const evidence of found) {
      expect(verifyEvidence(evidence, four.config, four.meshId, crypto)).toEqual({ ok: true });
      expect(decodeEvidence(encodeEvidence(evidence))).toEqual(evidence);
    }
  });

  test('that decide alike convict nobody, whoever signed them', () => {
    expect(
      evidenceBetween(
        decide('one answer', ['amber', 'birch', 'cedar']),
        decide('one answer', ['birch', 'cedar', 'dune']),
      ),
    ).toEqual([]);
  });
});
