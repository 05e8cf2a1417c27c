// Law: a package that would not work where it is installed is not built. What an installation resolves is asked of the compiled files.
import { expect, test } from 'vitest';
import { isForTests, packageOf, unresolved } from './build.ts';

const dependencies = { libp2p: '3.3.11', '@libp2p/tcp': '11.0.28' };
const compiled = new Set(['dist/node/tree.js']);
const judge = (specifier: string): string | undefined =>
  unresolved('dist/node/node.js', specifier, dependencies, (path) => compiled.has(path));

test('an import resolves where it is built in, compiled, or a package that comes along', () => {
  expect(judge('node:fs')).toBeUndefined();
  expect(judge('./tree.js')).toBeUndefined();
  expect(judge('libp2p')).toBeUndefined();
  expect(judge('@libp2p/tcp/filters')).toBeUndefined();
});

test('a file that was not compiled, a .ts left in place and a development dependency are named', () => {
  expect(judge('./compose.js')).toBe('dist/node/node.js imports ./compose.js, which was not compiled');
  expect(judge('./tree.ts')).toContain('not compiled');
  expect(judge('fast-check')).toBe(
    'dist/node/node.js imports fast-check, and fast-check is not among the dependencies',
  );
  expect(judge('@libp2p/interface')).toContain('not among the dependencies');
});

test('the package of a deep import is its first part, with its scope', () => {
  expect(packageOf('level')).toBe('level');
  expect(packageOf('@libp2p/crypto/keys')).toBe('@libp2p/crypto');
});

test('tests and test kits do not ship; names that only sound alike do', () => {
  expect(isForTests('dist/consensus/testing/sim.js')).toBe(true);
  expect(isForTests('dist/node/sandbox/test-skills.js')).toBe(true);
  expect(isForTests('dist/node/sandbox/sandbox.test.js')).toBe(true);
  expect(isForTests('dist/consensus/attestation.js')).toBe(false);
});
