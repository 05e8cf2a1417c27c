// Law: a half-read query is a value; reading on makes a new one, so that every reading of a sentence can be tried.
import type { AggregateFunction, Comparison } from './lexicon.ts';

export interface Column {
  readonly name: string;
  /** `unknown`: of a site's data set only the names are known here. */
  readonly type: 'integer' | 'number' | 'text' | 'boolean' | 'date' | 'unknown';
  /** Values that were seen in it, where it has few. */
  readonly values?: readonly string[];
  /** Each row seen has a value of its own. */
  readonly isKey?: boolean;
  /** Of text that is nearly all numbers: a value that is none. */
  readonly notNumber?: string;
}

/** One table the words may be about: a table of a file, or a data set that sites hold. */
export interface TableContext {
  /** File name, or data set name where `sites` is given. */
  readonly source: string;
  readonly table: string;
  /** The file has other tables too, so the input must name this one. */
  readonly isOneOfMany: boolean;
  readonly columns: readonly Column[];
  readonly sites?: readonly string[];
}

export interface Aggregate {
  readonly function: AggregateFunction;
  /** Absent for a count of rows. */
  readonly column?: Column;
}

export interface Condition {
  readonly column: Column;
  readonly operation: Comparison | 'in';
  readonly value: string | number | boolean | readonly (string | number)[];
}

export type Direction = 'ascending' | 'descending';
/** `measure`: the one aggregate with this function ("sorted by total"). */
export type OrderTarget =
  | { readonly column: Column }
  | { readonly aggregate: Aggregate }
  | { readonly measure: AggregateFunction }
  | 'the aggregate';

/** What a span of tokens [from, to) was taken to mean. */
export interface Note {
  readonly from: number;
  readonly to: number;
  readonly meaning: string;
}

export interface Trouble {
  readonly reason: 'missing-slot' | 'tie' | 'cannot-do';
  readonly message: string;
  readonly missing?: string;
  readonly questions: readonly string[];
}

export interface TableQuery {
  readonly aggregates: readonly Aggregate[];
  readonly groupBy: readonly Column[];
  readonly filter: readonly Condition[];
  readonly show: readonly Column[];
  /** The rows themselves are asked for. */
  readonly rows: boolean;
  /** The different values of `groupBy` are asked for, with no measure. */
  readonly values: boolean;
  readonly limit?: {
    readonly count: number;
    readonly kind: 'top' | 'first';
    readonly from: number;
    readonly to: number;
  };
  readonly direction?: Direction;
  readonly order?: OrderTarget;
  /** The column named by the word for what is ranked: `package` in "the 10 largest packages by …". */
  readonly ranks?: Column;
  /** A ranking of several things without a number of them. */
  readonly rankOpen?: boolean;
  readonly sourceNamed: boolean;
  readonly acrossSites: boolean;
  readonly minimumGroupSize?: number;
  readonly notes: readonly Note[];
  /** A reading that is understood but cannot be carried out as it stands. */
  readonly trouble?: Trouble;
}

export const emptyQuery: TableQuery = {
  aggregates: [],
  groupBy: [],
  filter: [],
  show: [],
  rows: false,
  values: false,
  sourceNamed: false,
  acrossSites: false,
  notes: [],
};

export function noted(query: TableQuery, change: Partial<TableQuery>, note: Note): TableQuery {
  return { ...query, ...change, notes: [...query.notes, note] };
}

/** Whether the column holds numbers, or may. */
export function isNumeric(column: Column): boolean {
  return column.type === 'integer' || column.type === 'number' || column.type === 'unknown';
}

export function aggregateName(aggregate: Aggregate): string {
  return aggregate.column === undefined ? aggregate.function : `${aggregate.function}_${aggregate.column.name}`;
}

export function aggregateText(aggregate: Aggregate): string {
  const words = {
    count: 'number',
    sum: 'total',
    avg: 'average',
    min: 'smallest',
    max: 'largest',
    distinct: 'number of different',
  };
  return aggregate.column === undefined ? 'number of rows' : `${words[aggregate.function]} ${aggregate.column.name}`;
}
