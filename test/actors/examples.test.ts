// Law: what docs/actors.md shows is what its examples are, and what it says they print they print.
import { execFile } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';

const root = fileURLToPath(new URL('../../', import.meta.url));
const page = readFileSync(`${root}docs/actors.md`, 'utf8');
const pattern = /```ts\n\/\/ (examples\/actors\/[a-z-]+\.ts)\n([\s\S]*?)\n```\n\n```text\n([\s\S]*?)\n```/g;
const examples = [...page.matchAll(pattern)].map(([, path, code, output]) => ({
  path: path!,
  code: code!,
  output: output!,
}));

test('every example is on the page', () => {
  const files = readdirSync(`${root}examples/actors`).filter((name) => name !== 'world.ts');
  expect(examples.map(({ path }) => path).toSorted()).toEqual(
    files.map((name) => `examples/actors/${name}`).toSorted(),
  );
});

test.each(examples)('$path is as the page shows it, and prints what it says', async ({ path, code, output }) => {
  expect(code).toBe(readFileSync(`${root}${path}`, 'utf8').trimEnd());
  const { stdout } = await promisify(execFile)(process.execPath, [path], { cwd: root });
  expect(stdout.trimEnd()).toBe(output);
});
