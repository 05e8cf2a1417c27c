// Law: what the lines of an answer stand for is said once: by which columns, and how small a group may be.
import { groupPhrases, groupSizePhrases } from './lexicon.ts';
import type { Reader } from './reader.ts';
import { type Column, noted, type TableQuery } from './table-query.ts';
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

/** Every reading of columns in a row. */
export function* columnList(
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
