// Law: groups are found by the exact text of their key and joined at the end, when the key columns' types say which spellings are one
// value. Their number is bounded; beyond the bound the run fails, on every node alike.
import { type Cell, type ColumnType, compareCells, normalise } from '../cells.ts';
import { SkillFailure } from '../skill.ts';
import { Measure } from './accumulator.ts';

const maxGroups = 100_000;
/** Characters that all group keys together may hold. */
const maxKeyCharacters = 16 * 1024 * 1024;

export interface Group {
  readonly key: readonly Cell[];
  rows: number;
  readonly measures: readonly Measure[];
}

export class Groups {
  private readonly groups = new Map<string, Group>();
  private keyCharacters = 0;
  private readonly measureCount: number;
  private readonly keyNames: readonly string[];

  constructor(keyNames: readonly string[], measureCount: number) {
    this.keyNames = keyNames;
    this.measureCount = measureCount;
  }

  at(key: readonly Cell[]): Group {
    const name = keyText(key);
    const known = this.groups.get(name);
    if (known !== undefined) return known;
    this.keyCharacters += name.length;
    if (this.groups.size === maxGroups || this.keyCharacters > maxKeyCharacters) {
      throw new SkillFailure(
        'too_many_groups',
        `grouping by ${this.keyNames.map((column) => `'${column}'`).join(', ')} makes more than ${this.groups.size} groups (at most ${maxGroups}, and ${maxKeyCharacters} characters of keys); group by a column with fewer different values, or filter first`,
      );
    }
    const group = { key: [...key], rows: 0, measures: Array.from({ length: this.measureCount }, () => new Measure()) };
    this.groups.set(name, group);
    return group;
  }

  /** The groups with one spelling per key value, in the order of their keys. */
  finish(keyTypes: readonly ColumnType[]): Group[] {
    const joined = new Map<string, Group>();
    for (const group of this.groups.values()) {
      const key = group.key.map((cell, index) => normalise(cell, keyTypes[index]!));
      const name = keyText(key);
      const known = joined.get(name);
      if (known === undefined) {
        joined.set(name, { key, rows: group.rows, measures: group.measures });
        continue;
      }
      known.rows += group.rows;
      known.measures.forEach((measure, index) => {
        const other = group.measures[index]!;
        measure.merge({
          count: other.count,
          sum: other.sum.value(),
          min: other.min,
          max: other.max,
          ...(other.distinct && { distinct: other.distinct }),
        });
      });
    }
    return [...joined.values()].sort((a, b) => compareKeys(a.key, b.key));
  }
}

function keyText(key: readonly Cell[]): string {
  const [only] = key;
  if (key.length === 1) return only === null ? '' : only!;
  return key.map((cell) => (cell === null ? '-' : `${cell.length}:${cell}`)).join('');
}

function compareKeys(a: readonly Cell[], b: readonly Cell[]): number {
  for (let i = 0; i < a.length; i++) {
    const [left, right] = [a[i]!, b[i]!];
    const order = compareCells(left, right) || (left === right ? 0 : String(left) < String(right) ? -1 : 1);
    if (order !== 0) return order;
  }
  return 0;
}
