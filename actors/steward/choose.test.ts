import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { defaultFaultBudget } from '../../consensus/index.ts';
import type { EpochConfig } from '../../protocols/mesh/index.ts';
import { task } from '../../test/support/in-process-mesh.ts';
import { assign, type Bid } from '../allocation/index.ts';
import { attemptOf, emptyRecord } from '../workflow/index.ts';
import { counted, eligible, needOf } from './choose.ts';

const ids = Array.from({ length: 16 }, (_, i) => `node-${String(i).padStart(2, '0')}`);
function meshOf(count: number, site: (i: number) => string = () => 'north'): EpochConfig {
  const members = ids
    .slice(0, count)
    .map((id, i) => ({ id, weight: 1, name: id, site: site(i), operator: 'op', modelFamily: 'none' }));
  return { epoch: 0, members, ...defaultFaultBudget(count), previous: new Uint8Array(32) };
}
const bid = (i: number, finishMs = 0, missingFiles = 0): Bid => ({ node: ids[i]!, finishMs, missingFiles });
const nobody = { executors: [], verifiers: [] };
const rank = (id: string): number => ids.indexOf(id);

describe('what a task needs', () => {
  it('is one executor more than may lie, and everyone to recompute in a small mesh', () => {
    expect(needOf(task('one'), meshOf(4), 0)).toEqual({ executors: 2, total: 4 });
    expect(needOf(task('one'), meshOf(7), 0)).toEqual({ executors: 3, total: 7 });
    expect(needOf(task('one'), meshOf(1), 0)).toEqual({ executors: 1, total: 1 });
  });
  it('is a committee of 3f + 1 in a large one', () => {
    expect(needOf(task('one'), { ...meshOf(16), f: 2 }, 0)).toEqual({ executors: 3, total: 7 });
  });
  it('is no more than the members of its site where it is placed', () => {
    const placed = task('one', { placement: { site: 'south', dataSet: 'ledger' }, endorsement: 'site' });
    const config = meshOf(4, (i) => (i === 3 ? 'south' : 'north'));
    expect(eligible(placed, config).map(({ id }) => id)).toEqual([ids[3]]);
    expect(needOf(placed, config, 0)).toEqual({ executors: 1, total: 1 });
    expect(eligible(task('one'), config)).toHaveLength(4);
  });
});

describe('who counts', () => {
  const attempt = attemptOf(emptyRecord('w'), 'one', 0);
  attempt.executors.add('a').add('b');
  attempt.verifiers.add('c').add('d');
  attempt.faults.set('b', { code: 'crashed', message: '' });
  it('is who has answered, or is there and has not said that it could not', () => {
    expect(counted(attempt, () => true)).toEqual({ executors: ['a'], verifiers: ['c', 'd'] });
    expect(counted(attempt, (id) => id === 'a')).toEqual({ executors: ['a'], verifiers: [] });
    attempt.candidates.set('b', {} as never);
    expect(counted(attempt, () => false)).toEqual({ executors: ['b'], verifiers: [] });
    attempt.attestations.set('d|digest', { attestation: { verifier: 'd' } } as never);
    expect(counted(attempt, () => false)).toEqual({ executors: ['b'], verifiers: ['d'] });
  });
});

describe('the award', () => {
  it('goes to who has the files, then to who is idle, then by rank', () => {
    const bids = [bid(3, 0, 2), bid(2, 5, 0), bid(1, 0, 0), bid(0, 0, 0)];
    expect(assign(bids, { executors: 2, total: 4 }, nobody, rank)).toEqual({
      executors: [ids[0], ids[1]],
      verifiers: [ids[2], ids[3]],
    });
  });
  it('is no more than is needed beside those who are at it', () => {
    const staff = { executors: [ids[0]!], verifiers: [ids[1]!, ids[2]!] };
    expect(assign([bid(3), bid(4)], { executors: 2, total: 4 }, staff, rank)).toEqual({
      executors: [ids[3]],
      verifiers: [],
    });
    expect(assign([bid(3), bid(4)], { executors: 1, total: 3 }, staff, rank)).toEqual({ executors: [], verifiers: [] });
  });
  it('makes a verifier an executor only where nobody else bids', () => {
    const staff = { executors: [ids[0]!], verifiers: [ids[1]!, ids[2]!] };
    expect(assign([bid(1), bid(3, 9, 9)], { executors: 2, total: 4 }, staff, rank).executors).toEqual([ids[3]]);
    expect(assign([bid(1), bid(2)], { executors: 2, total: 4 }, staff, rank)).toEqual({
      executors: [ids[1]],
      verifiers: [],
    });
  });
  it('never names a node twice or one that is at it already, is never more than was asked for, and is the same for bids in any order', () => {
    const arbitrary = fc.record({
      bids: fc.uniqueArray(fc.record({ node: fc.constantFrom(...ids), finishMs: fc.nat(3), missingFiles: fc.nat(2) }), {
        selector: ({ node }) => node,
      }),
      executors: fc.nat(4),
      verifiers: fc.nat(8),
      staff: fc.subarray(ids, { maxLength: 6 }),
      split: fc.nat(6),
      seed: fc.nat(),
    });
    fc.assert(
      fc.property(arbitrary, ({ bids, executors, verifiers, staff, split, seed }) => {
        const need = { executors, total: executors + verifiers };
        const at = { executors: staff.slice(0, split), verifiers: staff.slice(split) };
        const award = assign(bids, need, at, rank);
        const all = [...award.executors, ...award.verifiers];
        expect(new Set(all).size).toBe(all.length);
        for (const id of all) expect(at.executors).not.toContain(id);
        for (const id of award.verifiers) expect(at.verifiers).not.toContain(id);
        expect(award.executors.length).toBeLessThanOrEqual(Math.max(0, executors - at.executors.length));
        const whole = new Set([...staff, ...all]);
        expect(whole.size).toBeLessThanOrEqual(Math.max(need.total, new Set([...staff, ...award.executors]).size));
        const turned = [...bids].sort((a, b) => ((rank(a.node) * 7 + seed) % 13) - ((rank(b.node) * 7 + seed) % 13));
        expect(assign(turned, need, at, rank)).toEqual(award);
      }),
    );
  });
});

describe('workers', () => {
  const worker = ids[5]!;
  const isWorker = (id: string): boolean => id === worker;
  const withWorker = (count: number): EpochConfig => {
    const { weight: _, ...rest } = meshOf(6).members.find(({ id }) => id === worker)!;
    return { ...meshOf(count), workers: [rest] };
  };
  it('may be all executors but one in the first attempt, and none in a later one', () => {
    expect(needOf(task('one'), withWorker(4), 0)).toEqual({ executors: 2, total: 4, workers: 1 });
    expect(needOf(task('one'), withWorker(1), 0)).toEqual({ executors: 1, total: 1, workers: 1 });
    expect(needOf(task('one'), withWorker(4), 1)).toEqual({ executors: 2, total: 4 });
  });
  it('go before members where they may execute, never verify, and take no verifier’s place', () => {
    const bids = [bid(0), bid(1), bid(2), bid(3), bid(5, 900)];
    const need = { executors: 2, total: 4, workers: 1 };
    expect(assign(bids, need, nobody, rank, isWorker)).toEqual({
      executors: [worker, ids[0]],
      verifiers: [ids[1], ids[2], ids[3]],
    });
    expect(assign(bids, { executors: 2, total: 4 }, nobody, rank, isWorker)).toEqual({
      executors: [ids[0], ids[1]],
      verifiers: [ids[2], ids[3]],
    });
    const staffed = { executors: [worker, ids[0]!], verifiers: [ids[1]!] };
    expect(assign(bids, need, staffed, rank, isWorker)).toEqual({ executors: [], verifiers: [ids[2], ids[3]] });
  });
});
