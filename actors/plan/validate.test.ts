// Law: what cannot be carried out is no plan, and says where and why.
import { describe, expect, it } from 'vitest';
import { type Plan, planLimits, problemText, validatePlan } from './index.ts';
import { blob, manifest, manifests, plan, task, texts } from './testing/plans.ts';

describe('validatePlan', () => {
  it('lets a sound plan through', () => {
    expect(texts(plan([task('one'), task('two', { files: { 'x.json': { task: 'one' } }, after: ['one'] })]))).toEqual(
      [],
    );
  });

  it.each<[string, Plan, RegExp]>([
    [
      'names the nearest skill where one is unknown',
      plan([task('total', { skill: 'table.qery' })]),
      /^task "total": unknown skill "table.qery"; did you mean "table.query"\?$/,
    ],
    [
      'names the whole cycle',
      plan([task('a', { after: ['c'] }), task('b', { after: ['a'] }), task('c', { after: ['b'] }), task('end')]),
      /waits for itself: a → c → b → a/,
    ],
    ['refuses a task that waits for itself', plan([task('a', { after: ['a'] })]), /waits for itself: a → a/],
    [
      'refuses a required file that is missing',
      plan([task('a', { files: {} })]),
      /needs a file \(table: csv\) and has 0/,
    ],
    ['refuses files for a skill that takes none', plan([task('a', { skill: 'clock.none' })]), /takes no files/],
    [
      'refuses the output of a task that is not there',
      plan([task('one'), task('b', { files: { x: { task: 'onee' } } })]),
      /unknown task "onee"; did you mean "one"\?/,
    ],
    [
      'refuses reading a task without waiting for it',
      plan([task('one'), task('b', { files: { x: { task: 'one' } } })]),
      /without waiting for it; add it to "after"/,
    ],
    ['refuses to wait for a task that is not there', plan([task('a', { after: ['zzzz'] })]), /unknown task "zzzz"/],
    [
      'refuses input that the schema does not allow',
      plan([task('a', { input: { limit: 'five' } })]),
      /input of table.query: limit must be of type integer/,
    ],
    [
      'names the nearest property where one is unknown',
      plan([task('a', { input: { limt: 5 } })]),
      /unknown property "limt"; did you mean "limit"\?/,
    ],
    ['refuses an id used twice', plan([task('a'), task('a')]), /the id "a" is used twice/],
    [
      'refuses a plan that hides what it may do',
      plan([task('a', { skill: 'report.write' })]),
      /declares risk "read-only" but "report.write" is "writes"/,
    ],
    [
      'refuses a result that is no task',
      plan([task('total')], { result: 'totl' }),
      /no task "totl"; did you mean "total"\?/,
    ],
    ['refuses an optional result', plan([task('a', { optional: true })]), /result task "a" is optional/],
    [
      'refuses a quorum over data that does not travel',
      plan([task('a', { placement: { site: 'north', dataSet: 'd' }, files: {} })]),
      /only "endorsement: site" is possible/,
    ],
    ['refuses a site’s word without a site', plan([task('a', { endorsement: 'site' })]), /needs a placement/],
    ['refuses less time than the skill needs', plan([task('a', { timeoutMs: 500 })]), /less than the 1000 ms/],
    [
      'refuses an input without bounds',
      plan([task('a', { input: { missing: ['x'.repeat(planLimits.inputBytes)] } })]),
      /larger than 65536 bytes/,
    ],
    [
      'refuses more tasks than the limit',
      plan(Array.from({ length: 65 }, (_, index) => task(`t${index}`))),
      /tasks must hold at most 64 items/,
    ],
    ['refuses a plan without tasks', plan([], { result: 'a' }), /tasks must hold at least 1 item/],
    [
      'refuses a file name that climbs out of its folder',
      plan([task('a', { files: { '../x': { blob } } })]),
      /holds the key "\.\.\/x"/,
    ],
    ['refuses an absolute file name', plan([task('a', { files: { '/etc/passwd': { blob } } })]), /holds the key/],
    ['refuses an id that is not a plain word', plan([task('A b')]), /id must be lower-case letters/],
    [
      'refuses a digest that is none',
      plan([task('a', { files: { x: { blob: { digest: 'zz', sizeBytes: 1 } } } })]),
      /has none of the allowed forms/,
    ],
    [
      'refuses a path where a payload is due',
      plan([task('a', { files: { x: { path: './x' } as never } })]),
      /has none of the allowed forms/,
    ],
    ['refuses a version it does not know', plan([task('a')], { version: 2 as never }), /version must be 1/],
  ])('%s', (_, value, expected) => {
    const found = texts(value);
    expect(
      found.some((text) => expected.test(text)),
      found.join('\n'),
    ).toBe(true);
  });

  it('never throws, whatever it is given', () => {
    for (const value of [null, 1, 'x', [], {}, { tasks: null }, { tasks: [null] }, { tasks: [{ files: null }] }]) {
      expect(validatePlan(value as never, manifests).length).toBeGreaterThan(0);
    }
  });

  it('blames the manifest where its schema is broken', () => {
    const broken = [manifest('table.query', { input: { type: 'nonsense' } })];
    expect(
      validatePlan(plan([task('a')]), broken)
        .map(problemText)
        .join(),
    ).toMatch(/input of table\.query: cannot be checked/);
  });

  it('lets a plan declare more risk than it has', () => {
    expect(texts(plan([task('a')], { risk: 'destructive' }))).toEqual([]);
  });
});
