// Law: a JSON Lines file is one object per line; its numbers keep the digits they were written with, and its columns are the keys in the
// order in which they first appear. A table that another task produced is read the same way as the file it could have been.
import canonicalize from 'canonicalize';
import { maxOutputBytes } from '../canonical.ts';
import { type Cell, valueCell } from '../cells.ts';
import { SkillFailure, type SkillFile } from '../skill.ts';
import { firstBytes, textLines } from '../text-file.ts';
import { emptyFile, type TableSource } from './source.ts';

const maxColumns = 4096;

/** Numbers JSON.parse would round or respell. */
const needsSource = /[.eE]\d|\d[eE][+-]|\d{16}/;

/** A number as it was written. Class, so that it can't be confused with an object of the data. */
class NumberText {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
}

function keepDigits(_key: string, value: unknown, context: { source?: string }): unknown {
  return typeof value === 'number' && context.source !== undefined ? new NumberText(context.source) : value;
}
/** The reviver's third argument (the source text) is in the language but not yet in the library's types. */
const parseJson = JSON.parse as (
  text: string,
  reviver?: (key: string, value: unknown, context: { source?: string }) => unknown,
) => unknown;

function cellOf(value: unknown): Cell {
  if (value === null || value === '') return null;
  if (typeof value === 'string') return value.toWellFormed();
  if (value instanceof NumberText) return value.text;
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  // Nested values have no place in a table; their canonical text can still be compared, grouped and counted.
  return (
    canonicalize(
      JSON.parse(JSON.stringify(value, (_key, inner) => (inner instanceof NumberText ? Number(inner.text) : inner))),
    ) ?? null
  );
}

export function openJsonLines(file: SkillFile, atMostBytes = Number.POSITIVE_INFINITY): TableSource {
  const columns: string[] = [];
  const indexes = new Map<string, number>();
  let line = 0;

  const columnIndex = (name: string): number => {
    const known = indexes.get(name);
    if (known !== undefined) return known;
    if (columns.length === maxColumns) {
      throw new SkillFailure(
        'too_many_columns',
        `line ${line} of '${file.name}' brings the ${maxColumns + 1}th different key; at most ${maxColumns} are read`,
      );
    }
    indexes.set(name, columns.length);
    return columns.push(name) - 1;
  };

  function* rows(): Generator<Cell[]> {
    let any = false;
    for (const text of textLines(file, atMostBytes)) {
      line++;
      if (text.trim() === '') continue;
      any = true;
      const value = parseLine(file, line, text);
      const row: Cell[] = new Array(columns.length).fill(null);
      for (const key of Object.keys(value)) row[columnIndex(key.toWellFormed())] = cellOf(value[key]);
      yield row;
    }
    if (!any) throw emptyFile(file);
  }
  // The file is open only while its rows are read, and closed with their iterator.
  return { columns, columnsComplete: false, rows, place: () => `line ${line}`, close: () => {} };
}

function parseLine(file: SkillFile, line: number, text: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = needsSource.test(text) ? parseJson(text, keepDigits) : JSON.parse(text);
  } catch {
    const wholeArray = line === 1 && text.trimStart().startsWith('[');
    throw new SkillFailure(
      'broken_json',
      wholeArray
        ? `'${file.name}' is one JSON array, not JSON Lines; write one object per line, for example with jq -c '.[]'`
        : `line ${line} of '${file.name}' is not JSON; each line must hold one whole object`,
    );
  }
  if (value === null || typeof value !== 'object' || Array.isArray(value) || value instanceof NumberText) {
    throw new SkillFailure(
      'broken_json',
      `line ${line} of '${file.name}' is not an object; each line must hold one object such as {"name":"x"}`,
    );
  }
  return value as Record<string, unknown>;
}

/** A table another task produced: {columns: [{name, type}], rows: [[…]]}. */
export function openTableResult(file: SkillFile): TableSource {
  if (file.sizeBytes > maxOutputBytes) {
    throw new SkillFailure(
      'unknown_format',
      `'${file.name}' is too large to be a task's table; write large tables as JSON Lines, one object per line`,
    );
  }
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(firstBytes(file, file.sizeBytes)));
  } catch {
    throw new SkillFailure(
      'broken_json',
      `'${file.name}' is not one JSON document; if it holds one object per line, name it .jsonl`,
    );
  }
  const { columns, rows } = (value ?? {}) as { columns?: unknown; rows?: unknown };
  const named = (column: unknown): column is { name: string } =>
    typeof (column as { name?: unknown } | null)?.name === 'string';
  const plain = (cell: unknown): cell is string | number | boolean | null =>
    cell === null || ['string', 'number', 'boolean'].includes(typeof cell);
  if (
    !Array.isArray(columns) ||
    !columns.every(named) ||
    !Array.isArray(rows) ||
    !rows.every((row) => Array.isArray(row) && row.length === columns.length && row.every(plain))
  ) {
    throw new SkillFailure(
      'unknown_format',
      `'${file.name}' is not a table that a task produced ({columns, rows}); give a CSV, TSV, JSON Lines or SQLite file`,
    );
  }
  let index = 0;
  return {
    columns: columns.map((column) => column.name),
    columnsComplete: true,
    *rows() {
      for (const row of rows) {
        index++;
        yield row.map(valueCell);
      }
    },
    place: () => `row ${index}`,
    close: () => {},
  };
}
