// Law: what an answer should be is computed here by other means than the skills': plain text splitting, plain arithmetic.
import { readFileSync } from 'node:fs';
import { repository } from './process.ts';

export interface PackageRow {
  readonly package: string;
  readonly section: string;
  readonly installedSize: number;
  readonly version: string;
}

export const packagesPath = `${repository}examples/data/packages.csv`;
export const sitePath = (site: string): string => `${repository}examples/data/sites/${site}/packages.csv`;

/** The rows of one of the example's tables, which quotes nothing. */
export function readPackages(path: string): PackageRow[] {
  const [header, ...lines] = readFileSync(path, 'utf8').trimEnd().split('\n');
  if (header !== 'package,section,installed_size,version,architecture')
    throw new Error(`${path} is another table: ${header}`);
  return lines.map((line) => {
    const [name, section, size, version] = line.split(',');
    return { package: name!, section: section!, installedSize: Number(size), version: version! };
  });
}

export interface SectionSums {
  readonly section: string;
  readonly rows: number;
  readonly sum: number;
}

export function sumBySection(rows: readonly PackageRow[]): SectionSums[] {
  const sums = new Map<string, { rows: number; sum: number }>();
  for (const { section, installedSize } of rows) {
    const at = sums.get(section) ?? { rows: 0, sum: 0 };
    sums.set(section, { rows: at.rows + 1, sum: at.sum + installedSize });
  }
  return [...sums].map(([section, { rows: count, sum }]) => ({ section, rows: count, sum }));
}

/** The sections with the largest sums, as the answer to "total installed_size per section, top N" has them. */
export function largestSums(rows: readonly PackageRow[], count: number): [section: string, sum: number][] {
  return sumBySection(rows)
    .sort((a, b) => b.sum - a.sum || (a.section < b.section ? -1 : 1))
    .slice(0, count)
    .map(({ section, sum }) => [section, sum]);
}
