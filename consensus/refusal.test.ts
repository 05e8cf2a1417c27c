// Law: see refusal.ts. What f members sign, whatever it is and however it is put together, rejects no work that the honest judges accept and
// accepts none that they refuse.
import { describe, expect, it } from 'vitest';
import {
  about,
  acceptance,
  candidateBy,
  digest,
  judgementBy,
  judgesRelation,
  mesh,
  names,
  reasonOf,
  refusal,
  refusedCandidate,
  sorted,
  testMesh,
} from '../test/support/decisions.ts';
import {
  attestationFault,
  type Candidate,
  encodeDecision,
  endorsementInWords,
  endorsingWeight,
  judgeAgainstTerms,
  type Refusal,
  type RefusedCandidate,
  refusingWeight,
  type TaskTerms,
} from './index.ts';

const amber = candidateBy('amber');
const birch = candidateBy('birch');
const ofAmber = refusedCandidate(amber, ['birch', 'cedar', 'dune']);
const ofBirch = refusedCandidate(birch, ['amber', 'dune'], ['cedar']);
const good = refusal([ofAmber, ofBirch]);
const of = (held: RefusedCandidate, change: Partial<RefusedCandidate>): Refusal =>
  refusal([ofBirch, { ...held, ...change }]);

describe('a refusal', () => {
  it('holds where judges of enough weight refused the results of executors of more than f', () => {
    expect(reasonOf(good)).toBeUndefined();
  });

  const faults: readonly (readonly [string, Refusal, RegExp])[] = [
    ['nothing in it', refusal([]), /executors of weight 0, and as many may lie/],
    ['one executor, who may be the liar', refusal([ofAmber]), /executors of weight 1, and as many may lie \(f = 1\)/],
    ['the same executor twice', { ...good, refused: [ofAmber, ofAmber] }, /each once/],
    ['executors out of order', { ...good, refused: [...good.refused].reverse() }, /not sorted/],
    [
      'too few judges',
      refusal([ofAmber, refusedCandidate(birch, ['amber'], ['cedar', 'dune'])]),
      /the result of birch is refused by a weight of 1 where 2 of 4/,
    ],
    ['a judge that said yes and no', of(ofAmber, { dissent: [judgementBy('dune', amber, true)] }), /dune signed twice/],
    [
      'a judge that is counted twice',
      of(ofAmber, { refusing: sorted([...ofAmber.refusing, judgementBy('dune', amber, false)]) }),
      /each once/,
    ],
    [
      'an executor that judges itself',
      of(ofAmber, { refusing: sorted([...ofAmber.refusing, judgementBy('amber', amber, false)]) }),
      /amber judged its own result/,
    ],
    [
      'a stranger among the judges',
      of(ofAmber, { refusing: sorted([...ofAmber.refusing, judgementBy('elm', amber, false)]) }),
      /is not a member of epoch 3/,
    ],
    [
      'a stranger as executor',
      refusal([ofAmber, refusedCandidate(candidateBy('elm'), ['amber', 'birch', 'cedar'])]),
      /is not a member of epoch 3/,
    ],
    [
      'a yes counted as a no',
      of(ofAmber, { refusing: sorted([judgementBy('birch', amber, true), ...ofAmber.refusing.slice(1)]) }),
      /verdict 1 stands among those with -1/,
    ],
    [
      'a judge that speaks for another model family',
      of(ofAmber, {
        refusing: sorted([
          judgementBy('birch', amber, false),
          judgementBy('dune', amber, false, mesh.config, { modelFamily: 'large' }),
        ]),
      }),
      /speaks for the model family 'large'/,
    ],
    [
      'a judgement of another attempt',
      of(ofAmber, { refusing: [judgementBy('birch', amber, false, mesh.config, { attempt: 1 })] }),
      /about another attempt \(birch\)/,
    ],
    [
      'a judgement of another executor’s equal result',
      of(ofAmber, {
        refusing: sorted([judgementBy('cedar', birch, false), judgementBy('dune', amber, false)]),
      }),
      /cedar judged another candidate/,
    ],
    [
      'a forged judgement',
      of(ofAmber, { refusing: ofAmber.refusing.map((said) => ({ ...said, signature: new Uint8Array(64) })) }),
      /is not signed by its key/,
    ],
    [
      'a forged candidate',
      of(ofAmber, { candidate: { ...amber, signature: new Uint8Array(64) } }),
      /candidate is not signed by amber/,
    ],
    [
      'a failure, which is not judged',
      of(ofAmber, { candidate: { ...amber, outcome: 'failure' } }),
      /a failure is not judged/,
    ],
    [
      'a relation by which nobody judges',
      { ...good, relation: { ...judgesRelation, id: 'exact' } },
      /relation 'exact' version 1, by which nobody judges/,
    ],
  ];
  for (const [what, decision, reason] of faults)
    it(`does not hold with ${what}`, () => {
      expect(reasonOf(decision)).toMatch(reason);
    });

  it('that mixes statements cannot even be written', () => {
    expect(() => encodeDecision({ ...good, callDigest: digest('another') })).toThrow(/answers another call/);
  });

  it('says in words who refused, of which families, and who would have accepted', () => {
    const config = testMesh(4, { modelFamily: (i) => ['large', 'large', 'small', 'tiny'][i]! }).config;
    const families = refusal([
      refusedCandidate(amber, ['birch', 'cedar'], ['dune'], config),
      refusedCandidate(birch, ['amber', 'cedar'], ['dune'], config),
    ]);
    expect(endorsementInWords(families, config)).toBe(
      'the results of amber and birch refused by the judges amber (large), birch (large) and cedar (small), of 2 model families; dune would have accepted one',
    );
  });
});

describe('what the plan asks', () => {
  const config = testMesh(4, { modelFamily: (i) => ['large', 'large', 'small', 'tiny'][i]! }).config;
  const terms: TaskTerms = {
    ...about,
    callDigest: digest('call'),
    skill: 'table.query',
    skillVersion: '1',
    endorsement: { rule: 'quorum' },
    relation: judgesRelation,
  };
  const judged = (decision: Refusal, wanted: Partial<TaskTerms> = {}): string | undefined => {
    const verdict = judgeAgainstTerms(decision, { ...terms, ...wanted });
    return verdict.ok ? undefined : verdict.reason;
  };
  const byTwoFamilies = refusal([
    refusedCandidate(amber, ['birch', 'cedar'], [], config),
    refusedCandidate(birch, ['amber', 'dune'], [], config),
  ]);

  it('holds for a refusal as for an acceptance: so many judges, of so many families, by that very relation', () => {
    expect(judged(byTwoFamilies)).toBeUndefined();
    expect(judged(byTwoFamilies, { relation: { ...judgesRelation, atLeast: 3 } })).toMatch(/2 members refused it/);
    expect(judged(byTwoFamilies, { relation: { ...judgesRelation, families: 3 } })).toMatch(/2 model families/);
    const ofOneFamily = refusal([
      refusedCandidate(amber, ['birch', 'cedar'], [], config),
      refusedCandidate(candidateBy('cedar'), ['amber', 'birch'], [], config),
    ]);
    expect(judged(ofOneFamily)).toMatch(/come from 1 model families, and the plan asks for 2/);
    expect(judged(byTwoFamilies, { relation: { ...judgesRelation, paramsHash: digest('others') } })).toMatch(
      /compared by 'judges'/,
    );
    expect(judged(byTwoFamilies, { endorsement: { rule: 'site', site: 'north' } })).toMatch(/plan asks for site north/);
  });
});

/** Of every mesh: who lies, in every choice of f members. */
function choices<T>(list: readonly T[], count: number): T[][] {
  if (count === 0) return [[]];
  return list.flatMap((item, i) => choices(list.slice(i + 1), count - 1).map((rest) => [item, ...rest]));
}

describe('a minority of judges', () => {
  const meshes = [4, 5, 6, 7].map((count) => testMesh(count, { modelFamily: (i) => `family-${i}` }));
  const cases = meshes.flatMap(({ config, meshId }) =>
    choices(names.slice(0, config.members.length), config.f).map((liars) => {
      const honest = names.slice(0, config.members.length).filter((name) => !liars.includes(name));
      return { config, meshId, liars, honest };
    }),
  );

  it('cannot force REJECT of what every honest judge accepts', () => {
    for (const { config, meshId, liars, honest } of cases) {
      const electorate = { config, meshId };
      const byExecutor = (executor: string): Candidate => candidateBy(executor);
      // Liars do badly on purpose, and everybody says so of theirs; of an honest result only they do.
      const ofLiars = liars.map((liar) =>
        refusedCandidate(byExecutor(liar), [...honest, ...liars.filter((other) => other !== liar)], [], config),
      );
      expect(reasonOf(refusal(ofLiars), electorate)).toMatch(/as many may lie/);
      for (const executor of honest) {
        const ofHonest = refusedCandidate(byExecutor(executor), liars, [], config);
        expect(reasonOf(refusal([...ofLiars, ofHonest]), electorate)).toMatch(/is refused by a weight of/);
      }
    }
  });

  it('cannot force ACCEPT of what every honest judge refuses', () => {
    for (const { config, meshId, liars, honest } of cases)
      for (const executor of [...honest, ...liars]) {
        const candidate = candidateBy(executor);
        const yes = liars.filter((liar) => liar !== executor);
        const decision = {
          ...acceptance([executor], {
            candidate,
            attested: yes.map((liar) => judgementBy(liar, candidate, true, config)),
          }),
          relation: refusal([]).relation,
        };
        expect(reasonOf(decision, { config, meshId })).toMatch(/borne out by a weight of/);
      }
  });

  it('is less than half of those who may judge, and leaves too few for an acceptance', () => {
    for (let count = 1; count <= 40; count++) {
      const { config } = testMesh(Math.min(count, 8));
      const members = Array.from({ length: count }, (_, i) => ({ ...config.members[0]!, id: `member-${i}` }));
      const f = count >= 4 ? Math.floor((count - 1) / 3) : 0;
      const endorsing = endorsingWeight({ members, f })!;
      for (const executorWeight of [0, 1]) {
        const needed = refusingWeight({ members, f }, executorWeight)!;
        expect(2 * needed).toBeGreaterThan(count - executorWeight - 1);
        expect(needed).toBeGreaterThan(f);
        expect(count - needed).toBeLessThan(endorsing);
      }
    }
  });

  it('makes no refusal and no acceptance hold at once, unless judges said both', () => {
    // Whoever said no to a result and whoever says yes to it are different members; with all of them counted, one of the two is short.
    for (const { config } of cases) {
      const total = config.members.length;
      for (let no = 0; no < total; no++) {
        const isRefused = no >= refusingWeight(config, 1)!;
        const isAccepted = total - no >= endorsingWeight(config)!;
        expect(isRefused && isAccepted).toBe(false);
      }
    }
  });

  it('has its attestations left out by whoever drafts, where they do not fit', () => {
    const misfit = judgementBy('birch', amber, false, mesh.config, { modelFamily: 'large' });
    expect(attestationFault(misfit, amber, good, { modelFamily: 'none' })).toMatch(/speaks for the model family/);
  });
});
