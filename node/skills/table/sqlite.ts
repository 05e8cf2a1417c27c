// Law: a SQLite file is only a place where rows are stored: opened read-only and immutable, rows streamed in b-tree order, every value
// turned into the text a CSV export would hold. Filters, sums and order are our own, so that equal data gives equal results in any format.
import { DatabaseSync } from 'node:sqlite';
import { pathToFileURL } from 'node:url';
import type { Cell } from '../cells.ts';
import { SkillFailure, type SkillFile } from '../skill.ts';
import { missingColumn, suggestion, type TableSource } from './source.ts';

type Value = null | bigint | number | string | Uint8Array;

const quoted = (name: string): string => `"${name.replaceAll('"', '""')}"`;

function open(file: SkillFile): DatabaseSync {
  const url = pathToFileURL(file.path);
  // Immutable: no locks, no -wal or -shm file beside a blob that other readers share.
  url.search = '?mode=ro&immutable=1';
  try {
    const database = new DatabaseSync(url, { readOnly: true, allowExtension: false });
    database.exec('PRAGMA trusted_schema = OFF');
    return database;
  } catch (error) {
    throw unreadable(file, error);
  }
}

function unreadable(file: SkillFile, error: unknown): unknown {
  const code = (error as { errcode?: number }).errcode;
  if (code === undefined) return error;
  // Primary result codes 11 (corrupt) and 26 (not a database); extended codes carry them in the low byte.
  if ((code & 255) === 26)
    return new SkillFailure(
      'not_sqlite',
      `'${file.name}' is not a SQLite file; check that it is the right file and not encrypted`,
    );
  if ((code & 255) === 11)
    return new SkillFailure(
      'corrupt_sqlite',
      `'${file.name}' is a damaged SQLite file; restore it, for example with sqlite3 ${file.name} .recover`,
    );
  return error;
}

/** Names of the tables one can read, in name order: no views, no virtual tables, none of SQLite's own. */
export function sqliteTables(file: SkillFile): string[] {
  const database = open(file);
  try {
    return tablesOf(database);
  } catch (error) {
    throw unreadable(file, error);
  } finally {
    database.close();
  }
}

function tablesOf(database: DatabaseSync): string[] {
  return database
    .prepare(
      "SELECT name FROM sqlite_schema WHERE type = 'table' AND rootpage > 0 AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'",
    )
    .all()
    .map((row) => String(row.name))
    .sort();
}

export function openSqlite(file: SkillFile, table?: string): TableSource {
  const database = open(file);
  const { name, columns } = guarded(() => {
    const tables = tablesOf(database);
    const chosen = choose(file, tables, table);
    return {
      name: chosen,
      columns: database
        .prepare(`SELECT * FROM ${quoted(chosen)} LIMIT 0`)
        .columns()
        .map((column) => column.name),
    };
  });
  let index = 0;

  function guarded<T>(read: () => T): T {
    try {
      return read();
    } catch (error) {
      database.close();
      throw unreadable(file, error);
    }
  }

  return {
    columns,
    columnsComplete: true,
    *rows(wanted) {
      for (const column of wanted ?? [])
        if (!columns.includes(column)) throw missingColumn(column, columns, `table '${name}' of '${file.name}'`);
      const selected = columns.map((column) => (wanted === undefined || wanted.has(column) ? quoted(column) : 'NULL'));
      try {
        // NOT INDEXED: a covering index would hand the rows out in its own order.
        const statement = database.prepare(`SELECT ${selected.join(', ')} FROM ${quoted(name)} NOT INDEXED`);
        statement.setReadBigInts(true);
        statement.setReturnArrays(true);
        for (const row of statement.iterate() as Iterable<unknown>) {
          index++;
          yield (row as Value[]).map((value, column) => cellOf(file, value, columns[column]!, index));
        }
      } catch (error) {
        throw unreadable(file, error);
      }
    },
    place: () => `row ${index}`,
    close: () => {
      if (database.isOpen) database.close();
    },
  };
}

function choose(file: SkillFile, tables: readonly string[], table: string | undefined): string {
  if (table !== undefined) {
    if (tables.includes(table)) return table;
    throw new SkillFailure('unknown_table', `'${file.name}' has no table '${table}'${suggestion(table, tables)}`);
  }
  const [only, second] = tables;
  if (only === undefined) throw new SkillFailure('unknown_table', `'${file.name}' has no tables`);
  if (second === undefined) return only;
  const list =
    tables.length <= 20 ? tables.join(', ') : `${tables.slice(0, 20).join(', ')} and ${tables.length - 20} more`;
  throw new SkillFailure(
    'unknown_table',
    `'${file.name}' has ${tables.length} tables; say which one with "table". It has: ${list}.`,
  );
}

function cellOf(file: SkillFile, value: Value, column: string, index: number): Cell {
  if (value === null || value === '') return null;
  if (typeof value === 'string') return value;
  if (typeof value === 'bigint') return value.toString();
  // As SQLite itself prints a REAL: 1.0, not 1.
  if (typeof value === 'number')
    return Number.isInteger(value) && Math.abs(value) < 1e15 ? `${value}.0` : String(value);
  throw new SkillFailure(
    'binary_value',
    `row ${index} of '${file.name}' has a BLOB in column '${column}'; leave that column out`,
  );
}
