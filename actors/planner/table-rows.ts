// Law: rows themselves, some of their columns, or their different values: which of these an answer shows is said once, and asked about where
// the words can mean two of them.
import { listingVerbs } from './lexicon.ts';
import type { Reader } from './reader.ts';
import { columnList } from './table-groups.ts';
import { type Column, noted, type TableQuery, type Trouble } from './table-query.ts';
import { describedRows, withValues } from './table-value.ts';
import type { Step } from './table-words.ts';

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
