// Law: a mutant never touches the working tree: it is planted in a copy, and the copy's tests must pass before it and fail with it.
// Usage: npm run mutants [-- word …]: only the mutants whose description holds one of the words.
import { spawn } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Mutant, mutants } from './mutants/index.ts';
import { root } from './source.ts';

const copied = ['actors/system', 'test/support', 'package.json', 'tsconfig.json', 'vitest.config.ts'];
/** The clean suite takes a few seconds; what takes this long hangs. */
const timeLimitMs = 90_000;

type Outcome =
  | { readonly kind: 'passed'; readonly tests: number }
  | { readonly kind: 'failed'; readonly test: string }
  | { readonly kind: 'hung' }
  | { readonly kind: 'broken'; readonly why: string };

interface Report {
  readonly numPassedTests: number;
  readonly testResults: readonly {
    readonly name: string;
    readonly message: string;
    readonly assertionResults: readonly { readonly status: string; readonly fullName: string }[];
  }[];
}

/** The sources with everything their tests read: the installed packages and, where it is there, the shared folder. */
function makeCopy(folder: string): string {
  const copy = join(folder, 'repository');
  for (const path of copied) cpSync(join(root, path), join(copy, path), { recursive: true });
  symlinkSync(join(root, 'node_modules'), join(copy, 'node_modules'));
  const shared = join(root, '..', 'shared');
  if (existsSync(shared)) symlinkSync(shared, join(folder, 'shared'));
  return copy;
}

function runTests(copy: string): Promise<Outcome> {
  const reportFile = join(copy, 'report.json');
  rmSync(reportFile, { force: true });
  const vitest = join(root, 'node_modules', 'vitest', 'vitest.mjs');
  const options = ['run', 'actors/system', '--bail=1', '--reporter=json', `--outputFile=${reportFile}`];
  const child = spawn(process.execPath, [vitest, ...options], { cwd: copy, stdio: 'ignore', detached: true });
  return new Promise((resolve) => {
    let hung = false;
    const limit = setTimeout(() => {
      hung = true;
      // The whole group: its workers may be what hangs.
      process.kill(-child.pid!, 'SIGKILL');
    }, timeLimitMs);
    child.once('exit', () => {
      clearTimeout(limit);
      resolve(hung ? { kind: 'hung' } : outcomeOf(reportFile));
    });
  });
}

function outcomeOf(reportFile: string): Outcome {
  if (!existsSync(reportFile)) return { kind: 'broken', why: 'the tests left no report' };
  const report = JSON.parse(readFileSync(reportFile, 'utf8')) as Report;
  for (const { assertionResults } of report.testResults) {
    const failed = assertionResults.find(({ status }) => status === 'failed');
    if (failed !== undefined) return { kind: 'failed', test: failed.fullName.trim() };
  }
  const unloadable = report.testResults.find(({ message }) => message !== '');
  if (unloadable !== undefined) return { kind: 'broken', why: unloadable.message.split('\n')[0]! };
  return { kind: 'passed', tests: report.numPassedTests };
}

function plant(copy: string, { file, find, replace }: Mutant): () => void {
  const path = join(copy, 'actors/system', file);
  const clean = readFileSync(path, 'utf8');
  if (clean.split(find).length !== 2)
    throw new Error(`mutant of ${file}: its text must be there exactly once:\n${find}`);
  writeFileSync(
    path,
    clean.replace(find, () => replace),
  );
  return () => writeFileSync(path, clean);
}

function shown({ kind, ...outcome }: Outcome): string {
  if (kind === 'failed') return (outcome as { test: string }).test;
  if (kind === 'hung') return `(hung for ${timeLimitMs / 1000} s)`;
  if (kind === 'broken') return `NO MUTANT: ${(outcome as { why: string }).why}`;
  return 'SURVIVED';
}

async function main(words: readonly string[]): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'parley-mutants-'));
  try {
    const copy = makeCopy(folder);
    const clean = await runTests(copy);
    if (clean.kind !== 'passed') throw new Error(`the clean copy does not pass: ${shown(clean)}`);
    console.log(`clean copy: ${clean.tests} tests pass`);
    const chosen = mutants.filter(({ bug }) => words.length === 0 || words.some((word) => bug.includes(word)));
    const width = Math.max(...chosen.map(({ bug }) => bug.length));
    console.log(`${'mutant'.padEnd(width)}  caught by`);
    let survived = 0;
    for (const mutant of chosen) {
      const restore = plant(copy, mutant);
      const outcome = await runTests(copy);
      restore();
      if (outcome.kind === 'passed' || outcome.kind === 'broken') survived++;
      console.log(`${mutant.bug.padEnd(width)}  ${shown(outcome)}`);
    }
    console.log(`${chosen.length - survived} of ${chosen.length} caught`);
    if (survived > 0) process.exitCode = 1;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

await main(process.argv.slice(2));
