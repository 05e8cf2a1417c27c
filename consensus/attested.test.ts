import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  about,
  acceptance,
  attestationBy,
  candidateBy,
  crypto,
  digest,
  type Fields,
  names,
  testMesh,
} from '../test/support/decisions.ts';
import { type Attestation, attestations, candidates, judgeAgainstTerms, judgeDecision, relationOf } from './index.ts';

const plain = testMesh(6);
const familyOf = (name: string): string => ['large', 'small', 'tiny'][names.indexOf(name as 'amber') % 3]!;
const config = {
  ...plain.config,
  members: plain.config.members.map((member) => ({ ...member, modelFamily: familyOf(member.name) })),
};
const { meshId } = plain;
const candidate = candidateBy('amber');
const idOf = (name: string): string => attestationBy(name, candidate).verifier;

/** What one who attests may get wrong, by mistake or on purpose. */
const faults: Readonly<Record<string, (name: string, relation: Attestation['relation']) => Fields<Attestation>>> = {
  none: () => ({}),
  'speaks for another family': (name) => ({ modelFamily: familyOf(name) === 'tiny' ? 'large' : 'tiny' }),
  'was asked under other parameters': (_name, relation) => ({ relation: { ...relation, paramsHash: digest('other') } }),
  'was asked under another relation': (_name, relation) => ({ relation: { ...relation, id: 'canonical' } }),
  'judged another candidate': () => ({ candidateDigest: digest('other') }),
  'speaks of another attempt': () => ({ attempt: about.attempt + 1 }),
  'answers another call': () => ({ callDigest: digest('other call') }),
  refuses: () => ({ verdict: -1 }),
};
type Fault = keyof typeof faults & string;

describe('an accepted result (I13)', () => {
  /** Different members, sometimes one more (one of them again, the executor, or grove, who is no member), and sometimes one of them wrong. */
  const statements = fc
    .record({
      who: fc.shuffledSubarray(names.slice(1, 6), { minLength: 1 }),
      more: fc.option(fc.constantFrom(...names.slice(0, 7)), { freq: 3 }),
      wrong: fc.nat(5),
      fault: fc.constantFrom<Fault>(...Object.keys(faults)),
    })
    .map(({ who, more, wrong, fault }) =>
      [...who, ...(more === null ? [] : [more])].map((name, i) => ({ name, fault: i === wrong ? fault : 'none' })),
    );

  it('carries as many attestations of as many families as the plan asks, distinct, by members, under its very relation; and whatever does is accepted', () => {
    const seen = { accepted: 0, refused: 0 };
    fc.assert(
      fc.property(
        statements,
        fc.integer({ min: 1, max: 4 }),
        fc.integer({ min: 1, max: 3 }),
        (said, atLeast, families) => {
          const relation = relationOf({ kind: 'judges', skill: 'judge', atLeast, families }, crypto);
          const { id, version, paramsHash } = relation;
          const named = { id, version, paramsHash };
          const attested = said.map(({ name, fault }) =>
            attestationBy(name, candidate, {
              relation: named,
              modelFamily: familyOf(name),
              ...faults[fault]!(name, named),
            }),
          );
          const decision = { ...acceptance(['amber'], { candidate, attested }), relation: named };
          const terms = {
            ...about,
            callDigest: candidate.callDigest,
            skill: candidate.skill,
            skillVersion: candidate.skillVersion,
            endorsement: { rule: 'quorum' },
            relation,
          } as const;
          const isAccepted =
            judgeDecision(decision, { config, meshId }, crypto).ok && judgeAgainstTerms(decision, terms).ok;

          // The invariant, from the statements alone.
          const members = new Map(config.members.map((member) => [member.id, member]));
          const signers = [idOf('amber'), ...attested.map(({ verifier }) => verifier)];
          const isSound =
            new Set(signers).size === signers.length &&
            signers.every((signer) => members.has(signer)) &&
            said.every(({ fault }) => fault === 'none') &&
            attested.every((each) => attestations.verify(each, crypto)) &&
            attested.every(({ candidateDigest }) =>
              Buffer.from(candidateDigest).equals(candidates.digest(candidate, crypto)),
            );
          const holds =
            isSound &&
            attested.length >= atLeast &&
            new Set(attested.map(({ verifier }) => members.get(verifier)!.modelFamily)).size >= families &&
            signers.length >= 2 * config.f + 1;
          expect(isAccepted).toBe(holds);
          seen[isAccepted ? 'accepted' : 'refused']++;
        },
      ),
      { numRuns: 1_500, seed: 13 },
    );
    expect(seen.accepted).toBeGreaterThan(50);
    expect(seen.refused).toBeGreaterThan(50);
  });
});
