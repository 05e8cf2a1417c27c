// Law: all skills read the sentence side by side. One complete reading is an answer; two, or one that a second skill half shares, are a question.

import { canonicalBytes } from '../plan/index.ts';
import type { Datum } from './data.ts';
import type { SkillManifest } from './manifest.ts';
import { readSkill, type SkillReading } from './skill-words.ts';
import type { TableInput } from './table-input.ts';
import { settle } from './table-input.ts';
import type { Note, TableContext, TableQuery, Trouble } from './table-query.ts';
import { readTable } from './table-words.ts';
import type { Token } from './text.ts';

export const tableSkills = { query: 'table.query', aggregate: 'table.aggregate', merge: 'table.merge' } as const;
export const reportSkill = 'report.write';

/** What one sentence may be about. */
export interface Knowledge {
  readonly manifests: readonly SkillManifest[];
  readonly data: readonly Datum[];
  readonly tables: readonly TableContext[];
  /** Whether a word is the name of a table, of its file or of a column. */
  readonly isName: (word: string) => boolean;
}

export interface TableReading {
  readonly kind: 'table';
  readonly context: TableContext;
  readonly input: TableInput;
  readonly minimumGroupSize?: number;
  readonly notes: readonly Note[];
  readonly assumptions: readonly string[];
}
export type Reading = TableReading | ({ readonly kind: 'skill' } & SkillReading);

export interface Understanding {
  readonly readings: readonly Reading[];
  /** Readings that explain every word and still leave something open. */
  readonly troubles: readonly Trouble[];
  /** How many tokens the best table reading explained from the start. */
  readonly reached: number;
}

export function interpret(tokens: readonly Token[], knowledge: Knowledge): Understanding {
  const readings = new Map<string, Reading>();
  const troubles = new Map<string, Trouble & { readonly skill: string }>();
  const addTrouble = (skill: string, trouble: Trouble): void => {
    const known = troubles.get(trouble.message);
    if (known === undefined) troubles.set(trouble.message, { ...trouble, skill });
  };
  let reached = 0;
  const canQuery = (name: string): boolean => knowledge.manifests.some((manifest) => manifest.name === name);
  for (const context of knowledge.tables) {
    if (!canQuery(context.sites === undefined ? tableSkills.query : tableSkills.merge)) continue;
    const found = readTable(tokens, context);
    reached = Math.max(reached, found.reached);
    for (const query of found.queries) {
      const trouble = placeTrouble(query, context, knowledge.tables);
      const settled = trouble === undefined ? settle(query, context) : ({ kind: 'trouble', trouble } as const);
      if (settled.kind === 'trouble') addTrouble('table', settled.trouble);
      else {
        const { minimumGroupSize } = query;
        const assumptions = query.sourceNamed ? [] : [`the table ${context.source}, the only one with these columns`];
        const reading: Reading = {
          kind: 'table',
          context,
          input: settled.input,
          notes: settled.notes,
          assumptions,
          ...(minimumGroupSize === undefined ? {} : { minimumGroupSize }),
        };
        keepBetter(
          readings,
          keyOf([
            'table',
            context.source,
            context.table,
            context.sites ?? null,
            settled.input,
            minimumGroupSize ?? null,
          ]),
          reading,
        );
      }
    }
  }
  for (const manifest of knowledge.manifests) {
    if (Object.values<string>(tableSkills).includes(manifest.name) || readsOnlyOutputs(manifest)) continue;
    const reading = readSkill(tokens, manifest, knowledge);
    if (reading === undefined) continue;
    if (reading.trouble !== undefined) addTrouble(manifest.name, reading.trouble);
    else
      readings.set(keyOf([manifest.name, reading.input, reading.data.map(({ name }) => name)]), {
        kind: 'skill',
        ...reading,
      });
  }
  return {
    readings: [...readings.values()],
    troubles: othersTroubles([...readings.values()], [...troubles.values()]),
    reached,
  };
}

/** A skill that takes nothing but other tasks' outputs cannot come first. */
export function readsOnlyOutputs(manifest: SkillManifest): boolean {
  return (
    manifest.files.some(({ required }) => required) &&
    manifest.files.every(({ formats }) => formats.every((format) => format === 'json'))
  );
}

/** Beside a complete reading, half a reading by the same skill is no rival; one by another skill is. */
function othersTroubles(
  readings: readonly Reading[],
  troubles: readonly (Trouble & { readonly skill: string })[],
): readonly Trouble[] {
  const owners = new Set(readings.map((reading) => (reading.kind === 'table' ? 'table' : reading.manifest.name)));
  return troubles.filter(({ skill }) => !owners.has(skill));
}

function keepBetter(readings: Map<string, Reading>, key: string, reading: TableReading): void {
  const known = readings.get(key);
  if (known === undefined || reading.notes.length > known.notes.length) readings.set(key, reading);
}

function keyOf(parts: unknown): string {
  return new TextDecoder().decode(canonicalBytes(parts));
}

/** What is wrong with asking this of this table: the sites were not named, or there are none, or rows would have to leave them. */
function placeTrouble(query: TableQuery, context: TableContext, tables: readonly TableContext[]): Trouble | undefined {
  if (query.trouble !== undefined) return undefined;
  if (context.sites === undefined) {
    if (query.acrossSites) {
      if (tables.some(({ sites }) => sites !== undefined))
        return {
          reason: 'cannot-do',
          message: `${context.source} is a file here, not a data set of the sites`,
          questions: ['Ask about the file or about all sites, not about both.'],
        };
      return {
        reason: 'missing-slot',
        missing: 'sites',
        message: 'no site of this mesh offers a data set',
        questions: ['Ask about a file instead: "… in FILE".'],
      };
    }
    if (query.minimumGroupSize !== undefined)
      return {
        reason: 'cannot-do',
        message: 'a minimum group size protects data of sites; a file here has none',
        questions: ['Leave it out, or ask "across all sites".'],
      };
    return undefined;
  }
  if (!query.acrossSites)
    return {
      reason: 'missing-slot',
      missing: 'sites',
      message: `"${context.source}" is a data set that ${context.sites.length === 1 ? 'a site holds' : 'sites hold'}`,
      questions: ['Do you mean "… across all sites"?'],
    };
  if (query.rows || query.show.length > 0 || query.values)
    return {
      reason: 'cannot-do',
      message: 'rows do not leave a site; only counts, sums, averages and extremes do',
      questions: ['Ask for a total, an average or a number per column.'],
    };
  const distinct = query.aggregates.find((aggregate) => aggregate.function === 'distinct');
  if (distinct !== undefined)
    return {
      reason: 'cannot-do',
      message: `the number of different ${distinct.column!.name} cannot be added up from sites`,
      questions: ['Ask for a count, a total or an average.'],
    };
  return undefined;
}
