// Law: a row passes where every condition holds. A condition looks at one cell and never at the column's type, so what it says about a
// row does not depend on the other rows. Comparing with a number skips cells that are not numbers; an empty cell equals only null.
import { type Cell, compareTexts } from '../cells.ts';
import { compareNumberTexts, numberShape } from '../decimal.ts';
import { SkillFailure } from '../skill.ts';

export type FilterOperator = '=' | '!=' | '<' | '<=' | '>' | '>=' | 'contains' | 'in';
export type FilterValue = string | number | boolean | null;

export interface Condition {
  readonly column: string;
  readonly op: FilterOperator;
  readonly value: FilterValue | readonly FilterValue[];
}

type Test = (cell: Cell) => boolean;

/** The tests of all conditions, each with its column. Throws SkillFailure `bad_filter`. */
export function compileFilter(conditions: readonly Condition[]): { readonly column: string; readonly test: Test }[] {
  return conditions.map((condition) => ({ column: condition.column, test: compile(condition) }));
}

function compile({ column, op, value }: Condition): Test {
  const bad = (needs: string): SkillFailure =>
    new SkillFailure('bad_filter', `the filter on '${column}' with '${op}' needs ${needs}`);
  if (op === 'in') {
    if (!Array.isArray(value)) throw bad('a list of values');
    const tests = (value as readonly FilterValue[]).map(equals);
    return (cell) => tests.some((test) => test(cell));
  }
  if (Array.isArray(value)) throw bad('one value; use "in" for a list');
  const single = value as FilterValue;
  if (op === '=') return equals(single);
  if (op === '!=') {
    const same = equals(single);
    return (cell) => !same(cell);
  }
  if (op === 'contains') {
    if (typeof single !== 'string' || single === '') throw bad('a text');
    const part = single.toLowerCase();
    return (cell) => cell?.toLowerCase().includes(part) ?? false;
  }
  if (single === null || typeof single === 'boolean' || single === '') throw bad('a number, a date or a text');
  const bound = String(single);
  const numeric = numberShape(bound) !== undefined;
  const holds = {
    '<': (o: number) => o < 0,
    '<=': (o: number) => o <= 0,
    '>': (o: number) => o > 0,
    '>=': (o: number) => o >= 0,
  }[op];
  return (cell) => {
    if (cell === null || (numberShape(cell) !== undefined) !== numeric) return false;
    return holds(compareTexts(cell, bound));
  };
}

/** A JSON number compares by value (1.0 is 1), a JSON string by its characters, a boolean in any case of its word. */
function equals(value: FilterValue): Test {
  if (value === null || value === '') return (cell) => cell === null;
  if (typeof value === 'string') return (cell) => cell === value;
  const text = String(value);
  if (typeof value === 'boolean') return (cell) => cell?.toLowerCase() === text;
  return (cell) => cell !== null && numberShape(cell) !== undefined && compareNumberTexts(cell, text) === 0;
}
