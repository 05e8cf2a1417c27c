// Law: table.query answers from one table with the same bytes whatever file format the same cells came in.
import { type Cell, TypeTracker } from '../cells.ts';
import { onlyFile, type SkillFile } from '../skill.ts';
import type { Aggregate } from './accumulator.ts';
import { groupedTable, type Presentation, requireDistinctNames } from './finish.ts';
import { FirstRows, type SortableRow, type TableResult, tableResult } from './result.ts';
import { Columns, type Selection, scan, scanGroups } from './scan.ts';

export interface QueryInput extends Selection, Presentation {
  readonly groupBy?: readonly string[];
  readonly aggregates?: readonly Aggregate[];
}

export type QueryOutput = TableResult & { readonly rowsRead: number; readonly rowsMatched: number };

export async function run(input: unknown, files: readonly SkillFile[]): Promise<QueryOutput> {
  const query = input as QueryInput;
  const file = onlyFile(files, 'table.query');
  const { groupBy = [], aggregates = [] } = query;
  if (groupBy.length === 0 && aggregates.length === 0) return selectRows(file, query);
  const grouped = await scanGroups(file, query, groupBy, aggregates);
  return {
    ...groupedTable(grouped, groupBy, aggregates, query),
    rowsRead: grouped.rowsRead,
    rowsMatched: grouped.rowsMatched,
  };
}

/** Rows as they are: chosen columns, sorted, limited. Without `sort` they stand in file order, which also breaks ties. */
async function selectRows(file: SkillFile, query: QueryInput): Promise<QueryOutput> {
  const { sort = [], limit } = query;
  const chosen = query.columns;
  requireDistinctNames(chosen ?? []);
  const sortNames = sort.map(({ by }) => by);
  const first = new FirstRows(sort, limit);
  const trackers: TypeTracker[] = [];
  let sortColumns: Columns | undefined;
  const { source, rowsRead, rowsMatched } = await scan(
    file,
    query,
    chosen === undefined ? 'all' : [...chosen, ...sortNames],
    (opened) => {
      const where = `'${file.name}'`;
      const shown = chosen === undefined ? undefined : new Columns(opened, chosen, where);
      const sorted = new Columns(opened, sortNames, where);
      sortColumns = sorted;
      return (row) => {
        const cells: Cell[] = chosen === undefined ? [...row] : chosen.map((_, index) => shown!.cell(row, index));
        for (let i = 0; i < cells.length; i++) {
          trackers[i] ??= new TypeTracker();
          trackers[i]!.see(cells[i]!);
        }
        first.add({ keys: sortNames.map((_, index) => sorted.cell(row, index)), cells, order: first.count });
      };
    },
  );
  sortColumns?.requireAll();
  const columns = (chosen ?? source.columns).map((name, index) => ({
    name,
    type: trackers[index]?.type() ?? ('text' as const),
  }));
  const rows: SortableRow[] = first.finish();
  return { ...tableResult(columns, rows, first.count), rowsRead, rowsMatched };
}
