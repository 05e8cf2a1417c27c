// Law: a manifest says what the skill does and nothing that its tests do not show.
import type { SkillManifest } from '../../../actors/planner/index.ts';
import { object, whole, words } from '../schema.ts';

const text = { type: 'string' };
const textOrNull = { type: ['string', 'null'] };
const integer = { type: 'integer', minimum: 0 };
const anyFormat = ['text', 'csv', 'tsv', 'jsonl', 'json', 'unknown'];

export const logTriage: SkillManifest = {
  name: 'log.triage',
  version: '1.0.0',
  title: 'Triage a log',
  description:
    'Reads a log file (syslog, ISO 8601, Apache, epoch or JSON lines), clusters its lines into templates with count, share, level, first and last seen and rate, and names what stands out: rare templates, bursts, templates new in the last window.',
  input: object({
    top: whole(1, 1000, 'Templates to show, most frequent first; 20 unless said otherwise.'),
    year: whole(1970, 2100, 'The year of the first line, for syslog times without one.'),
    rarePerMille: whole(
      0,
      1000,
      'A template with at most this many thousandths of the lines is rare; 5 unless said otherwise.',
    ),
    lastWindowMinutes: whole(
      1,
      10_000_000,
      "How long the last window is; the last tenth of the log's span unless said otherwise.",
    ),
  }),
  output: object(
    {
      kind: { const: 'triage' },
      file: text,
      lines: integer,
      messages: integer,
      blankLines: integer,
      continuationLines: integer,
      untimedLines: integer,
      unclusteredLines: integer,
      templateCount: integer,
      firstSeen: textOrNull,
      lastSeen: textOrNull,
      bucketSeconds: integer,
      templates: {
        type: 'array',
        items: object(
          {
            rank: integer,
            template: text,
            count: integer,
            share: text,
            level: textOrNull,
            firstSeen: textOrNull,
            lastSeen: textOrNull,
            ratePerMinute: textOrNull,
            exampleLine: integer,
            example: text,
          },
          [
            'rank',
            'template',
            'count',
            'share',
            'level',
            'firstSeen',
            'lastSeen',
            'ratePerMinute',
            'exampleLine',
            'example',
          ],
        ),
      },
      anomalies: {
        type: 'array',
        items: object(
          {
            kind: { enum: ['rare', 'burst', 'new'] },
            template: text,
            count: integer,
            exampleLine: integer,
            detail: text,
          },
          ['kind', 'template', 'count', 'exampleLine', 'detail'],
        ),
      },
    },
    ['kind', 'file', 'lines', 'messages', 'templateCount', 'firstSeen', 'lastSeen', 'templates', 'anomalies'],
  ),
  examples: [
    { words: 'triage auth.log', input: {} },
    { words: 'what stands out in auth.log', input: {} },
    { words: 'the 5 most frequent messages in auth.log', input: { top: 5 } },
    { words: 'find anomalies in the log auth.log', input: {} },
    { words: 'summarise the errors in server.log', input: {} },
  ],
  synonyms: {
    triage: [
      'what stands out',
      'what happened',
      'what went wrong',
      'summarise',
      'summarize',
      'analyse',
      'analyze',
      'look through',
      'go through',
      'diagnose',
    ],
    log: ['log', 'logs', 'log file', 'syslog', 'journal', 'messages', 'events'],
    anomalies: ['anomalies', 'unusual', 'strange', 'suspicious', 'outliers', 'rare', 'bursts', 'errors', 'problems'],
    top: ['top', 'most frequent', 'most common'],
  },
  effects: 'none',
  files: [{ slot: 'log', formats: ['text', 'jsonl'], required: true }],
  deterministic: true,
  minimumTimeoutMs: 30_000,
};

export const textSearch: SkillManifest = {
  name: 'text.search',
  version: '1.0.0',
  title: 'Search texts',
  description:
    'Finds the passages of one or many text files (a folder) that best match some words, ranked by BM25, with path, line and snippet.',
  input: object(
    {
      query: words('The words to search for.', 1000),
      limit: whole(1, 500, 'Hits to show; 10 unless said otherwise.'),
    },
    ['query'],
  ),
  output: object(
    {
      kind: { const: 'search' },
      query: text,
      terms: { type: 'array', items: text },
      hits: {
        type: 'array',
        items: object({ path: text, line: integer, snippet: text, score: text }, ['path', 'line', 'snippet', 'score']),
      },
      matchingPassages: integer,
      passages: integer,
      files: integer,
      skippedFiles: integer,
      skipped: { type: 'array', items: object({ path: text, reason: text }, ['path', 'reason']) },
    },
    ['kind', 'query', 'hits', 'files'],
  ),
  examples: [
    { words: 'search docs for quorum certificate', input: { query: 'quorum certificate' } },
    { words: 'find "fencing token" in the docs folder, top 3', input: { query: 'fencing token', limit: 3 } },
    { words: 'where is the handshake described in notes.md', input: { query: 'handshake' } },
  ],
  synonyms: {
    search: ['find', 'look for', 'search for', 'grep', 'where is', 'mentions of', 'passages about'],
    query: ['about', 'for', 'containing', 'mentioning'],
    folder: ['folder', 'directory', 'files', 'docs', 'documents', 'notes', 'texts'],
    limit: ['top', 'first', 'best'],
  },
  effects: 'none',
  files: [{ slot: 'texts', formats: anyFormat, required: true, many: true }],
  deterministic: true,
  minimumTimeoutMs: 30_000,
};

export const repoInspect: SkillManifest = {
  name: 'repo.inspect',
  version: '1.0.0',
  title: 'Inspect a repository',
  description:
    'Looks through the files of a source repository (a folder): languages with line counts, package files (npm, Python, Cargo, Go, Maven) with their dependencies and versions, licences, largest files.',
  input: object({ largest: whole(1, 200, 'Largest files to show; 10 unless said otherwise.') }),
  output: object(
    {
      kind: { const: 'repository' },
      files: integer,
      foreignFiles: integer,
      binaryFiles: integer,
      bytes: integer,
      lines: integer,
      languages: {
        type: 'array',
        items: object({ language: text, files: integer, lines: integer, bytes: integer }, [
          'language',
          'files',
          'lines',
          'bytes',
        ]),
      },
      packages: {
        type: 'array',
        items: object(
          {
            path: text,
            ecosystem: text,
            name: textOrNull,
            version: textOrNull,
            licence: textOrNull,
            dependencies: {
              type: 'array',
              items: object({ name: text, version: textOrNull, scope: { enum: ['runtime', 'development'] } }, [
                'name',
                'version',
                'scope',
              ]),
            },
          },
          ['path', 'ecosystem', 'name', 'version', 'licence', 'dependencies'],
        ),
      },
      licences: { type: 'array', items: object({ path: text, spdx: textOrNull }, ['path', 'spdx']) },
      largestFiles: { type: 'array', items: object({ path: text, bytes: integer }, ['path', 'bytes']) },
      problems: { type: 'array', items: object({ path: text, problem: text }, ['path', 'problem']) },
    },
    ['kind', 'files', 'lines', 'languages', 'packages', 'licences', 'largestFiles', 'problems'],
  ),
  examples: [
    { words: 'which languages and dependencies does the repository project have', input: {} },
    { words: 'inspect the repository ./project', input: {} },
    { words: 'what licences does the folder project use', input: {} },
    { words: 'the 5 largest files in the repository project', input: { largest: 5 } },
  ],
  synonyms: {
    inspect: ['inspect', 'look at', 'describe', 'overview of', 'what is in', 'audit'],
    repository: ['repository', 'repo', 'project', 'code base', 'codebase', 'source code', 'source tree'],
    languages: ['languages', 'programming languages', 'lines of code', 'line counts'],
    dependencies: ['dependencies', 'packages', 'libraries', 'requirements'],
    licences: ['licences', 'licenses', 'licence', 'license'],
    largest: ['largest files', 'biggest files'],
  },
  effects: 'none',
  files: [{ slot: 'repository', formats: ['folder', ...anyFormat, 'sqlite'], required: true, many: true }],
  deterministic: true,
  minimumTimeoutMs: 30_000,
};

export const reportWrite: SkillManifest = {
  name: 'report.write',
  version: '1.0.0',
  title: 'Write a report',
  description:
    "Renders the results of earlier tasks (tables, log triage, searches, repositories) as a Markdown report with a title, to be written into the workflow's folder.",
  input: object(
    {
      title: words("The report's title."),
      fileName: words('A plain name that ends in .md.', 120),
      introduction: words('A paragraph under the title.', 5000),
    },
    ['title', 'fileName'],
  ),
  output: object({ kind: { const: 'report' }, fileName: text, markdown: text }, ['kind', 'fileName', 'markdown']),
  examples: [
    { words: 'write it to report.md', input: { title: 'Report', fileName: 'report.md' } },
    { words: 'and write a report to sizes.md', input: { title: 'Sizes', fileName: 'sizes.md' } },
    {
      words: 'write a Markdown report titled "Sizes per section" to sizes.md',
      input: { title: 'Sizes per section', fileName: 'sizes.md' },
    },
  ],
  synonyms: {
    write: ['write', 'save', 'put', 'export', 'store'],
    report: ['report', 'markdown', 'document', 'write-up', 'summary file'],
    title: ['titled', 'with the title', 'called', 'headed'],
    fileName: ['to', 'into', 'as', 'in a file'],
  },
  effects: 'writes-workflow-folder',
  files: [{ slot: 'results', formats: ['json'], required: true, many: true }],
  deterministic: true,
  minimumTimeoutMs: 10_000,
};
