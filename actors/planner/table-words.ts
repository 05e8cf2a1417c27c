// Law: a reading counts only if it explains every word. All complete readings are found, so a tie is seen, not decided.
import { closingPhrases, joiningWords, politeWords } from './lexicon.ts';
import { Reader } from './reader.ts';
import { condition, filterStart } from './table-filter.ts';
import { grouping, groupSize } from './table-groups.ts';
import { limits } from './table-limit.ts';
import { measures } from './table-measure.ts';
import { ordering } from './table-order.ts';
import type { TableContext, TableQuery } from './table-query.ts';
import { emptyQuery } from './table-query.ts';
import { rankings } from './table-rank.ts';
import { rows, shown } from './table-rows.ts';
import { sitesAndSource } from './table-source.ts';
import { narrowed } from './table-value.ts';
import type { Token } from './text.ts';

export type Step = Generator<readonly [query: TableQuery, end: number]>;

/** A sentence that needs more steps than this is not one we know. */
const maximumSteps = 20_000;

export interface Readings {
  readonly queries: readonly TableQuery[];
  /** How far the best reading came, in tokens, where none is complete. */
  readonly reached: number;
}

/** Every complete reading of `tokens` as a question about `context`. */
export function readTable(tokens: readonly Token[], context: TableContext): Readings {
  const reader = new Reader(tokens, context);
  const queries: TableQuery[] = [];
  const seen = new Set<string>();
  let steps = 0;
  let reached = 0;
  const read = (query: TableQuery, at: number): void => {
    reached = Math.max(reached, at);
    if (++steps > maximumSteps) return;
    if (at === reader.length || isClosing(reader, at)) {
      queries.push(query);
      reached = reader.length;
    }
    for (const start of starts(reader, at)) {
      for (const [next, end] of parts(reader, query, start)) {
        // Two ways to the same place with the same meaning are one.
        const key = `${end} ${JSON.stringify({ ...next, notes: undefined, limit: next.limit && [next.limit.count, next.limit.kind] })}`;
        if (seen.has(key)) continue;
        seen.add(key);
        read(next, end);
      }
    }
  };
  read(emptyQuery, 0);
  return { queries: steps > maximumSteps ? [] : queries, reached };
}

/** Where the next part may begin: after any number of words that mean nothing here. */
function* starts(reader: Reader, at: number): Generator<number> {
  const skippable = at === 0 ? politeWords : joiningWords;
  let start = at;
  yield start;
  while (start < reader.length && (skippable.has(reader.word(start)) || (at === 0 && reader.is(start, ',', '.', '!'))))
    yield ++start;
}

function isClosing(reader: Reader, at: number): boolean {
  let rest = at;
  while (rest < reader.length) {
    const end = reader.longest(rest, closingPhrases);
    if (end === undefined) return false;
    rest = end;
  }
  return true;
}

function* parts(reader: Reader, query: TableQuery, at: number): Step {
  yield* measures(reader, query, at);
  yield* rankings(reader, query, at);
  yield* grouping(reader, query, at);
  yield* filterStart(reader, query, at);
  yield* condition(reader, query, at, true);
  yield* limits(reader, query, at);
  yield* ordering(reader, query, at);
  yield* sitesAndSource(reader, query, at);
  yield* groupSize(reader, query, at);
  yield* rows(reader, query, at);
  yield* narrowed(reader, query, at);
  yield* shown(reader, query, at);
}
