// Law: vectors and data from outside are read by path and never copied; where they are absent the test is skipped with a printed notice.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../../../shared/', import.meta.url));
const noticed = new Set<string>();

/** The absolute path of `relative` under the shared folder beside the clone, or `undefined` (with one printed notice) where it is absent. */
export function sharedPath(relative: string): string | undefined {
  const path = `${root}${relative}`;
  if (existsSync(path)) return path;
  if (!noticed.has(relative)) {
    noticed.add(relative);
    console.warn(`notice: skipped, ../shared/${relative} is not beside this clone`);
  }
  return undefined;
}

/** The files below `folder` whose names end so, whatever they are called, by their paths in it; sorted. */
export function filesIn(folder: string, ending: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith(ending))
    .sort();
}

/** What all the .json files of a shared folder list, in the order of their names; nothing (with one printed notice) where it is absent. */
export function sharedLists<T>(relative: string): readonly T[] {
  const folder = sharedPath(relative);
  if (folder === undefined) return [];
  const files = readdirSync(folder).filter((name) => name.endsWith('.json'));
  return files.toSorted().flatMap((name) => JSON.parse(readFileSync(join(folder, name), 'utf8')) as T[]);
}
