// Law: each part of a sentence says one thing, and says it once: a second limit or a second order is no reading.
import type { AggregateFunction } from './lexicon.ts';
import {
  ascendingOrder,
  descendingOrder,
  groupPhrases,
  groupSizePhrases,
  listingVerbs,
  sitesPhrases,
  sortPhrases,
  sourcePhrases,
} from './lexicon.ts';
import type { Reader } from './reader.ts';
import { aggregateAt, withAggregates } from './table-measure.ts';
import type { Column, Direction, OrderTarget, TableQuery, Trouble } from './table-query.ts';
import { aggregateText, noted } from './table-query.ts';
import { describedRows, withValues } from './table-value.ts';
import type { Step } from './table-words.ts';

/** "per section and priority". */
export function* grouping(reader: Reader, query: TableQuery, at: number): Step {
  for (const end of reader.phrase(at, groupPhrases)) {
    for (const [columns, after] of columnList(reader, end, ['and', 'and by', 'and per', ',', ', and', ', by', 'by'])) {
      if (columns.some((column) => query.groupBy.includes(column))) continue;
      const groupBy = [...query.groupBy, ...columns];
      yield [
        noted(
          query,
          { groupBy },
          { from: at, to: after, meaning: `one line per ${columns.map(({ name }) => name).join(' and ')}` },
        ),
        after,
      ];
    }
  }
}

function* columnList(
  reader: Reader,
  at: number,
  joints: readonly string[],
): Generator<readonly [readonly Column[], number]> {
  for (const [column, end] of reader.column(reader.skipArticles(at))) {
    yield [[column], end];
    for (const next of reader.phrase(end, joints)) {
      for (const [more, after] of columnList(reader, next, joints))
        if (!more.includes(column)) yield [[column, ...more], after];
    }
  }
}

/** "sorted by total": the function stands for the measure. */
const bareFunctions: Readonly<Record<AggregateFunction, readonly string[]>> = {
  count: ['count', 'counts', 'frequency'],
  sum: ['total', 'totals', 'sum', 'sums'],
  avg: ['average', 'averages', 'avg', 'mean', 'means'],
  min: ['minimum', 'min'],
  max: ['maximum', 'max'],
  distinct: [],
};

/** "top 5", "first 10 rows", "limit 20". What they are the top of is settled when the whole sentence is read. */
export function* limits(reader: Reader, query: TableQuery, at: number): Step {
  if (query.limit !== undefined) return;
  const start = reader.skipArticles(at);
  yield* someRows(reader, query, at, start);
  const word = reader.word(start);
  const kind = ['top', 'bottom', 'best'].includes(word)
    ? 'top'
    : ['first', 'limit'].includes(word)
      ? 'first'
      : undefined;
  if (kind === undefined || word === 'best') return;
  const numberAt = word === 'limit' && reader.is(start + 1, 'to', ':', '=') ? start + 2 : start + 1;
  const count = reader.token(numberAt)?.number;
  if (count === undefined) return;
  const direction: Direction | undefined = word === 'top' ? 'descending' : word === 'bottom' ? 'ascending' : undefined;
  if (direction !== undefined && query.direction !== undefined && query.direction !== direction) return;
  for (const end of reader.optional(numberAt + 1, [
    'results',
    'groups',
    'of them',
    'only',
    'rows',
    'lines',
    'entries',
    'items',
    'records',
  ])) {
    const rows =
      /^(rows|lines|entries|items|records)$/.test(reader.word(end - 1)) &&
      query.aggregates.length === 0 &&
      kind === 'first';
    const change = {
      limit: { count, kind, from: at, to: end },
      rows: query.rows || rows,
      ...(direction === undefined ? {} : { direction }),
    } as const;
    yield [{ ...query, ...change }, end];
  }
  if (kind === 'first' && query.aggregates.length === 0) {
    for (const [end] of reader.rowNoun(numberAt + 1))
      yield [{ ...query, rows: true, limit: { count, kind, from: at, to: end } }, end];
  }
}

/** "give me 5 rows": any of them will do, so the first. */
function* someRows(reader: Reader, query: TableQuery, at: number, start: number): Step {
  const count = reader.token(start)?.number;
  if (count === undefined || query.aggregates.length > 0 || query.rows) return;
  if (at > 0 && !reader.is(at - 1, ...listingVerbs, 'me')) return;
  if (!reader.is(start + 1, 'rows', 'lines', 'entries', 'records')) return;
  const end = start + 2;
  yield [{ ...query, rows: true, limit: { count, kind: 'first', from: at, to: end } }, end];
}

/** "sorted by total installed_size, largest first", "in descending order". */
export function* ordering(reader: Reader, query: TableQuery, at: number): Step {
  for (const [direction, end] of directionAt(reader, at)) {
    if (query.direction === undefined || query.direction === direction) {
      yield [
        noted(
          query,
          { direction },
          { from: at, to: end, meaning: direction === 'descending' ? 'largest first' : 'smallest first' },
        ),
        end,
      ];
    }
  }
  if (query.order !== undefined) return;
  for (const [next, end] of sortedThings(reader, query, at)) yield* sortedBy(reader, next, at, end);
  for (const end of reader.phrase(at, sortPhrases)) yield* sortedBy(reader, query, at, end);
}

function* sortedBy(reader: Reader, query: TableQuery, at: number, end: number): Step {
  for (const [order, after] of targets(reader, reader.skipArticles(end))) {
    yield [noted(query, { order }, { from: at, to: after, meaning: `sorted by ${orderText(order)}` }), after];
  }
}

/** "sort orders.csv by", "sort the rows by": up to what to sort by. */
function* sortedThings(reader: Reader, query: TableQuery, at: number): Step {
  if (!reader.is(at, 'sort', 'order') || query.aggregates.length > 0 || query.rows) return;
  const start = reader.skipArticles(at + 1);
  for (const end of reader.source(start))
    if (reader.is(end, 'by')) yield [{ ...query, rows: true, sourceNamed: true }, end + 1];
  for (const [end] of reader.rowNoun(start)) if (reader.is(end, 'by')) yield [{ ...query, rows: true }, end + 1];
}

function orderText(order: OrderTarget): string {
  if (order === 'the aggregate') return 'the result';
  if ('column' in order) return order.column.name;
  return 'aggregate' in order ? aggregateText(order.aggregate) : order.measure;
}

function* directionAt(reader: Reader, at: number): Generator<readonly [Direction, number]> {
  const down = reader.longest(at, descendingOrder);
  if (down !== undefined) yield ['descending', down];
  const up = reader.longest(at, ascendingOrder);
  if (up !== undefined) yield ['ascending', up];
}

function* targets(reader: Reader, at: number): Generator<readonly [OrderTarget, number]> {
  for (const [column, end] of reader.column(at)) yield [{ column }, end];
  for (const [aggregate, end] of aggregateAt(reader, at)) yield [{ aggregate }, end];
  for (const end of reader.phrase(at, ['result', 'value', 'number', 'it', 'results', 'values']))
    yield ['the aggregate', end];
  for (const [name, words] of Object.entries(bareFunctions) as [AggregateFunction, readonly string[]][]) {
    for (const end of reader.phrase(at, words)) yield [{ measure: name }, end];
  }
}

/** "across all sites", "in packages.csv", "from the packages table". */
export function* sitesAndSource(reader: Reader, query: TableQuery, at: number): Step {
  if (!query.acrossSites) {
    for (const end of reader.phrase(at, sitesPhrases)) {
      const names = reader.context.sites;
      const meaning = names === undefined ? 'every site' : `each of the sites ${names.join(', ')} on its own data`;
      yield [noted(query, { acrossSites: true }, { from: at, to: end, meaning }), end];
    }
  }
  if (query.sourceNamed) return;
  // "how many rows does orders.csv have"
  for (const start of reader.phrase(at, ['does', 'do'])) {
    for (const after of reader.source(reader.skipArticles(start))) {
      if (reader.is(after, 'have', 'contain', 'hold'))
        yield [
          noted(
            query,
            { sourceNamed: true },
            { from: at, to: after + 1, meaning: `the table ${reader.context.source}` },
          ),
          after + 1,
        ];
    }
  }
  // At the start a file may stand alone: "packages.csv: …".
  for (const end of at === 0 ? reader.optional(at, sourcePhrases) : reader.phrase(at, sourcePhrases)) {
    const isBare = end === at;
    for (const start of reader.optional(reader.skipArticles(end), [
      'file',
      'table',
      'data set',
      'dataset',
      'data in',
      'data of',
      'file named',
      'rows of',
      'rows in',
    ])) {
      for (const after of reader.source(start)) {
        if (isBare && !reader.is(after, ':', ',')) continue;
        for (const tail of reader.optional(after, ['file', 'table', 'data set', 'dataset', 'data'])) {
          yield [
            noted(query, { sourceNamed: true }, { from: at, to: tail, meaning: `the table ${reader.context.source}` }),
            tail,
          ];
        }
      }
    }
    // "in this file" is whichever table it turns out to be.
    const vague = isBare
      ? undefined
      : reader.longest(reader.skipArticles(end), ['file', 'table', 'data', 'data set', 'dataset']);
    if (vague !== undefined) yield [query, vague];
  }
}

/** "no group under 5 rows". */
export function* groupSize(reader: Reader, query: TableQuery, at: number): Step {
  if (query.minimumGroupSize !== undefined) return;
  for (const end of reader.phrase(at, groupSizePhrases)) {
    const size = reader.token(end)?.number;
    if (size === undefined || reader.is(at, 'at')) continue;
    const tails = [...reader.rowNoun(end + 1)].map(([after]) => after);
    for (const after of [...tails, end + 1]) {
      yield [
        noted(query, { minimumGroupSize: size }, { from: at, to: after, meaning: `groups of at least ${size} rows` }),
        after,
      ];
    }
  }
}

/** "packages where …", "all rows". */
export function* rows(reader: Reader, query: TableQuery, at: number): Step {
  if (query.rows || query.aggregates.length > 0) return;
  for (const { conditions, end } of describedRows(reader, reader.skipArticles(at))) {
    const next = withValues(query, conditions, at, end);
    if (next !== undefined)
      yield [noted(next, { rows: true }, { from: at, to: end, meaning: 'the rows themselves' }), end];
  }
}

/** "show package, section and installed_size": two columns or more. One alone may mean its different values, so it is asked about. */
export function* shown(reader: Reader, query: TableQuery, at: number): Step {
  if (query.show.length > 0 || query.aggregates.length > 0 || query.values) return;
  yield* differentValues(reader, query, at);
  if (at > 0 && !listingVerbs.has(reader.word(at - 1)) && !listingVerbs.has(reader.word(at - 2))) return;
  for (const [columns, end] of columnList(reader, at, ['and', ',', ', and', 'and the'])) {
    const note = { from: at, to: end, meaning: `the columns ${columns.map(({ name }) => name).join(', ')}` };
    const next = noted(query, { show: columns }, note);
    if (columns.length > 1) yield [next, end];
    else if (at > 0) yield [{ ...next, trouble: valuesOrRows(reader, at, end, columns[0]!) }, end];
  }
}

/** "list the different sections". */
function* differentValues(reader: Reader, query: TableQuery, at: number): Step {
  const isListed = /^(list|show|are|give|print|display|me|which|return|get)$/.test(reader.word(at - 1));
  if (query.groupBy.length > 0 || (!isListed && at > 0)) return;
  const start = reader.skipArticles(at);
  for (const end of reader.phrase(start, [
    'distinct',
    'different',
    'unique',
    'distinct values of',
    'different values of',
    'unique values of',
    'distinct values in',
    'unique values in',
  ])) {
    for (const [columns, after] of columnList(reader, end, ['and'])) {
      const meaning = `the different values of ${columns.map(({ name }) => name).join(' and ')}`;
      for (const tail of reader.optional(after, ['are there', 'exist', 'there are'])) {
        const next = noted(query, { groupBy: columns, values: true }, { from: at, to: tail, meaning });
        yield [isListed ? next : { ...next, trouble: valuesOrNumber(reader, at, after, columns[0]!) }, tail];
      }
    }
  }
}

function valuesOrRows(reader: Reader, from: number, to: number, { name }: Column): Trouble {
  return {
    reason: 'tie',
    message: `"${reader.text(from, to)}" can mean ${name} of every row or its different values`,
    questions: [`Do you mean "list the distinct ${name}" or "number of rows per ${name}"?`],
  };
}

function valuesOrNumber(reader: Reader, from: number, to: number, { name }: Column): Trouble {
  return {
    reason: 'tie',
    message: `"${reader.text(from, to)}" can mean the values or how many there are`,
    questions: [`Do you mean "list the distinct ${name}" or "number of distinct ${name}"?`],
  };
}

/** A measure that an order or a ranking names adds itself to the answer. */
export function withOrder(reader: Reader, query: TableQuery, from: number, to: number, order: OrderTarget): TableQuery {
  const next = { ...query, order };
  return order === 'the aggregate' || !('aggregate' in order)
    ? next
    : withAggregates(reader, next, from, to, [order.aggregate]);
}
