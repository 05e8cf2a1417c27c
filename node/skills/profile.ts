// Law: a profile is a hint for the planner, made from a file's beginning; no result depends on it.
import { extname } from 'node:path/posix';
import type { FileProfile } from '../../actors/system/index.ts';
import { type Cell, type ColumnType, TypeTracker } from './cells.ts';
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
  const tables: Table[] = [];
  try {
    if (format === undefined) {
      for (const _line of textLines(file, sampleBytes)) {
        // Reading is the check: it stops at the first byte that is not text.
      }
      return { ...known, format: 'text', tables };
    }
    if (format === 'sqlite') {
      const { sqliteTables } = await import('./table/sqlite.ts');
      for (const name of sqliteTables(file).slice(0, maxTables)) tables.push(sample(name, await openTable(file, name)));
    } else if (format === 'jsonl') {
      tables.push(sample(tableName(file), (await import('./table/json-lines.ts')).openJsonLines(file, sampleBytes)));
    } else {
      tables.push(sample(tableName(file), (await import('./table/csv.ts')).openCsv(file, format, sampleBytes)));
    }
    return { ...known, format, tables };
  } catch (error) {
    if (!(error instanceof SkillFailure)) throw error;
    return { ...known, format: format ?? 'unknown', tables, problem: error.message };
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

function sample(name: string, source: TableSource): Table {
  const trackers: TypeTracker[] = [];
  const values: Set<Cell>[] = [];
  let rows = 0;
  try {
    for (const row of source.rows()) {
      row.forEach((cell, index) => {
        trackers[index] ??= new TypeTracker();
        trackers[index]!.see(cell);
        values[index] ??= new Set();
        values[index].add(cell);
      });
      rows++;
      if (rows === sampleRows) break;
    }
  } finally {
    source.close();
  }
  return {
    name,
    columns: source.columns.map((column, index) => {
      const type = trackers[index]?.type() ?? 'text';
      return { name: column, type, ...kinds(type, [...(values[index] ?? [])], rows) };
    }),
  };
}

/** What the values of a column say beyond its type. */
function kinds(type: ColumnType, values: readonly Cell[], rows: number): Pick<Column, 'values' | 'isKey'> {
  const told = values.filter((value) => value !== null);
  const isKey = rows > 1 && told.length === rows;
  if (type !== 'text' || isKey || told.length === 0 || told.length > maxValues) return isKey ? { isKey } : {};
  return told.every(({ length }) => length <= maxValueChars) ? { values: told.sort() } : {};
}
