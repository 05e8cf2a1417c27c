// Law: an aggregate is the same whatever the order of its rows and however they were split into parts: sums are exact, smallest and
// largest follow the one total order, and the only rounding is that of an average.
import { type Cell, type ColumnType, compareTexts, normalise } from '../cells.ts';
import { type Decimal, divideHalfEven, ExactSum, formatDecimal, numberShape } from '../decimal.ts';
import { SkillFailure } from '../skill.ts';

export type AggregateFunction = 'count' | 'sum' | 'avg' | 'min' | 'max' | 'distinct';

export interface Aggregate {
  readonly function: AggregateFunction;
  readonly column?: string;
  readonly as?: string;
}

/** What the aggregate's column is called in the result: `as`, or "sum_installed_size", "count". */
export function aggregateName(aggregate: Aggregate): string {
  return (
    aggregate.as ?? (aggregate.column === undefined ? aggregate.function : `${aggregate.function}_${aggregate.column}`)
  );
}

/** Refuses aggregates without the column they need. */
export function checkAggregates(aggregates: readonly Aggregate[]): void {
  for (const aggregate of aggregates) {
    if (aggregate.column === undefined && aggregate.function !== 'count') {
      throw new SkillFailure(
        'bad_aggregate',
        `the aggregate '${aggregate.function}' needs a column; only 'count' can do without`,
      );
    }
  }
}

/** Different values that all groups together may hold for `distinct`. */
const maxDistinctValues = 500_000;

/** Shared by the measures of one run. */
export class DistinctBudget {
  private left = maxDistinctValues;
  spend(column: string): void {
    if (this.left-- > 0) return;
    throw new SkillFailure(
      'too_many_distinct',
      `counting the different values of '${column}' meets more than ${maxDistinctValues} of them; filter first`,
    );
  }
}

export interface MeasureNeeds {
  readonly column: string;
  readonly sum: boolean;
  readonly extremes: boolean;
  readonly distinct: boolean;
}

/** What is needed of each column for these aggregates, in the order of first mention. */
export function measuresOf(aggregates: readonly Aggregate[]): MeasureNeeds[] {
  const columns = [...new Set(aggregates.flatMap((aggregate) => aggregate.column ?? []))];
  return columns.map((column) => {
    const functions = new Set(
      aggregates.filter((aggregate) => aggregate.column === column).map((aggregate) => aggregate.function),
    );
    return {
      column,
      sum: functions.has('sum') || functions.has('avg'),
      extremes: functions.has('min') || functions.has('max'),
      distinct: functions.has('distinct'),
    };
  });
}

/** Everything asked about one column within one group. */
export class Measure {
  /** Non-empty cells. */
  count = 0;
  min: Cell = null;
  max: Cell = null;
  readonly sum = new ExactSum();
  distinct: Set<string> | undefined;

  add(cell: Cell, needs: MeasureNeeds, budget: DistinctBudget, place: () => string): void {
    if (cell === null) return;
    this.count++;
    if (needs.sum) {
      const shape = numberShape(cell);
      if (shape === undefined) throw notANumber(cell, needs.column, place());
      this.sum.add(cell, shape);
    }
    if (needs.extremes) this.extend(cell, cell);
    if (needs.distinct) {
      this.distinct ??= new Set();
      if (!this.distinct.has(cell)) {
        budget.spend(needs.column);
        this.distinct.add(cell);
      }
    }
  }

  /** Takes over what another part of the same group saw. */
  merge(other: {
    readonly count: number;
    readonly sum?: Decimal;
    readonly min: Cell;
    readonly max: Cell;
    readonly distinct?: ReadonlySet<string>;
  }): void {
    this.count += other.count;
    if (other.sum !== undefined) this.sum.addDecimal(other.sum);
    if (other.min !== null && other.max !== null) this.extend(other.min, other.max);
    if (other.distinct !== undefined) {
      this.distinct ??= new Set();
      for (const value of other.distinct) this.distinct.add(value);
    }
  }

  private extend(low: string, high: string): void {
    if (this.min === null || beats(low, this.min, -1)) this.min = low;
    if (this.max === null || beats(high, this.max, 1)) this.max = high;
  }

  /** `type` is the column's: it says which spellings are one value. */
  result(aggregate: AggregateFunction, type: ColumnType): Cell {
    switch (aggregate) {
      case 'count':
        return String(this.count);
      case 'sum':
        return this.count === 0 ? null : formatDecimal(this.sum.value());
      case 'avg':
        return this.count === 0 ? null : formatDecimal(divideHalfEven(this.sum.value(), BigInt(this.count)));
      case 'min':
        return normalise(this.min, type);
      case 'max':
        return normalise(this.max, type);
      case 'distinct': {
        const values = new Set<Cell>();
        for (const value of this.distinct ?? []) values.add(normalise(value, type));
        return String(values.size);
      }
    }
  }
}

/** Equal values with different spellings (1 and 1.0) are settled by the text, so that the row order does not show. */
function beats(candidate: string, holder: string, sign: number): boolean {
  const order = compareTexts(candidate, holder) || (candidate < holder ? -1 : candidate > holder ? 1 : 0);
  return order * sign > 0;
}

function notANumber(cell: string, column: string, place: string): SkillFailure {
  const shown = cell.length > 40 ? `${cell.slice(0, 40).toWellFormed()}…` : cell;
  return new SkillFailure(
    'not_a_number',
    `'${shown}' in column '${column}' on ${place} is not a number, so the column can't be summed; filter such rows out, or correct them (plain digits, a decimal point, no separators)`,
  );
}

/** The type of an aggregate's result in a column of type `type`. */
export function resultType(aggregate: AggregateFunction, type: ColumnType): ColumnType {
  if (aggregate === 'count' || aggregate === 'distinct') return 'integer';
  if (aggregate === 'avg') return 'number';
  if (aggregate === 'sum') return type === 'integer' ? 'integer' : 'number';
  return type;
}
