// Law: a measure is a function and what it is taken of; a function that does not fit its column is said, not bent.
import type { AggregateFunction } from './lexicon.ts';
import { functionPhrases } from './lexicon.ts';
import type { Reader } from './reader.ts';
import type { Aggregate, Column, TableQuery, Trouble } from './table-query.ts';
import { aggregateText, isNumeric, noted } from './table-query.ts';
import { describedRows, valuesAt, withValues } from './table-value.ts';
import type { Step } from './table-words.ts';

const ofWords = ['of', 'of the', 'for', 'of all', 'of all the', 'in', 'value of', 'values of', 'of the values of'];
const beingThere = [
  'are there',
  'is there',
  'there are',
  'do we have',
  'do i have',
  'exist',
  'are listed',
  'in total',
  'are',
  'is',
  'occur',
  'appear',
];

/** Aggregate functions named at `at`, longest phrase first. */
function* functionsAt(reader: Reader, at: number): Generator<readonly [AggregateFunction, number]> {
  const start = reader.skipArticles(at);
  for (const name of Object.keys(functionPhrases) as AggregateFunction[]) {
    for (const end of reader.phrase(start, functionPhrases[name])) yield [name, end];
  }
}

/** A column that a function is taken of: "of the", articles, the column. */
function* columnOf(reader: Reader, at: number): Generator<readonly [Column, number]> {
  for (const afterOf of reader.optional(at, ofWords)) {
    for (const [column, end] of reader.column(reader.skipArticles(afterOf))) yield [column, end];
  }
}

/** One aggregate, as after "sorted by" or "top 5 sections by": "total installed_size", "number of packages", "count". */
export function* aggregateAt(reader: Reader, at: number): Generator<readonly [Aggregate, number]> {
  for (const [name, end] of functionsAt(reader, at)) {
    if (name === 'count') {
      for (const [after] of reader.rowNoun(reader.skipArticles(end))) yield [{ function: name }, after];
      if (reader.is(end - 1, 'count')) yield [{ function: name }, end];
    } else {
      for (const [column, after] of columnOf(reader, end)) yield [{ function: name, column }, after];
    }
  }
  // "by package count"
  for (const [end] of reader.rowNoun(reader.skipArticles(at)))
    if (reader.is(end, 'count', 'counts')) yield [{ function: 'count' }, end + 1];
}

export function* measures(reader: Reader, query: TableQuery, at: number): Step {
  if (query.rows || query.show.length > 0) return;
  for (const [names, end] of functionLists(reader, at)) {
    if (names.every((name) => name !== 'count' && name !== 'distinct'))
      yield* overColumn(reader, query, at, names, end);
    else if (names.length === 1)
      yield* names[0] === 'count' ? counting(reader, query, at, end) : overColumn(reader, query, at, names, end);
  }
  // "installed_size total", but not "section, total installed_size": the function belongs to what follows it.
  for (const [column, middle] of reader.column(reader.skipArticles(at))) {
    if (!isNumeric(column)) continue;
    for (const [name, end] of functionsAt(reader, middle)) {
      if (name === 'count' || name === 'distinct' || reader.is(end - 1, 'of') || reader.is(middle, 'the', 'a'))
        continue;
      if (reader.column(end).next().done === true)
        yield [withAggregates(reader, query, at, end, [{ function: name, column }]), end];
    }
  }
}

/** "min, max and average": several functions of one column. */
function* functionLists(reader: Reader, at: number): Generator<readonly [readonly AggregateFunction[], number]> {
  for (const [name, end] of functionsAt(reader, at)) {
    yield [[name], end];
    let next = end;
    while (reader.is(next, ',', 'and')) next++;
    if (next === end) continue;
    for (const [more, after] of functionLists(reader, next)) yield [[name, ...more], after];
  }
}

function* overColumn(
  reader: Reader,
  query: TableQuery,
  at: number,
  names: readonly AggregateFunction[],
  end: number,
): Step {
  for (const [column, after] of columnOf(reader, end)) {
    const aggregates = names.map((name) => ({ function: name, column }));
    for (const tail of reader.optional(after, beingThere))
      yield [withAggregates(reader, query, at, tail, aggregates), tail];
  }
  // "total shipped quantity"
  for (const { conditions, end: middle } of valuesAt(reader, end)) {
    const next = withValues(query, conditions, end, middle);
    for (const [column, after] of reader.column(middle))
      if (next !== undefined && isNumeric(column))
        yield [
          withAggregates(
            reader,
            next,
            at,
            after,
            names.map((name) => ({ function: name, column })),
          ),
          after,
        ];
  }
}

function* counting(reader: Reader, query: TableQuery, at: number, end: number): Step {
  const start = reader.skipArticles(end);
  for (const { conditions, end: after } of describedRows(reader, start)) {
    for (const tail of reader.optional(after, beingThere)) {
      const next = withValues(query, conditions, start, after);
      if (next !== undefined) yield [withAggregates(reader, next, at, tail, [{ function: 'count' }]), tail];
    }
  }
  // "count per section": what is counted goes without saying. "how many per section" too.
  if (reader.is(end - 1, 'count', 'many')) yield [withAggregates(reader, query, at, end, [{ function: 'count' }]), end];
  for (const [column, after] of reader.column(start)) {
    // As many as rows, either way.
    if (column.isKey === true && column === reader.context.columns[0]) continue;
    const trouble: Trouble = {
      reason: 'tie',
      message: `"${reader.text(at, after)}" can mean the number of rows or the number of different values of ${column.name}`,
      questions: [`Do you mean "number of rows" or "number of distinct ${column.name}"?`],
    };
    for (const tail of reader.optional(after, beingThere))
      yield [{ ...withAggregates(reader, query, at, tail, [{ function: 'count' }]), trouble }, tail];
  }
}

/** `query` with more aggregates; marked as trouble where a function does not fit its column's type. */
export function withAggregates(
  reader: Reader,
  query: TableQuery,
  from: number,
  to: number,
  aggregates: readonly Aggregate[],
): TableQuery {
  const known = new Set(query.aggregates.map(aggregateText));
  const fresh = aggregates.filter((aggregate) => !known.has(aggregateText(aggregate)));
  const next = noted(
    query,
    { aggregates: [...query.aggregates, ...fresh] },
    { from, to, meaning: aggregates.map(aggregateText).join(', ') },
  );
  const unfit = aggregates.find(
    ({ function: name, column }) => column !== undefined && name !== 'distinct' && !fits(name, column),
  );
  if (unfit === undefined || query.trouble !== undefined) return next;
  const numbers = reader.context.columns.filter(isNumeric).map(({ name }) => name);
  const odd = unfit.column?.notNumber;
  return {
    ...next,
    trouble: {
      reason: 'cannot-do',
      message: `${unfit.column!.name} holds ${unfit.column!.type}${odd === undefined ? '' : ` ("${odd}" is no plain number)`}, so it has no ${unfit.function}`,
      questions:
        odd !== undefined
          ? ['Numbers are digits with a point at most: no separators, units or words. An empty cell is no value.']
          : numbers.length === 0
            ? ['No column of this table holds numbers.']
            : [`Do you mean one of the columns with numbers: ${numbers.join(', ')}?`],
    },
  };
}

function fits(name: AggregateFunction, column: Column): boolean {
  return isNumeric(column) || ((name === 'min' || name === 'max') && column.type === 'date');
}
