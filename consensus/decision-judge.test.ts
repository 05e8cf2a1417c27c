import { describe, expect, it } from 'vitest';
import type { EpochConfig } from '../protocols/mesh/index.ts';
import {
  about,
  acceptance,
  amberCandidate,
  attestationBy,
  candidateBy,
  crypto,
  digest,
  disagreement,
  type Fields,
  failure,
  mesh,
  reasonOf,
  reassignment,
  rejection,
  samples,
  sorted,
  testMesh,
} from '../test/support/decisions.ts';
import {
  type Acceptance,
  type Attestation,
  attestationFault,
  candidates,
  type Decision,
  encodeDecision,
  endorsementInWords,
  endorsingWeight,
  exact,
  judgeAgainstTerms,
  type TaskTerms,
} from './index.ts';

const canonical = { ...exact, id: 'canonical' };

describe('the judge of decisions', () => {
  const good = acceptance(['amber', 'birch', 'dune'], { candidate: amberCandidate });
  const byBirchAndDune = (fields: Fields<Attestation>): Acceptance =>
    acceptance(['amber'], {
      candidate: amberCandidate,
      attested: [attestationBy('birch', amberCandidate), attestationBy('dune', amberCandidate, fields)],
    });
  const twoSites = testMesh(4, { site: (i) => (i < 2 ? 'north' : 'south') });
  const refusals: readonly (readonly [string, Decision, RegExp, { meshId: Uint8Array; config: EpochConfig }?])[] = [
    [
      'the same signer twice',
      acceptance(['amber', 'birch', 'birch'], { candidate: amberCandidate }),
      /birch signed twice/,
    ],
    [
      'the executor attesting itself',
      acceptance(['amber', 'amber', 'birch'], { candidate: amberCandidate }),
      /amber signed twice/,
    ],
    ['a signer on both sides', { ...good, dissent: [disagreement('birch', amberCandidate)] }, /birch signed twice/],
    [
      'a stranger among the attestors',
      acceptance(['amber', 'birch', 'elm'], { candidate: amberCandidate }),
      /is not a member of epoch 3/,
    ],
    ['a stranger as the executor', acceptance(['elm', 'amber', 'birch', 'cedar']), /is not a member/],
    ['a stranger in the dissent', { ...good, dissent: [disagreement('elm', amberCandidate)] }, /is not a member/],
    ['another mesh', good, /another mesh/, { ...mesh, meshId: digest('elsewhere') }],
    [
      'another epoch’s members',
      good,
      /epoch 3, and the members given are those of epoch 4/,
      { ...mesh, config: { ...mesh.config, epoch: 4 } },
    ],
    ['an attestation of another attempt', byBirchAndDune({ attempt: 1 }), /about another attempt \(dune\)/],
    ['an attestation of another workflow', byBirchAndDune({ workflow: digest('w2') }), /another attempt \(dune\)/],
    ['an attestation of another plan', byBirchAndDune({ planDigest: digest('p2') }), /another attempt \(dune\)/],
    ['an attestation of another task', byBirchAndDune({ task: 'other' }), /another attempt \(dune\)/],
    ['an attestation from another mesh', byBirchAndDune({ meshId: digest('m2') }), /another attempt \(dune\)/],
    ['an attestation from another epoch', byBirchAndDune({ epoch: 2 }), /another attempt \(dune\)/],
    ['an attestation of another call', byBirchAndDune({ callDigest: digest('c2') }), /another call \(dune\)/],
    [
      'an attestation of another executor’s equal result',
      byBirchAndDune({ candidateDigest: candidates.digest(candidateBy('cedar'), crypto) }),
      /dune judged another candidate/,
    ],
    ['an attestation under another relation', byBirchAndDune({ relation: canonical }), /another relation \(dune\)/],
    ['a dissent counted as agreement', byBirchAndDune({ verdict: -1 }), /verdict -1 stands among those with 1/],
    [
      'agreement with a result the verifier did not find',
      byBirchAndDune({ ownDigest: digest('other') }),
      /dune agrees with a result other than the one it found/,
    ],
    [
      'a candidate of another attempt',
      { ...good, candidate: candidateBy('amber', { attempt: 1 }) },
      /candidate is about another attempt \(amber\)/,
    ],
    ['a swapped result digest', { ...good, resultDigest: digest('swapped') }, /the candidate has another result/],
    [
      'a swapped result digest in candidate and decision',
      { ...good, resultDigest: digest('swapped'), candidate: { ...good.candidate, resultDigest: digest('swapped') } },
      /agrees with a result other than|not signed by amber/,
    ],
    [
      'a swapped size',
      { ...good, sizeBytes: 1, candidate: { ...good.candidate, sizeBytes: 1 } },
      /not signed by amber/,
    ],
    [
      'a renamed skill',
      { ...good, skill: 'text.search', candidate: { ...good.candidate, skill: 'text.search' } },
      /not signed by amber/,
    ],
    [
      'a forged attestation',
      {
        ...good,
        attestations: sorted([
          attestationBy('birch', amberCandidate),
          { ...attestationBy('dune', amberCandidate), signature: new Uint8Array(64) },
        ]),
      },
      /attestation of dune is not signed by its key/,
    ],
    [
      'an attestation for a model family that its member is not of',
      byBirchAndDune({ modelFamily: 'large' }),
      /dune speaks for the model family 'large', and its member is of 'none'/,
    ],
    ['unsorted attestations', { ...good, attestations: [...good.attestations].reverse() }, /not sorted/],
    [
      'too few members behind it',
      acceptance(['amber', 'birch'], { candidate: amberCandidate }),
      /a weight of 2 where 3 of 4 are needed/,
    ],
    [
      'a quorum only if those who disagree are counted',
      acceptance(['amber', 'birch'], { candidate: amberCandidate, dissent: [disagreement('cedar', amberCandidate)] }),
      /a weight of 2 where 3 of 4 are needed/,
    ],
    [
      'one member’s word under the quorum rule',
      acceptance(['amber'], { candidate: amberCandidate }),
      /a weight of 1 where 3 of 4/,
    ],
    [
      'a relation nobody here knows',
      {
        ...acceptance([], { candidate: amberCandidate, attested: [] }),
        relation: { id: 'vibes', version: 1, paramsHash: new Uint8Array(32) },
      },
      /relation 'vibes' version 1, which is not known/,
    ],
    [
      'an outsider vouching for a site',
      acceptance(['amber', 'cedar'], { candidate: amberCandidate, endorsement: { rule: 'site', site: 'north' } }),
      /rests on site north, and cedar is of site south/,
      twoSites,
    ],
    [
      'an outsider executing for a site',
      acceptance(['cedar'], { endorsement: { rule: 'site', site: 'north' } }),
      /rests on site north, and cedar is of site south/,
      twoSites,
    ],
    [
      'an acceptance of a failure',
      { ...rejection(['amber', 'birch', 'dune']), kind: 'ACCEPT' } as unknown as Acceptance,
      /a candidate with a failure cannot carry ACCEPT/,
    ],
    ['a rejection of a result', { ...good, kind: 'REJECT', failure }, /a candidate with a result cannot carry REJECT/],
    [
      'another failure than the one attested',
      { ...rejection(['amber', 'birch', 'dune']), failure: { ...failure, message: 'disk full' } },
      /not the one that was attested/,
    ],
    ['too few expiries', reassignment(['amber', 'birch']), /expiries of weight 2 where 3 of 4 are needed/],
    ['the same expiry twice', reassignment(['amber', 'birch', 'birch']), /birch signed twice/],
    ['a stranger’s expiry', reassignment(['amber', 'birch', 'elm']), /is not a member/],
    ['expiries of another attempt', reassignment(['amber', 'birch', 'dune'], { attempt: 1 }), /about another attempt/],
    [
      'a forged expiry',
      {
        ...reassignment(['amber', 'birch', 'dune']),
        expired: reassignment(['amber', 'birch', 'dune']).expired.map((e) => ({ ...e, signature: new Uint8Array(64) })),
      },
      /is not signed by its key/,
    ],
  ];
  for (const [what, decision, reason, electorate] of refusals) {
    it(`is refused for ${what}`, () => {
      expect(reasonOf(decision, electorate)).toMatch(reason);
    });
  }

  it('that mixes statements cannot even be written', () => {
    expect(() => encodeDecision(byBirchAndDune({ attempt: 1 }))).toThrow(/another attempt/);
    expect(() => encodeDecision(reassignment(['amber', 'birch', 'dune'], { attempt: 1 }))).toThrow(/another attempt/);
  });

  it('rests on f + 1 honest members where members may lie, and on a majority where none does', () => {
    expect([1, 2, 3, 4, 5, 6, 7].map((n) => endorsingWeight(testMesh(n).config))).toEqual([1, 2, 2, 3, 3, 3, 5]);
    expect(endorsingWeight(testMesh(3, { f: 1 }).config)).toBeUndefined();
    expect(reasonOf(acceptance(['amber', 'birch', 'cedar']), testMesh(3, { f: 1 }))).toMatch(/no sound quorum/);
    const alone = testMesh(1);
    expect(reasonOf(acceptance(['amber']), alone)).toBeUndefined();
    expect(reasonOf(acceptance(['amber']), testMesh(2))).toMatch(/weight of 1 where 2 of 2/);
    expect(reasonOf(acceptance(['amber', 'birch']), testMesh(3))).toBeUndefined();
    // Weights, not heads: amber alone holds 3 of 5.
    expect(reasonOf(acceptance(['amber']), testMesh(3, { weight: (i) => (i === 0 ? 3 : 1) }))).toBeUndefined();
    expect(reasonOf(acceptance(['birch', 'cedar']), testMesh(3, { weight: (i) => (i === 0 ? 3 : 1) }))).toMatch(
      /weight of 2 where 3 of 5/,
    );
  });

  it('on a site’s word may carry the dissent of others', () => {
    const bySite = { candidate: amberCandidate, endorsement: { rule: 'site', site: 'north' } as const };
    expect(
      reasonOf(
        acceptance(['amber', 'birch'], { ...bySite, dissent: [disagreement('cedar', amberCandidate)] }),
        twoSites,
      ),
    ).toBeUndefined();
  });

  it('is told in words', () => {
    expect(samples.map(([, decision]) => endorsementInWords(decision, mesh.config))).toEqual([
      'recomputed by amber, birch and dune (3 of 4); cedar disagreed',
      'computed by amber, on site north’s own word'.replace('’', "'"),
      'found to fail alike by amber, birch and dune (3 of 4)',
      'attempt 2 ran out of time, say amber, birch and cedar (3 of 4)',
      'the results of amber and birch refused by the judges amber (none), birch (none), cedar (none) and dune (none), of 1 model family; cedar would have accepted one',
    ]);
    const weighted = testMesh(3, { weight: (i) => (i === 0 ? 3 : 1) });
    expect(endorsementInWords(acceptance(['amber', 'cedar']), weighted.config)).toBe(
      'recomputed by amber and cedar (weight 4 of 5)',
    );
  });
});

describe('an attestation that is to stand in a decision', () => {
  const asked = { ...about, callDigest: digest('call'), relation: exact };
  it.each<[string, Fields<Attestation>, RegExp | undefined]>([
    ['fits when it agrees', {}, undefined],
    ['fits when it does not agree', { verdict: -1, ownDigest: digest('other') }, undefined],
    ['does not fit from another epoch', { epoch: 2, verdict: -1 }, /another attempt/],
    ['does not fit from another plan', { planDigest: digest('p2') }, /another attempt/],
    ['does not fit about another call', { callDigest: digest('c2'), verdict: -1 }, /another call/],
    [
      'does not fit for another model family than its member’s',
      { modelFamily: 'large' },
      /speaks for the model family/,
    ],
    ['does not fit under another relation', { relation: canonical, verdict: -1 }, /another relation/],
    [
      'does not fit when it agrees with what it did not find',
      { ownDigest: digest('other') },
      /other than the one it found/,
    ],
  ])('%s', (_, fields, fault) => {
    const found = attestationFault(attestationBy('birch', amberCandidate, fields), amberCandidate, asked, {
      modelFamily: 'none',
    });
    if (fault === undefined) expect(found).toBeUndefined();
    else expect(found).toMatch(fault);
  });
});

describe('the terms of a task', () => {
  const decision = acceptance(['amber', 'birch', 'dune'], { candidate: amberCandidate });
  const terms: TaskTerms = {
    ...about,
    callDigest: digest('call'),
    skill: 'table.query',
    skillVersion: '1',
    endorsement: { rule: 'quorum' },
    relation: exact,
  };
  it.each<[string, Decision, Partial<TaskTerms>, RegExp | undefined]>([
    ['are met', decision, {}, undefined],
    ['are met by a reassignment of the attempt', reassignment(['amber', 'birch', 'dune']), {}, undefined],
    ['are broken by another attempt', decision, { attempt: 3 }, /another attempt/],
    ['are broken by another call', decision, { callDigest: digest('c2') }, /another call/],
    [
      'are broken by another skill',
      decision,
      { skillVersion: '2' },
      /made by table.query 1, and the plan asks for table.query 2/,
    ],
    [
      'are broken by another relation',
      decision,
      { relation: canonical },
      /compared by 'exact', and the plan asks for 'canonical'/,
    ],
    ['are met by as many attestations as are asked for', decision, { relation: { ...exact, atLeast: 2 } }, undefined],
    [
      'are broken by fewer attestations',
      decision,
      { relation: { ...exact, atLeast: 3 } },
      /2 members attested it besides its executor, and the plan asks for 3/,
    ],
    [
      'are broken by too few model families',
      decision,
      { relation: { ...exact, families: 2 } },
      /come from 1 model families, and the plan asks for 2/,
    ],
    [
      'ask no families of a failure',
      rejection(['amber', 'birch', 'dune']),
      { relation: { ...exact, families: 2 } },
      undefined,
    ],
    [
      'are broken where a decision rests on one site of its own choice',
      acceptance(['amber'], { endorsement: { rule: 'site', site: 'north' } }),
      {},
      /rests on site north's own word, and the plan asks for a quorum of members/,
    ],
    [
      'are broken by another site',
      acceptance(['amber'], { endorsement: { rule: 'site', site: 'north' } }),
      { endorsement: { rule: 'site', site: 'south' } },
      /asks for site south/,
    ],
  ])('%s', (_, judged, fields, reason) => {
    const verdict = judgeAgainstTerms(judged, { ...terms, ...fields });
    if (reason === undefined) expect(verdict).toEqual({ ok: true });
    else expect(verdict.ok ? '' : verdict.reason).toMatch(reason);
  });
});
