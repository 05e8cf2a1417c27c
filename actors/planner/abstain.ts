// Law: a refusal names what stopped it, on which words, and shows sentences that would work.
import { nearestName } from '../plan/index.ts';
import type { FileProfile } from '../system/index.ts';
import { namedData } from './data.ts';
import type { Knowledge } from './interpret.ts';
import { readsOnlyOutputs, tableSkills } from './interpret.ts';
import * as lexicon from './lexicon.ts';
import type { SkillManifest } from './manifest.ts';
import { isFileName, looksLikeFile, looksPlural, meets, nameKey } from './names.ts';
import { Reader } from './reader.ts';
import type { RankedSkill } from './retrieve.ts';
import { fits } from './skill-slots.ts';
import { vocabularyOf } from './skill-words.ts';
import type { Column, TableContext } from './table-query.ts';
import { isNumeric } from './table-query.ts';
import type { Token } from './text.ts';
import { textOf } from './text.ts';
import type { Abstention, Candidate } from './types.ts';

const maximumCandidates = 3;
const maximumQuestions = 4;
const maximumColumnsTold = 20;
const units =
  /^(k|m|g|t)?i?b(ytes?)?$|^(bytes?|kilobytes?|megabytes?|gigabytes?|percent|seconds?|minutes?|hours?|days?|euros?|dollars?|%|€|\$)$|^\d+(\.\d+)?[a-z%]+$/i;

export interface AbstainContext {
  readonly knowledge: Knowledge;
  readonly ranked: readonly RankedSkill[];
  readonly files: readonly FileProfile[];
  readonly tokens: readonly Token[];
}

export function abstain(
  told: Pick<Abstention, 'reason' | 'message' | 'questions'> & Partial<Pick<Abstention, 'missing' | 'unexplained'>>,
  context: AbstainContext,
): Abstention {
  // Words about a file that cannot be read are not the user's mistake: what is wrong with the file comes first.
  const problems = context.files.flatMap(({ problem }) => problem ?? []).slice(0, maximumQuestions);
  const areAllBroken = problems.length > 0 && context.files.every(({ problem }) => problem !== undefined);
  if (areAllBroken)
    return { kind: 'abstain', reason: 'unreadable-file', message: problems.join('; '), questions: [], candidates: [] };
  return {
    kind: 'abstain',
    ...told,
    message: problems.length === 0 ? told.message : `${problems.join('; ')}. Therefore: ${told.message}`,
    questions: [...new Set(told.questions)].slice(0, maximumQuestions),
    candidates: candidatesOf(context),
  };
}

function candidatesOf({ knowledge, ranked, tokens }: AbstainContext): readonly Candidate[] {
  const isFirstStep = (manifest: SkillManifest): boolean =>
    manifest.name !== tableSkills.aggregate && !readsOnlyOutputs(manifest);
  const best = ranked.filter(({ manifest }) => isFirstStep(manifest));
  const others = knowledge.manifests.filter(
    (manifest) => isFirstStep(manifest) && !best.some((one) => one.manifest === manifest),
  );
  const all = [...best, ...others.map((manifest) => ({ manifest, score: 0 }))];
  // What cannot read the user's data comes near only where nothing else does.
  const able = all.filter(({ manifest }) => knowledge.data.some((datum) => fits(datum, manifest)));
  return (able.length > 0 ? able : all).slice(0, maximumCandidates).map(({ manifest, score }) => ({
    skill: manifest.name,
    title: manifest.title,
    example: exampleOf(manifest, knowledge, tokens),
    score: Math.round(score * 100) / 100,
  }));
}

/** A sentence about the user's own data where a table is at hand, with the columns the words name; otherwise the manifest's. */
function exampleOf(manifest: SkillManifest, { tables }: Knowledge, tokens: readonly Token[]): string {
  const [table] = tables;
  if (manifest.name !== tableSkills.query || table === undefined) return manifest.examples[0]?.words ?? manifest.title;
  const reader = new Reader(tokens, table);
  const said = new Set(tokens.flatMap((_, at) => [...reader.column(at)].map(([column]) => column)));
  const pick = (columns: readonly Column[]): Column | undefined =>
    columns.find((column) => said.has(column)) ?? columns.at(-1);
  const number = pick(table.columns.filter(isNumeric));
  const group = pick(
    table.columns.filter((column) => column !== number && (column.type === 'text' || column.type === 'unknown')),
  );
  const place = table.sites === undefined ? `in ${table.source}` : 'across all sites';
  const measure = number === undefined ? 'number of rows' : `total ${number.name}`;
  return group === undefined ? `${measure} ${place}` : `${measure} per ${group.name} ${place}, top 5`;
}

/** Why no skill could read the whole sentence. */
export function notUnderstood(tokens: readonly Token[], reached: number, context: AbstainContext): Abstention {
  const absent = tokens.find(
    ({ kind, word }) => kind === 'word' && looksLikeFile(word) && namedData(word, context.knowledge.data).length === 0,
  );
  if (absent !== undefined)
    return isToBeWritten(tokens, absent) ? nothingToWrite(absent, context) : fileMissing(absent, context);
  const unfit = unfitFile(tokens, context);
  if (unfit !== undefined) return unfit;
  const unknown = unknownTokens(tokens, context);
  const questions = [
    ...unknown.flatMap((token) => columnQuestions(token, context.knowledge.tables)),
    ...valueQuestions(tokens, unknown, context.knowledge.tables),
  ];
  if (unknown.some(({ word, text }) => units.test(word) || units.test(text)))
    questions.push('Give plain numbers in the column’s own unit; I know no units.');
  questions.push(...rowQuestions(tokens, context.knowledge.tables), ...whatIsThere(tokens, context.knowledge.tables));
  if (unknown.length > 0) {
    const words = unknown.map(({ text }) => text);
    const nothing =
      context.ranked.length === 0 &&
      unknown.length ===
        tokens.filter(
          ({ kind, word }) => kind !== 'mark' && !lexicon.politeWords.has(word) && !lexicon.fillers.has(word),
        ).length;
    const message = nothing
      ? 'none of my skills does this'
      : `I do not know what to do with ${words.map((word) => `"${word}"`).join(', ')}`;
    return abstain(
      { reason: nothing ? 'no-skill' : 'unexplained-words', message, unexplained: words, questions },
      context,
    );
  }
  const rest = textOf(tokens.slice(Math.min(reached, Math.max(0, tokens.length - 1))));
  return abstain(
    {
      reason: 'unexplained-words',
      message: `I know these words, but not what they ask for together; I lost the thread at "${rest}"`,
      unexplained: [rest],
      questions,
    },
    context,
  );
}

/** "orders where …" of a table that nothing says holds orders. */
function rowQuestions(tokens: readonly Token[], tables: readonly TableContext[]): readonly string[] {
  const [table] = tables;
  if (table === undefined || tables.length > 1) return [];
  const reader = new Reader(tokens, table);
  const start = tokens.findIndex(({ word }) => ['where', 'with', 'whose', 'per', 'by'].includes(word)) - 1;
  const noun = tokens[start];
  if (noun?.kind !== 'word' || !looksPlural(noun.word) || lexicon.rowWords.includes(noun.word)) return [];
  const isKnown = reader.rowNoun(start).next().done !== true || reader.value(start).next().done !== true;
  return isKnown ? [] : [`If the rows of ${table.source} are the ${noun.text}, say "rows": "rows where …".`];
}

/** "… to out.md": a name for what is to be, not for what should be here. */
function isToBeWritten(tokens: readonly Token[], name: Token): boolean {
  const before = tokens[tokens.indexOf(name) - 1];
  return /\.md$/i.test(name.word) && ['to', 'into', 'as'].includes(before?.word ?? '');
}

function nothingToWrite({ text }: Token, context: AbstainContext): Abstention {
  const [table] = context.knowledge.tables;
  const example = table === undefined ? 'triage app.log' : `number of rows in ${table.source}`;
  return abstain(
    {
      reason: 'unexplained-words',
      message: `it is not said what ${text} should hold`,
      unexplained: [text],
      questions: [`Say what to find out first, and then where to write it: "${example} and write it to ${text}".`],
    },
    context,
  );
}

function fileMissing({ text }: Token, context: AbstainContext): Abstention {
  const names = context.files.map(({ name }) => name);
  const near = nearestName(text, names);
  const have = names.length === 0 ? 'No file was given' : `The files here are ${names.slice(0, 8).join(', ')}`;
  const question = near === undefined ? `${have}. Add it with --data PATH?` : `Do you mean ${near}?`;
  return abstain(
    {
      reason: 'missing-slot',
      missing: 'file',
      message: `there is no file ${text} here`,
      unexplained: [text],
      questions: [question],
    },
    context,
  );
}

/** A skill that was asked for by name, about a file it does not read. */
function unfitFile(tokens: readonly Token[], context: AbstainContext): Abstention | undefined {
  const { data } = context.knowledge;
  const named = tokens.flatMap(({ word, kind }) =>
    kind === 'word' && looksLikeFile(word) ? namedData(word, data) : [],
  );
  if (named.length === 0) return undefined;
  for (const { manifest } of context.ranked) {
    if (manifest.name.startsWith('table.') || readsOnlyOutputs(manifest)) continue;
    const isAsked = vocabularyOf(manifest).asks.some((words) => places(tokens, words).length > 0);
    if (!isAsked || named.some((datum) => fits(datum, manifest))) continue;
    const formats = manifest.files
      .flatMap((slot) => (slot.formats.includes('folder') ? ['folders'] : slot.formats))
      .join(', ');
    const names = named.map(({ name, formats: own }) => `${name} is ${[...own].join(', ')}`).join(', ');
    return abstain(
      {
        reason: 'missing-slot',
        missing: manifest.files[0]?.slot ?? 'file',
        message: `${manifest.name} reads ${formats}; ${names}`,
        questions: [],
      },
      context,
    );
  }
  return undefined;
}

/** Where in the sentence `words` stand. */
function places(tokens: readonly Token[], words: readonly string[]): readonly number[] {
  return tokens.flatMap((_, at) =>
    words.every(
      (word, offset) => tokens[at + offset] !== undefined && meets(tokens[at + offset]!.word, word) !== undefined,
    )
      ? [at]
      : [],
  );
}

/** Tokens that neither the grammar, nor the data, nor any skill the words come near to knows. */
function unknownTokens(tokens: readonly Token[], { knowledge, ranked }: AbstainContext): readonly Token[] {
  const known = tokens.map(
    ({ kind, word, number }) =>
      kind === 'mark' || kind === 'operator' || number !== undefined || (kind !== 'quoted' && isCommon(word)),
  );
  for (const context of knowledge.tables) {
    const reader = new Reader(tokens, context);
    for (let at = 0; at < tokens.length; at++) {
      for (const [, end] of reader.column(at)) known.fill(true, at, end);
      for (const end of reader.source(at)) known.fill(true, at, end);
    }
  }
  for (const [at, { word }] of tokens.entries()) if (namedData(word, knowledge.data).length > 0) known[at] = true;
  for (const { manifest } of ranked) {
    if (readsOnlyOutputs(manifest)) continue;
    const { asks, nouns } = vocabularyOf(manifest);
    for (const words of [...asks, ...nouns]) {
      for (const at of places(tokens, words)) known.fill(true, at, at + words.length);
    }
  }
  return tokens.filter((_, at) => known[at] !== true);
}

function isCommon(word: string): boolean {
  return (
    lexicon.grammarWords.has(word) ||
    lexicon.politeWords.has(word) ||
    lexicon.joiningWords.has(word) ||
    lexicon.articles.has(word) ||
    lexicon.fillers.has(word)
  );
}

/** The columns of the one table that the words are about. */
function whatIsThere(tokens: readonly Token[], tables: readonly TableContext[]): readonly string[] {
  const named = tables.filter(({ source }) => tokens.some(({ word }) => isFileName(word, source)));
  const [table, other] = named.length > 0 ? named : tables;
  if (table === undefined || other !== undefined || table.columns.length > maximumColumnsTold) return [];
  return [`The columns of ${table.source} are ${table.columns.map(({ name }) => name).join(', ')}.`];
}

/** A word close to a column's name, or a part of it, is asked about. */
function columnQuestions(token: Token, tables: readonly TableContext[]): readonly string[] {
  const key = nameKey(token.word);
  if (key.length < 3) return [];
  const columns = tables.flatMap(({ columns: all }) => all.map(({ name }) => name));
  const part = columns.filter((name) => nameKey(name).includes(key));
  const near = part.length > 0 ? part : [nearestName(token.word, columns)].filter((name) => name !== undefined);
  return [...new Set(near)].slice(0, 3).map((name) => `Do you mean the column ${name} by "${token.text}"?`);
}

/** "section admin": a column beside an unknown word may be a condition. */
function valueQuestions(
  tokens: readonly Token[],
  unknown: readonly Token[],
  tables: readonly TableContext[],
): readonly string[] {
  const questions: string[] = [];
  for (const context of tables) {
    const reader = new Reader(tokens, context);
    for (let at = 0; at < tokens.length; at++) {
      for (const [column, value] of reader.value(at)) questions.push(`Do you mean "where ${column.name} = ${value}"?`);
      for (const [column, end] of reader.column(at)) {
        if (isNumeric(column) && column.type !== 'unknown') continue;
        const value = [tokens[end], tokens[at - 1]].find((token) => token !== undefined && unknown.includes(token));
        if (value !== undefined) questions.push(`Do you mean "where ${column.name} = ${value.text}"?`);
      }
    }
  }
  return questions;
}
