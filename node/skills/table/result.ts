// Law: a table leaves a skill in one shape, its rows in a total order: the asked order first, then the order given by the data itself.
import { maxOutputBytes, outputTooLarge } from '../canonical.ts';
import { type Cell, type ColumnType, cellValue, compareCells } from '../cells.ts';
import { missingColumn } from './source.ts';

export interface SortBy {
  readonly by: string;
  readonly direction?: 'ascending' | 'descending';
}

export interface TableResult {
  readonly kind: 'table';
  readonly columns: readonly { readonly name: string; readonly type: ColumnType }[];
  readonly rows: readonly (readonly (string | number | boolean | null)[])[];
  readonly rowCount: number;
  /** Rows there would have been without a limit. */
  readonly rowsBeforeLimit: number;
}

/** A row on its way into the result: what it is sorted by, and what it shows. */
export interface SortableRow {
  readonly keys: readonly Cell[];
  readonly cells: readonly Cell[];
  /** Breaks ties: no two rows share it. */
  readonly order: number;
}

/** By the keys in turn, then by `order`. Cells with equal value and different spelling are equal here. */
function compareRows(a: SortableRow, b: SortableRow, sort: readonly SortBy[]): number {
  for (let i = 0; i < sort.length; i++) {
    const order = compareCells(a.keys[i]!, b.keys[i]!, sort[i]!.direction === 'descending');
    if (order !== 0) return order;
  }
  return a.order - b.order;
}

/** Positions of the sort columns among `names`. Throws SkillFailure `missing_column`. */
export function sortPositions(sort: readonly SortBy[], names: readonly string[], where: string): number[] {
  return sort.map(({ by }) => {
    const index = names.indexOf(by);
    if (index < 0) throw missingColumn(by, names, where);
    return index;
  });
}

/** Keeps the first `limit` of any number of rows, in memory for at most `limit` rows and a bounded number of characters. */
export class FirstRows {
  private rows: SortableRow[] = [];
  private characters = 0;
  private readonly sort: readonly SortBy[];
  private readonly limit: number;
  count = 0;

  constructor(sort: readonly SortBy[], limit: number | undefined) {
    this.sort = sort;
    this.limit = limit ?? Number.POSITIVE_INFINITY;
  }

  add(row: SortableRow): void {
    this.count++;
    // A binary heap with the last of the kept rows on top.
    if (this.rows.length >= this.limit) {
      const worst = this.rows[0];
      if (worst === undefined || compareRows(row, worst, this.sort) >= 0) return;
      this.characters += sizeOf(row) - sizeOf(worst);
      this.rows[0] = row;
      this.sink();
    } else {
      this.characters += sizeOf(row);
      this.rows.push(row);
      this.rise();
    }
    // Every kept row costs at least its characters in the output, so the final result could not fit either, unless longer rows
    // were still to be displaced: four times the bound leaves room for that.
    if (this.characters > 4 * maxOutputBytes)
      throw outputTooLarge(`holds more than ${4 * maxOutputBytes} characters before its rows are all read`);
  }

  private rise(): void {
    const rows = this.rows;
    let child = rows.length - 1;
    while (child > 0) {
      const parent = (child - 1) >> 1;
      if (compareRows(rows[child]!, rows[parent]!, this.sort) <= 0) return;
      [rows[child], rows[parent]] = [rows[parent]!, rows[child]!];
      child = parent;
    }
  }

  private sink(): void {
    const rows = this.rows;
    let parent = 0;
    for (;;) {
      const left = 2 * parent + 1;
      if (left >= rows.length) return;
      const right = left + 1;
      const larger = right < rows.length && compareRows(rows[right]!, rows[left]!, this.sort) > 0 ? right : left;
      if (compareRows(rows[larger]!, rows[parent]!, this.sort) <= 0) return;
      [rows[larger], rows[parent]] = [rows[parent]!, rows[larger]!];
      parent = larger;
    }
  }

  finish(): SortableRow[] {
    return this.rows.sort((a, b) => compareRows(a, b, this.sort));
  }
}

function sizeOf(row: SortableRow): number {
  let characters = 8;
  for (const cell of row.cells) characters += (cell?.length ?? 0) + 5;
  for (const cell of row.keys) characters += cell?.length ?? 0;
  return characters;
}

export function tableResult(
  columns: readonly { readonly name: string; readonly type: ColumnType }[],
  rows: readonly SortableRow[],
  rowsBeforeLimit: number,
): TableResult {
  return {
    kind: 'table',
    columns,
    rows: rows.map((row) => columns.map((column, index) => cellValue(row.cells[index] ?? null, column.type))),
    rowCount: rows.length,
    rowsBeforeLimit,
  };
}
