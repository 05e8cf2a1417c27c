// Law: a cell is text or empty, whatever file it came from; its column's type is what all the values seen have in common.
// Cells have one total order that needs no type: numbers by value, then text by code units, then empty.
import { compareNumberTexts, formatDecimal, integerValue, numberShape, parseDecimal } from './decimal.ts';

/** `null` is an empty cell: no characters in CSV and TSV, null or a missing key in JSON Lines, NULL or '' in SQLite. */
export type Cell = string | null;

export type ColumnType = 'integer' | 'number' | 'text' | 'boolean' | 'date';

const seenInteger = 1;
const seenDecimal = 2;
const seenBoolean = 4;
const seenDate = 8;
const seenText = 16;

/** YYYY-MM-DD, optionally with a time and a zone. */
const isoDate =
  /^(\d{4})-(\d{2})-(\d{2})(?:[T ]([01]\d|2[0-3]):[0-5]\d(?::[0-5]\d(?:\.\d{1,9})?)?(?:Z|[+-]\d{2}:?\d{2})?)?$/;
const booleanWords = new Set(['true', 'false', 'True', 'False', 'TRUE', 'FALSE']);
const daysInMonth = [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

function isDate(text: string): boolean {
  if (text.length < 10 || text.charCodeAt(4) !== 45) return false;
  const match = isoDate.exec(text);
  if (match === null) return false;
  const [year, month, day] = [Number(match[1]), Number(match[2]), Number(match[3])];
  const leap = (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0;
  return day >= 1 && day <= (month === 2 && !leap ? 28 : (daysInMonth[month - 1] ?? 0));
}

/** Learns a column's type from its values, in any order. */
export class TypeTracker {
  private seen = 0;

  see(cell: Cell): void {
    if (cell === null || (this.seen & seenText) !== 0) return;
    const shape = numberShape(cell);
    if (shape !== undefined) this.seen |= shape === 'integer' ? seenInteger : seenDecimal;
    else if (booleanWords.has(cell)) this.seen |= seenBoolean;
    else this.seen |= isDate(cell) ? seenDate : seenText;
  }

  get sawAny(): boolean {
    return this.seen !== 0;
  }

  /** A column without a single value is text. */
  type(): ColumnType {
    if (this.seen === seenInteger) return 'integer';
    if (this.seen === seenDecimal || this.seen === (seenInteger | seenDecimal)) return 'number';
    if (this.seen === seenBoolean) return 'boolean';
    return this.seen === seenDate ? 'date' : 'text';
  }
}

/** The type of a column made of a column of type `a` and one of type `b`. */
export function joinTypes(a: ColumnType, b: ColumnType): ColumnType {
  if (a === b) return a;
  const numeric = (type: ColumnType): boolean => type === 'integer' || type === 'number';
  return numeric(a) && numeric(b) ? 'number' : 'text';
}

/** One text for all spellings of a value in a column of this type: 1.0 and 1 in a number column, True and true in a boolean one. */
export function normalise(cell: Cell, type: ColumnType): Cell {
  if (cell === null) return null;
  if (type === 'integer' || type === 'number') return formatDecimal(parseDecimal(cell));
  return type === 'boolean' ? cell.toLowerCase() : cell;
}

/** A cell as the output writes it (see canonical.ts). */
export function cellValue(cell: Cell, type: ColumnType): string | number | boolean | null {
  if (cell === null) return null;
  if (type === 'integer') return integerValue(BigInt(cell));
  if (type === 'number') return formatDecimal(parseDecimal(cell));
  if (type === 'boolean') return cell.toLowerCase() === 'true';
  return cell;
}

/** The reverse of cellValue, for tables that were another task's output. */
export function valueCell(value: string | number | boolean | null): Cell {
  return value === null || value === '' ? null : String(value);
}

/** Numbers, then text. Neither is empty. */
export function compareTexts(a: string, b: string): number {
  const left = numberShape(a) !== undefined;
  const right = numberShape(b) !== undefined;
  if (left && right) return compareNumberTexts(a, b);
  if (left !== right) return left ? -1 : 1;
  return a < b ? -1 : a > b ? 1 : 0;
}

/** The total order; `descending` turns it round except that empty cells stay last. */
export function compareCells(a: Cell, b: Cell, descending = false): number {
  if (a === null || b === null) return a === b ? 0 : a === null ? 1 : -1;
  return descending ? compareTexts(b, a) : compareTexts(a, b);
}
