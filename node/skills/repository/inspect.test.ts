// Law: what repo.inspect says of a repository is in its files.
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { failureOf, TestFolder } from '../test-files.ts';
import { run } from './inspect.ts';
import { licenceOf } from './licences.ts';
import { type PackageFile, readPackageFile } from './package-files.ts';

let folder: TestFolder;
beforeAll(() => {
  folder = new TestFolder();
});
afterAll(() => folder.remove());

const named = (file: PackageFile | undefined): unknown[] =>
  file!.dependencies.map(({ name, version, scope }) => [name, version, scope === 'runtime']);

describe('package files', () => {
  test("this project's own package.json is read as it is", () => {
    const text = readFileSync(fileURLToPath(new URL('../../../package.json', import.meta.url)), 'utf8');
    const value = JSON.parse(text) as {
      name: string;
      version: string;
      license: string;
      dependencies: Record<string, string>;
      devDependencies: Record<string, string>;
    };
    expect(readPackageFile('package.json', text)).toEqual({
      ecosystem: 'npm',
      name: value.name,
      version: value.version,
      licence: value.license,
      dependencies: [
        ...Object.entries(value.dependencies).map(([name, version]) => ({ name, version, scope: 'runtime' })),
        ...Object.entries(value.devDependencies).map(([name, version]) => ({ name, version, scope: 'development' })),
      ],
    });
  });

  test('pyproject.toml: PEP 621 and Poetry', () => {
    const pep = readPackageFile(
      'pyproject.toml',
      '[project]\nname = "tool" # the name\nversion = "1.2"\nlicense = {text = "MIT"}\ndependencies = [\n  "requests>=2,<3", # http\n  "rich[jupyter] ~= 13.0",\n  "tomli; python_version < \'3.11\'",\n]\n[project.optional-dependencies]\ntest = ["pytest==8.0"]\n',
    );
    expect(pep).toMatchObject({ name: 'tool', version: '1.2', licence: 'MIT' });
    expect(named(pep)).toEqual([
      ['requests', '>=2,<3', true],
      ['rich', '~=13.0', true],
      ['tomli', null, true],
      ['pytest', '==8.0', false],
    ]);
    const poetry = readPackageFile(
      'pyproject.toml',
      '[tool.poetry]\nname = "tool"\n[tool.poetry.dependencies]\npython = "^3.11"\nhttpx = "^0.27"\nuvicorn = { version = "0.30", extras = ["standard"] }\n[tool.poetry.group.dev.dependencies]\nruff = "*"\n',
    );
    expect(named(poetry)).toEqual([
      ['httpx', '^0.27', true],
      ['uvicorn', '0.30', true],
      ['ruff', '*', false],
    ]);
  });

  test('Cargo.toml, go.mod, pom.xml and requirements.txt', () => {
    const cargo = readPackageFile(
      'crates/x/Cargo.toml',
      '[package]\nname = "x"\nversion = "0.3.0"\nlicense = "MIT OR Apache-2.0"\n[dependencies]\nserde = { version = "1", features = ["derive"] }\nlog = "0.4"\n[dependencies.tokio]\nversion = "1.38"\n[dev-dependencies]\ncriterion = "0.5"\n',
    );
    expect(cargo).toMatchObject({ name: 'x', version: '0.3.0', licence: 'MIT OR Apache-2.0' });
    expect(named(cargo)).toEqual([
      ['serde', '1', true],
      ['log', '0.4', true],
      ['tokio', '1.38', true],
      ['criterion', '0.5', false],
    ]);
    const go = readPackageFile(
      'go.mod',
      'module example.org/x\n\ngo 1.22\n\nrequire (\n\tgithub.com/a/b v1.2.3\n\tgithub.com/c/d v0.1.0 // indirect\n)\nrequire golang.org/x/sys v0.20.0\n',
    );
    expect(named(go)).toEqual([
      ['github.com/a/b', 'v1.2.3', true],
      ['github.com/c/d', 'v0.1.0', true],
      ['golang.org/x/sys', 'v0.20.0', true],
    ]);
    const pom = readPackageFile(
      'pom.xml',
      '<project><parent><artifactId>up</artifactId><version>9</version></parent><artifactId>x</artifactId><version>1.0</version><licenses><license><name>Apache-2.0</name></license></licenses><dependencies><dependency><groupId>org.a</groupId><artifactId>b</artifactId><version>2.1</version></dependency><!-- <dependency><groupId>no</groupId></dependency> --><dependency><groupId>junit</groupId><artifactId>junit</artifactId><scope>test</scope></dependency></dependencies></project>',
    );
    expect(pom).toMatchObject({ name: 'x', version: '1.0', licence: 'Apache-2.0' });
    expect(named(pom)).toEqual([
      ['org.a:b', '2.1', true],
      ['junit:junit', null, false],
    ]);
    expect(
      named(
        readPackageFile(
          'requirements-dev.txt',
          '# tools\n-r base.txt\nnumpy==1.26.4\nflask >= 3 ; sys_platform == "linux"\npyyaml\n',
        ),
      ),
    ).toEqual([
      ['numpy', '==1.26.4', true],
      ['flask', '>=3', true],
      ['pyyaml', null, true],
    ]);
  });
});

describe('licences', () => {
  test('a licence is named by its own words only', () => {
    expect(
      licenceOf(
        '                                 Apache License\n                           Version 2.0, January 2004',
      ),
    ).toBe('Apache-2.0');
    expect(
      licenceOf(
        'MIT License\n\nCopyright (c) 2026\n\nPermission is hereby granted, free of charge, to any person obtaining a copy\nof this software … The above copyright notice and this permission notice shall',
      ),
    ).toBe('MIT');
    expect(licenceOf('GNU GENERAL PUBLIC LICENSE\n Version 3, 29 June 2007')).toBe('GPL-3.0-only');
    expect(licenceOf('GNU LESSER GENERAL PUBLIC LICENSE\n Version 2.1, February 1999')).toBe('LGPL-2.1-only');
    expect(
      licenceOf(
        'Redistribution and use in source and binary forms, with or without\nmodification … Neither the name of the copyright holder',
      ),
    ).toBe('BSD-3-Clause');
    expect(licenceOf('// SPDX-License-Identifier: MIT OR Apache-2.0\n')).toBe('MIT OR Apache-2.0');
    expect(licenceOf('All rights reserved. Do as you like on Tuesdays.')).toBeUndefined();
  });
});

describe('repo.inspect', () => {
  test('counts lines by language, leaves foreign folders out and reports what it could not read', async () => {
    const files = [
      folder.file('src/a.ts', 'one\ntwo\nthree'),
      folder.file('src/b.ts', 'one\n'),
      folder.file('lib.rs', 'fn main() {}\n'),
      folder.file('logo.png', Buffer.from([0x89, 0x50, 0, 0, 0, 10, 10])),
      folder.file('node_modules/x/index.js', 'ignored\n'),
      folder.file('package.json', '{"name":"x","dependencies":{"b":"2","a":"1"}}\n'),
      folder.file('broken/package.json', '{"name":\n'),
      folder.file('null/package.json', 'null'),
      folder.file('LICENSE', 'Apache License\nVersion 2.0\n'),
      folder.file('empty.ts', ''),
    ];
    const result = (await run({ largest: 1 }, [...files].reverse())) as Record<string, unknown>;
    expect(result).toMatchObject({
      kind: 'repository',
      files: 9,
      foreignFiles: 1,
      binaryFiles: 1,
      lines: 10,
      licences: [{ path: 'LICENSE', spdx: 'Apache-2.0' }],
      problems: [
        { path: 'broken/package.json', problem: 'malformed; its dependencies are not read' },
        { path: 'null/package.json', problem: 'malformed; its dependencies are not read' },
      ],
    });
    expect(result.languages).toEqual([
      { language: 'TypeScript', files: 3, lines: 4, bytes: 17 },
      { language: 'JSON', files: 3, lines: 3, bytes: 59 },
      { language: 'Rust', files: 1, lines: 1, bytes: 13 },
    ]);
    expect(result.packages).toMatchObject([
      { path: 'package.json', name: 'x', dependencies: [{ name: 'a' }, { name: 'b' }] },
    ]);
    expect(result.largestFiles).toEqual([{ path: 'package.json', bytes: 46 }]);
    expect(await run({ largest: 1 }, files)).toEqual(result);
  });

  test('no files, or only foreign ones, are refused', async () => {
    expect((await failureOf(run({}, []))).code).toBe('missing_file');
    expect((await failureOf(run({}, [folder.file('vendor/x.go', 'x\n')]))).code).toBe('missing_file');
  });
});
