// Law: how many lines an answer has is said once: a second limit is no reading.
import { listingVerbs } from './lexicon.ts';
import type { Reader } from './reader.ts';
import type { Direction, TableQuery } from './table-query.ts';
import type { Step } from './table-words.ts';

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
