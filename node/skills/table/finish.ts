// Law: groups become a table in one way, whether they were counted here or merged from parts.
import type { Cell, ColumnType } from '../cells.ts';
import { SkillFailure } from '../skill.ts';
import { type Aggregate, aggregateName, resultType } from './accumulator.ts';
import { FirstRows, type SortBy, sortPositions, type TableResult, tableResult } from './result.ts';
import type { Grouped } from './scan.ts';

export interface Presentation {
  readonly columns?: readonly string[];
  readonly sort?: readonly SortBy[];
  readonly limit?: number;
}

/** Refuses two result columns with one name. */
export function requireDistinctNames(names: readonly string[]): void {
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined) {
    throw new SkillFailure(
      'duplicate_column',
      `the result would have two columns '${twice}'; give one of them another name with "as"`,
    );
  }
}

/** Without `sort`, groups stand in the order of their keys, which also breaks ties. */
export function groupedTable(
  grouped: Pick<Grouped, 'groups' | 'keyTypes' | 'measures' | 'measureTypes'>,
  groupBy: readonly string[],
  aggregates: readonly Aggregate[],
  { columns, sort = [], limit }: Presentation,
): TableResult {
  const measureIndex = new Map(grouped.measures.map((measure, index) => [measure.column, index]));
  const all: { name: string; type: ColumnType }[] = [
    ...groupBy.map((name, index) => ({ name, type: grouped.keyTypes[index]! })),
    ...aggregates.map((aggregate) => {
      const index = aggregate.column === undefined ? undefined : measureIndex.get(aggregate.column);
      return {
        name: aggregateName(aggregate),
        type: resultType(aggregate.function, index === undefined ? 'integer' : grouped.measureTypes[index]!),
      };
    }),
  ];
  const names = all.map((column) => column.name);
  requireDistinctNames(names);
  const shown =
    columns === undefined
      ? names.map((_, index) => index)
      : sortPositions(
          columns.map((by) => ({ by })),
          names,
          'the grouped result',
        );
  requireDistinctNames(shown.map((index) => names[index]!));
  const sortedBy = sortPositions(sort, names, 'the grouped result');
  const first = new FirstRows(sort, limit);
  grouped.groups.forEach((group, order) => {
    const cells: Cell[] = [
      ...group.key,
      ...aggregates.map((aggregate) => {
        const index = aggregate.column === undefined ? undefined : measureIndex.get(aggregate.column);
        return index === undefined
          ? String(group.rows)
          : group.measures[index]!.result(aggregate.function, grouped.measureTypes[index]!);
      }),
    ];
    first.add({ keys: sortedBy.map((index) => cells[index]!), cells: shown.map((index) => cells[index]!), order });
  });
  return tableResult(
    shown.map((index) => all[index]!),
    first.finish(),
    first.count,
  );
}
