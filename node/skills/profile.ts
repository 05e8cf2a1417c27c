// Law: a profile is a hint for the planner, made from a file's beginning; no result depends on it.
import { extname } from 'node:path/posix';
import type { FileProfile } from '../../actors/system/index.ts';
import { type Cell, type ColumnType, TypeTracker } from './cells.ts';
import { numberShape } from './decimal.ts';
import { SkillFailure, type SkillFile } from './skill.ts';
import { openTable, type TableSource, tableFormat, tableName } from './table/source.ts';
import { textLines } from './text-file.ts';

const sampleBytes = 1024 * 1024;
const sampleRows = 10_000;
const maxTables = 64;
/** A text column with more different values than this, or longer ones, is no list of kinds. */
const maxValues = 64;
const maxValueChars = 40;

type Table = FileProfile['tables'][number];
type Column = Table['columns'][number];

/** What a file is: its format, and for tables their columns with types. Never throws SkillFailure: what is wrong becomes `problem`. */
export async function profileFile(file: SkillFile): Promise<FileProfile> {
  const known = { name: file.name, sizeBytes: file.sizeBytes };
  if (file.sizeBytes === 0)
    return { ...known, format: formatOfName(file), tables: [], problem: `'${file.name}' is empty` };
  const found = tableFormat(file);
  const format = found === undefined || found === 'json' ? undefined : found;
  const tables: Sampled[] = [];
  try {
    if (format === undefined) {
      for (const _line of textLines(file, sampleBytes)) {
        // Reading is the check: it stops at the first byte that is not text.
      }
      return { ...known, format: 'text', tables: [] };
    }
    if (format === 'sqlite') {
      const { sqliteTables } = await import('./table/sqlite.ts');
      for (const name of sqliteTables(file).slice(0, maxTables)) tables.push(sample(name, await openTable(file, name)));
    } else if (format === 'jsonl') {
      tables.push(sample(tableName(file), (await import('./table/json-lines.ts')).openJsonLines(file, sampleBytes)));
    } else {
      tables.push(sample(tableName(file), (await import('./table/csv.ts')).openCsv(file, format, sampleBytes)));
    }
    return { ...known, format, tables: tables.map(tableOf), ...nothingIn(file, format, tables) };
  } catch (error) {
    if (!(error instanceof SkillFailure)) throw error;
    return { ...known, format: format ?? 'unknown', tables: tables.map(tableOf), problem: error.message };
  }
}

function formatOfName(file: SkillFile): FileProfile['format'] {
  const format = tableFormat(file);
  return format === undefined || format === 'json'
    ? ['.txt', '.md', '.log'].includes(extname(file.name))
      ? 'text'
      : 'unknown'
    : format;
}

const tableOf = ({ name, columns }: Sampled): Table => ({ name, columns });

/** Of a table without rows nothing is known, and who asks for its numbers should hear why. */
function nothingIn(file: SkillFile, format: string, tables: readonly Sampled[]): Pick<FileProfile, 'problem'> {
  if (format === 'sqlite' || tables.some(({ rows }) => rows > 0)) return {};
  return {
    problem:
      file.sizeBytes > sampleBytes
        ? `'${file.name}' has no whole row in its first MiB; look for a quote that is never closed, or check that this is the right file`
        : `'${file.name}' has no rows: nothing says what its columns hold`,
  };
}

/** Like a number to a person: with a currency, a unit, or separators. */
const dressedNumber = /^[\s$€£¥+-]*\d[\d.,'  ]*\s*(?:%|[a-z€$£]{1,4})?\s*$/i;

interface Sampled extends Table {
  readonly rows: number;
}

function sample(name: string, source: TableSource): Sampled {
  const trackers: TypeTracker[] = [];
  const values: Set<Cell>[] = [];
  /** By column: a value that is no number, and whether others are, or look it. */
  const oddities: { text: string | undefined; isNearNumber: boolean }[] = [];
  let rows = 0;
  try {
    for (const row of source.rows()) {
      row.forEach((cell, index) => {
        trackers[index] ??= new TypeTracker();
        trackers[index]!.see(cell);
        values[index] ??= new Set();
        values[index].add(cell);
        oddities[index] ??= { text: undefined, isNearNumber: false };
        noteOddity(oddities[index], cell);
      });
      rows++;
      if (rows === sampleRows) break;
    }
  } finally {
    source.close();
  }
  return {
    name,
    rows,
    columns: source.columns.map((column, index) => {
      const type = trackers[index]?.type() ?? 'text';
      const odd = type === 'text' && oddities[index]?.isNearNumber === true ? oddities[index].text : undefined;
      return {
        name: column,
        type,
        ...kinds(type, [...(values[index] ?? [])], rows),
        ...(odd === undefined ? {} : { notNumber: odd.slice(0, maxValueChars) }),
      };
    }),
  };
}

function noteOddity(odd: { text: string | undefined; isNearNumber: boolean }, cell: Cell): void {
  if (cell === null) return;
  const isNumber = numberShape(cell) !== undefined;
  if (isNumber || dressedNumber.test(cell.slice(0, maxValueChars))) odd.isNearNumber = true;
  if (!isNumber) odd.text ??= cell;
}

/** What the values of a column say beyond its type. */
function kinds(type: ColumnType, values: readonly Cell[], rows: number): Pick<Column, 'values' | 'isKey'> {
  const told = values.filter((value) => value !== null);
  const isKey = rows > 1 && told.length === rows;
  if (type !== 'text' || isKey || told.length === 0 || told.length > maxValues) return isKey ? { isKey } : {};
  return told.every(({ length }) => length <= maxValueChars) ? { values: told.sort() } : {};
}
