// Law: the order of an answer is said once: a second order is no reading.
import { type AggregateFunction, ascendingOrder, descendingOrder, sortPhrases } from './lexicon.ts';
import type { Reader } from './reader.ts';
import { aggregateAt, withAggregates } from './table-measure.ts';
import { aggregateText, type Direction, noted, type OrderTarget, type TableQuery } from './table-query.ts';
import type { Step } from './table-words.ts';

/** "sorted by total": the function stands for the measure. */
const bareFunctions: Readonly<Record<AggregateFunction, readonly string[]>> = {
  count: ['count', 'counts', 'frequency'],
  sum: ['total', 'totals', 'sum', 'sums'],
  avg: ['average', 'averages', 'avg', 'mean', 'means'],
  min: ['minimum', 'min'],
  max: ['maximum', 'max'],
  distinct: [],
};

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

/** A measure that an order or a ranking names adds itself to the answer. */
export function withOrder(reader: Reader, query: TableQuery, from: number, to: number, order: OrderTarget): TableQuery {
  const next = { ...query, order };
  return order === 'the aggregate' || !('aggregate' in order)
    ? next
    : withAggregates(reader, next, from, to, [order.aggregate]);
}
