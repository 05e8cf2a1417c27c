// Law: the planner is judged on sentences, against the manifests of the skills that ship: a confident wrong plan is a failure, whatever the rest scores.
// The author of the rules wrote the sentences too, so the figures show that the rules do what they were meant to, not how strangers fare. The
// third file is about values that the data holds; half of it was written before its rules. What these still refuse needlessly is left in it.
// The fourth holds what a careless user typed over other tables; of the first 56 of them 17 were planned and none wrongly, then classes of its failures were mended.
// The second file was written after the rules had been settled on the first; when first read it gave 23 exact, 5 refused needlessly, 0 wrong.
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { type Json, type Plan, validatePlan, waves } from '../actors/plan/index.ts';
import { type PlannerRequest, type Planning, planFromWords, type SiteProfile } from '../actors/planner/index.ts';
import type { BlobRef, FileProfile } from '../actors/system/index.ts';
import { manifests } from '../node/skills/index.ts';

type Columns = FileProfile['tables'][number]['columns'];

function columns(...named: readonly string[]): Columns {
  return named.map((each) => {
    const [name, type] = each.split(':');
    return { name: name!, type: type as Columns[number]['type'] };
  });
}
function table(
  name: string,
  format: 'csv' | 'sqlite',
  ...tables: readonly (readonly [string, Columns])[]
): FileProfile {
  return { name, format, sizeBytes: 1, tables: tables.map(([each, all]) => ({ name: each, columns: all })) };
}
const text = (name: string): FileProfile => ({ name, format: 'text', sizeBytes: 1, tables: [] });

const packages = columns('package:text', 'version:text', 'section:text', 'priority:text', 'installed_size:integer');
const orders = columns(
  'order_id:integer',
  'region:text',
  'product:text',
  'revenue:number',
  'quantity:integer',
  'order_date:date',
  'returned:boolean',
);
const held = [{ name: 'packages', columns: packages.map(({ name }) => name) }];

const worlds: Readonly<
  Record<string, { readonly files: readonly FileProfile[]; readonly sites?: readonly SiteProfile[] }>
> = {
  packages: { files: [table('packages.csv', 'csv', ['packages', packages])] },
  /** Answers of two models to the questions of an examination; three files that were asked about without care. */
  exam: {
    files: [
      table('mmlu.csv', 'csv', [
        'mmlu',
        [
          { name: 'question', type: 'integer', isKey: true },
          { name: 'subject', type: 'text', values: ['anatomy', 'astronomy', 'college_chemistry', 'world_religions'] },
          { name: 'prompt_length', type: 'integer' },
          { name: 'weak', type: 'boolean' },
          { name: 'strong', type: 'boolean' },
        ],
      ]),
    ],
  },
  lengths: {
    files: [
      table('gsm8k.csv', 'csv', [
        'gsm8k',
        columns('prompt_length:integer', 'weak:boolean', 'strong:boolean', 'wl:integer', 'sl:integer'),
      ]),
    ],
  },
  labels: {
    files: [
      table('labels.csv', 'csv', [
        'labels',
        [
          { name: 'image', type: 'integer', isKey: true },
          { name: 'label', type: 'integer' },
        ],
      ]),
    ],
  },
  /** Nothing in it says what its rows are. */
  nameless: {
    files: [
      table('data.csv', 'csv', [
        'data',
        [
          { name: 'status', type: 'text', values: ['pending', 'shipped'] },
          { name: 'amount', type: 'number' },
        ],
      ]),
    ],
  },
  sales: { files: [table('orders.csv', 'csv', ['orders', orders])] },
  /** As a profile describes it: with the kinds that its columns hold. */
  shopkeeper: {
    files: [
      table('sales.csv', 'csv', [
        'sales',
        [
          { name: 'order_id', type: 'integer', isKey: true },
          { name: 'customer', type: 'text', values: ['Acme', 'Bolt', 'Corex'] },
          { name: 'region', type: 'text', values: ['north', 'south', 'west'] },
          { name: 'product', type: 'text', values: ['doohickey', 'gadget', 'widget'] },
          { name: 'quantity', type: 'integer', isKey: true },
          { name: 'unit_price', type: 'number' },
          { name: 'order_date', type: 'date', isKey: true },
          { name: 'status', type: 'text', values: ['cancelled', 'pending', 'shipped'] },
        ],
      ]),
    ],
  },
  sites: {
    files: [],
    sites: [
      { name: 'north', dataSets: held },
      { name: 'south', dataSets: held },
      { name: 'west', dataSets: [] },
    ],
  },
  logs: { files: [text('app.log'), text('auth.log')] },
  repo: { files: [text('project/package.json'), text('project/src/main.ts'), text('project/LICENSE')] },
  shop: {
    files: [
      table('orders.csv', 'csv', ['orders', columns('order_id:integer', 'customer_id:integer', 'revenue:number')]),
      table('customers.csv', 'csv', ['customers', columns('customer_id:integer', 'country:text', 'age:integer')]),
    ],
  },
  database: {
    files: [
      table(
        'books.sqlite',
        'sqlite',
        ['invoices', columns('invoice:integer', 'status:text', 'amount:number')],
        ['suppliers', columns('supplier:text', 'city:text')],
      ),
    ],
  },
};

interface Sentence {
  readonly on: string;
  readonly say: string;
  /** The steps of the plan: skill and input, in plan order. */
  readonly do?: readonly (readonly [skill: string, input: Json])[];
  readonly files?: readonly string[];
  /** Why no plan may be made. */
  readonly refuse?: string;
}

function sentencesOf(name: string): readonly Sentence[] {
  return readFileSync(new URL(name, import.meta.url), 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Sentence);
}

function requestFor(on: string, words: string): PlannerRequest {
  const { files, sites = [] } = worlds[on]!;
  const fileBlobs = new Map(
    files.map(({ name }, index): [string, BlobRef] => [
      name,
      { digest: index.toString(16).padStart(64, '0'), sizeBytes: 1 },
    ]),
  );
  return { words, files, fileBlobs, manifests, sites };
}

const stepsOf = (plan: Plan): unknown => plan.tasks.map(({ skill, input }) => [skill, input]);
const filesOf = (plan: Plan): readonly string[] =>
  plan.tasks
    .flatMap(({ files }) => Object.entries(files).flatMap(([name, source]) => ('blob' in source ? [name] : [])))
    .sort();

type Verdict = 'exact' | 'abstained rightly' | 'abstained needlessly' | 'wrong but confident';
function judge(sentence: Sentence, answer: Planning): Verdict {
  if (answer.kind === 'abstain') return sentence.do === undefined ? 'abstained rightly' : 'abstained needlessly';
  if (sentence.do === undefined) return 'wrong but confident';
  try {
    expect(stepsOf(answer.plan)).toEqual(sentence.do);
    if (sentence.files !== undefined) expect(filesOf(answer.plan)).toEqual(sentence.files);
    return 'exact';
  } catch {
    return 'wrong but confident';
  }
}

describe.each([
  { name: 'planner-sentences.jsonl', mayRefuseNeedlessly: 0 },
  { name: 'planner-sentences-second.jsonl', mayRefuseNeedlessly: 3 },
  { name: 'planner-sentences-values.jsonl', mayRefuseNeedlessly: 4 },
  { name: 'planner-sentences-careless.jsonl', mayRefuseNeedlessly: 9 },
])('the planner on $name', ({ name, mayRefuseNeedlessly }) => {
  const sentences = sentencesOf(name);
  const judged = sentences.map((sentence) => {
    const answer = planFromWords(requestFor(sentence.on, sentence.say));
    return { sentence, answer, verdict: judge(sentence, answer) };
  });
  const count = (verdict: Verdict): number => judged.filter((each) => each.verdict === verdict).length;
  const told = (verdict: Verdict): string =>
    judged
      .filter((each) => each.verdict === verdict)
      .map(
        ({ sentence, answer }) =>
          `${verdict}: "${sentence.say}" → ${answer.kind === 'plan' ? JSON.stringify(stepsOf(answer.plan)) : `${answer.reason}: ${answer.message}`}`,
      )
      .join('\n');

  it('is never confident and wrong', () => {
    const wanted = sentences.filter((sentence) => sentence.do !== undefined).length;
    console.log(
      `${name}: ${sentences.length} sentences, ${wanted} with a plan and ${sentences.length - wanted} to refuse: ${count('exact')} exact, ${count('abstained rightly')} refused rightly, ` +
        `${count('abstained needlessly')} refused needlessly, ${count('wrong but confident')} wrong but confident (same author as the rules)\n${told('abstained needlessly')}`,
    );
    expect(told('wrong but confident')).toBe('');
  });

  it('plans what it is meant to understand', () => {
    expect(count('abstained needlessly'), told('abstained needlessly')).toBeLessThanOrEqual(mayRefuseNeedlessly);
  });

  it('makes only plans that may run, and explains each', () => {
    for (const { answer, sentence } of judged) {
      if (answer.kind !== 'plan') continue;
      expect(validatePlan(answer.plan, manifests), sentence.say).toEqual([]);
      expect(waves(answer.plan).flat().length).toBe(answer.plan.tasks.length);
      expect(answer.explanation.length, sentence.say).toBeGreaterThan(0);
    }
  });

  it('says with every refusal what stopped it and what would work', () => {
    for (const { answer, sentence } of judged) {
      if (answer.kind !== 'abstain') continue;
      expect(answer.message, sentence.say).not.toBe('');
      expect(answer.candidates.length, sentence.say).toBeGreaterThan(0);
      for (const { example } of answer.candidates) expect(example).not.toBe('');
    }
  });
});

describe('the planner and the skills that ship', () => {
  const examples = manifests.flatMap((manifest) =>
    manifest.examples.map((example) => ({ skill: manifest.name, ...example })),
  );
  const on: Readonly<Record<string, string>> = {
    'table.query': 'packages',
    'log.triage': 'logs',
    'text.search': 'logs',
    'repo.inspect': 'repo',
  };

  it('never contradicts an example of a manifest: it plans that input or abstains', () => {
    const planned: string[] = [];
    for (const { skill, words, input } of examples) {
      const world = on[skill];
      if (world === undefined) continue;
      const answer = planFromWords(requestFor(world, words));
      if (answer.kind === 'abstain') continue;
      planned.push(words);
      expect(stepsOf(answer.plan), words).toEqual([[skill, input]]);
    }
    expect(planned.length).toBeGreaterThanOrEqual(10);
  });

  it('makes no plan of a sentence with a word in it that nothing explains', () => {
    // Inside quotation marks and in free text to search for, any word is data.
    for (const { on: world, say, do: steps } of sentencesOf('planner-sentences.jsonl')) {
      if (steps === undefined || say.includes('"') || say.startsWith('search for')) continue;
      const words = say.split(' ');
      for (let at = 0; at <= words.length; at += 2) {
        const strange = [...words.slice(0, at), 'zebra', ...words.slice(at)].join(' ');
        expect(planFromWords(requestFor(world, strange)).kind, strange).toBe('abstain');
      }
    }
  });

  it('puts each refusal in words that name the trouble', () => {
    const said = (world: string, words: string): string => {
      const answer = planFromWords(requestFor(world, words));
      return answer.kind === 'plan' ? 'a plan' : [answer.reason, answer.message, ...answer.questions].join(' | ');
    };
    expect(said('packages', 'total installed_size per section except admin')).toMatch(
      /^cannot-do \| "except" asks for a negation/,
    );
    expect(said('packages', 'total size per section')).toMatch(
      /"size" \| Do you mean the column installed_size by "size"\?/,
    );
    expect(said('packages', 'number of packages in section admin')).toMatch(/Do you mean "where section = admin"\?/);
    expect(said('sales', 'total revenue in sales.csv')).toMatch(/^missing-slot \| there is no file sales\.csv here/);
    expect(said('sales', 'top 5 regions by revenue')).toMatch(
      /^tie .*the total, the average or the largest revenue per region/,
    );
    expect(said('shop', 'how many rows')).toMatch(/^tie .*orders\.csv.*customers\.csv/);
    expect(said('logs', 'triage the log')).toMatch(/^tie .*app\.log, auth\.log/);
    expect(said('sites', 'average installed_size per section')).toMatch(/^missing-slot .*across all sites/);
    expect(said('packages', 'bake me a cake')).toMatch(/^no-skill/);
    expect(said('packages', 'write a report about packages.csv to out.md')).toMatch(
      /what out\.md should hold .*number of rows in packages\.csv and write it to out\.md/,
    );
    expect(said('nameless', 'orders where status is shipped')).toMatch(
      /If the rows of data\.csv are the orders, say "rows"/,
    );
  });
});
