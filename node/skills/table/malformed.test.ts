// Law: malformed input is a failure with one code and one message, the same on every node: what is wrong, where, and what to do.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { failureOf, TestFolder } from '../test-files.ts';
import { type QueryInput, run } from './query.ts';

let folder: TestFolder;
beforeAll(() => {
  folder = new TestFolder();
});
afterAll(() => folder.remove());

const fail = (
  name: string,
  content: string | Uint8Array,
  query: QueryInput = {},
): Promise<{ code: string; message: string }> => failureOf(run(query, [folder.file(name, content)]));
const utf16 = (text: string): Buffer => Buffer.concat([Buffer.from([0xff, 0xfe]), Buffer.from(text, 'utf16le')]);

describe('malformed tables', () => {
  test('a ragged row names its line, also after quoted newlines and blank lines', async () => {
    expect(await fail('r.csv', 'a,b\n1,2\n3\n')).toEqual({
      code: 'ragged_row',
      message:
        "line 3 of 'r.csv' has 1 field, the header has 2; correct the line (a comma inside a field needs quotes around the field)",
    });
    expect((await fail('r.csv', 'a,b\r\n"x\r\ny",2\r\n\r\n1,2,3\r\n')).message).toMatch(
      /^line 5 of 'r.csv' has 3 fields/,
    );
    expect((await fail('r.csv', `a,b\n${'1,2\n'.repeat(200_000)}1\n`)).message).toMatch(/^line 200002 /);
  });

  test('UTF-16 is named by its byte order mark', async () => {
    const failure = await fail('w.csv', utf16('a,b\n1,2\n'));
    expect(failure.code).toBe('wrong_encoding');
    expect(failure.message).toMatch(/UTF-16 .*little-endian.*iconv -f UTF-16 -t UTF-8/);
    expect((await fail('w.csv', Buffer.from(utf16('a,b\n')).swap16())).message).toMatch(/big-endian/);
  });

  test('invalid UTF-8 names its line and byte, also far into the file and across the borders of chunks', async () => {
    expect(await fail('l.csv', Buffer.from('a,b\n1,2\n3,caf\xe9\n', 'latin1'))).toEqual({
      code: 'not_utf8',
      message:
        "'l.csv' is not UTF-8: line 3 has an invalid byte (byte 13); if it is Latin-1, save it as UTF-8, for example with iconv -f ISO-8859-1 -t UTF-8",
    });
    for (let at = 262_138; at <= 262_146; at++) {
      const prefix = Buffer.from(`é\n${'x'.repeat(at - 3)}`);
      const bad = Buffer.concat([prefix, Buffer.from([0xf0, 0x9f, 0x98, 0x41]), Buffer.from('\nend\n')]);
      expect((await fail('l.csv', bad)).message).toContain(`line 2 has an invalid byte (byte ${at})`);
      const good = Buffer.concat([prefix, Buffer.from('😀\nend\n')]);
      expect(
        (
          await run({ filter: [{ column: 'é', op: 'contains', value: 'x😀' }], aggregates: [{ function: 'count' }] }, [
            folder.file('g.csv', good),
          ])
        ).rows,
      ).toEqual([[1]]);
    }
    expect((await fail('l.csv', Buffer.concat([Buffer.from('a\nb\n'), Buffer.from([0xe2, 0x82])]))).message).toContain(
      'line 3 has an invalid byte (byte 4)',
    );
  });

  test('a NUL byte names its line', async () => {
    const failure = await fail('n.csv', 'a,b\n1,2\n3,\0\n');
    expect(failure.code).toBe('nul_byte');
    expect(failure.message).toMatch(/NUL byte on line 3 \(byte 10\)/);
  });

  test('a line of 10 MB fails without being held, in CSV and in JSON Lines', async () => {
    const long = 'x'.repeat(10 * 1024 * 1024);
    expect((await fail('long.csv', `a,b\n1,2\n${long},2\n`)).message).toMatch(
      /^the record that starts on line 3 of 'long.csv' is longer than 1048576 characters/,
    );
    expect((await fail('long.jsonl', `{"a":1}\n{"a":"${long}"}\n`)).message).toMatch(
      /^line 2 of 'long.jsonl' is longer than 1048576 characters/,
    );
  });

  test('quotes that do not match name the record they are in', async () => {
    expect((await fail('q.csv', 'a,b\n1,"two\n3,4\n')).message).toMatch(
      /^the record that starts on line 2 of 'q.csv' opens a quote that is never closed/,
    );
    expect((await fail('q.csv', 'a,b\n1,x"y\n')).code).toBe('stray_quote');
    expect((await fail('q.csv', 'a,b\n1,"x"y\n')).code).toBe('stray_quote');
  });

  test('a missing column is answered with the names most like it', async () => {
    const csv = 'package,installed_size\nx,1\n';
    expect(await fail('m.csv', csv, { groupBy: ['pakage'] })).toEqual({
      code: 'missing_column',
      message: "'m.csv' has no column 'pakage'; did you mean 'package'? It has: package, installed_size.",
    });
    expect((await fail('m.csv', csv, { columns: ['Installed Size'] })).message).toContain(
      "did you mean 'installed_size'?",
    );
    expect((await fail('m.csv', csv, { columns: ['size'] })).message).toContain("did you mean 'installed_size'?");
    expect((await fail('m.csv', csv, { columns: ['colour'] })).message).toBe(
      "'m.csv' has no column 'colour'. It has: package, installed_size.",
    );
    expect((await fail('m.csv', csv, { filter: [{ column: 'nope', op: '=', value: 1 }] })).code).toBe('missing_column');
    expect((await fail('m.csv', csv, { sort: [{ by: 'nope' }] })).code).toBe('missing_column');
    expect(
      (await fail('m.csv', csv, { groupBy: ['package'], aggregates: [{ function: 'count' }], sort: [{ by: 'total' }] }))
        .message,
    ).toMatch(/^the grouped result has no column 'total'/);
    expect(
      (await fail('m.jsonl', '{"a":1}\n{"b":1}\n', { groupBy: ['c'], aggregates: [{ function: 'count' }] })).code,
    ).toBe('missing_column');
  });

  test('an empty file, a file of blank lines and an unknown format are refused', async () => {
    for (const [name, content] of [
      ['e.csv', ''],
      ['e.csv', '\ufeff'],
      ['e.csv', '\n\n'],
      ['e.jsonl', '\n'],
      ['e.sqlite', ''],
    ] as const) {
      expect((await fail(name, content)).code, JSON.stringify([name, content])).toBe('empty_file');
    }
    expect((await fail('x.pdf', '%PDF-1.7 nothing of a table')).code).toBe('unknown_format');
    expect((await fail('x.json', '[{"a":1}]')).code).toBe('unknown_format');
  });

  test('what is not a number is not summed, and is shown with its line', async () => {
    expect(await fail('s.csv', 'k,v\na,1\nb,n/a\n', { aggregates: [{ function: 'sum', column: 'v' }] })).toEqual({
      code: 'not_a_number',
      message:
        "'n/a' in column 'v' on line 3 of 's.csv' is not a number, so the column can't be summed; filter such rows out, or correct them (plain digits, a decimal point, no separators)",
    });
    const filtered = await run(
      { filter: [{ column: 'v', op: '!=', value: 'n/a' }], aggregates: [{ function: 'sum', column: 'v' }] },
      [folder.file('s.csv', 'k,v\na,1\nb,n/a\n')],
    );
    expect(filtered.rows).toEqual([[1]]);
  });

  test('a broken JSON line, a value that is no object and a whole array are told apart', async () => {
    expect((await fail('j.jsonl', '{"a":1}\n{"a":\n')).message).toBe(
      "line 2 of 'j.jsonl' is not JSON; each line must hold one whole object",
    );
    expect((await fail('j.jsonl', '{"a":1}\n17\n')).message).toMatch(/^line 2 of 'j.jsonl' is not an object/);
    expect((await fail('j.jsonl', '[\n{"a":1}]\n')).message).toMatch(/one JSON array.*jq -c/);
  });

  test('files that only claim to be SQLite, or are damaged, are refused', async () => {
    expect((await fail('x.sqlite', 'hello, this is text\n')).code).toBe('not_sqlite');
    const damaged = Buffer.concat([Buffer.from('SQLite format 3\0', 'latin1'), Buffer.alloc(4096, 7)]);
    expect(['not_sqlite', 'corrupt_sqlite']).toContain((await fail('x.db', damaged)).code);
  });

  test('headers with two equal names or carriage returns only are refused', async () => {
    expect((await fail('d.csv', 'a,b,a\n1,2,3\n')).message).toMatch(/two columns 'a' \(columns 1 and 3\)/);
    expect((await fail('d.csv', 'a,b\r1,2\r')).code).toBe('bare_carriage_returns');
  });

  test('too many groups, too many different values and too large an output fail instead of filling the memory', async () => {
    const many = `k\n${Array.from({ length: 100_002 }, (_, index) => `g${index}`).join('\n')}\n`;
    expect((await fail('g.csv', many, { groupBy: ['k'], aggregates: [{ function: 'count' }] })).code).toBe(
      'too_many_groups',
    );
    const values = `k\n${Array.from({ length: 500_002 }, (_, index) => `v${index}`).join('\n')}\n`;
    expect((await fail('v.csv', values, { aggregates: [{ function: 'distinct', column: 'k' }] })).code).toBe(
      'too_many_distinct',
    );
    expect((await fail('o.csv', `k\n${`${'x'.repeat(1000)}\n`.repeat(6000)}`)).code).toBe('output_too_large');
  });

  test('a filter that makes no sense is refused before the file is read', async () => {
    expect((await fail('f.csv', '', { filter: [{ column: 'a', op: '<', value: null }] })).code).toBe('bad_filter');
    expect((await fail('f.csv', '', { filter: [{ column: 'a', op: 'in', value: 3 }] })).code).toBe('bad_filter');
    expect((await fail('f.csv', 'a\n', { aggregates: [{ function: 'sum' }] })).code).toBe('bad_aggregate');
    expect((await fail('f.csv', 'a\n1\n', { columns: ['a', 'a'] })).code).toBe('duplicate_column');
    expect((await failureOf(run({}, [folder.file('a.csv', 'a\n'), folder.file('b.csv', 'a\n')]))).code).toBe(
      'too_many_files',
    );
  });
});
