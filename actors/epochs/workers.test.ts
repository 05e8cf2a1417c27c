import { describe, expect, it } from 'vitest';
import { epochViewOf, judgeDecision, leaderOrder, thresholdsOf } from '../../consensus/index.ts';
import { decodeConfig, type EpochConfig, encodeConfig, type Worker, workersOf } from '../../protocols/mesh/index.ts';
import { acceptance, amberCandidate, candidateBy, crypto, mesh, testMesh } from '../../test/support/decisions.ts';
import { testIdentity } from '../../test/support/world.ts';
import { amended } from './amendments.ts';
import { judgeJoin } from './config-question.ts';
import { nextConfig } from './next-config.ts';
import { judgeRemoval, removalOf } from './removal.ts';

const workerOf = (i: number, name: string, site = 'north'): Worker => ({
  id: testIdentity(i, crypto).id,
  name,
  site,
  operator: 'op',
  modelFamily: 'none',
});
const elm = workerOf(4, 'elm');
const fern = workerOf(5, 'fern');
const { config } = mesh;
const next = (from: EpochConfig, workers: readonly Worker[]): EpochConfig =>
  nextConfig(from, from.members, crypto, workers);
const withElm = next(config, [elm]);

describe('a config with workers', () => {
  it('reads back as what it was, and without any it has the bytes it always had', () => {
    expect(decodeConfig(encodeConfig(withElm))).toEqual(withElm);
    expect(encodeConfig({ ...config, workers: [] })).toEqual(encodeConfig(config));
    expect(decodeConfig(encodeConfig({ ...config, workers: [] }))).not.toHaveProperty('workers');
  });

  it('is refused where a worker is a member too, or has another’s name, or stands out of order', () => {
    const bad = (workers: readonly Worker[]) => () => encodeConfig({ ...config, workers });
    expect(bad([workerOf(0, 'elm')])).toThrow(/a worker and a member at once/);
    expect(bad([{ ...elm, name: 'amber' }])).toThrow(/two nodes are named amber/);
    expect(bad([...workersOf(next(config, [elm, fern]))].reverse())).toThrow(/sorted by id/);
  });

  it('has the quorums, the leaders and the voters that it would have without them', () => {
    expect(thresholdsOf(withElm)).toEqual(thresholdsOf(config));
    const { weights } = epochViewOf(withElm, mesh.meshId, crypto);
    expect(weights.has(elm.id)).toBe(false);
    expect(leaderOrder('00'.repeat(32) as never, weights.keys())).toHaveLength(4);
  });
});

describe('the members', () => {
  it('let workers in, several at once where they are not too many, and change nothing else with them', () => {
    expect(judgeJoin(withElm, config, crypto)).toEqual({ ok: true });
    expect(judgeJoin(next(config, [elm, fern]), config, crypto)).toEqual({ ok: true });
    const many = (count: number) => Array.from({ length: count }, (_, i) => workerOf(10 + i, `worker-${i}`));
    expect(judgeJoin(next(withElm, [elm, ...many(64)]), withElm, crypto)).toEqual({ ok: true });
    expect(judgeJoin(next(withElm, [elm, ...many(65)]), withElm, crypto)).toMatchObject({
      reason: expect.stringMatching(/65 workers; at most 64/),
    });
    // Neither in place of another, nor with a member, nor while one is changed.
    const withMember = (workers: readonly Worker[]) =>
      nextConfig(config, [...config.members, { ...workerOf(6, 'gale'), weight: 1 }], crypto, workers);
    for (const [after, before] of [
      [next(withElm, [fern, ...many(2)]), withElm],
      [next(withElm, [{ ...elm, site: 'south' }, fern, ...many(1)]), withElm],
      [withMember([elm]), config],
    ] as const)
      expect(judgeJoin(after, before, crypto)).toMatchObject({ reason: expect.stringMatching(/one at a time/) });
    expect(judgeJoin({ ...withElm, f: 0, c: 0, p: 0 }, config, crypto)).toMatchObject({
      reason: expect.stringMatching(/4 members bear f = 1/),
    });
    // A worker is no step towards a vote: it leaves first, and then comes as a member.
    const promoted = nextConfig(withElm, [...config.members, { ...elm, weight: 1 }], crypto, []);
    expect(judgeJoin(promoted, withElm, crypto)).toMatchObject({ ok: false });
  });

  it('let a worker go by its own word or by theirs, and no other with it', () => {
    const both = next(config, [elm, fern]);
    const departures = { has: (id: string) => id === elm.id };
    const judge = (after: EpochConfig) =>
      judgeRemoval(after, both, { guilty: { has: () => false }, departures }, crypto);
    expect(judge(removalOf(both, elm.id, crypto, true)!)).toEqual({ ok: true });
    expect(judge(next(both, [elm]))).toBe('unknown');
    expect(judge(next(both, []))).toMatchObject({ ok: false });
    expect(amended(both, { node: fern.id, weight: 0 }, crypto)).toEqual({ ok: true, config: next(both, [elm]) });
    expect(amended(both, { node: fern.id, weight: 1 }, crypto)).toMatchObject({
      reason: 'fern is a worker, which has no vote',
    });
  });
});

describe('a decision', () => {
  const electorate = { meshId: mesh.meshId, config: { ...config, workers: [elm, fern] } };
  const judged = (...by: readonly string[]) =>
    judgeDecision(acceptance(by, { candidate: candidateBy(by[0]!) }), electorate, crypto);

  it('stands on a worker’s result where members of endorsing weight found the same, and not by its own word', () => {
    expect(judged('elm', 'amber', 'birch', 'cedar')).toEqual({ ok: true });
    expect(judged('elm', 'amber', 'birch')).toMatchObject({
      reason: 'it is borne out by a weight of 2 where 3 of 4 are needed',
    });
  });

  it('is refused where a worker vouches for anything', () => {
    expect(judged('amber', 'birch', 'cedar', 'elm')).toMatchObject({
      reason: expect.stringMatching(/is not a member/),
    });
    expect(judged('elm', 'amber', 'birch', 'cedar', 'fern')).toMatchObject({ ok: false });
    expect(
      judgeDecision(acceptance(['amber', 'birch', 'cedar'], { candidate: amberCandidate }), electorate, crypto),
    ).toEqual({
      ok: true,
    });
  });

  it('on a site’s own word takes a member of that site', () => {
    const sites = testMesh(4, { site: (i) => (i < 3 ? 'south' : 'north') });
    const at = { meshId: sites.meshId, config: { ...sites.config, workers: [elm] } };
    const endorsement = { rule: 'site', site: 'north' } as const;
    const byElm = (...by: string[]) =>
      judgeDecision(acceptance(['elm', ...by], { candidate: candidateBy('elm'), endorsement }), at, crypto);
    expect(byElm()).toMatchObject({ reason: 'it rests on the word of elm alone, which is a worker' });
    expect(byElm('dune')).toEqual({ ok: true });
    expect(byElm('amber')).toMatchObject({ reason: expect.stringMatching(/amber is of site south/) });
  });
});
