// Law: a condition names a column, an operation and a value that fits the column; nothing about it is inferred.
import type { Comparison } from './lexicon.ts';
import {
  articles,
  ascending,
  comparisonPhrases,
  descending,
  filterPhrases,
  functionPhrases,
  groupPhrases,
  joiningWords,
  rowWords,
  sourcePhrases,
} from './lexicon.ts';
import type { Reader } from './reader.ts';
import type { Column, Condition, TableQuery } from './table-query.ts';
import { isNumeric, noted } from './table-query.ts';
import type { Step } from './table-words.ts';
import type { Token } from './text.ts';

const comparisons = [...comparisonPhrases].sort(([left], [right]) => right.split(' ').length - left.split(' ').length);
const inPhrases = [
  'in',
  'is in',
  'are in',
  'is one of',
  'one of',
  'is either',
  'either',
  'is any of',
  'any of',
  'is',
  '=',
];

/** Words that are never a value unless they are quoted. */
const reserved = new Set<string>([
  ...articles,
  ...joiningWords,
  ...rowWords,
  ...ascending,
  ...descending,
  ...[...Object.values(functionPhrases).flat(), ...groupPhrases, ...filterPhrases, ...sourcePhrases].map(
    (phrase) => phrase.split(' ')[0]!,
  ),
  ...'or is are was were be been than between at least most more less fewer greater larger smaller above below under over equal equals exactly by sorted ordered sort order limit first last null empty blank missing unknown set known other others same similar like starting ending starts ends before after since until'.split(
    ' ',
  ),
]);

/** "where …": one or more conditions. */
export function* filterStart(reader: Reader, query: TableQuery, at: number): Step {
  for (const end of reader.phrase(at, filterPhrases)) yield* conditions(reader, query, at, end);
}

function* conditions(reader: Reader, query: TableQuery, from: number, at: number): Step {
  for (const [next, end] of condition(reader, query, reader.skipArticles(at), false)) {
    yield [next, end];
    let more = end;
    while (reader.is(more, ',', 'and')) more++;
    if (more === end) continue;
    for (const start of reader.optional(more, ['where', 'with', 'whose', 'which have', 'that have']))
      yield* conditions(reader, next, from, start);
  }
}

/** One condition. A bare one, without "where", needs its operation written out: `section = admin`. */
export function* condition(reader: Reader, query: TableQuery, at: number, bare: boolean): Step {
  for (const [column, after] of reader.column(at)) {
    if (bare && reader.token(after)?.kind !== 'operator') continue;
    for (const [found, end] of tests(reader, column, after)) {
      const filter = [...query.filter, ...found];
      yield [
        noted(
          query,
          { filter },
          { from: at, to: end, meaning: `only rows with ${found.map(conditionText).join(' and ')}` },
        ),
        end,
      ];
    }
  }
}

export function conditionText({ column, operation, value }: Condition): string {
  return `${column.name} ${operation} ${Array.isArray(value) ? value.join(', ') : String(value)}`;
}

function* tests(reader: Reader, column: Column, at: number): Generator<readonly [readonly Condition[], number]> {
  const between = reader.longest(at, ['between', 'is between', 'are between', 'of between', 'from']);
  if (between !== undefined) {
    const low = valueAt(reader, column, between);
    const high =
      low !== undefined && reader.is(between + 1, 'and', 'to') ? valueAt(reader, column, between + 2) : undefined;
    if (low !== undefined && high !== undefined && column.type !== 'text' && column.type !== 'boolean') {
      yield [
        [
          { column, operation: '>=', value: low },
          { column, operation: '<=', value: high },
        ],
        between + 3,
      ];
    }
    return;
  }
  for (const end of reader.phrase(at, inPhrases)) yield* membership(reader, column, end);
  for (const [phrase, operation] of comparisons) {
    const parts = phrase.split(' ');
    if (!parts.every((part, offset) => reader.word(at + offset) === part)) continue;
    const end = at + parts.length;
    const value = valueAt(reader, column, end);
    if (value === undefined || !allows(column, operation)) return;
    // `section is admin or …` is one condition over several values, or none.
    if (!reader.is(end + 1, 'or')) yield [[{ column, operation, value }], end + 1];
    return;
  }
  // "with label 7", "with weak true": of a text column only what was seen in it, for any word could be its value.
  const value = valueAt(reader, column, at);
  if (value === undefined || reader.is(at + 1, 'or', 'to', '-')) return;
  const isSeen = column.type === 'text' && [...reader.value(at)].some(([of, , end]) => of === column && end === at + 1);
  if (isSeen || column.type === 'boolean' || column.type === 'date' || isNumeric(column))
    yield [[{ column, operation: '=', value }], at + 1];
}

/** "is admin or utils", "in (admin, utils)". */
function* membership(reader: Reader, column: Column, at: number): Generator<readonly [readonly Condition[], number]> {
  const isOpen = reader.is(at, '(');
  const values: (string | number)[] = [];
  let next = isOpen ? at + 1 : at;
  let isList = isOpen;
  for (;;) {
    const value = valueAt(reader, column, next);
    if (value === undefined || typeof value === 'boolean') return;
    values.push(value);
    next++;
    const start = next;
    while (reader.is(next, ',', 'or') || (isOpen && reader.is(next, 'and'))) next++;
    isList ||= reader.tokens.slice(start, next).some(({ word }) => word === 'or');
    if (next === start) break;
  }
  if (isOpen && !reader.is(next, ')')) return;
  const end = isOpen ? next + 1 : next;
  if (isList && values.length > 0) yield [[{ column, operation: 'in', value: values }], end];
}

function allows(column: Column, operation: Comparison): boolean {
  if (operation === '=' || operation === '!=') return true;
  if (column.type === 'unknown') return true;
  return operation === 'contains' ? column.type === 'text' : isNumeric(column) || column.type === 'date';
}

/** The value one token stands for in `column`, if it can be one. */
function valueAt(reader: Reader, column: Column, at: number): string | number | boolean | undefined {
  const token: Token | undefined = reader.token(at);
  if (token === undefined) return undefined;
  if (column.type !== 'unknown' && isNumeric(column)) return token.number;
  if (column.type === 'unknown' && token.number !== undefined) return token.number;
  if (column.type === 'boolean')
    return /^(true|yes)$/i.test(token.word) ? true : /^(false|no)$/i.test(token.word) ? false : undefined;
  if (column.type === 'date') return /^\d{4}-\d{2}-\d{2}/.test(token.word) ? token.word : undefined;
  if (token.kind === 'quoted') return token.word;
  if (token.kind === 'number') return token.text;
  // A column beside a column compares two columns, which is not a value.
  if (token.kind !== 'word' || reserved.has(token.word) || reader.column(at).next().done !== true) return undefined;
  return token.text;
}
