// Law: text.search ranks passages by BM25 (Robertson and Zaragoza 2009, k1 = 1.2, b = 0.75) in one pass and bounded memory: only passages that
// hold a searched word are kept, and everything the formula needs of the others is a count. Equal scores stand in path and line order.
import { byCodeUnits, clip } from './canonical.ts';
import { byName, SkillFailure, type SkillFile } from './skill.ts';
import { textLines } from './text-file.ts';

export interface SearchInput {
  readonly query: string;
  readonly limit?: number;
}

const k1 = 1.2;
const b = 0.75;
const passageLines = 12;
const maxMatches = 200_000;
const maxSkippedNamed = 50;
const snippetCharacters = 240;
/** A searched word of at least this length also finds longer words that begin with it, at half weight. */
const prefixLength = 4;
const prefixWeight = 0.5;
/** Words that say nothing about a passage; ignored unless the query has nothing else. */
const stopWords = new Set(
  'a an and are as at be but by for from has have how if in is it its of on or that the their this to was were what when where which who will with'.split(
    ' ',
  ),
);

interface Match {
  readonly path: string;
  readonly line: number;
  readonly snippet: string;
  readonly length: number;
  readonly frequencies: readonly number[];
}

function wordsOf(text: string): string[] {
  return text.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? [];
}

export async function run(input: unknown, files: readonly SkillFile[]): Promise<unknown> {
  const { query, limit = 10 } = input as SearchInput;
  const all = [...new Set(wordsOf(query))];
  const telling = all.filter((word) => !stopWords.has(word));
  const terms = telling.length > 0 ? telling : all;
  if (terms.length === 0)
    throw new SkillFailure('bad_query', `the query '${clip(query, 80)}' has no words or numbers to search for`);
  if (files.length === 0) throw new SkillFailure('missing_file', 'text.search needs at least one file');

  const matches: Match[] = [];
  const passagesWith = terms.map(() => 0);
  let passages = 0;
  let totalLength = 0;

  const finishPassage = (path: string, start: number, lines: readonly string[]): void => {
    const frequencies = terms.map(() => 0);
    let length = 0;
    let best = -1;
    let bestLine = 0;
    lines.forEach((line, index) => {
      const words = wordsOf(line);
      length += words.length;
      const found = new Set<number>();
      for (const word of words) {
        terms.forEach((term, position) => {
          const weight = word === term ? 1 : term.length >= prefixLength && word.startsWith(term) ? prefixWeight : 0;
          if (weight === 0) return;
          frequencies[position] = frequencies[position]! + weight;
          found.add(position);
        });
      }
      if (found.size > best) {
        best = found.size;
        bestLine = index;
      }
    });
    passages++;
    totalLength += length;
    if (best <= 0) return;
    frequencies.forEach((frequency, position) => {
      if (frequency > 0) passagesWith[position] = passagesWith[position]! + 1;
    });
    if (matches.length === maxMatches) {
      throw new SkillFailure(
        'too_many_matches',
        `more than ${maxMatches} passages hold a word of the query; search for rarer words or in fewer files`,
      );
    }
    matches.push({
      path,
      line: start + bestLine,
      snippet: clip(lines[bestLine]!.trim(), snippetCharacters),
      length,
      frequencies,
    });
  };

  const skipped: { path: string; reason: string }[] = [];
  let searched = 0;
  for (const file of byName(files)) {
    const before = matches.length;
    const counted = { passages, totalLength, passagesWith: [...passagesWith] };
    try {
      let lines: string[] = [];
      let start = 1;
      let number = 0;
      for (const line of textLines(file)) {
        number++;
        const blank = line.trim() === '';
        if (!blank) lines.push(line);
        if ((blank || lines.length === passageLines) && lines.length > 0) {
          finishPassage(file.name, start, lines);
          lines = [];
        }
        if (lines.length === 0) start = number + 1;
      }
      if (lines.length > 0) finishPassage(file.name, start, lines);
      searched++;
    } catch (error) {
      // In a folder, a picture among the texts is no reason to give up; alone, it is.
      if (!(error instanceof SkillFailure) || error.code === 'too_many_matches' || files.length === 1) throw error;
      skipped.push({ path: file.name, reason: error.code });
      matches.length = before;
      ({ passages, totalLength } = counted);
      counted.passagesWith.forEach((count, position) => {
        passagesWith[position] = count;
      });
    }
  }
  if (passages === 0 && files.length === 1)
    throw new SkillFailure('empty_file', `'${files[0]!.name}' has no text to search`);

  const averageLength = passages === 0 ? 1 : totalLength / passages;
  const weights = passagesWith.map((count) => Math.log(1 + (passages - count + 0.5) / (count + 0.5)));
  const scored = matches.map((match) => {
    const norm = k1 * (1 - b + (b * match.length) / averageLength);
    const score = match.frequencies.reduce(
      (sum, frequency, position) => sum + (weights[position]! * frequency * (k1 + 1)) / (frequency + norm),
      0,
    );
    return { match, score: score.toFixed(4) };
  });
  scored.sort(
    (x, y) =>
      Number(y.score) - Number(x.score) || byCodeUnits(x.match.path, y.match.path) || x.match.line - y.match.line,
  );
  return {
    kind: 'search',
    query,
    terms,
    hits: scored
      .slice(0, limit)
      .map(({ match, score }) => ({ path: match.path, line: match.line, snippet: match.snippet, score })),
    matchingPassages: matches.length,
    passages,
    files: searched,
    skippedFiles: skipped.length,
    skipped: skipped.slice(0, maxSkippedNamed),
  };
}
