// Law: the package holds what its doors and its bin reach, compiled, and nothing else: no test, no source, no import that an installation
// of the package could not resolve.
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import { dirname, join, relative } from 'node:path';
import { importsOf, readSource, root } from './source.ts';

interface Manifest {
  readonly name: string;
  readonly exports: Readonly<Record<string, string | Readonly<Record<string, string>>>>;
  readonly dependencies: Readonly<Record<string, string>>;
}

/** `libp2p` of `libp2p/deep`, `@libp2p/tcp` of `@libp2p/tcp/src`. */
export function packageOf(specifier: string): string {
  return specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/');
}

/** Why an import of a compiled file would fail in an installation, or undefined where it would not. */
export function unresolved(
  file: string,
  specifier: string,
  dependencies: Readonly<Record<string, string>>,
  exists: (path: string) => boolean,
): string | undefined {
  if (isBuiltin(specifier)) return undefined;
  if (specifier.startsWith('.')) {
    return exists(join(dirname(file), specifier)) ? undefined : `${file} imports ${specifier}, which was not compiled`;
  }
  return packageOf(specifier) in dependencies
    ? undefined
    : `${file} imports ${specifier}, and ${packageOf(specifier)} is not among the dependencies`;
}

/** Files that a package for users has no use for. */
export function isForTests(path: string): boolean {
  return /(?:^|\/)(?:test|testing)\/|\.test\.|(?:^|\/)test-[^/]*$/.test(path);
}

function problemsIn(files: readonly string[], manifest: Manifest): string[] {
  const found = files.filter(isForTests).map((path) => `${path} is for tests, and a door reaches it`);
  for (const file of files.filter((path) => path.endsWith('.js'))) {
    for (const { specifier } of importsOf(readSource(file))) {
      const why = unresolved(file, specifier, manifest.dependencies, (path) => existsSync(join(root, path)));
      if (why !== undefined) found.push(why);
    }
  }
  for (const [name, conditions] of Object.entries(manifest.exports)) {
    for (const target of typeof conditions === 'string' ? [conditions] : Object.values(conditions)) {
      if (!existsSync(join(root, target))) found.push(`the export '${name}' leads to ${target}, which does not exist`);
    }
  }
  return found;
}

if (import.meta.main) {
  rmSync(join(root, 'dist'), { recursive: true, force: true });
  const compiler = join(root, 'node_modules/typescript/bin/tsc');
  execFileSync(process.execPath, [compiler, '-p', join(root, 'tsconfig.build.json')], { stdio: 'inherit' });
  const files = readdirSync(join(root, 'dist'), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(root, join(entry.parentPath, entry.name)))
    .sort();
  const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as Manifest;
  const problems = problemsIn(files, manifest);
  for (const problem of problems) console.error(problem);
  if (problems.length > 0) process.exitCode = 1;
  else console.log(`built dist: ${files.length} files`);
}
