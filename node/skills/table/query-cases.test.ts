// Law: the corners of table.query, one at a time.
import { readFileSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { canonicalBytes } from '../canonical.ts';
import { failureOf, TestFolder } from '../test-files.ts';
import { type QueryInput, run } from './query.ts';

let folder: TestFolder;
beforeAll(() => {
  folder = new TestFolder();
});
afterAll(() => folder.remove());

describe('table.query, case by case', () => {
  const ask = async (csv: string, query: QueryInput) => (await run(query, [folder.file('case.csv', csv)])).rows;

  test('numbers keep their digits in every format', async () => {
    const query: QueryInput = { aggregates: [{ function: 'sum', column: 'n', as: 's' }] };
    expect(await ask('n\n9007199254740993\n1\n', query)).toEqual([['9007199254740994']]);
    const json = await run(query, [folder.file('n.jsonl', '{"n":9007199254740993}\n{"n":1}\n{"n":0.1}\n{"n":0.2}\n')]);
    expect(json.rows).toEqual([['9007199254740994.3']]);
    const database = new DatabaseSync(`${folder.path}/n.db`);
    database.exec('CREATE TABLE t (n); INSERT INTO t VALUES (9007199254740993), (1), (0.1), (0.2)');
    database.close();
    const sqlite = await run(query, [folder.file('copy.db', readFileSync(`${folder.path}/n.db`))]);
    expect(sqlite.rows).toEqual([['9007199254740994.3']]);
  });

  test('one value in several spellings is one group in a number column and several in a text column', async () => {
    const query: QueryInput = { groupBy: ['k'], aggregates: [{ function: 'count' }] };
    expect(await ask('k\n1\n1.0\n2\n', query)).toEqual([
      ['1', 2],
      ['2', 1],
    ]);
    expect(await ask('k\n1\n1.0\nx\n', query)).toEqual([
      ['1', 1],
      ['1.0', 1],
      ['x', 1],
    ]);
    expect(await ask('k\ntrue\nTrue\nfalse\n', query)).toEqual([
      [false, 1],
      [true, 2],
    ]);
  });

  test('an empty cell equals only null, is skipped by aggregates and comes last', async () => {
    const csv = 'k,v\na,1\nb,\nc,3\n';
    expect(await ask(csv, { filter: [{ column: 'v', op: '=', value: null }] })).toEqual([['b', null]]);
    expect(await ask(csv, { filter: [{ column: 'v', op: '!=', value: 1 }], columns: ['k'] })).toEqual([['b'], ['c']]);
    expect(
      await ask(csv, {
        aggregates: [{ function: 'avg', column: 'v' }, { function: 'count', column: 'v' }, { function: 'count' }],
      }),
    ).toEqual([['2', 2, 3]]);
    expect(await ask(csv, { columns: ['v'], sort: [{ by: 'v', direction: 'descending' }] })).toEqual([
      [3],
      [1],
      [null],
    ]);
  });

  test('comparing with a number skips cells that are not numbers, and the other way round', async () => {
    const csv = 'v\n2\nn/a\n\n10\n0.5\n';
    expect(await ask(csv, { filter: [{ column: 'v', op: '>', value: 1 }] })).toEqual([[2], [10]]);
    expect(await ask(csv, { filter: [{ column: 'v', op: '<=', value: '2' }] })).toEqual([['2'], ['0.5']]);
    expect(await ask(csv, { filter: [{ column: 'v', op: '>', value: 'a' }] })).toEqual([['n/a']]);
    expect(await ask('v\n1.0\n1\n', { filter: [{ column: 'v', op: '=', value: 1 }] })).toHaveLength(2);
    expect(await ask('v\n1.0\n1\n', { filter: [{ column: 'v', op: '=', value: '1' }] })).toHaveLength(1);
  });

  test('of equal numbers in a text column the smallest and largest do not depend on the order of the rows', async () => {
    const query: QueryInput = {
      aggregates: [
        { function: 'min', column: 'v' },
        { function: 'max', column: 'v' },
      ],
      filter: [{ column: 'v', op: '!=', value: 'x' }],
      groupBy: ['k'],
    };
    const rows = ['a,1.0', 'a,1', 'a,1.00', 'b,word'];
    const answers = [rows, [...rows].reverse()].map((order) => ask(`k,v\n${order.join('\n')}\n`, query));
    expect(await answers[0]).toEqual(await answers[1]);
    expect((await answers[0])?.[0]).toEqual(['a', '1', '1.00']);
  });

  test('a question over no rows has an answer', async () => {
    expect(await ask('k,v\n', { aggregates: [{ function: 'count' }, { function: 'sum', column: 'v' }] })).toEqual([
      [0, null],
    ]);
    expect(await ask('k,v\n', { groupBy: ['k'], aggregates: [{ function: 'count' }] })).toEqual([]);
    expect(await ask('k,v\n', {})).toEqual([]);
  });

  test('dates and texts compare as they are written', async () => {
    const csv = 'day,n\n2026-01-02,1\n2025-12-31,2\n2026-01-10,3\n';
    const { columns, rows } = await run(
      { filter: [{ column: 'day', op: '>=', value: '2026-01-01' }], sort: [{ by: 'day' }] },
      [folder.file('d.csv', csv)],
    );
    expect(columns[0]).toEqual({ name: 'day', type: 'date' });
    expect(rows).toEqual([
      ['2026-01-02', 1],
      ['2026-01-10', 3],
    ]);
  });

  test('quoted newlines, doubled quotes, other delimiters and blank lines are read', async () => {
    expect(await ask('a,b\n"x\ny","say ""hi"""\n\n1,2\n\n', {})).toEqual([
      ['x\ny', 'say "hi"'],
      ['1', '2'],
    ]);
    expect(await ask('a;b\n1,5;2\n', {})).toEqual([['1,5', 2]]);
    const nested = await run({}, [folder.file('keys.jsonl', '{"a":1}\n{"b":{"y":1,"x":[2]},"a":2}\n')]);
    expect(nested.columns.map(({ name }) => name)).toEqual(['a', 'b']);
    expect(nested.rows).toEqual([
      [1, null],
      [2, '{"x":[2],"y":1}'],
    ]);
  });

  test("another task's table can be queried again", async () => {
    const first = await run({ groupBy: ['k'], aggregates: [{ function: 'sum', column: 'v' }] }, [
      folder.file('one.csv', 'k,v\na,1.5\nb,2\na,1\n'),
    ]);
    const again = await run({ filter: [{ column: 'sum_v', op: '>', value: 2 }], columns: ['k', 'sum_v'] }, [
      folder.file('task.json', canonicalBytes(first)),
    ]);
    expect(again.rows).toEqual([['a', '2.5']]);
  });

  test('rows of a SQLite table come in the order they are stored, whatever indexes there are', async () => {
    const database = new DatabaseSync(`${folder.path}/indexed.db`);
    database.exec(
      "CREATE TABLE t (k TEXT, l TEXT, m TEXT, n TEXT, v INTEGER); CREATE INDEX covering ON t (v); INSERT INTO t (k, v) VALUES ('a', 3), ('b', 1), ('c', 2)",
    );
    database.close();
    const file = folder.file('indexed-copy.db', readFileSync(`${folder.path}/indexed.db`));
    expect((await run({ columns: ['v'] }, [file])).rows).toEqual([[3], [1], [2]]);
  });

  test('a table of a SQLite file with several must be named, and views are not read', async () => {
    const database = new DatabaseSync(`${folder.path}/many.db`);
    database.exec(
      'CREATE TABLE one (a); CREATE TABLE two (b); INSERT INTO two VALUES (7); CREATE VIEW three AS SELECT b FROM two; PRAGMA journal_mode = WAL',
    );
    database.close();
    const file = folder.file('several.db', readFileSync(`${folder.path}/many.db`));
    expect((await run({ table: 'two' }, [file])).rows).toEqual([[7]]);
    expect((await failureOf(run({}, [file]))).message).toMatch(
      /2 tables; say which one with "table". It has: one, two\./,
    );
    expect(await failureOf(run({ table: 'twoo' }, [file]))).toEqual({
      code: 'unknown_table',
      message: "'several.db' has no table 'twoo'; did you mean 'two'? It has: one, two.",
    });
    expect((await failureOf(run({ table: 'three' }, [file]))).code).toBe('unknown_table');
  });
});
