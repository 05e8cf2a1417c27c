// Law: a report shows what the results hold, and nothing in them can break out of it or out of its folder.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { canonicalBytes } from '../canonical.ts';
import { run as triage } from '../log/triage.ts';
import { run as inspect } from '../repository/inspect.ts';
import { run as search } from '../search.ts';
import { run as query } from '../table/query.ts';
import { exampleFile, failureOf, TestFolder } from '../test-files.ts';
import { code, inline } from './markdown.ts';
import { run } from './write.ts';

let folder: TestFolder;
beforeAll(() => {
  folder = new TestFolder();
});
afterAll(() => folder.remove());

const result = (name: string, value: unknown) => folder.file(name, canonicalBytes(value));
const input = { title: 'Sizes', fileName: 'sizes.md' };

describe('report.write', () => {
  test('a table becomes a Markdown table under the title', async () => {
    const table = await query(
      {
        groupBy: ['section'],
        aggregates: [{ function: 'sum', column: 'installed_size', as: 'total' }],
        sort: [{ by: 'total', direction: 'descending' }],
        limit: 2,
      },
      [folder.file('p.csv', 'section,installed_size\nlibs,10\nweb,3\nlibs,5\n|a*b<i>,4\nx,1\n')],
    );
    const { fileName, markdown } = await run(input, [result('t1.json', table)]);
    expect(fileName).toBe('sizes.md');
    expect(markdown).toBe(
      '# Sizes\n\n| section | total |\n| --- | ---: |\n| libs | 15 |\n| \\|a\\*b&lt;i> | 4 |\n\n2 of 4 rows.\n',
    );
  });

  test('every kind of result has its section, in the order of the names', async () => {
    const log = await triage({ top: 3 }, [exampleFile('auth.log')]);
    const hits = await search({ query: 'root' }, [exampleFile('auth.log')]);
    const repository = await inspect({}, [
      folder.file('package.json', '{"name":"x","version":"1.0","license":"MIT","dependencies":{"left-pad":"1.3.0"}}'),
    ]);
    const { markdown } = await run({ ...input, introduction: 'Made by a mesh.' }, [
      result('c.json', repository),
      result('a.json', log),
      result('b.json', hits),
    ]);
    expect(markdown.match(/^## .*$/gm)).toEqual(['## a', '## b', '## c']);
    expect(markdown).toMatch(
      /^# Sizes\n\nMade by a mesh\.\n\n## a\n\n394 messages in 394 lines of `auth\.log`, from --03-01T/,
    );
    expect(markdown).toMatch(
      /\| burst \| `gate sshd\[<n>\]: Failed password for root from <ip> port <n> ssh<n>` \| 55 \|/,
    );
    expect(markdown).toMatch(/passages in 1 files match `root`\./);
    expect(markdown).toContain('npm: x 1.0, licence MIT, 1 dependencies.');
    expect(markdown).toContain('| left-pad | 1.3.0 | runtime |');
  });

  test('a missing site is named in the report', async () => {
    const table = {
      kind: 'table',
      columns: [{ name: 'n', type: 'integer' }],
      rows: [[1]],
      rowCount: 1,
      rowsBeforeLimit: 1,
      parts: [
        { site: 'north', rows: 7, suppressedGroups: 2 },
        { site: 'west', missing: 'down' },
      ],
    };
    const { markdown } = await run(input, [result('m.json', table)]);
    expect(markdown).toContain('- **north**: 7 rows, 2 small groups held back\n- **west**: missing (down)');
  });

  test('a name that could lead out of the folder, or means something to a system, is refused', async () => {
    const table = result('t.json', { kind: 'table', columns: [], rows: [], rowCount: 0, rowsBeforeLimit: 0 });
    for (const fileName of [
      '../x.md',
      '/etc/x.md',
      'a/b.md',
      'a\\b.md',
      '.hidden.md',
      '..md',
      'x',
      'x.sh',
      'con.md',
      'COM1.md',
      'a\nb.md',
      'x.md ',
      `${'x'.repeat(200)}.md`,
      'Größen.md',
    ]) {
      expect((await failureOf(run({ ...input, fileName }, [table]))).code, fileName).toBe('bad_file_name');
    }
    for (const fileName of ['report.md', 'Sizes 2026-03.md', 'a_b.markdown'])
      expect((await run({ ...input, fileName }, [table])).fileName).toBe(fileName);
  });

  test('what is not a result is refused', async () => {
    for (const content of [
      '{',
      'null',
      '{"kind":"other"}',
      '{"kind":"toString"}',
      '{"kind":"table"}',
      '{"kind":"table","columns":[{}],"rows":[3],"rowCount":1}',
    ]) {
      expect((await failureOf(run(input, [folder.file('x.json', content)]))).code, content).toBe('unknown_result');
    }
    expect((await failureOf(run(input, []))).code).toBe('missing_file');
  });

  test('data can not become markup', () => {
    expect(inline('# a\n- b | [x](y) <script>&`')).toBe('\\# a - b \\| \\[x\\](y) &lt;script>&amp;\\`');
    expect(code('a`b``c')).toBe('```a`b``c```');
    expect(code('`x')).toBe('`` `x ``');
  });
});
