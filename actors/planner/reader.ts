// Law: matching never decides: it yields every way the words at a place can be read, longest first.
import { articles, grammarWords, phrases, rowWords } from './lexicon.ts';
import { isFileName, looksPlural, meets, nameKey, stem } from './names.ts';
import type { Column, TableContext } from './table-query.ts';
import { type Token, textOf } from './text.ts';

/** More words than this do not name one thing. */
const longestName = 5;

const phraseCache = new Map<readonly string[], readonly (readonly string[])[]>();
function cut(texts: readonly string[]): readonly (readonly string[])[] {
  let parts = phraseCache.get(texts);
  if (parts === undefined) {
    parts = phrases(texts);
    phraseCache.set(texts, parts);
  }
  return parts;
}

/** What the rows are by their key: `order` for one named `order_id` or `orderId`, and `question` for one named so. */
function keyNoun(first: Column | undefined): readonly string[] {
  if (first?.isKey !== true) return [];
  const noun = /^(.+?)(?:[\s_-]+[iI][dD]|(?<=\p{Ll})I[dD])$/u.exec(first.name)?.[1];
  // A number with a fraction, or a date, is what a row has and not what it is.
  return [noun ?? (first.type === 'integer' || first.type === 'text' ? first.name : [])].flat();
}

/** The words of one sentence, read with one table in mind. */
export class Reader {
  readonly tokens: readonly Token[];
  readonly context: TableContext;
  readonly length: number;

  constructor(tokens: readonly Token[], context: TableContext) {
    this.tokens = tokens;
    this.context = context;
    this.length = tokens.length;
  }

  token(at: number): Token | undefined {
    return this.tokens[at];
  }

  /** The bare word at `at`; an empty string for a quotation or past the end. */
  word(at: number): string {
    const token = this.tokens[at];
    return token === undefined || token.kind === 'quoted' ? '' : token.word;
  }

  is(at: number, ...words: readonly string[]): boolean {
    return words.includes(this.word(at));
  }

  text(from: number, to: number): string {
    return textOf(this.tokens.slice(from, to));
  }

  skipArticles(at: number): number {
    let end = at;
    while (articles.has(this.word(end))) end++;
    return end;
  }

  /** Ends of the phrases of `texts` that stand at `at`, longest first. */
  *phrase(at: number, texts: readonly string[]): Generator<number> {
    for (const parts of cut(texts)) {
      if (parts.every((part, offset) => this.word(at + offset) === part)) yield at + parts.length;
    }
  }

  /** After a phrase of `texts`, or `at` itself. */
  *optional(at: number, texts: readonly string[]): Generator<number> {
    yield* this.phrase(at, texts);
    yield at;
  }

  longest(at: number, texts: readonly string[]): number | undefined {
    return this.phrase(at, texts).next().value ?? undefined;
  }

  /** Spans from `at` that one name could fill, longest first, as keys. */
  private *spans(at: number): Generator<readonly [key: string, end: number]> {
    const quoted = this.tokens[at];
    if (quoted?.kind === 'quoted') {
      yield [nameKey(quoted.word), at + 1];
      return;
    }
    for (let end = Math.min(this.length, at + longestName); end > at; end--) {
      const part = this.tokens.slice(at, end);
      if (part.every(({ kind }) => kind === 'word' || kind === 'number'))
        yield [nameKey(part.map(({ word }) => word).join(' ')), end];
    }
  }

  *column(at: number): Generator<readonly [column: Column, end: number, isPlural: boolean]> {
    const start = this.is(at, 'column', 'field') ? at + 1 : at;
    for (const [key, end] of this.spans(start)) {
      for (const column of this.context.columns) {
        const how = meets(key, nameKey(column.name));
        if (how === undefined) continue;
        const after = this.is(end, 'column', 'field', 'columns', 'fields') ? end + 1 : end;
        yield [column, after, how === 'plural' || looksPlural(this.word(end - 1))];
      }
    }
  }

  /** A word for the table's rows: `rows`, the table's own name, or what its key counts (`orders` where `order_id` is the key). */
  *rowNoun(at: number): Generator<readonly [end: number, isPlural: boolean]> {
    if (rowWords.includes(this.word(at))) yield [at + 1, looksPlural(this.word(at))];
    const names = [...this.tableNames(), ...keyNoun(this.context.columns[0])];
    for (const [key, end] of this.spans(at)) {
      if (names.some((name) => meets(key, nameKey(name)) !== undefined)) yield [end, looksPlural(this.word(end - 1))];
    }
  }

  /** A value seen in a column: `shipped`, `widgets`. Only words that mean nothing else here. */
  *value(at: number): Generator<readonly [column: Column, value: string, end: number]> {
    if (grammarWords.has(this.word(at)) || this.column(at).next().done !== true || this.source(at).next().done !== true)
      return;
    for (const [key, end] of this.spans(at)) {
      for (const column of this.context.columns) {
        const value = column.values?.find((each) => meets(key, nameKey(each)) !== undefined);
        if (value !== undefined) yield [column, value, end];
      }
    }
  }

  /** The table or its file, named. */
  *source(at: number): Generator<number> {
    const token = this.tokens[at];
    if (token === undefined) return;
    if (isFileName(token.word, this.context.source)) yield at + 1;
    for (const [key, end] of this.spans(at)) {
      if (this.tableNames().some((name) => meets(key, nameKey(name)) !== undefined)) yield end;
    }
  }

  private tableNames(): readonly string[] {
    return [this.context.table, stem(this.context.source)];
  }
}
