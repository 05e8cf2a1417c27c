// Law: words become a plan only when exactly one reading explains every one of them; anything else becomes a question. Same words, same
// data, same manifests: same answer on every node.
import type { Plan } from '../plan/index.ts';
import { planLimits, problemText, validatePlan } from '../plan/index.ts';
import { type AbstainContext, abstain, notUnderstood } from './abstain.ts';
import { buildPlan } from './build.ts';
import { dataOf, tablesOf } from './data.ts';
import { interpret, type Knowledge, type Reading, reportSkill } from './interpret.ts';
import { articles, fillers, politeWords } from './lexicon.ts';
import { isFileName, meets, nameKey, stem } from './names.ts';
import { Reader } from './reader.ts';
import { refusalIn } from './refusals.ts';
import { type ReportWish, reportWish } from './report-words.ts';
import { rankSkills } from './retrieve.ts';
import type { Note, TableContext } from './table-query.ts';
import { maximumTokens, type Token, textOf, tokenize } from './text.ts';
import type { Abstention, PlannerRequest, Planning } from './types.ts';

/** Makes a plan from words, or says why not. Pure: no clock, no chance, no I/O. Never throws for any words. */
export function planFromWords(request: PlannerRequest): Planning {
  const { words, files, fileBlobs, sites = [] } = request;
  // The order in which a node lists its skills must not show in the answer.
  const manifests = request.manifests
    .filter(({ deterministic, isJudged }) => deterministic && isJudged !== true)
    .sort((left, right) => (left.name < right.name ? -1 : 1));
  const tokens = tokenize(words.slice(0, planLimits.goalChars));
  const tables = tablesOf(files, sites).filter(
    ({ source, sites: holders }) => holders !== undefined || fileBlobs.has(source),
  );
  const knowledge: Knowledge = { manifests, data: dataOf(files, fileBlobs), tables, isName: namesIn(tables) };
  const context: AbstainContext = {
    knowledge,
    ranked: rankSkills(contentOf(tokens), manifests),
    files,
    tokens,
  };
  if (tokens.length === 0)
    return abstain(
      { reason: 'no-skill', message: 'no words were given', questions: ['What do you want to know?'] },
      context,
    );
  if (tokens.length > maximumTokens || words.length > planLimits.goalChars) {
    return abstain(
      {
        reason: 'cannot-do',
        message: `an intent has at most ${maximumTokens} words; these are more`,
        questions: ['Say it in one sentence.'],
      },
      context,
    );
  }
  const refusal = refuse(tokens, knowledge);
  if (refusal !== undefined) return abstain(refusal, context);
  const canReport = manifests.some(({ name }) => name === reportSkill);
  const report = canReport ? reportWish(tokens) : undefined;
  const main = report === undefined ? tokens : tokens.slice(0, report.mainEnd);
  if (main.length === 0)
    return abstain(
      {
        reason: 'missing-slot',
        missing: 'subject',
        message: 'it is not said what the report is about',
        questions: ['First say what to find out, then "and write a report to FILE.md".'],
      },
      context,
    );
  const steps = readSteps(main, knowledge, report !== undefined, context);
  if ('kind' in steps) return steps;
  if (report?.trouble !== undefined) return abstain(report.trouble, context);
  return finish(request, main, steps.readings, report, context);
}

/** The words that could name a skill. */
function contentOf(tokens: readonly Token[]): string {
  return tokens
    .filter(({ word }) => !politeWords.has(word) && !articles.has(word) && !fillers.has(word))
    .map(({ text }) => text)
    .join(' ');
}

function refuse(
  tokens: readonly Token[],
  knowledge: Knowledge,
): Pick<Abstention, 'reason' | 'message' | 'questions' | 'unexplained'> | undefined {
  const readers = knowledge.tables.map((table) => new Reader(tokens, table));
  const isData = (from: number, to: number): boolean =>
    readers.some(
      (reader) => [...reader.column(from)].some(([, end]) => end === to) || [...reader.source(from)].includes(to),
    ) ||
    knowledge.data.some(
      ({ name }) =>
        to - from === 1 &&
        (isFileName(tokens[from]!.word, name) || nameKey(tokens[from]!.word) === nameKey(stem(name))),
    ) ||
    // The value of a condition is data too: "where section is mail".
    (to - from === 1 && readers.some((reader) => isValueAt(reader, from)));
  const known = new Set(
    knowledge.manifests
      .flatMap((manifest) => [manifest.name, ...Object.entries(manifest.synonyms).flat(2)])
      .flatMap((phrase) => phrase.toLowerCase().split(/[^\p{L}\p{N}]+/u)),
  );
  const refusal = refusalIn(tokens, isData, (word) => known.has(word));
  if (refusal === undefined) return undefined;
  return {
    reason: 'cannot-do',
    message: `"${refusal.words}" asks for ${refusal.what}, which I cannot do`,
    unexplained: [refusal.words],
    questions: [refusal.advice],
  };
}

function isValueAt(reader: Reader, at: number): boolean {
  if (!reader.is(at - 1, '=', '!=', 'is', 'equals', 'contains', 'or', ',')) return false;
  for (let start = Math.max(0, at - 8); start < at; start++) if (reader.column(start).next().done !== true) return true;
  return false;
}

/** Whether a word is the name of a table, of its file or of a column. */
function namesIn(tables: readonly TableContext[]): (word: string) => boolean {
  const keys = tables
    .flatMap(({ source, table, columns }) => [stem(source), table, ...columns.map(({ name }) => name)])
    .map(nameKey);
  return (word) => keys.some((key) => meets(nameKey(word), key) !== undefined);
}

/** The steps of the sentence: one, or with a report at the end several joined by "then". */
function readSteps(
  main: readonly Token[],
  knowledge: Knowledge,
  hasReport: boolean,
  context: AbstainContext,
): { readonly readings: readonly Reading[] } | Abstention {
  const whole = readOne(main, knowledge, context);
  if (!('kind' in whole)) return whole;
  const parts = splitAtThen(main);
  if (parts.length < 2 || whole.reason === 'tie') return whole;
  const steps = parts.map((part) => readOne(part, knowledge, context));
  const failed = steps.find((step) => 'kind' in step);
  if (failed !== undefined) return whole;
  if (!hasReport) {
    return abstain(
      {
        reason: 'cannot-do',
        message: `these are ${parts.length} questions, and a plan has one answer`,
        questions: ['Ask them one by one, or end with "and write a report to FILE.md".'],
      },
      context,
    );
  }
  return { readings: steps.flatMap((step) => ('kind' in step ? [] : step.readings)) };
}

function splitAtThen(tokens: readonly Token[]): readonly (readonly Token[])[] {
  const parts: Token[][] = [[]];
  for (const token of tokens) {
    const last = parts.at(-1)!;
    if (token.kind !== 'word' || token.word !== 'then') {
      last.push(token);
      continue;
    }
    while ([',', ';', '.', 'and'].includes(last.at(-1)?.word ?? '')) last.pop();
    parts.push([]);
  }
  return parts.filter((part) => part.length > 0);
}

function readOne(
  tokens: readonly Token[],
  knowledge: Knowledge,
  context: AbstainContext,
): { readonly readings: readonly Reading[] } | Abstention {
  const { readings, troubles, reached } = interpret(tokens, knowledge);
  const [first] = readings;
  if (first !== undefined && readings.length === 1 && troubles.length === 0) return { readings: [first] };
  if (readings.length > 0) {
    const ways = readings.map(describe);
    const doubts = troubles.map(({ message }) => message);
    return abstain(
      {
        reason: 'tie',
        message: `the words can mean ${[...ways, ...doubts].slice(0, 4).join(', or ')}`,
        questions: [`Which do you mean: ${ways.join(', or ')}?`, ...troubles.flatMap(({ questions }) => questions)],
      },
      context,
    );
  }
  const [trouble] = troubles;
  if (trouble !== undefined)
    return abstain({ ...trouble, questions: troubles.flatMap(({ questions }) => questions) }, context);
  return joinTrouble(tokens, knowledge, context) ?? notUnderstood(tokens, reached, context);
}

function describe(reading: Reading): string {
  const what = reading.notes.map(({ meaning }) => meaning).join(', ');
  return reading.kind === 'table'
    ? `${what} in ${reading.context.source}${reading.context.isOneOfMany ? ` (${reading.context.table})` : ''}`
    : `${reading.manifest.name} on ${reading.data.map(({ name }) => name).join(', ')}`;
}

/** Two tables in one sentence, by name or by columns that only one of them has. */
function joinTrouble(tokens: readonly Token[], { tables }: Knowledge, context: AbstainContext): Abstention | undefined {
  const named = tables.filter((table) =>
    tokens.some(({ word, kind }) => kind === 'word' && isFileName(word, table.source)),
  );
  if (new Set(named.map(({ source }) => source)).size < 2) return undefined;
  const names = [...new Set(named.map(({ source }) => source))].join(' and ');
  return abstain(
    {
      reason: 'cannot-do',
      message: `${names} are two tables, and I read one at a time`,
      questions: ['Ask about one of them, or put the columns into one file first.'],
    },
    context,
  );
}

function finish(
  request: PlannerRequest,
  main: readonly Token[],
  readings: readonly Reading[],
  report: ReportWish | undefined,
  context: AbstainContext,
): Planning {
  const { fileBlobs, manifests, sites = [] } = request;
  const said = textOf(main);
  const title = `${said.charAt(0).toUpperCase()}${said.slice(1, 200)}`;
  const plan: Plan = buildPlan(request.words.trim(), title, readings, report, { manifests, fileBlobs, sites });
  const problems = validatePlan(plan, manifests);
  if (problems.length > 0) {
    return abstain(
      {
        reason: 'cannot-do',
        message: `the skill would not take it: ${problems.map(problemText).join('; ')}`,
        questions: [],
      },
      context,
    );
  }
  const assumptions = readings.flatMap((reading) => reading.assumptions);
  if (report !== undefined && report.title === undefined) assumptions.push(`the report’s title: ${title}`);
  const line = ({ from, to, meaning }: Note): string => `"${textOf(main.slice(from, to))}" → ${meaning}`;
  const explanation = [
    ...readings.flatMap((reading) => reading.notes.map(line)),
    ...(report?.fileName === undefined ? [] : [`"${report.said}" → a Markdown report in ${report.fileName}`]),
    ...assumptions.map((assumption) => `assumed: ${assumption}`),
  ];
  return {
    kind: 'plan',
    plan,
    explanation,
    confidence: Math.round(Math.max(0.1, 1 - assumptions.length / 10) * 100) / 100,
  };
}
