// Law: a manifest says what the skill does and nothing that its tests do not show.
import type { SkillManifest } from '../../../actors/planner/index.ts';
import {
  aggregates,
  columnName,
  filter,
  limit,
  list,
  object,
  sort,
  tableProperties,
  tableRequired,
  tableSynonyms,
  whole,
  words,
} from '../schema.ts';

const tableFormats = ['csv', 'tsv', 'jsonl', 'sqlite', 'json'];
const table = words('Which table of a SQLite file with several.');
const groupBy = list(columnName, 20, 'One result row per different combination of these columns.');

export const tableQuery: SkillManifest = {
  name: 'table.query',
  version: '1.0.0',
  title: 'Query a table',
  description:
    'Answers questions about one table in a CSV, TSV, JSON Lines or SQLite file: choose columns, filter rows, group, count, sum, average, smallest, largest, number of different values, sort, first N. Exact numbers; averages rounded half-even to 6 decimals.',
  input: object({
    table,
    columns: list(columnName, 200, 'Columns to show; all of them by default.'),
    filter,
    groupBy,
    aggregates: aggregates(['count', 'sum', 'avg', 'min', 'max', 'distinct']),
    sort,
    limit,
  }),
  output: object(
    { ...tableProperties, rowsRead: { type: 'integer', minimum: 0 }, rowsMatched: { type: 'integer', minimum: 0 } },
    [...tableRequired, 'rowsRead', 'rowsMatched'],
  ),
  examples: [
    {
      words: 'total installed_size per section in packages.csv, top 5',
      input: {
        groupBy: ['section'],
        aggregates: [{ function: 'sum', column: 'installed_size' }],
        sort: [{ by: 'sum_installed_size', direction: 'descending' }],
        limit: 5,
      },
    },
    {
      words: 'how many packages per section in packages.csv',
      input: { groupBy: ['section'], aggregates: [{ function: 'count' }] },
    },
    {
      words: 'average installed_size in packages.csv where section is utils',
      input: {
        filter: [{ column: 'section', op: '=', value: 'utils' }],
        aggregates: [{ function: 'avg', column: 'installed_size' }],
      },
    },
    {
      words: 'the 10 largest packages by installed_size in packages.csv',
      input: {
        columns: ['package', 'installed_size'],
        sort: [{ by: 'installed_size', direction: 'descending' }],
        limit: 10,
      },
    },
    {
      words: 'package and version in packages.csv where installed_size is more than 50000',
      input: { columns: ['package', 'version'], filter: [{ column: 'installed_size', op: '>', value: 50_000 }] },
    },
    {
      words: 'how many different sections are in packages.csv',
      input: { aggregates: [{ function: 'distinct', column: 'section' }] },
    },
  ],
  synonyms: tableSynonyms,
  effects: 'none',
  files: [{ slot: 'table', formats: tableFormats, required: true }],
  deterministic: true,
  minimumTimeoutMs: 30_000,
};

export const tableAggregate: SkillManifest = {
  name: 'table.aggregate',
  version: '1.0.0',
  title: "Aggregate a site's private table",
  description:
    'Counts and sums per group over a table that stays on its site. Groups with fewer rows or values than the minimum group size are left out and only counted. The result is a part for table.merge, not an answer by itself.',
  input: object(
    {
      site: words('The site whose table this is.', 64),
      table,
      filter,
      groupBy,
      aggregates: { ...aggregates(['count', 'sum', 'avg', 'min', 'max']), minItems: 1 },
      minimumGroupSize: whole(1, 1_000_000, 'Smallest group that may leave the site; 5 unless said otherwise.'),
    },
    ['site', 'aggregates'],
  ),
  output: object(
    {
      kind: { const: 'partials' },
      site: { type: 'string' },
      minimumGroupSize: { type: 'integer' },
      groupBy: {
        type: 'array',
        items: object({ name: { type: 'string' }, type: { type: ['string', 'null'] } }, ['name', 'type']),
      },
      measures: {
        type: 'array',
        items: object(
          {
            column: { type: 'string' },
            type: { type: ['string', 'null'] },
            sum: { type: 'boolean' },
            extremes: { type: 'boolean' },
          },
          ['column', 'type', 'sum', 'extremes'],
        ),
      },
      groups: {
        type: 'array',
        items: object(
          {
            key: { type: 'array', items: { type: ['string', 'null'] } },
            rows: { type: 'integer' },
            measures: {
              type: 'array',
              items: object(
                {
                  count: { type: 'integer' },
                  sum: { type: 'string' },
                  min: { type: ['string', 'null'] },
                  max: { type: ['string', 'null'] },
                },
                ['count'],
              ),
            },
          },
          ['key', 'rows', 'measures'],
        ),
      },
      rows: { type: 'integer' },
      suppressedGroups: { type: 'integer' },
    },
    ['kind', 'site', 'minimumGroupSize', 'groupBy', 'measures', 'groups', 'rows', 'suppressedGroups'],
  ),
  examples: [
    {
      words: 'average installed_size per section across all sites, top 10',
      input: {
        site: 'north',
        groupBy: ['section'],
        aggregates: [{ function: 'avg', column: 'installed_size' }],
        minimumGroupSize: 5,
      },
    },
  ],
  synonyms: {
    ...tableSynonyms,
    sites: ['across all sites', 'at every site', 'over all sites', 'across sites', 'at all sites', 'from every site'],
  },
  effects: 'none',
  files: [{ slot: 'table', formats: tableFormats, required: true }],
  deterministic: true,
  minimumTimeoutMs: 30_000,
};

export const tableMerge: SkillManifest = {
  name: 'table.merge',
  version: '1.0.0',
  title: "Merge the sites' parts",
  description:
    'Combines the parts that table.aggregate made at several sites into one table of counts, sums, averages, smallest and largest values, sorted and limited, and names every site that took part or is missing.',
  input: object(
    {
      columns: list(columnName, 200, 'Columns to show; all of them by default.'),
      aggregates: { ...aggregates(['count', 'sum', 'avg', 'min', 'max']), minItems: 1 },
      sort,
      limit,
      missing: list(
        object({ site: words('The site.', 64), reason: words('Why it gave no part.') }, ['site', 'reason']),
        1000,
      ),
    },
    ['aggregates'],
  ),
  output: object(
    {
      ...tableProperties,
      parts: {
        type: 'array',
        items: {
          anyOf: [
            object({ site: { type: 'string' }, rows: { type: 'integer' }, suppressedGroups: { type: 'integer' } }, [
              'site',
              'rows',
              'suppressedGroups',
            ]),
            object({ site: { type: 'string' }, missing: { type: 'string' } }, ['site', 'missing']),
          ],
        },
      },
    },
    [...tableRequired, 'parts'],
  ),
  examples: [
    {
      words: 'average installed_size per section across all sites, top 10',
      input: {
        aggregates: [{ function: 'avg', column: 'installed_size' }],
        sort: [{ by: 'avg_installed_size', direction: 'descending' }],
        limit: 10,
        missing: [{ site: 'west', reason: 'no answer within 2 s' }],
      },
    },
  ],
  synonyms: tableSynonyms,
  effects: 'none',
  files: [{ slot: 'parts', formats: ['json'], required: true, many: true }],
  deterministic: true,
  minimumTimeoutMs: 10_000,
};
