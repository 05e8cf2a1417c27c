// Law: a skill without a grammar of its own is called only with what its schema asks for and the words say, and every word must be
// explained by its manifest, by the data, or by having no meaning.

import type { Datum } from './data.ts';
import { namedData } from './data.ts';
import type { Knowledge } from './interpret.ts';
import { articles, fillers, politeWords } from './lexicon.ts';
import type { SkillManifest } from './manifest.ts';
import type { Property } from './sheet.ts';
import { cut, Sheet } from './sheet.ts';
import { fillEnums, fillFiles, fillFreeText, fillNumbers, fillQuotations, fits, lacks } from './skill-slots.ts';
import type { Note, Trouble } from './table-query.ts';
import type { Token } from './text.ts';

export interface SkillReading {
  readonly manifest: SkillManifest;
  readonly input: Readonly<Record<string, unknown>>;
  readonly data: readonly Datum[];
  readonly notes: readonly Note[];
  /** What was taken as given without being said. */
  readonly assumptions: readonly string[];
  readonly trouble?: Trouble;
}

/** Words for what is read rather than for what is wanted: they alone do not ask for anything. */
const nouns = new Set(['file', 'files', 'folder', 'data']);

const quantifiers = new Set([
  'top',
  'first',
  'last',
  'best',
  'most',
  'least',
  'limit',
  'largest',
  'biggest',
  'smallest',
  'at',
  'up',
  'to',
  'maximum',
  'minimum',
]);

/** Properties that words can fill; undefined where a required one needs more than a word or a number. */
function propertiesOf(manifest: SkillManifest): readonly Property[] | undefined {
  const { properties, required } = manifest.input as {
    properties?: Record<string, Record<string, unknown>>;
    required?: readonly string[];
  };
  const simple: Property[] = [];
  for (const [name, schema] of Object.entries(properties ?? {})) {
    const isRequired = required?.includes(name) === true;
    const values = Array.isArray(schema.enum) ? (schema.enum as unknown[]) : undefined;
    const type = typeof schema.type === 'string' ? schema.type : values === undefined ? 'other' : 'enum';
    if (type === 'array' || type === 'object' || type === 'other') {
      if (isRequired) return undefined;
      continue;
    }
    const triggers = [name, ...(manifest.synonyms[name] ?? [])].map(cut).filter((words) => words.length > 0);
    simple.push({
      name,
      type,
      required: isRequired,
      triggers: triggers.sort((left, right) => right.length - left.length),
      ...(values === undefined ? {} : { values }),
    });
  }
  return simple;
}

/** Phrases of the manifest that ask for the skill, and phrases that name what it reads. */
export function vocabularyOf(manifest: SkillManifest): {
  readonly asks: readonly (readonly string[])[];
  readonly nouns: readonly (readonly string[])[];
} {
  const { properties = {} } = manifest.output as { properties?: Record<string, { type?: unknown }> };
  const inputs = (manifest.input.properties ?? {}) as Record<string, { type?: unknown }>;
  const slots = new Set([...manifest.files.map(({ slot }) => slot), ...nouns]);
  // What is said of a file or of a text slot ("for", "about") does not yet ask for the skill.
  const isNoun = (key: string): boolean => slots.has(key) || inputs[key]?.type === 'string';
  // "top" and "first" limit an answer; alone they ask for nothing.
  const isQuantity = (words: readonly string[]): boolean => words.every((word) => quantifiers.has(word));
  for (const slot of [...slots]) for (const word of manifest.synonyms[slot] ?? []) slots.add(word);
  const lists = Object.entries(properties).filter(([, schema]) => schema.type === 'array');
  const names = [...manifest.name.split('.'), ...lists.map(([name]) => name)];
  const asks = names.filter((name) => !slots.has(name));
  const named = names.filter((name) => slots.has(name));
  for (const [key, words] of Object.entries(manifest.synonyms)) (isNoun(key) ? named : asks).push(key, ...words);
  const order = (texts: readonly string[]): readonly (readonly string[])[] =>
    texts.map(cut).sort((left, right) => right.length - left.length);
  const asking = order(asks);
  return { asks: asking.filter((words) => !isQuantity(words)), nouns: [...order(named), ...asking.filter(isQuantity)] };
}

/** The reading of `tokens` as a call of `manifest`; undefined where a word stays unexplained or nothing asks for the skill. */
export function readSkill(
  tokens: readonly Token[],
  manifest: SkillManifest,
  { data, isName }: Pick<Knowledge, 'data' | 'isName'>,
): SkillReading | undefined {
  const properties = propertiesOf(manifest);
  if (properties === undefined) return undefined;
  const sheet = new Sheet(tokens);
  const vocabulary = vocabularyOf(manifest);
  const input: Record<string, unknown> = {};
  const named = coverData(sheet, data, manifest);
  fillQuotations(sheet, properties, input);
  fillNumbers(sheet, properties, input);
  fillEnums(sheet, properties, input);
  // "the 5 most frequent" asks; a quotation alone does not say what to do with it.
  let isAsked = Object.values(input).some((value) => typeof value === 'number');
  // Where the words after a verb that means nothing else ("search for", not "find") begin.
  let verbEnd: number | undefined;
  for (let at = 0; at < tokens.length; at++) {
    // What names a table or a column asks for nothing else: "packages" beside packages.csv is that table.
    const isFree = !isName(tokens[at]!.word);
    const ask = isFree ? vocabulary.asks.find((words) => sheet.stands(at, words)) : undefined;
    if (ask !== undefined) sheet.cover(at, at + ask.length, `asks for ${manifest.name}`);
    const noun = ask ?? vocabulary.nouns.find((words) => sheet.stands(at, words));
    if (noun !== undefined && ask === undefined) sheet.cover(at, at + noun.length);
    isAsked ||= ask !== undefined;
    if (ask?.some((word) => !politeWords.has(word) && !fillers.has(word)) === true) verbEnd ??= at + ask.length;
  }
  if (verbEnd !== undefined) fillFreeText(sheet, verbEnd, properties, input, named, isName);
  for (const [at, { word, kind }] of tokens.entries()) {
    if (kind !== 'quoted' && (fillers.has(word) || articles.has(word) || politeWords.has(word)))
      sheet.cover(at, at + 1);
  }
  if (!isAsked || sheet.covered.includes(false)) return undefined;
  const filled = fillFiles(manifest, named, data);
  const unfilled = properties.find(({ name, required }) => required && !(name in input));
  const trouble = filled.trouble ?? (unfilled === undefined ? undefined : lacks(manifest, unfilled));
  const reading = {
    manifest,
    input,
    data: filled.data,
    notes: sheet.notes.sort((left, right) => left.from - right.from),
    assumptions: filled.assumptions,
  };
  return trouble === undefined ? reading : { ...reading, trouble };
}

/** Names of files and folders; the ending of several ("logs") counts as naming them all. */
function coverData(sheet: Sheet, data: readonly Datum[], manifest: SkillManifest): readonly Datum[] {
  const named: Datum[] = [];
  for (const [at, token] of sheet.tokens.entries()) {
    if (token.kind !== 'word' || politeWords.has(token.word) || articles.has(token.word) || fillers.has(token.word))
      continue;
    const fitting = namedData(token.word, data).filter((datum) => fits(datum, manifest));
    if (fitting.length === 0) continue;
    named.push(...fitting.filter((datum) => !named.includes(datum)));
    sheet.cover(at, at + 1, fitting.map(({ name }) => name).join(', '));
  }
  return named;
}
