// Law: every mutant can be planted: a mutant whose text has moved on tests nothing.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { mutants } from './mutants/index.ts';
import { root } from './source.ts';

test.each(mutants)('$bug: the text it replaces stands exactly once in $file', ({ file, find, replace }) => {
  const source = readFileSync(join(root, 'actors/system', file), 'utf8');
  expect(source.split(find)).toHaveLength(2);
  expect(replace).not.toBe(find);
});

test('no two mutants are one', () => {
  expect(new Set(mutants.map(({ file, find, replace }) => `${file}\n${find}\n${replace}`)).size).toBe(mutants.length);
  expect(new Set(mutants.map(({ bug }) => bug)).size).toBe(mutants.length);
});
