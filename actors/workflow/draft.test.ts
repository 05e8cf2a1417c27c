// Law: see draft.ts.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type Attestation,
  betterBacking,
  type Candidate,
  candidates,
  encodeDecision,
  judgeAgainstTerms,
  judgeDecision,
  relationOf,
  type TaskTerms,
} from '../../consensus/index.ts';
import { hex } from '../../protocols/wire/index.ts';
import {
  about,
  attestationBy,
  candidateBy,
  crypto,
  digest,
  judgementBy,
  judgesRelation,
  testMesh,
} from '../../test/support/decisions.ts';
import { draftDecision } from './draft.ts';
import type { AttemptRecord } from './record.ts';

const names = ['amber', 'birch', 'cedar', 'dune', 'elm', 'fern', 'grove'] as const;
const mesh = testMesh(7);
const relation = relationOf({ kind: 'numeric', absolute: '1' }, crypto);
const reference = { id: relation.id, version: relation.version, paramsHash: relation.paramsHash };
const terms: TaskTerms = {
  ...about,
  callDigest: digest('call'),
  skill: 'table.query',
  skillVersion: '1',
  endorsement: { rule: 'quorum' },
  relation,
};

interface Said {
  readonly candidates: readonly Candidate[];
  readonly attestations: readonly Attestation[];
}

/** Everyone executes and judges everyone's number, in tenths; who lies says whatever it likes. */
function said(tenths: readonly number[], lies: readonly (readonly [number, number])[]): Said {
  const found = tenths.map((tenth, i) => candidateBy(names[i]!, { resultDigest: digest(`${tenth}`) }));
  const attested = found.flatMap((candidate, of) =>
    tenths.flatMap((mine, by) => {
      if (by === of) return [];
      const lie = by === lies.length ? undefined : lies[by];
      const apart = Math.abs(mine - tenths[of]!) * 100_000;
      const score = lie !== undefined && lie[0] === of ? lie[1] : apart;
      const verdict = score <= 1_000_000 ? 1 : -1;
      return [
        attestationBy(names[by]!, candidate, { relation: reference, verdict, score, ownDigest: digest(`${mine}`) }),
      ];
    }),
  );
  return { candidates: found, attestations: attested };
}

function recordOf({ candidates: found, attestations }: Said): AttemptRecord {
  return {
    attempt: about.attempt,
    executors: new Set(),
    verifiers: new Set(),
    assignedAtMs: 0,
    candidates: new Map(
      found.map((candidate) => [
        candidate.executor,
        { candidate, digest: hex.encode(candidates.digest(candidate, crypto)), durationMs: 1, failure: undefined },
      ]),
    ),
    attestations: new Map(
      attestations.map((attestation) => [
        `${attestation.verifier}|${hex.encode(attestation.candidateDigest)}`,
        { attestation, durationMs: 1 },
      ]),
    ),
    expired: new Map(),
    faults: new Map(),
    certified: undefined,
    isPublished: false,
  };
}

describe('a decision drafted under a tolerance', () => {
  it('has the same representative on every node, in whatever order its statements came, and holds', () => {
    const tenths = fc.array(fc.integer({ min: 0, max: 25 }), { minLength: 4, maxLength: 4 });
    const lie = fc.tuple(fc.integer({ min: 0, max: 3 }), fc.constantFrom(0, 1, 999_999, 1_000_000, 1_000_001));
    let drafted = 0;
    const seeds = fc.infiniteStream(fc.integer({ min: 0, max: 2 ** 30 }));
    fc.assert(
      fc.property(tenths, lie, seeds, (numbers, lies, random) => {
        const all = said(numbers, [lies]);
        const shuffled = <T>(list: readonly T[]): T[] =>
          list
            .map((item) => [random.next().value as number, item] as const)
            .sort(([a], [b]) => a - b)
            .map(([, item]) => item);
        const drafts = [all, { candidates: shuffled(all.candidates), attestations: shuffled(all.attestations) }].map(
          (each) => draftDecision(recordOf(each), terms, { ...mesh.config, f: 1 }),
        );
        const [one, other] = drafts.map((draft) => draft && hex.encode(encodeDecision(draft)));
        expect(one).toBe(other);
        if (drafts[0] === undefined) return;
        drafted++;
        const electorate = { config: { ...mesh.config, f: 1 }, meshId: mesh.meshId };
        expect(judgeDecision(drafts[0], electorate, crypto)).toEqual({ ok: true });
        expect(judgeAgainstTerms(drafts[0], terms)).toEqual({ ok: true });
      }),
      { numRuns: 25 },
    );
    expect(drafted).toBeGreaterThan(5);
  });

  it('takes the one nearest to the others where several are near enough', () => {
    const draft = draftDecision(recordOf(said([10, 14, 15, 16], [])), terms, { ...mesh.config, f: 1 });
    if (draft?.kind !== 'ACCEPT') throw new Error('nothing was drafted');
    expect([mesh.who('birch').id, mesh.who('cedar').id]).toContain(draft.candidate.executor);
  });

  it('leaves out whoever agrees against its own measure: the others still carry it', () => {
    const all = said([10, 10, 10, 10], []);
    const [lied, ...rest] = all.attestations;
    const forged = attestationBy('birch', all.candidates[0]!, { relation: reference, verdict: 1, score: 1_000_001 });
    expect(lied!.verifier).toBe(mesh.who('birch').id);
    const draft = draftDecision(
      recordOf({ ...all, candidates: [all.candidates[0]!], attestations: [forged, ...rest] }),
      terms,
      {
        ...mesh.config,
        f: 1,
      },
    );
    if (draft?.kind !== 'ACCEPT') throw new Error('nothing was drafted');
    expect(draft.attestations.map(({ verifier }) => verifier)).not.toContain(forged.verifier);
    expect(draft.attestations.length).toBe(2);
  });
});

describe('a refusal is drafted', () => {
  const four = testMesh(4, { modelFamily: (i) => `family-${i}` });
  const judged: TaskTerms = { ...terms, relation: judgesRelation };
  /** Candidates by these executors; of each, who says yes and who says no. */
  const draft = (
    words: Readonly<Record<string, Readonly<Record<string, boolean>>>>,
    failed: readonly string[] = [],
  ) => {
    const found = Object.keys(words).map((executor) =>
      candidateBy(executor, {
        resultDigest: digest(`by ${executor}`),
        ...(failed.includes(executor) ? { outcome: 'failure' as const } : {}),
      }),
    );
    const attested = found.flatMap((candidate, i) =>
      Object.entries(Object.values(words)[i]!).map(([by, accepts]) => judgementBy(by, candidate, accepts, four.config)),
    );
    const record = recordOf({ candidates: found, attestations: attested });
    for (const [executor, held] of record.candidates)
      if (failed.some((name) => four.who(name).id === executor))
        record.candidates.set(executor, { ...held, failure: { code: 'no', message: 'no' } });
    const drafted = draftDecision(record, judged, four.config);
    if (drafted !== undefined) {
      expect(judgeDecision(drafted, { config: four.config, meshId: four.meshId }, crypto)).toEqual({ ok: true });
      expect(judgeAgainstTerms(drafted, judged)).toEqual({ ok: true });
    }
    return drafted?.kind;
  };
  const no = { cedar: false, dune: false };

  it('where every result there is was refused, of executors heavier than all that may lie', () => {
    expect(draft({ amber: no, birch: no })).toBe('REJECT');
    expect(draft({ amber: no })).toBeUndefined();
  });

  it('not while one of the results may still be accepted', () => {
    expect(draft({ amber: no, birch: no, cedar: { amber: true, dune: false } })).toBeUndefined();
    expect(draft({ amber: no, birch: no, cedar: {} })).toBeUndefined();
  });

  it('never where one of them is accepted', () => {
    expect(draft({ amber: no, birch: no, cedar: { amber: true, dune: true, birch: false } })).toBe('ACCEPT');
  });

  it('whatever somebody claims to have failed at', () => {
    expect(draft({ amber: no, birch: no, dune: {} }, ['dune'])).toBe('REJECT');
  });
});

describe('which of two candidates represents the others', () => {
  const backing = fc.record({
    digest: fc.constantFrom('aa', 'bb', 'cc', 'dd'),
    weight: fc.integer({ min: 1, max: 3 }),
    scores: fc.array(fc.integer({ min: 0, max: 1_000_000 }), { maxLength: 5 }),
  });

  it('is a strict order: sorting comes out the same from any order', () => {
    fc.assert(
      fc.property(backing, backing, backing, fc.integer({ min: 0, max: 2 }), (a, b, c, f) => {
        expect(Math.sign(betterBacking(a, b, f)) + Math.sign(betterBacking(b, a, f))).toBe(0);
        if (betterBacking(a, b, f) < 0 && betterBacking(b, c, f) < 0) expect(betterBacking(a, c, f)).toBeLessThan(0);
      }),
    );
  });

  it('does not follow one liar’s score, in either direction', () => {
    const near = { digest: 'bb', weight: 4, scores: [100, 120, 110] };
    const far = { digest: 'aa', weight: 4, scores: [200_000, 210_000, 190_000] };
    expect(betterBacking(near, far, 1)).toBeLessThan(0);
    expect(betterBacking({ ...near, scores: [100, 120, 1_000_000] }, far, 1)).toBeLessThan(0);
    expect(betterBacking(near, { ...far, scores: [200_000, 210_000, 0] }, 1)).toBeLessThan(0);
    expect(betterBacking({ ...near, scores: [110] }, { ...far, scores: [0, 200_000, 300_000] }, 1)).toBeLessThan(0);
  });
});
