// Law: one pass over the rows, whatever is asked. Columns are found by name; a name that no row has is a failure, never a silent blank.
import { type Cell, type ColumnType, TypeTracker } from '../cells.ts';
import type { SkillFile } from '../skill.ts';
import { type Aggregate, checkAggregates, DistinctBudget, type MeasureNeeds, measuresOf } from './accumulator.ts';
import { type Condition, compileFilter } from './filter.ts';
import { type Group, Groups } from './groups.ts';
import { missingColumn, openTable, type TableSource } from './source.ts';

export interface Selection {
  readonly table?: string;
  readonly filter?: readonly Condition[];
}

/** Cells of chosen columns by position, in a table whose columns may still be appearing. */
export class Columns {
  private readonly source: TableSource;
  private readonly names: readonly string[];
  private readonly where: string;
  private readonly positions: number[];
  private known = -1;

  constructor(source: TableSource, names: readonly string[], where: string) {
    this.source = source;
    this.names = names;
    this.where = where;
    this.positions = names.map(() => -1);
    this.refresh();
    if (source.columnsComplete) this.requireAll();
  }

  private refresh(): void {
    if (this.known === this.source.columns.length) return;
    this.known = this.source.columns.length;
    this.names.forEach((name, index) => {
      this.positions[index] = this.source.columns.indexOf(name);
    });
  }

  cell(row: readonly Cell[], index: number): Cell {
    if (this.known !== this.source.columns.length) this.refresh();
    return row[this.positions[index]!] ?? null;
  }

  requireAll(): void {
    this.refresh();
    this.names.forEach((name, index) => {
      if (this.positions[index]! < 0) throw missingColumn(name, this.source.columns, this.where);
    });
  }
}

/** Calls `take` with every row that passes the filter. Throws SkillFailure for malformed rows and missing columns. */
export async function scan(
  file: SkillFile,
  { table, filter = [] }: Selection,
  neededColumns: readonly string[] | 'all',
  prepare: (source: TableSource) => (row: readonly Cell[]) => void,
): Promise<{ source: TableSource; rowsRead: number; rowsMatched: number }> {
  const conditions = compileFilter(filter);
  const source = await openTable(file, table);
  try {
    const filterColumns = conditions.map((condition) => condition.column);
    const needed = neededColumns === 'all' ? filterColumns : [...neededColumns, ...filterColumns];
    const columns = new Columns(source, needed, `'${file.name}'`);
    const offset = needed.length - filterColumns.length;
    const take = prepare(source);
    let rowsRead = 0;
    let rowsMatched = 0;
    for (const row of source.rows(neededColumns === 'all' ? undefined : new Set(needed))) {
      rowsRead++;
      if (!conditions.every(({ test }, index) => test(columns.cell(row, offset + index)))) continue;
      rowsMatched++;
      take(row);
    }
    columns.requireAll();
    return { source, rowsRead, rowsMatched };
  } finally {
    source.close();
  }
}

export interface Grouped {
  /** In key order, one spelling per key value. */
  readonly groups: readonly Group[];
  readonly keyTypes: readonly ColumnType[];
  readonly keysSeen: readonly boolean[];
  readonly measures: readonly MeasureNeeds[];
  readonly measureTypes: readonly ColumnType[];
  readonly measuresSeen: readonly boolean[];
}

/** Groups the matching rows and measures each group. Without groupBy there is exactly one group, even over no rows. */
export async function scanGroups(
  file: SkillFile,
  selection: Selection,
  groupBy: readonly string[],
  aggregates: readonly Aggregate[],
): Promise<Grouped & { readonly rowsRead: number; readonly rowsMatched: number }> {
  checkAggregates(aggregates);
  const measures = measuresOf(aggregates);
  const groups = new Groups(groupBy, measures.length);
  const keyTrackers = groupBy.map(() => new TypeTracker());
  const measureTrackers = measures.map(() => new TypeTracker());
  const budget = new DistinctBudget();
  const names = [...groupBy, ...measures.map((measure) => measure.column)];
  const counts = await scan(file, selection, names, (source) => {
    const columns = new Columns(source, names, `'${file.name}'`);
    const place = (): string => `${source.place()} of '${file.name}'`;
    const key: Cell[] = groupBy.map(() => null);
    if (groupBy.length === 0) groups.at(key);
    return (row) => {
      for (let i = 0; i < key.length; i++) {
        const cell = columns.cell(row, i);
        key[i] = cell;
        keyTrackers[i]!.see(cell);
      }
      const group = groups.at(key);
      group.rows++;
      for (let i = 0; i < measures.length; i++) {
        const cell = columns.cell(row, key.length + i);
        measureTrackers[i]!.see(cell);
        group.measures[i]!.add(cell, measures[i]!, budget, place);
      }
    };
  });
  const keyTypes = keyTrackers.map((tracker) => tracker.type());
  return {
    groups: groups.finish(keyTypes),
    keyTypes,
    keysSeen: keyTrackers.map((tracker) => tracker.sawAny),
    measures,
    measureTypes: measureTrackers.map((tracker) => tracker.type()),
    measuresSeen: measureTrackers.map((tracker) => tracker.sawAny),
    rowsRead: counts.rowsRead,
    rowsMatched: counts.rowsMatched,
  };
}
