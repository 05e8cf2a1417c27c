// Law: a ranking needs to say of what and by what; what it leaves open is asked.
import { ascending, descending } from './lexicon.ts';
import type { Reader } from './reader.ts';
import { aggregateAt } from './table-measure.ts';
import { withOrder } from './table-order.ts';
import type { Column, Direction, TableQuery, Trouble } from './table-query.ts';
import { isNumeric, noted } from './table-query.ts';
import type { Step } from './table-words.ts';

const byPhrases = ['by', 'in terms of', 'by their', 'by the', 'with the', 'having the', 'with', 'for'];

interface Rank {
  readonly direction: Direction;
  readonly count?: number;
  readonly end: number;
}

/** The span of the word for what is ranked. */
interface Noun {
  readonly from: number;
  readonly to: number;
  readonly isPlural: boolean;
}

export function* rankings(reader: Reader, query: TableQuery, at: number): Step {
  if (query.order !== undefined || query.limit !== undefined) return;
  yield* rankedThings(reader, query, at);
  yield* thingsWithExtreme(reader, query, at);
  yield* mostFrequent(reader, query, at);
}

/** "top 5", "10 largest", "largest 10", "the largest". */
function* rankAt(reader: Reader, at: number): Generator<Rank> {
  const start = reader.skipArticles(at);
  const before = reader.token(start)?.number;
  const wordAt = before === undefined ? start : start + 1;
  const word = reader.word(wordAt);
  const direction: Direction | undefined = descending.includes(word)
    ? 'descending'
    : ascending.includes(word)
      ? 'ascending'
      : undefined;
  if (direction === undefined) return;
  const after = reader.token(wordAt + 1)?.number;
  if (before !== undefined && after !== undefined) return;
  const count = before ?? after;
  yield { direction, end: after === undefined ? wordAt + 1 : wordAt + 2, ...(count === undefined ? {} : { count }) };
}

/** "top 5 packages by installed_size", "the 3 largest sections by total installed_size", "largest package". */
function* rankedThings(reader: Reader, query: TableQuery, at: number): Step {
  for (const rank of rankAt(reader, at)) {
    for (const [end, isPlural] of reader.rowNoun(rank.end)) {
      if (query.aggregates.length > 0) continue;
      for (const by of reader.phrase(end, ['by', 'in terms of', 'by the', 'by their'])) {
        for (const [column, after] of reader.column(reader.skipArticles(by)))
          yield [rankRows(reader, query, at, after, rank, column, { from: rank.end, to: end, isPlural }), after];
      }
      yield [rankRows(reader, query, at, end, rank, undefined, { from: rank.end, to: end, isPlural }), end];
    }
    for (const [group, end, isPlural] of reader.column(rank.end)) {
      for (const by of reader.phrase(end, byPhrases)) {
        for (const [aggregate, after] of aggregateAt(reader, by)) {
          const grouped = withOrder(reader, withGroup(query, group), at, after, { aggregate });
          yield [ranked(grouped, at, after, rank, isPlural), after];
        }
        for (const [column, after] of reader.column(reader.skipArticles(by)))
          yield [{ ...ranked(query, at, after, rank, isPlural), trouble: whichMeasure(group, column) }, after];
      }
    }
  }
}

/** "10 packages with the largest installed_size", "which section has the largest total installed_size", "section with the most packages". */
function* thingsWithExtreme(reader: Reader, query: TableQuery, at: number): Step {
  if (query.aggregates.length > 0) return;
  const start = reader.skipArticles(at);
  const isQuestion = reader.is(start, 'which', 'what');
  const countAt = isQuestion ? start + 1 : start;
  const count = reader.token(countAt)?.number;
  const nounAt = count === undefined ? countAt : countAt + 1;
  for (const [end, isPlural] of reader.rowNoun(nounAt)) {
    for (const [direction, after] of extremeAt(reader, end)) {
      for (const [column, last] of reader.column(after))
        yield [
          rankRows(reader, query, at, last, rankOf(direction, count), column, { from: nounAt, to: end, isPlural }),
          last,
        ];
    }
  }
  for (const [group, end, isPlural] of reader.column(nounAt)) {
    for (const [direction, after] of extremeAt(reader, end)) {
      const rank = rankOf(direction, count);
      for (const [last] of reader.rowNoun(after)) {
        if (!reader.is(after - 1, 'most', 'fewest', 'least')) continue;
        const grouped = withOrder(reader, withGroup(query, group), at, last, { aggregate: { function: 'count' } });
        yield [ranked(grouped, at, last, rank, isPlural), last];
      }
      for (const [aggregate, last] of aggregateAt(reader, after)) {
        const grouped = withOrder(reader, withGroup(query, group), at, last, { aggregate });
        yield [ranked(grouped, at, last, rank, isPlural), last];
      }
      for (const [column, last] of reader.column(after)) {
        // "which package has the largest …" where the column stands for the rows is read above.
        if ([...reader.rowNoun(nounAt)].some(([noun]) => noun === end)) continue;
        yield [{ ...ranked(query, at, last, rank, isPlural), trouble: whichMeasure(group, column) }, last];
      }
    }
  }
}

/** "with the largest", "has the most". */
function* extremeAt(reader: Reader, at: number): Generator<readonly [Direction, number]> {
  for (const end of reader.phrase(at, [
    'with',
    'with the',
    'has',
    'has the',
    'have',
    'have the',
    'having',
    'having the',
    'that has the',
    'that have the',
  ])) {
    const word = reader.word(end);
    if (descending.includes(word)) yield ['descending', end + 1];
    if (ascending.includes(word)) yield ['ascending', end + 1];
  }
}

/** "most common sections", "which sections are most frequent". */
function* mostFrequent(reader: Reader, query: TableQuery, at: number): Step {
  if (query.aggregates.length > 0) return;
  const frequent = ['most common', 'most frequent', 'most frequently used', 'commonest'];
  const rare = ['least common', 'least frequent', 'rarest'];
  const start = reader.skipArticles(at);
  const count = reader.token(start)?.number ?? (reader.is(start, 'top') ? reader.token(start + 1)?.number : undefined);
  const wordAt = count === undefined ? start : reader.is(start, 'top') ? start + 2 : start + 1;
  for (const [phrases, direction] of [
    [frequent, 'descending'],
    [rare, 'ascending'],
  ] as const) {
    const build = (group: Column, to: number, isPlural: boolean): readonly [TableQuery, number] => {
      const grouped = withOrder(reader, withGroup(query, group), at, to, { aggregate: { function: 'count' } });
      return [ranked(grouped, at, to, rankOf(direction, count), isPlural), to];
    };
    for (const end of reader.phrase(wordAt, phrases)) {
      for (const [group, after, isPlural] of reader.column(end)) yield build(group, after, isPlural);
    }
    for (const [group, end, isPlural] of reader.column(reader.is(wordAt, 'which', 'what') ? wordAt + 1 : wordAt)) {
      for (const verb of reader.phrase(end, ['is', 'are', 'is the', 'are the'])) {
        for (const after of reader.phrase(verb, phrases)) yield build(group, after, isPlural);
      }
    }
  }
}

function rankOf(direction: Direction, count: number | undefined): Rank {
  return count === undefined ? { direction, end: 0 } : { direction, count, end: 0 };
}

function withGroup(query: TableQuery, group: Column): TableQuery {
  return query.groupBy.includes(group) ? query : { ...query, groupBy: [...query.groupBy, group] };
}

/** A singular noun without a number means one. A plural one leaves the number open. */
function ranked(query: TableQuery, from: number, to: number, rank: Rank, isPlural: boolean): TableQuery {
  const count = rank.count ?? (isPlural ? undefined : 1);
  const next = { ...query, direction: rank.direction };
  if (count !== undefined) return { ...next, limit: { count, kind: 'top', from, to } };
  return noted(
    next,
    { rankOpen: true },
    { from, to, meaning: rank.direction === 'descending' ? 'largest first' : 'smallest first' },
  );
}

/** Ranks the rows themselves; by what may also be said elsewhere in the sentence. */
function rankRows(
  reader: Reader,
  query: TableQuery,
  from: number,
  to: number,
  rank: Rank,
  column: Column | undefined,
  noun: Noun,
): TableQuery {
  const named = [...reader.column(noun.from)].find(([, end]) => end === noun.to)?.[0];
  const next = ranked(
    { ...query, rows: true, ...(named === undefined ? {} : { ranks: named }) },
    from,
    to,
    rank,
    noun.isPlural,
  );
  if (column === undefined) return next;
  const ordered = { ...next, order: { column } };
  if (isNumeric(column) || column.type === 'date' || query.trouble !== undefined) return ordered;
  const trouble: Trouble = {
    reason: 'cannot-do',
    message: `${column.name} holds ${column.type}: it has no largest`,
    questions: [`To sort by it, say "sorted by ${column.name}".`],
  };
  return { ...ordered, trouble };
}

function whichMeasure(group: Column, column: Column): Trouble {
  return {
    reason: 'tie',
    message: `for each ${group.name} there can be many ${column.name} values`,
    questions: [`Do you mean the total, the average or the largest ${column.name} per ${group.name}?`],
  };
}
