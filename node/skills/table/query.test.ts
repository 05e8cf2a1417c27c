// Law: table.query says what an independent engine says, whatever the format, the order of the rows, or the size of the numbers.
import { readFileSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { canonicalBytes } from '../canonical.ts';
import type { Cell } from '../cells.ts';
import { formatDecimal, parseDecimal } from '../decimal.ts';
import { exampleFile, TestFolder } from '../test-files.ts';
import { type QueryInput, run } from './query.ts';

let folder: TestFolder;
beforeAll(() => {
  folder = new TestFolder();
});
afterAll(() => folder.remove());

const csvCell = (cell: Cell): string =>
  cell === null ? '' : /[",\n\r]/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell;
const csvOf = (columns: readonly string[], rows: readonly (readonly Cell[])[], end = '\n'): string =>
  [columns, ...rows].map((row) => row.map(csvCell).join(',')).join(end) + end;

function sqliteOf(
  columns: readonly string[],
  rows: readonly (readonly Cell[])[],
  types: readonly string[],
): Uint8Array {
  const path = `${folder.path}/${Math.random()}.sqlite`;
  const database = new DatabaseSync(path);
  database.exec('PRAGMA journal_mode = MEMORY');
  database.exec(`CREATE TABLE data (${columns.map((name, index) => `"${name}" ${types[index]}`).join(', ')})`);
  database.exec('PRAGMA synchronous = OFF; BEGIN');
  const insert = database.prepare(`INSERT INTO data VALUES (${columns.map(() => '?').join(', ')})`);
  for (const row of rows) insert.run(...row);
  database.exec('COMMIT');
  database.close();
  return readFileSync(path);
}

describe('table.query on real data', () => {
  test('answers what SQLite answers about packages.csv', async () => {
    const file = exampleFile('packages.csv');
    const [header, ...lines] = readFileSync(file.path, 'utf8').trimEnd().split('\n');
    const database = new DatabaseSync(':memory:');
    database.exec(
      'CREATE TABLE packages (package TEXT, section TEXT, installed_size INTEGER, version TEXT, architecture TEXT)',
    );
    expect(header).toBe('package,section,installed_size,version,architecture');
    const insert = database.prepare('INSERT INTO packages VALUES (?, ?, ?, ?, ?)');
    for (const line of lines) insert.run(...line.split(','));
    const all = (sql: string): unknown[][] =>
      database
        .prepare(sql)
        .all()
        .map((row) => Object.values(row));

    const total = await run(
      {
        groupBy: ['section'],
        aggregates: [{ function: 'sum', column: 'installed_size' }, { function: 'count' }],
        sort: [{ by: 'sum_installed_size', direction: 'descending' }],
        limit: 5,
      },
      [file],
    );
    expect(total.rows).toEqual(
      all(
        'SELECT section, sum(installed_size) s, count(*) FROM packages GROUP BY section ORDER BY s DESC, section LIMIT 5',
      ),
    );
    expect(total.rowsRead).toBe(lines.length);

    const extremes = await run(
      {
        filter: [
          { column: 'section', op: 'in', value: ['libs', 'utils', 'perl'] },
          { column: 'installed_size', op: '>=', value: 100 },
        ],
        groupBy: ['section'],
        aggregates: [
          { function: 'min', column: 'installed_size' },
          { function: 'max', column: 'installed_size' },
          { function: 'distinct', column: 'architecture', as: 'kinds' },
        ],
      },
      [file],
    );
    expect(extremes.rows).toEqual(
      all(
        "SELECT section, min(installed_size), max(installed_size), count(DISTINCT architecture) FROM packages WHERE section IN ('libs','utils','perl') AND installed_size >= 100 GROUP BY section ORDER BY section",
      ),
    );

    const largest = await run(
      {
        columns: ['package', 'installed_size'],
        filter: [{ column: 'package', op: 'contains', value: 'LIB' }],
        sort: [{ by: 'installed_size', direction: 'descending' }, { by: 'package' }],
        limit: 10,
      },
      [file],
    );
    expect(largest.rows).toEqual(
      all(
        "SELECT package, installed_size FROM packages WHERE package LIKE '%lib%' ORDER BY installed_size DESC, package LIMIT 10",
      ),
    );
    database.close();
  });
});

const word = fc.constantFrom('a', 'b', 'B', 'x,y', 'he said "no"', 'two\nlines', 'é', '😀', 'libs', '007', 'true');
const integerText = fc.oneof(
  fc.integer({ min: -50, max: 50 }).map(String),
  fc.bigInt({ min: -(2n ** 70n), max: 2n ** 70n }).map(String),
);
const decimalText = fc
  .tuple(fc.integer({ min: -5000, max: 5000 }), fc.integer({ min: 1, max: 3 }))
  .map(([units, scale]) => formatDecimal({ units: BigInt(units), scale }));
const orEmpty = (cell: fc.Arbitrary<string>): fc.Arbitrary<Cell> => fc.option(cell, { nil: null, freq: 6 });
const rowsOf = fc.array(
  fc.tuple(orEmpty(word), orEmpty(fc.oneof(integerText, decimalText)), orEmpty(fc.constantFrom('1', '2', '3'))),
  { maxLength: 40 },
);
const names = ['name', 'size', 'site'];

/** The same question, answered the long way with rationals over a common denominator of 10^6. */
function naive(rows: readonly (readonly Cell[])[]): unknown[][] {
  const units = (text: string): bigint => {
    const { units: value, scale } = parseDecimal(text);
    return value * 10n ** BigInt(6 - scale);
  };
  const keys = [...new Set(rows.map((row) => row[0] ?? null))];
  keys.sort((a, b) => (a === null ? 1 : b === null || a < b ? -1 : 1));
  return keys.map((key) => {
    const mine = rows.filter((row) => (row[0] ?? null) === key);
    const sizes = mine.flatMap((row) => row[1] ?? []);
    const sorted = [...sizes].sort((a, b) => (units(a) < units(b) ? -1 : units(a) > units(b) ? 1 : a < b ? -1 : 1));
    const sum = sizes.reduce((total, size) => total + units(size), 0n);
    const show = (value: bigint): string => formatDecimal({ units: value, scale: 6 });
    const count = BigInt(sizes.length);
    let average: string | null = null;
    if (count > 0n) {
      const floor = sum >= 0n ? sum / count : -((-sum + count - 1n) / count);
      const rest = 2n * (sum - floor * count);
      average = show(rest > count || (rest === count && floor % 2n !== 0n) ? floor + 1n : floor);
    }
    return [
      key,
      String(mine.length),
      String(count),
      count === 0n ? null : show(sum),
      average,
      sorted[0] === undefined ? null : show(units(sorted[0])),
      sorted.at(-1) === undefined ? null : show(units(sorted.at(-1)!)),
    ];
  });
}

describe('table.query on generated tables', () => {
  const grouping: QueryInput = {
    groupBy: ['name'],
    aggregates: [
      { function: 'count' },
      { function: 'count', column: 'size' },
      { function: 'sum', column: 'size' },
      { function: 'avg', column: 'size' },
      { function: 'min', column: 'size' },
      { function: 'max', column: 'size' },
    ],
  };

  test('groups and aggregates equal a naive evaluation in exact arithmetic', async () => {
    await fc.assert(
      fc.asyncProperty(rowsOf, async (rows) => {
        const { rows: found } = await run(grouping, [folder.file('t.csv', csvOf(names, rows))]);
        expect(found.map((row) => row.map((value) => (value === null ? null : String(value))))).toEqual(naive(rows));
      }),
      { numRuns: 150 },
    );
  });

  test('equal cells give equal bytes in CSV, TSV, JSON Lines and SQLite, with \\n or \\r\\n, with or without a byte order mark', async () => {
    const filtered: QueryInput = {
      ...grouping,
      filter: [{ column: 'site', op: '!=', value: '2' }],
      sort: [{ by: 'sum_size', direction: 'descending' }],
      limit: 3,
    };
    const select: QueryInput = {
      columns: ['size', 'name'],
      filter: [{ column: 'size', op: '>', value: -3 }],
      sort: [{ by: 'size', direction: 'descending' }],
      limit: 7,
    };
    await fc.assert(
      fc.asyncProperty(
        rowsOf.filter((rows) => rows.length > 0),
        async (rows) => {
          const plain = rows.map((row) => row.map((cell) => cell?.replaceAll('\n', ' ') ?? null));
          const tsv = [names, ...plain].map((row) => row.map((cell) => cell ?? '').join('\t')).join('\n');
          const json = plain
            .map((row) => JSON.stringify(Object.fromEntries(names.map((name, index) => [name, row[index]]))))
            .join('\n');
          const files = [
            folder.file('t.csv', csvOf(names, plain)),
            folder.file('crlf.csv', `\ufeff${csvOf(names, plain, '\r\n')}`),
            folder.file('t.tsv', tsv),
            folder.file('t.jsonl', json),
            folder.file('t.sqlite', sqliteOf(names, plain, ['TEXT', 'TEXT', 'TEXT'])),
          ];
          for (const query of [filtered, select]) {
            const outputs = await Promise.all(
              files.map(async (file) => Buffer.from(canonicalBytes(await run(query, [file]))).toString()),
            );
            expect(new Set(outputs).size, outputs.join('\n')).toBe(1);
          }
        },
      ),
      { numRuns: 40 },
    );
  });

  test('the order of the rows does not change a grouped answer', async () => {
    await fc.assert(
      fc.asyncProperty(rowsOf, async (rows) => {
        const forwards = await run(grouping, [folder.file('f.csv', csvOf(names, rows))]);
        const backwards = await run(grouping, [folder.file('b.csv', csvOf(names, [...rows].reverse()))]);
        expect(backwards).toEqual(forwards);
      }),
      { numRuns: 60 },
    );
  });
});
