import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import type { CheckResult } from './check.ts';
import { checkHistory, parseHistory } from './index.ts';
import { type BenchHistory, bench } from './testing/bench.ts';
import { type CheckerMutant, mistakes, slownesses } from './testing/mutants.ts';

const copies = mkdtempSync(join(tmpdir(), 'parley-checker-'));
afterAll(() => rmSync(copies, { recursive: true, force: true }));
const memoryBytes = 64 * 2 ** 20;

type Checker = Pick<typeof import('./index.ts'), 'checkHistory' | 'parseHistory'>;

function verdictOf(checker: Checker, { text, steps }: BenchHistory): CheckResult['verdict'] {
  return checker.checkHistory(checker.parseHistory(text).history, { memoryBytes, steps }).verdict;
}

/** The checker with one edit, from a copy of its folder. */
async function plant({ name, file, from, to }: CheckerMutant, number: string): Promise<Checker> {
  const folder = join(copies, number);
  cpSync(fileURLToPath(new URL('.', import.meta.url)), folder, {
    recursive: true,
    filter: (path) => !path.endsWith('.test.ts') && !path.endsWith('/testing'),
  });
  const path = join(folder, file);
  const text = readFileSync(path, 'utf8');
  expect(text.split(from).length, `"${name}" fits ${file} once`).toBe(2);
  writeFileSync(
    path,
    text.replace(from, () => to),
  );
  return (await import(pathToFileURL(join(folder, 'index.ts')).href)) as Checker;
}

describe('the bench of the checker', () => {
  for (const [name, history] of Object.entries(bench) as [string, BenchHistory][])
    it(`${name}: ${history.verdict}`, () => {
      expect(verdictOf({ checkHistory, parseHistory }, history)).toBe(history.verdict);
    });
});

describe('a mistake in the checker', () => {
  for (const [i, mutant] of mistakes.entries())
    it(`is seen by its wrong verdict: ${mutant.name}`, async () => {
      const history = bench[mutant.shownBy];
      let found: string;
      try {
        found = verdictOf(await plant(mutant, `mistake-${i}`), history);
      } catch (error) {
        if ((error as Error).name !== 'Error') throw error;
        found = 'refused';
      }
      expect(['ok', 'violation', 'unknown', 'refused'].filter((each) => each !== history.verdict)).toContain(found);
    });
});

describe('a shortcut of the checker', () => {
  for (const [i, mutant] of slownesses.entries())
    it(`is needed, for without it the same steps leave it unknown: ${mutant.name}`, async () => {
      expect(verdictOf(await plant(mutant, `slow-${i}`), bench[mutant.shownBy])).toBe('unknown');
    });
});
