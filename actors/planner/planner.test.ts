import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { BlobRef, FileProfile } from '../system/index.ts';
import type { SkillManifest } from './index.ts';
import { planFromWords } from './index.ts';
import { looksLikeFile, meets, nameKey } from './names.ts';
import { rankSkills } from './retrieve.ts';
import { tokenize } from './text.ts';

const whole = { type: 'integer', minimum: 1, maximum: 1000 };
function manifest(name: string, title: string, more: Partial<SkillManifest>): SkillManifest {
  return {
    name,
    version: '1',
    title,
    description: title,
    input: { type: 'object', additionalProperties: false, properties: {} },
    output: {},
    examples: [],
    synonyms: {},
    effects: 'none',
    files: [],
    deterministic: true,
    minimumTimeoutMs: 100,
    ...more,
  };
}
const tableFile = [{ slot: 'table', formats: ['csv'], required: true }];
const manifests: readonly SkillManifest[] = [
  manifest('table.query', 'Query a table', { input: { type: 'object' }, files: tableFile }),
  manifest('table.aggregate', 'Aggregate at a site', { input: { type: 'object' }, files: tableFile }),
  manifest('table.merge', 'Merge parts', {
    input: { type: 'object' },
    files: [{ slot: 'parts', formats: ['json'], required: true, many: true }],
  }),
  manifest('light.dim', 'Dim a light', {
    description: 'Sets how bright a lamp is.',
    examples: [{ words: 'dim the lamp to level 3', input: { level: 3 } }],
    synonyms: { dim: ['dim', 'turn down'], lamp: ['lamp', 'light'], level: ['level', 'brightness'] },
    input: {
      type: 'object',
      required: ['level'],
      additionalProperties: false,
      properties: { level: whole, colour: { enum: ['red', 'green'] } },
    },
    effects: 'network',
  }),
  manifest('disk.wipe', 'Wipe a disk', { synonyms: { wipe: ['wipe', 'erase'] }, effects: 'destructive' }),
];
const people: FileProfile = {
  name: 'people.csv',
  format: 'csv',
  sizeBytes: 1,
  tables: [
    {
      name: 'people',
      columns: [
        { name: 'fullName', type: 'text' },
        { name: 'Home City', type: 'text' },
        { name: 'growth', type: 'number' },
        { name: 'reason', type: 'text' },
        { name: 'count', type: 'integer' },
      ],
    },
  ],
};
const fileBlobs: ReadonlyMap<string, BlobRef> = new Map([['people.csv', { digest: 'a'.repeat(64), sizeBytes: 1 }]]);
const ask = (words: string, order = manifests) =>
  planFromWords({ words, files: [people], fileBlobs, manifests: order });
const inputOf = (words: string): unknown => {
  const answer = ask(words);
  return answer.kind === 'plan' ? answer.plan.tasks.map(({ input }) => input) : `${answer.reason}: ${answer.message}`;
};

describe('tokenize', () => {
  it('drops nothing but white space', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', maxLength: 60 }), (words) => {
        const said = words.normalize('NFC').replace(/\s/gu, '');
        const kept = tokenize(words)
          .map(({ text }) => text)
          .join('')
          .replace(/\s/gu, '');
        expect(kept).toBe(said);
      }),
    );
  });

  it('reads numbers only where they are plain', () => {
    expect(tokenize('1,000 2.5 -3 five 10k 2025-01-02 1.2.3').map(({ number }) => number)).toEqual([
      1000,
      2.5,
      -3,
      5,
      undefined,
      undefined,
      undefined,
    ]);
  });

  it('keeps a quotation, a file name and a dotted path in one piece', () => {
    expect(tokenize('search “a b” in ./logs/auth.log, then x>=5.').map(({ word }) => word)).toEqual([
      'search',
      'a b',
      'in',
      './logs/auth.log',
      ',',
      'then',
      'x',
      '>=',
      '5',
      '.',
    ]);
  });
});

describe('names', () => {
  it('are met whatever their case, separators and plural, and no further', () => {
    for (const said of ['home city', 'Home-City', 'homeCity', 'home_cities'])
      expect(meets(nameKey(said), nameKey('Home City')), said).toBeDefined();
    for (const said of ['city', 'home cit', 'homes city'])
      expect(meets(nameKey(said), nameKey('Home City')), said).toBeUndefined();
  });

  it('of files are told from words', () => {
    expect(['a.csv', './x', 'logs/', 'dir/b.log'].every(looksLikeFile)).toBe(true);
    expect(['section', 'and', 'e', 'installed_size'].some(looksLikeFile)).toBe(false);
  });
});

describe('a word that is also a name in the data', () => {
  it('is data where it is exactly a column, although it would be refused elsewhere', () => {
    expect(inputOf('total growth per home city')).toEqual([
      { groupBy: ['Home City'], aggregates: [{ function: 'sum', column: 'growth' }] },
    ]);
    expect(inputOf('number of people per reason')).toEqual([
      { groupBy: ['reason'], aggregates: [{ function: 'count' }] },
    ]);
    expect(inputOf('forecast of growth per home city')).toMatch(/^cannot-do: "forecast"/);
  });

  it('does not hide a negation', () => {
    expect(inputOf('total growth where reason is not known')).toMatch(/^cannot-do: "not"/);
  });

  it('gets a result column of its own where a grouping column has its name', () => {
    expect(inputOf('number of people per count')).toEqual([
      { groupBy: ['count'], aggregates: [{ function: 'count', as: 'count_of_group' }] },
    ]);
  });
});

describe('a skill the planner has never heard of', () => {
  it('is called with what its schema asks for', () => {
    expect(inputOf('please dim the lamp to level 3')).toEqual([{ level: 3 }]);
    expect(inputOf('turn down the light, green, brightness 7')).toEqual([{ level: 7, colour: 'green' }]);
  });

  it('is not called without what its schema requires, or with what its schema refuses', () => {
    expect(inputOf('dim the lamp')).toMatch(/^missing-slot: light\.dim needs "level"/);
    expect(inputOf('dim the lamp to level 2000')).toMatch(/^cannot-do: .*level must be at most 1000/);
    expect(inputOf('dim the lamp 3')).toMatch(/^unexplained-words|^missing-slot/);
  });

  it('gives the plan the risk of its effects', () => {
    const risk = (words: string): string => {
      const answer = ask(words);
      return answer.kind === 'plan' ? answer.plan.risk : answer.message;
    };
    expect(risk('number of people')).toBe('read-only');
    expect(risk('dim the lamp to level 3')).toBe('external');
    expect(risk('wipe the disk')).toBe('destructive');
  });
});

describe('sites', () => {
  const sites = [
    { name: 'Nord Süd', dataSets: [{ name: 'people', columns: ['city', 'age', 'onlyHere'] }] },
    { name: 'nord-sud', dataSets: [{ name: 'people', columns: ['city', 'age'] }] },
    { name: 'empty', dataSets: [] },
  ];
  const federated = (words: string) => planFromWords({ words, files: [], fileBlobs: new Map(), manifests, sites });

  it('each compute on their own data and are named where they hold none; everyone can recompute the merge', () => {
    const answer = federated('average age per city across all sites');
    if (answer.kind === 'abstain') throw new Error(answer.message);
    const [first, second, merge] = answer.plan.tasks;
    expect(first).toMatchObject({
      id: 'site-nord-su-d',
      placement: { site: 'Nord Süd', dataSet: 'people' },
      endorsement: 'site',
      optional: true,
      files: {},
      input: { site: 'Nord Süd' },
    });
    expect(second).toMatchObject({ id: 'site-nord-sud', placement: { site: 'nord-sud', dataSet: 'people' } });
    expect(merge).toMatchObject({
      endorsement: 'quorum',
      optional: false,
      after: [first!.id, second!.id],
      input: { missing: [{ site: 'empty', reason: 'holds no data set "people"' }] },
    });
    expect(answer.plan.result).toBe(merge!.id);
  });

  it('are not asked for a column that one of them lacks', () => {
    expect(federated('average onlyHere per city across all sites').kind).toBe('abstain');
  });

  it('do not give rows away', () => {
    expect(federated('show city and age where city = Oslo across all sites')).toMatchObject({
      kind: 'abstain',
      reason: 'cannot-do',
      message: expect.stringMatching(/rows do not leave/),
    });
  });
});

describe('planFromWords', () => {
  it('gives the same answer in whatever order the manifests come', () => {
    for (const words of [
      'total growth per home city, top 3',
      'dim the lamp to level 3',
      'nothing of the kind',
      'top 3 people',
    ]) {
      expect(ask(words, [...manifests].reverse())).toEqual(ask(words));
    }
  });

  it('never throws, and plans nothing from noise', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', maxLength: 200 }), (words) => {
        expect(ask(words).kind).toBe('abstain');
      }),
    );
  });

  it('ends on sentences made to be read in many ways', () => {
    const piece = fc.constantFrom(
      'total',
      'growth',
      'count',
      'per',
      'by',
      'and',
      ',',
      'home city',
      'top',
      '5',
      'where',
      'is',
      'or',
      'largest',
      'people',
      'the',
      'sorted',
      'then',
    );
    fc.assert(
      fc.property(fc.array(piece, { minLength: 1, maxLength: 100 }), (pieces) => {
        expect(['plan', 'abstain']).toContain(ask(pieces.join(' ')).kind);
      }),
      { numRuns: 60 },
    );
  });

  it('refuses more than a sentence', () => {
    expect(ask('total growth '.repeat(100))).toMatchObject({ kind: 'abstain', reason: 'cannot-do' });
    expect(ask('x'.repeat(5_000))).toMatchObject({ kind: 'abstain', reason: 'cannot-do' });
    expect(ask('')).toMatchObject({ kind: 'abstain', reason: 'no-skill' });
  });

  it('lowers its confidence for what it had to assume, and says what', () => {
    const named = ask('number of people in people.csv');
    const assumed = ask('number of people');
    if (named.kind !== 'plan' || assumed.kind !== 'plan') throw new Error('no plan');
    expect(named.confidence).toBe(1);
    expect(assumed.confidence).toBe(0.9);
    expect(assumed.explanation).toContain('assumed: the table people.csv, the only one with these columns');
  });
});

describe('rankSkills', () => {
  it('finds a skill by its synonyms and examples, and nothing for words that no manifest has', () => {
    expect(rankSkills('brightness', manifests).map((each) => each.manifest.name)).toEqual(['light.dim']);
    expect(rankSkills('weather in Oslo', manifests)).toEqual([]);
  });
});

describe('a file that cannot be read', () => {
  const broken: FileProfile = { ...people, tables: [], problem: "'people.csv' is UTF-16" };
  const answer = (files: readonly FileProfile[], words: string) =>
    planFromWords({ words, files, fileBlobs, manifests });
  it('is what the refusal is about, and not the words', () => {
    expect(answer([broken], 'total growth in people.csv')).toMatchObject({
      reason: 'unreadable-file',
      message: "'people.csv' is UTF-16",
      questions: [],
      candidates: [],
    });
  });
  it('is told first where others can be read', () => {
    const message = (answer([broken, { ...people, name: 'more.csv' }], 'total nonsense') as { message: string })
      .message;
    expect(message).toMatch(/^'people\.csv' is UTF-16\. Therefore: /);
  });
});

describe('a column that is nearly numbers', () => {
  it('is refused with the value that is none', () => {
    const columns = [{ name: 'size', type: 'text', notNumber: '1,234' }] as const;
    const files: readonly FileProfile[] = [{ ...people, tables: [{ name: 'people', columns }] }];
    const answer = planFromWords({ words: 'total size in people.csv', files, fileBlobs, manifests });
    expect(answer).toMatchObject({ kind: 'abstain', reason: 'cannot-do' });
    expect((answer as { message: string }).message).toBe(
      'size holds text ("1,234" is no plain number), so it has no sum',
    );
  });
});
