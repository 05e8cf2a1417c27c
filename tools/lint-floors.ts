// Law: floors import only downwards, and a room is entered only through its door (`index.ts`).
import { existsSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { importsOf, readSource, report, root, sourceFiles } from './source.ts';

/** Longest prefix first: `actors/system` is a floor below `actors`. */
const floors: readonly (readonly [prefix: string, level: number])[] = [
  ['actors/system/', 0],
  ['protocols/', 1],
  ['consensus/', 2],
  ['actors/', 3],
  ['node/', 4],
  ['sim/', 5],
  ['examples/', 6],
  ['test/', 6],
  ['tools/', 6],
];

export function floorOf(path: string): number | undefined {
  return floors.find(([prefix]) => path.startsWith(prefix))?.[1];
}

/** The rooms around `path`, outermost first: its ancestor folders that have a door. */
function roomsOf(path: string, hasDoor: (folder: string) => boolean): string[] {
  const rooms: string[] = [];
  const parts = dirname(path).split('/');
  for (let length = 1; length <= parts.length; length++) {
    const folder = parts.slice(0, length).join('/');
    if (hasDoor(folder)) rooms.push(folder);
  }
  return rooms;
}

/** Why `from` may not import `to`, or `undefined` where it may. Both are paths relative to the root. */
export function forbidden(from: string, to: string, hasDoor: (folder: string) => boolean): string | undefined {
  const fromFloor = floorOf(from);
  const toFloor = floorOf(to);
  if (fromFloor === undefined || toFloor === undefined) return undefined;
  // A test beside the code, and its kit, may use the test support; the code itself may not.
  const isTestSupport = (from.endsWith('.test.ts') || from.includes('/testing/')) && to.startsWith('test/support/');
  if (toFloor > fromFloor && !isTestSupport) return `imports upwards, from floor ${fromFloor} to floor ${toFloor}`;
  const closed = roomsOf(to, hasDoor).find((room) => !`${from}`.startsWith(`${room}/`));
  // Tests, tools and the simulator may enter a room inside a room (a model, a test kit, the CLI) by its own door: nothing that runs in a
  // node does.
  const isByInnerDoor = (from.endsWith('.test.ts') || fromFloor > floorOf('node/')!) && to.endsWith('/index.ts');
  if (closed !== undefined && to !== `${closed}/index.ts` && !isByInnerDoor)
    return `reaches past the door ${closed}/index.ts`;
  return undefined;
}

if (import.meta.main) {
  const violations: string[] = [];
  const files = sourceFiles();
  const hasDoor = (folder: string): boolean => existsSync(join(root, folder, 'index.ts'));
  for (const path of files) {
    for (const { specifier, line } of importsOf(readSource(path))) {
      if (!specifier.startsWith('.')) continue;
      const why = forbidden(path, normalize(join(dirname(path), specifier)), hasDoor);
      if (why !== undefined) violations.push(`${path}:${line} '${specifier}' ${why}`);
    }
  }
  report('floors', violations, files.length);
}
