import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import type { SkillManifest } from '../planner/index.ts';
import {
  bindFiles,
  bindTask,
  decodePlan,
  draftPaths,
  editDistance,
  nearestName,
  type Plan,
  type PlanTask,
  parsePlanFile,
  planBytes,
  planDigest,
  planLimits,
  problemText,
  readyTasks,
  validatePlan,
  waves,
} from './index.ts';

const crypto = {
  sha256: (...parts: readonly Uint8Array[]) =>
    new Uint8Array(createHash('sha256').update(Buffer.concat(parts)).digest()),
};
const blob = { digest: 'ab'.repeat(32), sizeBytes: 12 };

function manifest(name: string, more: Partial<SkillManifest> = {}): SkillManifest {
  return {
    name,
    version: '1',
    title: name,
    description: name,
    input: {
      type: 'object',
      additionalProperties: false,
      properties: { limit: { type: 'integer', minimum: 1 }, missing: { type: 'array' } },
    },
    output: {},
    examples: [],
    synonyms: {},
    effects: 'none',
    files: [{ slot: 'table', formats: ['csv'], required: true, many: true }],
    deterministic: true,
    minimumTimeoutMs: 1_000,
    ...more,
  };
}
const manifests = [
  manifest('table.query'),
  manifest('report.write', { effects: 'writes-workflow-folder' }),
  manifest('clock.none', { files: [] }),
];

function task(id: string, more: Partial<PlanTask> = {}): PlanTask {
  return {
    id,
    skill: 'table.query',
    input: {},
    files: { 'a.csv': { blob } },
    after: [],
    endorsement: 'quorum',
    optional: false,
    timeoutMs: 5_000,
    ...more,
  };
}
function plan(tasks: readonly PlanTask[], more: Partial<Plan> = {}): Plan {
  return { version: 1, goal: 'a goal', tasks, result: tasks.at(-1)?.id ?? 'none', risk: 'read-only', ...more };
}
const texts = (value: Plan): readonly string[] => validatePlan(value, manifests).map(problemText);

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

describe('parsePlanFile', () => {
  const good = `goal: total size per section
tasks:
  - id: total
    skill: table.query
    input: { limit: 5 }
    files: { packages.csv: ./packages.csv }
  - id: report
    skill: report.write
    files: { total.json: { task: total } }
`;

  it('fills in what may be left out, and binds paths to payloads', () => {
    const parsed = parsePlanFile(good, 'plan.yaml', manifests);
    if (parsed.kind === 'invalid') throw new Error(parsed.errors.join('\n'));
    expect(draftPaths(parsed.draft)).toEqual(['./packages.csv']);
    expect(() => bindFiles(parsed.draft, new Map())).toThrow(/\.\/packages\.csv, which was not stored/);
    const bound = bindFiles(parsed.draft, new Map([['./packages.csv', blob]]));
    expect(bound).toEqual({
      version: 1,
      goal: 'total size per section',
      risk: 'writes',
      result: 'report',
      tasks: [
        task('total', { input: { limit: 5 }, files: { 'packages.csv': { blob } }, timeoutMs: 60_000 }),
        task('report', {
          skill: 'report.write',
          files: { 'total.json': { task: 'total' } },
          after: ['total'],
          timeoutMs: 60_000,
        }),
      ],
    });
    expect(validatePlan(bound, manifests)).toEqual([]);
  });

  it('takes a relation by its name, and a bound as the decimal that was written', () => {
    const relations = [
      ['canonical', { kind: 'canonical' }],
      ['{ kind: numeric, absolute: 0.05 }', { kind: 'numeric', absolute: '0.05' }],
      ['{ kind: numeric, relative: "1e-3" }', { kind: 'numeric', relative: '1e-3' }],
      [
        '{ kind: fields, fields: { a: canonical, b: { kind: numeric, absolute: 1 } } }',
        { kind: 'fields', fields: { a: { kind: 'canonical' }, b: { kind: 'numeric', absolute: '1' } } },
      ],
    ] as const;
    for (const [written, relation] of relations) {
      const text = good.replace('    skill: table.query', `    skill: table.query\n    relation: ${written}`);
      const parsed = parsePlanFile(text, 'plan.yaml', manifests);
      if (parsed.kind === 'invalid') throw new Error(parsed.errors.join('\n'));
      expect(parsed.draft.tasks[0]?.relation).toEqual(relation);
    }
  });

  it('reads the same plan from JSON, tabs and all', () => {
    const json = JSON.stringify(
      { goal: 'g', tasks: [{ id: 'a', skill: 'table.query', files: { 'a.csv': 'a.csv' } }] },
      null,
      '\t',
    );
    expect(parsePlanFile(json, 'plan.json', manifests).kind).toBe('draft');
  });

  it.each<[string, string, string]>([
    [
      'an unknown skill',
      good.replace('table.query', 'table.qery'),
      'plan.yaml:4:12 task "total": unknown skill "table.qery"; did you mean "table.query"?',
    ],
    [
      'an unknown key, at the key',
      good.replace('input: { limit: 5 }', 'inputs: { limit: 5 }'),
      'plan.yaml:5:5 task "total": has an unknown property "inputs"; did you mean "input"?',
    ],
    [
      'a bad input value',
      good.replace('limit: 5', 'limit: five'),
      'plan.yaml:5:21 task "total": input of table.query: limit must be of type integer, and is "five"',
    ],
    [
      'an unknown task',
      good.replace('task: total', 'task: totals'),
      'plan.yaml:9:26 task "report": unknown task "totals"; did you mean "total"?',
    ],
    [
      'a cycle',
      good.replace('input: { limit: 5 }', 'after: [report]'),
      'plan.yaml:5:12 task "total": waits for itself: total → report → total',
    ],
    [
      'a duplicate id',
      good.replace('id: report', 'id: total'),
      'plan.yaml:7:9 task "total": the id "total" is used twice; ids are unique in a plan',
    ],
    [
      'a missing file',
      good.replace('    files: { packages.csv: ./packages.csv }\n', ''),
      'plan.yaml:3:5 task "total": table.query needs a file (table: csv) and has 0',
    ],
    [
      'understated risk',
      `risk: read-only\n${good}`,
      'plan.yaml:1:7 the plan declares risk "read-only" but "report.write" is "writes"',
    ],
    [
      'two ends',
      good.replace('{ total.json: { task: total } }', '{ a.csv: a.csv }'),
      'plan.yaml:1:1 nothing waits for total and report; say which is the answer',
    ],
    ['a missing goal', good.replace('goal: total size per section\n', ''), 'plan.yaml:1:1 the plan lacks "goal"'],
    [
      'a key given twice',
      good.replace('    skill: table.query', '    skill: table.query\n    skill: table.query'),
      'plan.yaml:5:5 Map keys must be unique',
    ],
    [
      'a bound that is no number',
      good.replace('    skill: table.query', '    skill: table.query\n    relation: { kind: numeric, absolute: tiny }'),
      'plan.yaml:5:42 task "total": "absolute" must be a decimal number, as "0.01"',
    ],
    [
      'a relation that is none',
      good.replace('    skill: table.query', '    skill: table.query\n    relation: 7'),
      'plan.yaml:5:15 task "total": relation must be exact, canonical, or a mapping with "kind" such as { kind: numeric, absolute: 0.01 }, and is 7',
    ],
    [
      'an input that nests without end, in brackets',
      good.replace('limit: 5', `limit: ${'['.repeat(20_000)}${']'.repeat(20_000)}`),
      'plan.yaml:5:',
    ],
    [
      'an input that nests without end, in a list',
      good.replace('{ limit: 5 }', `\n      ${'- '.repeat(20_000)}a`),
      'plan.yaml:6:',
    ],
    [
      'an input one level deeper than any may be',
      good.replace('limit: 5', `limit: ${'['.repeat(61)}${']'.repeat(61)}`),
      'plan.yaml:5:81 values stand deeper inside each other than 64 levels',
    ],
    [
      'a parameter that its relation has not, inside another',
      good.replace(
        '    skill: table.query',
        '    skill: table.query\n    relation:\n      kind: all\n      of: [canonical, { kind: embedding, degrees: 3, microradians: 5 }]',
      ),
      'plan.yaml:7:42 task "total": the relation embedding has no "degrees"',
    ],
    [
      'a judge that nobody has',
      good.replace(
        '    skill: table.query',
        '    skill: table.query\n    relation: { kind: judges, skill: text.jugde, atLeast: 2 }',
      ),
      'plan.yaml:5:38 task "total": unknown skill "text.jugde" as judge; known are',
    ],
    ['text that is not YAML', good.replace('limit: 5 }', 'limit: 5'), 'plan.yaml:6:5 '],
  ])('says the line and column of %s', (_, text, expected) => {
    const parsed = parsePlanFile(text, 'plan.yaml', manifests);
    const errors = parsed.kind === 'invalid' ? parsed.errors : [];
    expect(
      errors.some((error) => error.startsWith(expected)),
      errors.join('\n'),
    ).toBe(true);
  });

  it('refuses what is not a plan at all, and an alias bomb', () => {
    for (const text of [
      '',
      '- a',
      'words',
      'a: 1\n---\nb: 2',
      '\u0000',
      `a: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b]\nd: [*c,*c,*c,*c,*c,*c,*c]`,
    ]) {
      const parsed = parsePlanFile(text, 'plan.yaml', manifests);
      expect(parsed.kind === 'invalid' && parsed.errors.every((error) => /^plan\.yaml:\d+:\d+ ./.test(error))).toBe(
        true,
      );
    }
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

describe('a plan file that is far from being one', () => {
  const errorsOf = (text: string): readonly string[] => {
    const parsed = parsePlanFile(text, 'plan.yaml', []);
    return parsed.kind === 'invalid' ? parsed.errors : [];
  };
  it.each([
    ['', /^plan.yaml:1:1 a plan is a mapping with "goal" and "tasks"; this is empty$/],
    ['- a\n- b\n', /this is a list$/],
    [`goal: x\ntasks:\n  ${'- '.repeat(20_000)}a`, /deeper inside each other than 64 levels/],
    ['goal: x\ntasks: { a: 1 }\n', /^plan.yaml:2:8 tasks must be of type array, and is a mapping$/],
    ['goal: x\ntasks:\n  - id: A b\n    skill: s\n', /^plan.yaml:3:9 task "A b": id must be lower-case letters/],
  ])('%# is told so once, without what follows from it', (text, expected) => {
    expect(errorsOf(text)).toEqual([expect.stringMatching(expected)]);
  });
});
