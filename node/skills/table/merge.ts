// Law: merging parts gives what one table of all their rows would have given, less the groups that sites held back; and the answer names
// every site that took part and every one that is missing. A part comes from another site and is checked like any input.

import { maxOutputBytes } from '../canonical.ts';
import { type ColumnType, joinTypes, normalise } from '../cells.ts';
import { numberShape, parseDecimal } from '../decimal.ts';
import { byName, SkillFailure, type SkillFile } from '../skill.ts';
import { firstBytes } from '../text-file.ts';
import { type Aggregate, aggregateName, checkAggregates, measuresOf } from './accumulator.ts';
import type { Partials } from './aggregate.ts';
import { groupedTable, type Presentation } from './finish.ts';
import { Groups } from './groups.ts';
import type { TableResult } from './result.ts';

export interface MergeInput extends Presentation {
  readonly aggregates: readonly Aggregate[];
  /** Sites that were asked and gave no part, with the reason in words. */
  readonly missing?: readonly { readonly site: string; readonly reason: string }[];
}

export type MergePart =
  | { readonly site: string; readonly rows: number; readonly suppressedGroups: number }
  | { readonly site: string; readonly missing: string };

export type MergeOutput = TableResult & { readonly parts: readonly MergePart[] };

const types: ReadonlySet<unknown> = new Set(['integer', 'number', 'text', 'boolean', 'date', null]);

export async function run(input: unknown, files: readonly SkillFile[]): Promise<MergeOutput> {
  const { aggregates, missing = [], ...presentation } = input as MergeInput;
  checkAggregates(aggregates);
  if (files.length === 0) {
    const names = missing.map(({ site, reason }) => `'${site}' (${reason})`).join(', ');
    throw new SkillFailure(
      'no_parts',
      `there is nothing to merge: no site gave its part${names === '' ? '' : `; missing: ${names}`}`,
    );
  }
  const parts = byName(files).map((file) => ({ file, part: readPart(file) }));
  parts.sort((a, b) => (a.part.site < b.part.site ? -1 : a.part.site > b.part.site ? 1 : 0));
  const [head] = parts;
  const groupBy = head!.part.groupBy.map(({ name }) => name);
  const measures = measuresOf(aggregates);
  const sites = new Set<string>();
  for (const { file, part } of parts) {
    if (sites.has(part.site))
      throw new SkillFailure(
        'duplicate_site',
        `two parts say they are from site '${part.site}'; the second is '${file.name}'`,
      );
    sites.add(part.site);
    checkAlike(file, part, groupBy, measures);
  }
  for (const { site } of missing) {
    if (sites.has(site))
      throw new SkillFailure(
        'duplicate_site',
        `site '${site}' is named missing twice, or named missing and gave a part`,
      );
    sites.add(site);
  }

  const keyTypes = groupBy.map((_, index) => joinAll(parts.map(({ part }) => part.groupBy[index]!.type)));
  const position = (part: Partials, column: string): number =>
    part.measures.findIndex((measure) => measure.column === column);
  const measureTypes = measures.map(({ column }) =>
    joinAll(parts.map(({ part }) => part.measures[position(part, column)]!.type)),
  );
  const groups = new Groups(groupBy, measures.length);
  if (groupBy.length === 0) groups.at([]);
  for (const { part } of parts) {
    const positions = measures.map(({ column }) => position(part, column));
    for (const group of part.groups) {
      const merged = groups.at(group.key.map((cell, index) => normalise(cell, keyTypes[index]!)));
      merged.rows += group.rows;
      positions.forEach((from, index) => {
        const { count, sum, min, max } = group.measures[from]!;
        merged.measures[index]!.merge({
          count,
          min: min ?? null,
          max: max ?? null,
          ...(sum !== undefined && { sum: parseDecimal(sum) }),
        });
      });
    }
  }
  const table = groupedTable(
    { groups: groups.finish(keyTypes), keyTypes, measures, measureTypes },
    groupBy,
    aggregates,
    presentation,
  );
  const present: MergePart[] = parts.map(({ part }) => ({
    site: part.site,
    rows: part.rows,
    suppressedGroups: part.suppressedGroups,
  }));
  const absent: MergePart[] = missing.map(({ site, reason }) => ({ site, missing: reason }));
  return { ...table, parts: [...present, ...absent].sort((a, b) => (a.site < b.site ? -1 : 1)) };
}

function joinAll(all: readonly (ColumnType | null)[]): ColumnType {
  return (
    all
      .filter((type) => type !== null)
      .reduce<ColumnType | undefined>(
        (joined, type) => (joined === undefined ? type : joinTypes(joined, type)),
        undefined,
      ) ?? 'text'
  );
}

function checkAlike(
  file: SkillFile,
  part: Partials,
  groupBy: readonly string[],
  measures: ReturnType<typeof measuresOf>,
): void {
  const own = part.groupBy.map(({ name }) => name);
  if (own.length !== groupBy.length || own.some((name, index) => name !== groupBy[index])) {
    throw new SkillFailure(
      'parts_differ',
      `'${file.name}' (site '${part.site}') is grouped by ${own.join(', ') || 'nothing'}, other parts by ${groupBy.join(', ') || 'nothing'}`,
    );
  }
  for (const need of measures) {
    const measure = part.measures.find(({ column }) => column === need.column);
    if (need.distinct) {
      throw new SkillFailure(
        'bad_aggregate',
        `'${aggregateName({ function: 'distinct', column: need.column })}' can't be merged from parts: it would take the values themselves`,
      );
    }
    if (measure === undefined || (need.sum && !measure.sum) || (need.extremes && !measure.extremes)) {
      throw new SkillFailure(
        'parts_differ',
        `'${file.name}' (site '${part.site}') lacks what is asked of column '${need.column}'; ask the sites for the same aggregates`,
      );
    }
  }
}

function readPart(file: SkillFile): Partials {
  const refuse = (why: string): SkillFailure =>
    new SkillFailure('not_partials', `'${file.name}' is not an output of table.aggregate: ${why}`);
  if (file.sizeBytes > maxOutputBytes) throw refuse(`it is ${file.sizeBytes} bytes`);
  let value: Partials;
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(firstBytes(file, file.sizeBytes))) as Partials;
  } catch {
    throw refuse('it is not JSON');
  }
  const whole = (number: unknown): boolean => Number.isSafeInteger(number) && (number as number) >= 0;
  const named = (list: unknown, key: 'name' | 'column'): boolean =>
    Array.isArray(list) &&
    list.every((item) => typeof item?.[key] === 'string' && types.has(item.type)) &&
    new Set(list.map((item) => item[key])).size === list.length;
  if (value?.kind !== 'partials' || typeof value.site !== 'string') throw refuse('it does not say so');
  if (!named(value.groupBy, 'name') || !named(value.measures, 'column')) throw refuse('its columns are malformed');
  if (!whole(value.rows) || !whole(value.suppressedGroups) || !Array.isArray(value.groups))
    throw refuse('its counts are malformed');
  value.groups.forEach((group, index) => {
    const at = `group ${index + 1} is malformed`;
    if (!whole(group?.rows) || !Array.isArray(group.key) || !Array.isArray(group.measures)) throw refuse(at);
    if (group.key.length !== value.groupBy.length || group.measures.length !== value.measures.length) throw refuse(at);
    value.groupBy.forEach(({ type }, column) => {
      if (!fits(group.key[column], type)) throw refuse(at);
    });
    value.measures.forEach(({ type, sum, extremes }, column) => {
      const measure = group.measures[column];
      if (measure === undefined || !whole(measure?.count) || measure.count > group.rows) throw refuse(at);
      if (sum && (measure.sum === undefined || !fits(measure.sum, type === 'integer' ? type : 'number')))
        throw refuse(at);
      if (extremes && !(fits(measure.min, type) && fits(measure.max, type))) throw refuse(at);
    });
  });
  if (value.groups.reduce((total, group) => total + group.rows, 0) !== value.rows)
    throw refuse('its row count is not that of its groups');
  return value;
}

/** Whether a cell can stand in a column of this type: a part that lies about its types must not break the merge. */
function fits(cell: unknown, type: ColumnType | null): boolean {
  if (cell === null) return true;
  if (typeof cell !== 'string' || cell === '' || type === null) return false;
  if (type === 'integer') return numberShape(cell) === 'integer';
  if (type === 'number') return numberShape(cell) !== undefined;
  return type !== 'boolean' || /^(?:true|false)$/i.test(cell);
}
