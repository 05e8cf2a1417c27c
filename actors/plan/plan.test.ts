// Law: a plan has one name and one encoding, and its tasks one order.
import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import {
  bindTask,
  decodePlan,
  editDistance,
  nearestName,
  planBytes,
  planDigest,
  planLimits,
  readyTasks,
  waves,
} from './index.ts';
import { blob, crypto, plan, task, texts } from './testing/plans.ts';

describe('the digest', () => {
  it('does not depend on the order in which properties were written', () => {
    const one = plan([task('a')]);
    const { goal, ...rest } = one;
    expect(planDigest({ ...rest, goal }, crypto)).toBe(planDigest(one, crypto));
  });

  it('is the name of the plan stored as a blob', () => {
    const value = plan([task('a')]);
    expect(planDigest(value, crypto)).toBe(createHash('sha256').update(planBytes(value)).digest('hex'));
  });

  it('survives the wire, and only the canonical bytes are read', () => {
    const value = plan([task('a')]);
    expect(decodePlan(planBytes(value))).toEqual(value);
    expect(() => decodePlan(new TextEncoder().encode(JSON.stringify(value)))).toThrow(/not canonical/);
    expect(() => decodePlan(new TextEncoder().encode('{'))).toThrow(/not JSON/);
    expect(() => decodePlan(new TextEncoder().encode('{"a":1}'))).toThrow(/lacks "version"|unknown property "a"/);
    expect(() => decodePlan(new Uint8Array(planLimits.planBytes + 1))).toThrow(/at most/);
  });
});

describe('order', () => {
  const diamond = plan(
    [task('d', { after: ['b', 'c'] }), task('b', { after: ['a'] }), task('c', { after: ['a'] }), task('a')],
    { result: 'd' },
  );

  it('starts a task only when everything it waits for is finished', () => {
    expect(readyTasks(diamond, new Set()).map(({ id }) => id)).toEqual(['a']);
    expect(readyTasks(diamond, new Set(['a', 'b'])).map(({ id }) => id)).toEqual(['c']);
    expect(waves(diamond)).toEqual([['a'], ['b', 'c'], ['d']]);
  });

  it('finds a cycle of any shape, and none in any acyclic plan', () => {
    let state = 7;
    const below = (bound: number): number => {
      state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
      return (state >>> 8) % bound;
    };
    for (let round = 0; round < 200; round++) {
      const size = 2 + below(10);
      const forward = Array.from({ length: size }, (_, index) =>
        task(`t${index}`, {
          after: Array.from({ length: index }, (__, earlier) => `t${earlier}`).filter(() => below(3) === 0),
        }),
      );
      expect(waves(plan(forward)).flat().length).toBe(size);
      expect(texts(plan(forward)).filter((text) => text.includes('itself'))).toEqual([]);
      const from = below(size - 1);
      const closed = forward.map((each, index) => {
        if (index === from) return { ...each, after: [...new Set([...each.after, `t${from + 1}`])] };
        return index === from + 1 ? { ...each, after: [...new Set([...each.after, `t${from}`])] } : each;
      });
      expect(texts(plan(closed)).filter((text) => text.includes('itself')).length).toBe(1);
    }
  });
});

describe('bindTask', () => {
  const sites = plan([
    task('north', { placement: { site: 'North', dataSet: 'd' }, endorsement: 'site', optional: true, files: {} }),
    task('south', { placement: { site: 'South', dataSet: 'd' }, endorsement: 'site', optional: true, files: {} }),
    task('merge', {
      files: { 'north.json': { task: 'north' }, 'south.json': { task: 'south' } },
      after: ['north', 'south'],
      input: { missing: [] },
    }),
  ]);
  const merge = sites.tasks[2]!;

  it('names an absent site in the input and leaves its file out', () => {
    const bound = bindTask(
      sites,
      merge,
      new Map([
        ['north', { kind: 'output', blob }],
        ['south', { kind: 'absent', reason: 'unreachable' }],
      ]),
    );
    expect(bound).toEqual({
      input: { missing: [{ site: 'South', reason: 'unreachable' }] },
      files: { 'north.json': blob },
    });
  });

  it('refuses to go on without a task that is not optional', () => {
    const strict = plan([task('a'), task('b', { files: { x: { task: 'a' } }, after: ['a'] })]);
    expect(() => bindTask(strict, strict.tasks[1]!, new Map([['a', { kind: 'absent', reason: 'r' }]]))).toThrow(
      /not optional/,
    );
    expect(() => bindTask(strict, strict.tasks[1]!, new Map())).toThrow(/not finished/);
  });
});

describe('near misses', () => {
  it('counts a swap of neighbours as one edit and stops at the bound', () => {
    expect(editDistance('qeury', 'query', 3)).toBe(1);
    expect(editDistance('abc', 'xyz', 2)).toBe(3);
    expect(editDistance('', 'ab', 3)).toBe(2);
  });

  it('offers nothing where nothing is near', () => {
    expect(nearestName('table.qery', ['log.triage', 'table.query'])).toBe('table.query');
    expect(nearestName('weather.forecast', ['log.triage', 'table.query'])).toBeUndefined();
  });
});
