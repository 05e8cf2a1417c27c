// Law: parts merged give what the whole would have given, small groups never leave, and no row does.
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { canonicalBytes } from '../canonical.ts';
import { exampleFile, failureOf, TestFolder } from '../test-files.ts';
import type { Aggregate } from './accumulator.ts';
import { type AggregateInput, run as aggregate, type Partials } from './aggregate.ts';
import { type MergeInput, run as merge } from './merge.ts';
import { run as query } from './query.ts';

let folder: TestFolder;
beforeAll(() => {
  folder = new TestFolder();
});
afterAll(() => folder.remove());

const sites = ['north', 'south', 'west'];
const aggregates: readonly Aggregate[] = [
  { function: 'avg', column: 'installed_size' },
  { function: 'count' },
  { function: 'min', column: 'installed_size' },
  { function: 'max', column: 'installed_size' },
  { function: 'sum', column: 'installed_size' },
];
const ask = (site: string, minimumGroupSize: number): AggregateInput => ({
  site,
  groupBy: ['section'],
  aggregates,
  minimumGroupSize,
});
const partOf = async (site: string, minimumGroupSize: number): Promise<Partials> =>
  aggregate(ask(site, minimumGroupSize), [exampleFile(`sites/${site}/packages.csv`)]);
const asFile = (part: Partials) => folder.file(`${part.site}.json`, canonicalBytes(part));

describe('table.aggregate and table.merge', () => {
  test('three sites without a minimum give the answer of the whole table', async () => {
    const parts = await Promise.all(sites.map((site) => partOf(site, 1)));
    const sort = [{ by: 'avg_installed_size', direction: 'descending' as const }];
    const merged = await merge({ aggregates, sort, limit: 10 }, parts.map(asFile));
    const whole = await query({ groupBy: ['section'], aggregates, sort, limit: 10 }, [exampleFile('packages.csv')]);
    expect(merged.columns).toEqual(whole.columns);
    expect(merged.rows).toEqual(whole.rows);
    expect(merged.rowsBeforeLimit).toBe(whole.rowsBeforeLimit);
    expect(merged.parts).toEqual(parts.map(({ site, rows }) => ({ site, rows, suppressedGroups: 0 })));
  });

  test('any split of any table gives the same bytes, in any order of the parts', async () => {
    const cell = fc.oneof(fc.constantFrom('', '1', '2.5', '-0.1', '9007199254740993'), fc.integer().map(String));
    const row = fc.tuple(fc.constantFrom('a', 'b', 'c', ''), cell, fc.nat(2));
    const asked: readonly Aggregate[] = aggregates.map((one) =>
      one.column === undefined ? one : { ...one, column: 'v' },
    );
    await fc.assert(
      fc.asyncProperty(fc.array(row, { maxLength: 40 }), async (rows) => {
        const csv = (mine: readonly (readonly [string, string, number])[]): string =>
          `k,v\n${mine.map(([k, v]) => `${k},${v}\n`).join('')}`;
        const whole = await query({ groupBy: ['k'], aggregates: asked }, [folder.file('whole.csv', csv(rows))]);
        const parts = await Promise.all(
          sites.map(async (site, index) =>
            aggregate({ site, groupBy: ['k'], aggregates: asked, minimumGroupSize: 1 }, [
              folder.file(`${site}.csv`, csv(rows.filter((one) => one[2] === index))),
            ]),
          ),
        );
        const merged = await merge({ aggregates: asked }, parts.map(asFile));
        const { parts: named, ...table } = merged;
        const { rowsRead, rowsMatched, ...expected } = whole;
        expect(Buffer.from(canonicalBytes(table)).toString()).toBe(Buffer.from(canonicalBytes(expected)).toString());
        const again = await merge(
          { aggregates: asked },
          [...parts].reverse().map((part) => ({ ...asFile(part), name: `${part.rows}-${part.site}` })),
        );
        expect(again).toEqual(merged);
      }),
      { numRuns: 60 },
    );
  });

  test('groups below the minimum are left out, counted and never named', async () => {
    const part = await partOf('north', 5);
    const all = await query({ groupBy: ['section'], aggregates: [{ function: 'count' }] }, [
      exampleFile('sites/north/packages.csv'),
    ]);
    const small = all.rows.filter((row) => (row[1] as number) < 5);
    expect(small.length).toBeGreaterThan(0);
    expect(part.suppressedGroups).toBe(small.length);
    expect(part.groups.every(({ rows }) => rows >= 5)).toBe(true);
    const told = JSON.stringify(part.groups);
    for (const [section] of small) expect(told).not.toContain(`"${section}"`);
    expect(part.rows).toBe(
      all.rows.filter((row) => (row[1] as number) >= 5).reduce((sum, row) => sum + (row[1] as number), 0),
    );
  });

  test('a large group with few values in the summed column is small', async () => {
    const csv = `k,v\n${'a,\n'.repeat(20)}a,41\n${'b,1\n'.repeat(6)}`;
    const part = await aggregate({ site: 'x', groupBy: ['k'], aggregates: [{ function: 'sum', column: 'v' }] }, [
      folder.file('few.csv', csv),
    ]);
    expect(part.groups).toEqual([{ key: ['b'], rows: 6, measures: [{ count: 6, sum: '6' }] }]);
    expect(part.suppressedGroups).toBe(1);
  });

  test("no cell that is not a group's key leaves the site with sums alone", async () => {
    const part = await aggregate(
      { site: 'north', groupBy: ['section'], aggregates: [{ function: 'avg', column: 'installed_size' }] },
      [exampleFile('sites/north/packages.csv')],
    );
    const text = Buffer.from(canonicalBytes(part)).toString();
    const names = await query({ columns: ['package', 'version'] }, [exampleFile('sites/north/packages.csv')]);
    const keys = new Set(part.groups.map(({ key }) => key[0]));
    for (const [name, version] of names.rows) {
      if (!keys.has(String(name))) expect(text).not.toContain(`"${name}"`);
      expect(text).not.toContain(`"${version}"`);
    }
  });

  test('the answer names who took part and who is missing, and why', async () => {
    const parts = await Promise.all(['north', 'west'].map((site) => partOf(site, 5)));
    const merged = await merge(
      { aggregates, missing: [{ site: 'south', reason: 'no answer within 2 s' }] },
      parts.map(asFile),
    );
    expect(merged.parts).toEqual([
      { site: 'north', rows: parts[0]!.rows, suppressedGroups: parts[0]!.suppressedGroups },
      { site: 'south', missing: 'no answer within 2 s' },
      { site: 'west', rows: parts[1]!.rows, suppressedGroups: parts[1]!.suppressedGroups },
    ]);
    expect(await failureOf(merge({ aggregates, missing: [{ site: 'south', reason: 'refused' }] }, []))).toEqual({
      code: 'no_parts',
      message: "there is nothing to merge: no site gave its part; missing: 'south' (refused)",
    });
  });

  test('parts that contradict each other or themselves are refused, whatever a site sends', async () => {
    const good = await partOf('north', 5);
    const refused = async (parts: readonly unknown[], input: MergeInput = { aggregates }): Promise<string> =>
      (
        await failureOf(
          merge(
            input,
            parts.map((part, index) =>
              folder.file(`part${index}.json`, typeof part === 'string' ? part : canonicalBytes(part)),
            ),
          ),
        )
      ).code;
    expect(await refused([good, good])).toBe('duplicate_site');
    expect(await refused([good], { aggregates, missing: [{ site: 'north', reason: 'x' }] })).toBe('duplicate_site');
    expect(await refused([good, { ...good, site: 'b', groupBy: [{ name: 'other', type: 'text' }] }])).toBe(
      'parts_differ',
    );
    expect(await refused([good], { aggregates: [{ function: 'sum', column: 'version' }] })).toBe('parts_differ');
    expect(await refused([good], { aggregates: [{ function: 'distinct', column: 'installed_size' }] })).toBe(
      'bad_aggregate',
    );
    const [group] = good.groups;
    const [measure] = group!.measures;
    const broken: unknown[] = [
      '{',
      'null',
      '[]',
      '{"kind":"partials"}',
      { ...good, rows: good.rows + 1 },
      { ...good, groups: [null] },
      { ...good, groups: [{ ...group, key: [] }], rows: group!.rows },
      { ...good, groups: [{ ...group, rows: -1 }], rows: -1 },
      { ...good, groups: [{ ...group, measures: [{ ...measure, sum: 'NaN' }] }], rows: group!.rows },
      { ...good, groups: [{ ...group, measures: [{ ...measure, sum: '1.5' }] }], rows: group!.rows },
      { ...good, groups: [{ ...group, measures: [{ ...measure, min: 'x' }] }], rows: group!.rows },
      { ...good, groups: [{ ...group, measures: [{ ...measure, count: group!.rows + 1 }] }], rows: group!.rows },
      { ...good, groupBy: [{ name: 'section', type: 'integer' }] },
      { ...good, groupBy: [{ name: 'section', type: null }] },
      { ...good, groupBy: [{ name: 'section', type: 'secret' }] },
      { ...good, measures: [...good.measures, ...good.measures] },
    ];
    for (const part of broken) expect(await refused([part]), JSON.stringify(part).slice(0, 200)).toBe('not_partials');
  });
});
