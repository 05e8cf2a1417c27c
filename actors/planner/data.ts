// Law: the data the planner may speak of is the data it was shown: nothing is a file, a folder or a column because it sounds like one.
import type { BlobRef, FileProfile } from '../system/index.ts';
import { isFileName, meets, nameKey, stem } from './names.ts';
import type { Column, TableContext } from './table-query.ts';

export interface SiteProfile {
  readonly name: string;
  readonly dataSets: readonly { readonly name: string; readonly columns: readonly (string | Column)[] }[];
}

/** One file or one folder the words can name. */
export interface Datum {
  readonly name: string;
  readonly formats: ReadonlySet<string>;
  /** What it contributes to a call: file names with their payloads. */
  readonly files: readonly (readonly [name: string, blob: BlobRef])[];
  readonly isFolder: boolean;
}

/** Files and folders by name. A folder is a profile of format `folder`, or the common first part of several file names. */
export function dataOf(files: readonly FileProfile[], fileBlobs: ReadonlyMap<string, BlobRef>): readonly Datum[] {
  const found: Datum[] = [];
  const folders = new Map<string, { formats: Set<string>; files: (readonly [string, BlobRef])[] }>();
  const profiles = new Map(files.map((file) => [file.name, file]));
  for (const file of files) {
    const blob = fileBlobs.get(file.name);
    if (file.format === 'folder') {
      const prefix = `${file.name.replace(/\/+$/, '')}/`;
      const inside = [...fileBlobs].filter(([name]) => name.startsWith(prefix));
      const members = blob === undefined ? inside : [[file.name, blob] as const];
      found.push({ name: file.name, formats: new Set(['folder']), files: members, isFolder: true });
    } else if (blob !== undefined) {
      found.push({ name: file.name, formats: new Set([file.format]), files: [[file.name, blob]], isFolder: false });
    }
  }
  for (const [name, blob] of fileBlobs) {
    const slash = name.indexOf('/');
    if (slash <= 0) continue;
    const prefix = name.slice(0, slash);
    const folder = folders.get(prefix) ?? { formats: new Set(['folder']), files: [] };
    folders.set(prefix, folder);
    folder.files.push([name, blob]);
    folder.formats.add(profiles.get(name)?.format ?? 'unknown');
  }
  for (const [name, folder] of folders) {
    if (!found.some((datum) => datum.isFolder && datum.name.replace(/\/+$/, '') === name))
      found.push({ name, ...folder, isFolder: true });
  }
  return found;
}

function typed(column: string | Column): Column {
  return typeof column === 'string' ? { name: column, type: 'unknown' } : column;
}

/** The tables in `files`, and the data sets that `sites` hold. */
export function tablesOf(files: readonly FileProfile[], sites: readonly SiteProfile[]): readonly TableContext[] {
  const contexts: TableContext[] = files.flatMap((file) =>
    file.tables.map((table) => ({
      source: file.name,
      table: table.name,
      isOneOfMany: file.tables.length > 1,
      columns: table.columns,
    })),
  );
  const names = new Set(sites.flatMap(({ dataSets }) => dataSets.map(({ name }) => name)));
  for (const name of names) {
    const holders = sites.flatMap((site) =>
      site.dataSets
        .filter((dataSet) => dataSet.name === name)
        .map((dataSet) => ({ site: site.name, columns: dataSet.columns.map(typed) })),
    );
    // What every holder has: a column that one site lacks would fail there. A site that tells no columns cannot be read now; it is asked
    // all the same, so that the answer names it.
    const known = holders.filter((holder) => holder.columns.length > 0);
    const columns = (known[0]?.columns ?? []).filter((column) =>
      known.every((holder) => holder.columns.some((other) => other.name === column.name && other.type === column.type)),
    );
    contexts.push({
      source: name,
      table: stem(name),
      isOneOfMany: false,
      columns,
      sites: holders.map(({ site }) => site),
    });
  }
  return contexts;
}

/** How `said` names data: one by its name, or all whose ending it is ("logs" for *.log). */
export function namedData(said: string, data: readonly Datum[]): readonly Datum[] {
  const exact = data.filter((datum) => isFileName(said, datum.name));
  if (exact.length > 0) return exact;
  const key = nameKey(said);
  if (key === '') return [];
  // Files inside a folder are named by their file name, not by a word that happens to be in it.
  const byName = data.filter(({ name, isFolder }) =>
    isFolder ? meets(key, nameKey(name)) !== undefined : !name.includes('/') && nameKey(stem(name)) === key,
  );
  if (byName.length > 0) return byName;
  return data.filter(
    ({ name, isFolder }) => !isFolder && meets(key, nameKey(/\.([^./]+)$/.exec(name)?.[1] ?? '')) !== undefined,
  );
}
