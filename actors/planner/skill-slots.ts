// Law: a slot is filled by what stands beside its name, by a quotation, or by the only thing that fits; two things that fit are a question.
import type { Datum } from './data.ts';
import { articles, fillers, grammarWords, joiningWords, politeWords } from './lexicon.ts';
import type { SkillManifest } from './manifest.ts';
import { looksLikeFile } from './names.ts';
import type { Property, Sheet } from './sheet.ts';
import { cut } from './sheet.ts';
import type { Trouble } from './table-query.ts';
import { textOf } from './text.ts';

const maximumFreeWords = 4;

export function fillQuotations(sheet: Sheet, properties: readonly Property[], input: Record<string, unknown>): void {
  const open = properties.filter(({ type, values }) => type === 'string' && values === undefined);
  const target = open.find(({ required }) => required) ?? (open.length === 1 ? open[0] : undefined);
  const quotations = sheet.tokens.flatMap((token, at) => (token.kind === 'quoted' ? [[token, at] as const] : []));
  const [first] = quotations;
  if (target === undefined || first === undefined || quotations.length > 1 || first[0].word.trim() === '') return;
  input[target.name] = first[0].word;
  sheet.cover(first[1], first[1] + 1, `the ${target.name}`);
}

/** "top 5", "5 most frequent": a number counts only beside words for its property. */
export function fillNumbers(sheet: Sheet, properties: readonly Property[], input: Record<string, unknown>): void {
  for (const [at, token] of sheet.tokens.entries()) {
    if (token.number === undefined || sheet.covered[at] === true) continue;
    for (const { name, type, triggers } of properties) {
      if ((type !== 'integer' && type !== 'number') || name in input || token.number === undefined) continue;
      const before = triggers.find((words) => sheet.stands(at - words.length, words));
      const after = triggers.find((words) => sheet.stands(at + 1, words));
      const [from, to] =
        before !== undefined
          ? [at - before.length, at + 1]
          : after !== undefined
            ? [at, at + 1 + after.length]
            : [0, 0];
      if (to === 0) continue;
      input[name] = token.number;
      sheet.cover(from, to, `${name} ${token.number}`);
      // "the 5 most frequent": said twice, meant once.
      const again = triggers.find((words) => sheet.stands(to, words));
      if (again !== undefined) sheet.cover(to, to + again.length);
      break;
    }
  }
}

export function fillEnums(sheet: Sheet, properties: readonly Property[], input: Record<string, unknown>): void {
  for (const { name, values } of properties) {
    if (values === undefined || name in input) continue;
    const hits = sheet.tokens.flatMap((_, at) =>
      values
        .filter((value) => typeof value === 'string' && sheet.stands(at, cut(value)))
        .map((value) => ({ at, value: value as string })),
    );
    if (hits.length !== 1) continue;
    const [{ at, value }] = hits as [{ at: number; value: string }];
    input[name] = value;
    sheet.cover(at, at + cut(value).length, `${name} ${value}`);
  }
}

/** A few words without quotes after the verb: only about texts that are named, and only words that mean nothing else here. */
export function fillFreeText(
  sheet: Sheet,
  from: number,
  properties: readonly Property[],
  input: Record<string, unknown>,
  named: readonly Datum[],
  isName: (word: string) => boolean,
): void {
  const target = properties.find(
    ({ type, values, required, name }) => required && type === 'string' && values === undefined && !(name in input),
  );
  const isTable = ({ formats }: Datum): boolean =>
    ['csv', 'tsv', 'jsonl', 'sqlite'].some((format) => formats.has(format));
  if (target === undefined || named.length === 0 || named.some(isTable)) return;
  const isFree = (at: number): boolean => {
    const token = sheet.tokens[at];
    return (
      token?.kind === 'word' &&
      token.number === undefined &&
      sheet.covered[at] !== true &&
      !looksLikeFile(token.word) &&
      ![fillers, articles, politeWords, joiningWords].some((words) => words.has(token.word))
    );
  };
  const free = sheet.tokens.flatMap((_, at) => (isFree(at) ? [at] : []));
  const [start, last] = [free[0], free.at(-1)];
  // One stretch after the verb; words anywhere else mean that it was not the whole of it.
  if (start === undefined || last === undefined || start < from || last - start >= free.length) return;
  const words = sheet.tokens.slice(start, last + 1);
  if (words.length > maximumFreeWords || words.some(({ word }) => isName(word) || grammarWords.has(word))) return;
  input[target.name] = textOf(words);
  sheet.cover(start, last + 1, `the ${target.name}`);
}

export function fillFiles(
  manifest: SkillManifest,
  named: readonly Datum[],
  data: readonly Datum[],
): { readonly data: readonly Datum[]; readonly assumptions: readonly string[]; readonly trouble?: Trouble } {
  const slot = manifest.files.find(({ required }) => required) ?? manifest.files[0];
  if (slot === undefined) return { data: [], assumptions: [] };
  const fitting = data.filter((datum) => fits(datum, manifest));
  const folders = fitting.filter(({ isFolder }) => isFolder);
  const wantsFolder = slot.formats.includes('folder');
  const pool =
    named.length > 0
      ? named
      : wantsFolder
        ? folders
        : fitting.filter(
            (datum) =>
              !datum.isFolder || !fitting.some((other) => !other.isFolder && other.name.startsWith(`${datum.name}/`)),
          );
  if (pool.length === 0) {
    if (!slot.required) return { data: [], assumptions: [] };
    const kinds = wantsFolder ? 'folder' : slot.formats.join(', ');
    return {
      data: [],
      assumptions: [],
      trouble: {
        reason: 'missing-slot',
        missing: slot.slot,
        message: `${manifest.name} needs a ${slot.slot} (${kinds}) and none of the files is one`,
        questions: ['Which file? Add it with --data PATH.'],
      },
    };
  }
  if (pool.length > 1 && (slot.many !== true || wantsFolder)) {
    const names = pool.map(({ name }) => name).join(', ');
    return {
      data: [],
      assumptions: [],
      trouble: {
        reason: 'tie',
        missing: slot.slot,
        message: `${manifest.name} takes one ${slot.slot} and several fit`,
        questions: [`Which one: ${names}?`],
      },
    };
  }
  const assumptions =
    named.length > 0
      ? []
      : [
          `${pool.length === 1 ? 'the only fitting' : 'all fitting'} ${pool.every(({ isFolder }) => isFolder) ? 'folder' : 'files'}: ${pool.map(({ name }) => name).join(', ')}`,
        ];
  return { data: pool, assumptions };
}

export function lacks(manifest: SkillManifest, property: Property): Trouble {
  const example = manifest.examples[0]?.words;
  return {
    reason: 'missing-slot',
    missing: property.name,
    message: `${manifest.name} needs "${property.name}"`,
    questions: [`What is the ${property.name}? Put it in quotes${example === undefined ? '' : `, as in: ${example}`}.`],
  };
}

/** A slot for a folder takes nothing but a folder; others take a folder where they take many files. */
export function fits(datum: Datum, manifest: SkillManifest): boolean {
  return manifest.files.some(({ formats, many }) => {
    if (datum.isFolder) return many === true;
    return !formats.includes('folder') && formats.some((format) => datum.formats.has(format));
  });
}
