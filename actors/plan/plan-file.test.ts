// Law: a plan file says all that a plan says; what is wrong with it is named by line and column.
import { describe, expect, it } from 'vitest';
import { bindFiles, draftPaths, parsePlanFile, validatePlan } from './index.ts';
import { blob, manifests, task } from './testing/plans.ts';

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
      'a step that is there to be judged and is not',
      good.replace('    skill: table.query', '    skill: judge'),
      'plan.yaml:3:5 task "total": judge needs judges: relation: { kind: judges',
    ],
    [
      'what members judge by, as a task',
      good.replace('    skill: table.query', '    skill: judge.opinion'),
      'plan.yaml:4:12 task "total": "judge.opinion" is what members judge by',
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

  it('has judges judge by the skill for that, and of a step its own question', () => {
    const relationIn = (yaml: string): unknown => {
      const parsed = parsePlanFile(yaml, 'plan.yaml', manifests);
      if (parsed.kind === 'invalid') throw new Error(parsed.errors.join('\n'));
      return parsed.draft.tasks[0]?.relation;
    };
    const step =
      'goal: x\ntasks:\n  - { id: a, skill: judge, input: { question: Is it?, rules: [1] }, files: { a: a }, relation: RELATION }';
    expect(relationIn(step.replace('RELATION', '{ kind: judges, atLeast: 2 }'))).toEqual({
      kind: 'judges',
      skill: 'judge.opinion',
      atLeast: 2,
      input: { question: 'Is it?', rules: [1], of: 'files' },
    });
    const own = '{ kind: judges, atLeast: 2, skill: judge.opinion, input: { question: Else? } }';
    expect(relationIn(step.replace('RELATION', own))).toMatchObject({ input: { question: 'Else?' } });
    const work = 'goal: x\ntasks:\n  - { id: a, skill: table.query, files: { a: a }, relation: RELATION }';
    const asked = '{ kind: judges, atLeast: 1, input: { question: Is it? } }';
    expect(relationIn(work.replace('RELATION', asked))).toEqual({
      kind: 'judges',
      skill: 'judge.opinion',
      atLeast: 1,
      input: { question: 'Is it?' },
    });
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
