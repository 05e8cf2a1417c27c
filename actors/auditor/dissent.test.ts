import { describe, expect, it } from 'vitest';
import { attestations, type Candidate, candidates } from '../../consensus/index.ts';
import { hex } from '../../protocols/wire/index.ts';
import {
  acceptance,
  attestationBy,
  candidateBy,
  crypto,
  digest,
  disagreement,
  mesh,
} from '../../test/support/decisions.ts';
import type { AttemptRecord } from '../workflow/index.ts';
import { contradicting } from './dissent.ts';

const right = candidateBy('amber');
const alike = candidateBy('birch');
const wrong = candidateBy('dune', { resultDigest: digest('wrong') });
const decision = acceptance(['amber', 'birch', 'cedar'], { candidate: right });

type Said = Pick<AttemptRecord, 'candidates' | 'attestations'>;
function record(seen: readonly Candidate[], attested: readonly ReturnType<typeof attestationBy>[]): Said {
  const digestOf = (candidate: Candidate): string => hex.encode(candidates.digest(candidate, crypto));
  return {
    candidates: new Map(
      seen.map((candidate) => [
        candidate.executor,
        { candidate, digest: digestOf(candidate), durationMs: 1, failure: undefined },
      ]),
    ),
    attestations: new Map(
      attested.map((attestation) => [
        `${attestation.verifier}|${hex.encode(attestation.candidateDigest)}`,
        { attestation, durationMs: 1 },
      ]),
    ),
  };
}
const nameOf = (id: string): string =>
  ['amber', 'birch', 'cedar', 'dune'].find((name) => mesh.who(name).id === id) ?? id;
const named = (said: Said): string[] =>
  contradicting(said, decision, crypto, mesh.config).map(({ node, what }) => `${nameOf(node)} ${what}`);

describe('after a decision', () => {
  it('nobody is named who found what was certified, in whichever candidate', () => {
    expect(named(record([right, alike], [attestationBy('cedar', right), attestationBy('cedar', alike)]))).toEqual([]);
  });

  it('whoever signed another result, disputed the certified one or vouched for another is named with its statement', () => {
    const said = record([right, wrong], [disagreement('dune', right), attestationBy('cedar', wrong)]);
    expect(named(said)).toEqual([
      'dune signed a result other than the certified one',
      'dune disputed the certified result',
      'cedar vouched for a result other than the certified one',
    ]);
    const [first, second] = contradicting(said, decision, crypto, mesh.config);
    expect(candidates.verify(candidates.decode(first!.statement), crypto)).toBe(true);
    expect(attestations.verify(attestations.decode(second!.statement), crypto)).toBe(true);
  });

  it('whoever disputed a wrong result is right', () => {
    expect(named(record([wrong], [disagreement('cedar', wrong)]))).toEqual([
      'dune signed a result other than the certified one',
    ]);
  });

  it('nobody is named for vouching for a candidate that has not arrived here, until it has', () => {
    // The decision came through consensus; the log of birch, which holds its equal candidate, is late.
    const vouching = [attestationBy('cedar', alike), attestationBy('dune', wrong)];
    expect(named(record([], vouching))).toEqual([]);
    expect(named(record([alike, wrong], vouching))).toEqual([
      'dune signed a result other than the certified one',
      'dune vouched for a result other than the certified one',
    ]);
  });

  it('a candidate that the decision itself shows counts as seen', () => {
    expect(named(record([], [disagreement('dune', right)]))).toEqual(['dune disputed the certified result']);
  });
});

describe('what resembles the certified result', () => {
  it('the right digest with another size is another result: who disputed it is right, and who signed it is named', () => {
    const bloated = candidateBy('dune', { sizeBytes: right.sizeBytes + 1 });
    const said = record([right, bloated], [disagreement('cedar', bloated), disagreement('birch', bloated)]);
    expect(named(said)).toEqual(['dune signed a result other than the certified one']);
  });

  it('the right digest as the digest of a failure is another result', () => {
    const failed = candidateBy('dune', { outcome: 'failure' });
    expect(named(record([right, failed], [disagreement('cedar', failed)]))).toEqual([
      'dune signed a result other than the certified one',
    ]);
  });

  it('a result of another skill version says nothing about this one', () => {
    const newer = candidateBy('dune', { skillVersion: '2', resultDigest: digest('newer') });
    expect(named(record([right, newer], [attestationBy('cedar', newer)]))).toEqual([]);
  });
});

describe('after a decision on a site’s own word', () => {
  it('nobody of the site is named for having other data', () => {
    const site = acceptance(['amber'], { candidate: right, endorsement: { rule: 'site', site: 'north' } });
    expect(contradicting(record([right, wrong], [disagreement('dune', right)]), site, crypto, mesh.config)).toEqual([]);
  });
});
