// Law: a word is a condition by itself only where it is a value of the data and stands where a condition stands: before what the rows
// are ("shipped orders"), beside its column ("the north region"), or after a word that narrows ("for Acme").
import type { Reader } from './reader.ts';
import { conditionText } from './table-filter.ts';
import type { Column, Condition, TableQuery } from './table-query.ts';
import { noted } from './table-query.ts';
import type { Step } from './table-words.ts';

const narrowing = ['for', 'of', 'in', 'from', 'among', 'within', 'at', 'only', 'only for', 'only in'];

interface Named {
  readonly conditions: readonly Condition[];
  readonly end: number;
}

/** "shipped", "widget and gadget", "shipped Acme": values of one column are alternatives, of several columns they hold together. */
export function* valuesAt(reader: Reader, at: number, taken: readonly Column[] = []): Generator<Named> {
  for (const [column, value, end] of reader.value(reader.skipArticles(at))) {
    if (taken.includes(column)) continue;
    for (const { values, end: last } of alternatives(reader, column, [value], end)) {
      const condition: Condition =
        values.length === 1 ? { column, operation: '=', value } : { column, operation: 'in', value: values };
      yield { conditions: [condition], end: last };
      for (const more of valuesAt(reader, last, [...taken, column]))
        yield { conditions: [condition, ...more.conditions], end: more.end };
    }
  }
}

function* alternatives(
  reader: Reader,
  column: Column,
  values: readonly string[],
  at: number,
): Generator<{ readonly values: readonly string[]; readonly end: number }> {
  let next = at;
  while (reader.is(next, ',', 'and', 'or')) next++;
  if (next > at) {
    for (const [other, value, end] of reader.value(next)) {
      if (other !== column || values.includes(value)) continue;
      yield* alternatives(reader, column, [...values, value], end);
      return;
    }
  }
  yield { values, end: at };
}

/** What the rows are, after values of theirs, if any: "orders", "shipped orders". */
export function* describedRows(
  reader: Reader,
  at: number,
): Generator<{ readonly conditions: readonly Condition[]; readonly end: number; readonly isPlural: boolean }> {
  for (const [end, isPlural] of reader.rowNoun(at)) yield { conditions: [], end, isPlural };
  for (const { conditions, end } of valuesAt(reader, at)) {
    for (const [after, isPlural] of reader.rowNoun(end)) yield { conditions, end: after, isPlural };
  }
}

/** `query` with conditions that the words in [from, to) gave by value. */
export function withValues(
  query: TableQuery,
  conditions: readonly Condition[],
  from: number,
  to: number,
): TableQuery | undefined {
  if (conditions.length === 0) return query;
  if (conditions.some(({ column }) => query.filter.some((known) => known.column === column))) return undefined;
  const meaning = `only rows with ${conditions.map(conditionText).join(' and ')}`;
  return noted(query, { filter: [...query.filter, ...conditions] }, { from, to, meaning });
}

/** "for Acme", "of shipped orders", "in the north region", "in section admin". */
export function* narrowed(reader: Reader, query: TableQuery, at: number): Step {
  for (const start of reader.phrase(at, narrowing)) {
    for (const { conditions, end } of valuesAt(reader, start)) {
      for (const after of [end, ...tails(reader, end, conditions)]) {
        const next = withValues(query, conditions, at, after);
        if (next !== undefined) yield [next, after];
      }
    }
    for (const { conditions, end } of namedValues(reader, start)) {
      const next = withValues(query, conditions, at, end);
      if (next !== undefined) yield [next, end];
    }
  }
}

/** "status shipped", "status shipped and region north". */
function* namedValues(reader: Reader, at: number, taken: readonly Column[] = []): Generator<Named> {
  for (const [column, middle] of reader.column(reader.skipArticles(at))) {
    if (taken.includes(column)) continue;
    for (const { conditions, end } of valuesAt(reader, middle)) {
      if (conditions.length !== 1 || conditions[0]!.column !== column) continue;
      yield { conditions, end };
      if (!reader.is(end, 'and', ',')) continue;
      for (const more of namedValues(reader, end + 1, [...taken, column]))
        yield { conditions: [...conditions, ...more.conditions], end: more.end };
    }
  }
}

/** After values: what the rows are, or the column that the values are of. */
function* tails(reader: Reader, at: number, conditions: readonly Condition[]): Generator<number> {
  for (const [end] of reader.rowNoun(at)) yield end;
  if (conditions.length !== 1) return;
  for (const [column, end] of reader.column(at)) if (column === conditions[0]!.column) yield end;
}
