// Law: what leaves a site is sums and counts of groups, never a row: a group smaller than the site's minimum is left out and only counted.
// A group whose column has fewer values than the minimum is small too, however many rows it has: its sum would be those values.
// Not covered: repeated questions whose answers differ by one row, and smallest/largest values, which are one row's value when asked for.
import type { Cell, ColumnType } from '../cells.ts';
import { formatDecimal } from '../decimal.ts';
import { onlyFile, type SkillFile } from '../skill.ts';
import type { Aggregate } from './accumulator.ts';
import type { Group } from './groups.ts';
import { type Grouped, type Selection, scanGroups } from './scan.ts';

export interface AggregateInput extends Selection {
  readonly site: string;
  readonly groupBy?: readonly string[];
  readonly aggregates: readonly Aggregate[];
  readonly minimumGroupSize?: number;
}

export const defaultMinimumGroupSize = 5;

/** One site's part of a merged table. `type` null: no value was seen. Cells and sums are text, exact. */
export interface Partials {
  readonly kind: 'partials';
  readonly site: string;
  readonly minimumGroupSize: number;
  readonly groupBy: readonly { readonly name: string; readonly type: ColumnType | null }[];
  readonly measures: readonly {
    readonly column: string;
    readonly type: ColumnType | null;
    readonly sum: boolean;
    readonly extremes: boolean;
  }[];
  readonly groups: readonly PartialGroup[];
  /** Rows in the groups above; the rows of groups left out are not told. */
  readonly rows: number;
  readonly suppressedGroups: number;
}

export interface PartialGroup {
  readonly key: readonly Cell[];
  readonly rows: number;
  readonly measures: readonly {
    readonly count: number;
    readonly sum?: string;
    readonly min?: Cell;
    readonly max?: Cell;
  }[];
}

export async function run(input: unknown, files: readonly SkillFile[]): Promise<Partials> {
  const {
    site,
    groupBy = [],
    aggregates,
    minimumGroupSize = defaultMinimumGroupSize,
    ...selection
  } = input as AggregateInput;
  const grouped = await scanGroups(onlyFile(files, 'table.aggregate'), selection, groupBy, aggregates);
  const large = grouped.groups.filter((group) => largeEnough(group, minimumGroupSize));
  const groups = large.map((group) => partialGroup(group, grouped));
  return {
    kind: 'partials',
    site,
    minimumGroupSize,
    groupBy: groupBy.map((name, index) => ({
      name,
      type: grouped.keysSeen[index] === true ? grouped.keyTypes[index]! : null,
    })),
    measures: grouped.measures.map(({ column, sum, extremes }, index) => ({
      column,
      type: grouped.measuresSeen[index] === true ? grouped.measureTypes[index]! : null,
      sum,
      extremes,
    })),
    groups,
    rows: groups.reduce((total, group) => total + group.rows, 0),
    // An empty whole (no groupBy, no rows) hides nobody.
    suppressedGroups:
      grouped.groups.filter((group) => group.rows > 0).length - large.filter((group) => group.rows > 0).length,
  };
}

function largeEnough(group: Group, minimum: number): boolean {
  return (
    (group.rows === 0 || group.rows >= minimum) && group.measures.every(({ count }) => count === 0 || count >= minimum)
  );
}

function partialGroup(group: Group, { measures }: Grouped): PartialGroup {
  return {
    key: group.key,
    rows: group.rows,
    measures: group.measures.map((measure, index) => ({
      count: measure.count,
      ...(measures[index]!.sum && { sum: formatDecimal(measure.sum.value()) }),
      ...(measures[index]!.extremes && { min: measure.min, max: measure.max }),
    })),
  };
}
