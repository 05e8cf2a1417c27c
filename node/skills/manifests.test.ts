// Law: every manifest is a valid schema, its examples fit it, and every output fits the output schema it promises.
import { Ajv2020 } from 'ajv/dist/2020.js';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { canonicalBytes } from './canonical.ts';
import { manifests, profileFile, skills } from './index.ts';
import type { SkillFile } from './skill.ts';
import { exampleFile, TestFolder } from './test-files.ts';

let folder: TestFolder;
beforeAll(() => {
  folder = new TestFolder();
});
afterAll(() => folder.remove());

const ajv = new Ajv2020({ strict: true, allowUnionTypes: true });
const skillNamed = (name: string) => skills.find(({ manifest }) => manifest.name === name)!;

describe('manifests', () => {
  test('names are distinct and schemas are valid', () => {
    expect(new Set(manifests.map(({ name }) => name)).size).toBe(manifests.length);
    for (const manifest of manifests) {
      const validate = ajv.compile(manifest.input);
      for (const { words, input } of manifest.examples)
        expect(validate(input), `${words}: ${JSON.stringify(validate.errors)}`).toBe(true);
      expect(validate({ unknown: 1 })).toBe(false);
      expect(() => ajv.compile(manifest.output)).not.toThrow();
    }
  });

  test('every example about the example data runs, and its output keeps the promised schema', async () => {
    const packages = exampleFile('packages.csv');
    const part = async (site: string): Promise<SkillFile> => {
      const output = await skillNamed('table.aggregate').run(
        { site, groupBy: ['section'], aggregates: [{ function: 'avg', column: 'installed_size' }] },
        [exampleFile(`sites/${site}/packages.csv`)],
      );
      return folder.file(`${site}.json`, canonicalBytes(output));
    };
    const table = folder.file('t.json', canonicalBytes(await skillNamed('table.query').run({ limit: 3 }, [packages])));
    const filesFor: Readonly<Record<string, readonly SkillFile[]>> = {
      'table.query': [packages],
      'table.aggregate': [exampleFile('sites/north/packages.csv')],
      'table.merge': [await part('north'), await part('south')],
      'log.triage': [exampleFile('auth.log')],
      'text.search': [exampleFile('README.md'), exampleFile('auth.log')],
      'repo.inspect': [exampleFile('README.md'), packages],
      'report.write': [table],
    };
    for (const { manifest, run } of skills) {
      const validate = ajv.compile(manifest.output);
      for (const { words, input } of manifest.examples) {
        const output = JSON.parse(
          Buffer.from(canonicalBytes(await run(input, filesFor[manifest.name]!))).toString(),
        ) as unknown;
        expect(validate(output), `${manifest.name}, ${words}: ${JSON.stringify(validate.errors?.slice(0, 2))}`).toBe(
          true,
        );
      }
    }
  });
});

describe('profiles', () => {
  test('a table file is described by its columns and their types', async () => {
    expect(await profileFile(exampleFile('packages.csv'))).toMatchObject({
      name: 'packages.csv',
      sizeBytes: exampleFile('packages.csv').sizeBytes,
      format: 'csv',
      tables: [
        {
          name: 'packages',
          columns: [
            { name: 'package', type: 'text' },
            { name: 'section', type: 'text' },
            { name: 'installed_size', type: 'integer' },
            { name: 'version', type: 'text' },
            { name: 'architecture', type: 'text' },
          ],
        },
      ],
    });
  });

  test('a column of few kinds tells them, and a column without a repetition that it is a key', async () => {
    const kinds = Array.from({ length: 65 }, (_, index) => `k${index}`);
    const rows = [...kinds, ...kinds].map((kind, index) => `${index},${index % 2 === 0 ? 'new' : 'old'},${kind},${''}`);
    const profile = await profileFile(folder.file('kinds.csv', `order_id,state,kind,none\n${rows.join('\n')}\n`));
    expect(profile.tables[0]!.columns).toEqual([
      { name: 'order_id', type: 'integer', isKey: true },
      { name: 'state', type: 'text', values: ['new', 'old'] },
      { name: 'kind', type: 'text' },
      { name: 'none', type: 'text' },
    ]);
  });

  test('texts, empty, binary and ragged files say what they are', async () => {
    expect(await profileFile(exampleFile('auth.log'))).toMatchObject({ format: 'text', tables: [] });
    expect(await profileFile(folder.file('e.csv', ''))).toMatchObject({ format: 'csv', problem: "'e.csv' is empty" });
    expect(await profileFile(folder.file('x.bin', Buffer.from([1, 0, 2])))).toMatchObject({
      format: 'unknown',
      problem: expect.stringContaining('NUL'),
    });
    expect(await profileFile(folder.file('r.csv', 'a,b\n1\n'))).toMatchObject({
      format: 'csv',
      problem: expect.stringContaining('line 2'),
    });
    expect(
      (await profileFile(folder.file('d.jsonl', '{"day":"2026-01-01","ok":true,"v":1.5}\n'))).tables[0]!.columns,
    ).toEqual([
      { name: 'day', type: 'date' },
      { name: 'ok', type: 'boolean' },
      { name: 'v', type: 'number' },
    ]);
  });

  test('a table without rows says so, and one whose first row never ends', async () => {
    const header = await profileFile(folder.file('h.csv', 'name,size\n'));
    expect(header).toMatchObject({ tables: [{ name: 'h', columns: [{ name: 'name' }, { name: 'size' }] }] });
    expect(header.problem).toBe("'h.csv' has no rows: nothing says what its columns hold");
    const endless = await profileFile(folder.file('long.csv', `name,size\n${'x'.repeat(3_000_000)},1\n`));
    expect(endless.problem).toMatch(/no whole row in its first MiB|longer than 1048576 characters/);
  });

  test('a text column that is nearly numbers tells the value that is none', async () => {
    const content = 'a,b,c,d\n1,"1,234",red,$5\nn/a,7,blue,$6\n3,8,grey,12 kg\n';
    const [table] = (await profileFile(folder.file('near.csv', content))).tables;
    expect(table!.columns.map(({ notNumber }) => notNumber)).toEqual(['n/a', '1,234', undefined, '$5']);
  });

  test.each([
    ['sheet.csv', 'PK\u0003\u0004\u0014\u0000', /ZIP archive, as an \.xlsx is/],
    ['logs.csv', '\u001f\u008b\u0008\u0000', /gzip; unpack it with gunzip/],
    ['report.csv', '%PDF-1.7\n\u00e2\u00e3', /a PDF/],
    ['table.csv', 'PAR1\u0015\u0000', /Parquet/],
  ])('a file of another format named %s is told what it is', async (name, head, expected) => {
    const { problem } = await profileFile(folder.file(name, Buffer.from(head, 'latin1')));
    expect(problem).toMatch(expected);
  });

  test('only the beginning of a large file is read, and the record it cuts is no problem', async () => {
    const large = folder.file('large.csv', `a,b\n${'1,"x\ny"\n'.repeat(200_000)}ragged\n`);
    expect(await profileFile(large)).toMatchObject({
      format: 'csv',
      tables: [{ name: 'large', columns: [{ type: 'integer' }, { type: 'text' }] }],
    });
    expect((await profileFile(large)).problem).toBeUndefined();
  });
});
