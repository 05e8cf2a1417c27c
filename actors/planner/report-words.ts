// Law: a report is asked for in so many words at the end of a sentence; its file name is said, never made up.
import { looksLikeFile } from './names.ts';
import type { Trouble } from './table-query.ts';
import type { Token } from './text.ts';
import { textOf } from './text.ts';

export interface ReportWish {
  /** Tokens [0, mainEnd) say what the report is about. */
  readonly mainEnd: number;
  readonly fileName?: string;
  readonly title?: string;
  readonly said: string;
  readonly trouble?: Trouble;
}

const verbs = new Set('write save export store put create produce make generate output render'.split(' '));
const joints = new Set([',', ';', '.', '?', '!', 'and', 'then', 'finally', 'also', 'please', 'afterwards']);
/** All that may stand in the clause besides the file name and the title. */
const clauseWords = new Set(
  'it them this that these those the a an my our all everything result results answer answers table output findings numbers summary report document file markdown md short final as to into in on with of about called named under title titled entitled headed and please thanks . ! for me'.split(
    ' ',
  ),
);

/** The report that the end of the sentence asks for, if it does. */
export function reportWish(tokens: readonly Token[]): ReportWish | undefined {
  for (const [at, token] of tokens.entries()) {
    const isFirst = at === 0 || tokens.slice(0, at).every(({ word }) => joints.has(word));
    if (token.kind !== 'word' || !verbs.has(token.word) || (!isFirst && !joints.has(tokens[at - 1]!.word))) continue;
    const wish = clause(tokens, at);
    if (wish === undefined) continue;
    let mainEnd = at;
    while (mainEnd > 0 && joints.has(tokens[mainEnd - 1]!.word)) mainEnd--;
    return { mainEnd, said: textOf(tokens.slice(at)), ...wish };
  }
  return undefined;
}

function clause(
  tokens: readonly Token[],
  from: number,
): Pick<ReportWish, 'fileName' | 'title' | 'trouble'> | undefined {
  let fileName: string | undefined;
  let title: string | undefined;
  let speaksOfReport = false;
  for (let at = from + 1; at < tokens.length; at++) {
    const { kind, word, text } = tokens[at]!;
    if (kind === 'quoted' && looksLikeFile(word) && fileName === undefined) fileName = word;
    else if (kind === 'quoted' && title === undefined && word.trim() !== '') title = word;
    else if (kind === 'word' && looksLikeFile(word) && fileName === undefined) fileName = text;
    else if (!clauseWords.has(word)) return undefined;
    speaksOfReport ||=
      /^(report|document|summary|file|markdown|result|results|it|them|this|answer|table|output|findings)$/.test(word);
  }
  if (fileName === undefined && !speaksOfReport) return undefined;
  const named = { ...(fileName === undefined ? {} : { fileName }), ...(title === undefined ? {} : { title }) };
  if (fileName === undefined) {
    return {
      ...named,
      trouble: {
        reason: 'missing-slot',
        missing: 'fileName',
        message: 'it is not said what the report’s file is called',
        questions: ['Which file? Say for instance "and write a report to report.md".'],
      },
    };
  }
  if (!/^[^/\\]+\.md$/i.test(fileName)) {
    return {
      ...named,
      trouble: {
        reason: 'cannot-do',
        message: `a report is a Markdown file in the workflow’s folder; "${fileName}" is not a plain name that ends in .md`,
        questions: [
          `Do you mean "${fileName
            .split('/')
            .at(-1)!
            .replace(/\.[^.]*$/, '')}.md"?`,
        ],
      },
    };
  }
  return named;
}
