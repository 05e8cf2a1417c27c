// Law: a manifest says what the skill does and nothing that its tests do not show.
import type { JsonSchema, SkillManifest } from '../../../actors/planner/index.ts';
import { list, object, whole, words } from '../schema.ts';

const text = { type: 'string' };
const integer = { type: 'integer', minimum: 0 };

const rule: JsonSchema = {
  ...object({
    contains: words('A text that the work contains, whatever the case of its letters.', 500),
    lacks: words('A text that it does not contain, whatever the case.', 500),
    minWords: whole(1, 1_000_000, 'It has at least so many words.'),
    maxWords: whole(1, 1_000_000, 'It has at most so many words.'),
    isJson: { const: true, description: 'Each of its files is JSON.' },
    field: words('One of its files is JSON and has something at this path, for example total.value.', 200),
  }),
  minProperties: 1,
  maxProperties: 1,
};

const judged: Readonly<Record<string, JsonSchema>> = {
  question: words('What is asked of the work; yes accepts it.', 2000),
  criteria: list(words('One thing that it has to meet.', 500), 16, 'All of these have to be met.'),
  rules: list(rule, 32, 'What can be checked without a model. Where one does not hold the answer is no.'),
};

export const judge: SkillManifest = {
  name: 'judge',
  version: '1.0.0',
  title: 'Have work judged',
  description:
    'Puts files before judges: members of the mesh, each with its own model or by rules alone, say yes or no to a question about them. The output names what was judged, by digest.',
  input: object(judged, ['question']),
  output: object(
    {
      kind: { const: 'judged' },
      question: text,
      criteria: { type: 'array', items: text },
      rules: { type: 'array', items: { type: 'object' } },
      files: {
        type: 'array',
        items: object({ name: text, sha256: text, sizeBytes: integer }, ['name', 'sha256', 'sizeBytes']),
      },
    },
    ['kind', 'question', 'criteria', 'rules', 'files'],
  ),
  examples: [],
  synonyms: {},
  effects: 'none',
  files: [{ slot: 'work', formats: ['text', 'csv', 'tsv', 'jsonl', 'json', 'unknown'], required: true, many: true }],
  deterministic: true,
  isJudged: true,
  minimumTimeoutMs: 10_000,
};

export const judgeOpinion: SkillManifest = {
  name: 'judge.opinion',
  version: '1.0.0',
  title: 'Judge a result',
  description:
    "What a member does when it is asked to judge: checks the rules, and asks this node's model, where it has one, whether the work meets the question and the criteria.",
  input: object({ ...judged, of: { enum: ['result', 'files'] } }, ['question']),
  output: object(
    { accept: { type: 'boolean' }, by: { enum: ['rules', 'model'] }, reasons: { type: 'array', items: text } },
    ['accept', 'by', 'reasons'],
  ),
  examples: [],
  synonyms: {},
  effects: 'none',
  files: [{ slot: 'work', formats: ['json', 'text', 'unknown'], required: true, many: true }],
  deterministic: false,
  minimumTimeoutMs: 10_000,
};
