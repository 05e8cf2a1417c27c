// Law: every table file becomes the same thing: named columns and rows of cells, one row at a time, in file order.
import { basename, extname } from 'node:path/posix';
import type { Cell } from '../cells.ts';
import { SkillFailure, type SkillFile } from '../skill.ts';
import { firstBytes } from '../text-file.ts';

export type TableFormat = 'csv' | 'tsv' | 'jsonl' | 'sqlite' | 'json';

export interface TableSource {
  /** Names in file order. JSON Lines learns more of them while its rows are read (`columnsComplete` false). */
  readonly columns: readonly string[];
  readonly columnsComplete: boolean;
  /**
   * The rows, once. Cells stand where `columns` says; a row may be shorter than `columns`, the rest is empty. With `wanted`, other
   * columns may be left empty. Throws SkillFailure at the first malformed row.
   */
  rows(wanted?: ReadonlySet<string>): Iterable<readonly Cell[]>;
  /** Where the row read last stands, for messages: "line 17", "row 17". */
  place(): string;
  /** Lets go of the file. Harmless after the last row, and twice. */
  close(): void;
}

const extensions: Readonly<Record<string, TableFormat>> = {
  '.csv': 'csv',
  '.tsv': 'tsv',
  '.tab': 'tsv',
  '.jsonl': 'jsonl',
  '.ndjson': 'jsonl',
  '.json': 'json',
  '.sqlite': 'sqlite',
  '.sqlite3': 'sqlite',
  '.db': 'sqlite',
  '.db3': 'sqlite',
};
const sqliteMagic = 'SQLite format 3\0';

/** By content where that is certain, by the name's extension, then by the first line. `undefined`: not a table we know. */
export function tableFormat(file: SkillFile): TableFormat | undefined {
  const head = firstBytes(file, 4096);
  if (head.subarray(0, 16).toString('latin1') === sqliteMagic) return 'sqlite';
  const named = extensions[extname(file.name).toLowerCase()];
  if (named !== undefined) return named;
  const text = head.toString('utf8').replace(/^\uFEFF/, '');
  if (/^\s*\{"(?:columns|kind)":/.test(text)) return 'json';
  if (/^\s*\{/.test(text)) return 'jsonl';
  const firstLine = text.split('\n', 1)[0] ?? '';
  if (firstLine.includes('\t')) return 'tsv';
  return /[,;|]/.test(firstLine) && extname(file.name) === '' ? 'csv' : undefined;
}

/** The file's name without folders and extension: what its one table is called. */
export function tableName(file: SkillFile): string {
  const name = basename(file.name);
  return name.slice(0, name.length - extname(name).length) || name;
}

export function emptyFile(file: SkillFile): SkillFailure {
  return new SkillFailure(
    'empty_file',
    `'${file.name}' is empty; a table needs at least a header line with column names`,
  );
}

/** Opens a file as a table. `table` names one of a SQLite file's tables; elsewhere it must be the file's own name. */
export async function openTable(file: SkillFile, table?: string): Promise<TableSource> {
  if (file.sizeBytes === 0) throw emptyFile(file);
  const format = tableFormat(file);
  if (format === undefined) {
    throw new SkillFailure(
      'unknown_format',
      `'${file.name}' is not a table this skill reads; give it a CSV, TSV, JSON Lines or SQLite file`,
    );
  }
  // Loaded only for the format at hand: node:sqlite and csv-parse each cost start-up time.
  if (format === 'sqlite') return (await import('./sqlite.ts')).openSqlite(file, table);
  if (table !== undefined && table !== tableName(file) && table !== file.name) {
    throw new SkillFailure(
      'unknown_table',
      `'${file.name}' holds one table, '${tableName(file)}'; there is no table '${table}' in it`,
    );
  }
  if (format === 'jsonl') return (await import('./json-lines.ts')).openJsonLines(file);
  if (format === 'json') return (await import('./json-lines.ts')).openTableResult(file);
  return (await import('./csv.ts')).openCsv(file, format);
}

/** The failure for a column that is not there, with the names most like it. */
export function missingColumn(name: string, columns: readonly string[], where: string): SkillFailure {
  return new SkillFailure('missing_column', `${where} has no column '${name}'${suggestion(name, columns)}`);
}

/** The end of a sentence about a name that is not there: which ones are like it, and which there are. */
export function suggestion(name: string, names: readonly string[]): string {
  const near = nearest(name, names).map((one) => `'${one}'`);
  const hint = near.length > 0 ? `; did you mean ${near.join(' or ')}?` : '.';
  const shown = names.slice(0, 20).join(', ');
  return `${hint} It has: ${names.length === 0 ? 'none' : names.length > 20 ? `${shown} and ${names.length - 20} more` : shown}.`;
}

/** At most three candidates within a third of the word's length in edits (case and separators aside), or that contain it; nearest first. */
function nearest(word: string, candidates: readonly string[]): string[] {
  const plain = (text: string): string => text.toLowerCase().replace(/[^\p{L}\p{N}]/gu, '');
  const target = plain(word);
  return candidates
    .slice(0, 1000)
    .map((candidate) => {
      const other = plain(candidate);
      const contained = target.length >= 3 && other.length >= 3 && (other.includes(target) || target.includes(other));
      const distance = edits(target, other);
      return { candidate, distance: contained ? Math.min(distance, 1) : distance };
    })
    .filter(({ distance }) => distance <= Math.max(1, Math.floor(target.length / 3)))
    .sort((a, b) => a.distance - b.distance || (a.candidate < b.candidate ? -1 : 1))
    .slice(0, 3)
    .map(({ candidate }) => candidate);
}

function edits(a: string, b: string): number {
  if (Math.abs(a.length - b.length) > 20) return 99;
  let previous = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      row[j] = Math.min(previous[j]! + 1, row[j - 1]! + 1, previous[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1));
    }
    previous = row;
  }
  return previous[b.length]!;
}
