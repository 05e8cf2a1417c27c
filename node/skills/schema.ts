// Law: what several manifests say alike is said once. Schemas are strict: an unknown field is a mistake, not a wish to be ignored.
import type { JsonSchema } from '../../actors/planner/index.ts';

export const columnName: JsonSchema = { type: 'string', minLength: 1, maxLength: 200 };

export function object(properties: Readonly<Record<string, JsonSchema>>, required: readonly string[] = []): JsonSchema {
  return { type: 'object', properties, required: [...required], additionalProperties: false };
}

export function list(items: JsonSchema, maxItems: number, description?: string): JsonSchema {
  return { type: 'array', items, maxItems, ...(description !== undefined && { description }) };
}

export function words(description: string, maxLength = 200): JsonSchema {
  return { type: 'string', minLength: 1, maxLength, description };
}

export function whole(minimum: number, maximum: number, description: string): JsonSchema {
  return { type: 'integer', minimum, maximum, description };
}

const filterValue: JsonSchema = { type: ['string', 'number', 'boolean', 'null'], maxLength: 10_000 };

export const filter: JsonSchema = list(
  object(
    {
      column: columnName,
      op: { enum: ['=', '!=', '<', '<=', '>', '>=', 'contains', 'in'] },
      value: { anyOf: [filterValue, { type: 'array', items: filterValue, maxItems: 1000 }] },
    },
    ['column', 'op', 'value'],
  ),
  50,
  'Rows pass where all conditions hold. A number compares by value, a text by its characters, null is an empty cell; contains ignores case; in takes a list.',
);

export function aggregates(functions: readonly string[]): JsonSchema {
  return list(
    object({ function: { enum: [...functions] }, column: columnName, as: columnName }, ['function']),
    50,
    'Only count can do without a column. Named by as, otherwise for example sum_installed_size or count.',
  );
}

export const sort: JsonSchema = list(
  object({ by: columnName, direction: { enum: ['ascending', 'descending'] } }, ['by']),
  20,
  'By columns of the result; without groups by any column of the table. Ascending unless said otherwise; empty cells last.',
);

export const limit: JsonSchema = whole(1, 100_000, 'At most this many rows.');

const cellType: JsonSchema = { enum: ['integer', 'number', 'text', 'boolean', 'date'] };

export const tableProperties: Readonly<Record<string, JsonSchema>> = {
  kind: { const: 'table' },
  columns: list(object({ name: { type: 'string' }, type: cellType }, ['name', 'type']), 4200),
  rows: { type: 'array', items: { type: 'array', items: { type: ['string', 'number', 'boolean', 'null'] } } },
  rowCount: whole(0, 1_000_000, 'Rows in this table.'),
  rowsBeforeLimit: { type: 'integer', minimum: 0 },
};

export const tableRequired: readonly string[] = ['kind', 'columns', 'rows', 'rowCount', 'rowsBeforeLimit'];

/** Words people use for what tables can do. */
export const tableSynonyms: Readonly<Record<string, readonly string[]>> = {
  sum: ['total', 'sum of', 'altogether', 'added up', 'overall', 'combined'],
  count: ['number of', 'how many', 'count of', 'amount of'],
  avg: ['average', 'mean', 'on average', 'typical'],
  min: ['smallest', 'minimum', 'lowest', 'least', 'earliest', 'shortest'],
  max: ['largest', 'maximum', 'highest', 'biggest', 'greatest', 'latest', 'longest'],
  distinct: ['different', 'unique', 'distinct values'],
  groupBy: ['per', 'by', 'for each', 'for every', 'grouped by', 'broken down by', 'in each'],
  filter: ['where', 'with', 'whose', 'only', 'having', 'that have', 'excluding'],
  sort: ['sorted by', 'ordered by', 'ranked by', 'order by'],
  descending: ['largest first', 'highest first', 'biggest first', 'most first', 'decreasing'],
  ascending: ['smallest first', 'lowest first', 'increasing', 'alphabetically'],
  limit: ['top', 'first', 'at most', 'limit'],
  columns: ['show', 'list', 'select', 'columns', 'fields'],
};
