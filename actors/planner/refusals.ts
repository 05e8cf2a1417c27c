// Law: what the planner cannot do is refused by name before anything is planned. A word counts as data, not as a request,
// where it is quoted or is exactly the name of a column, a table or a file; a negation always counts.
import type { Token } from './text.ts';

export interface Refusal {
  /** What the words ask for, for people: "a negation". */
  readonly what: string;
  /** The words that ask for it. */
  readonly words: string;
  readonly advice: string;
}

const rules: readonly (readonly [what: string, phrases: string, advice: string])[] = [
  [
    'a negation',
    'not|no|except|excepting|excluding|exclude|excludes|without|never|neither|nor|other than|apart from|aside from|besides|ignoring|ignore|omit|omitting|leaving out|leave out|skip|skipping|all but|rather than|instead of|unless|but|outside|anything but|everything but|rest|remaining|non|minus|lacking|unlike|excl',
    'Say what to keep instead of what to leave out, or write the condition as COLUMN != VALUE.',
  ],
  [
    'a comparison over time or between groups',
    'vs|versus|compared|compare|comparing|comparison|growth|grow|growing|grew|grown|trend|trends|trending|over time|month over month|year over year|year on year|month on month|week over week|week on week|quarter over quarter|last month|last year|last week|last quarter|last day|last night|this month|this year|this week|this quarter|previous month|previous year|previous week|past month|past year|past week|yesterday|today|since last|change|changed|changes|increase|increased|decrease|decreased|difference|differences|differ|delta|evolution|evolve|evolved|faster|slower|better|worse|more often|less often|before and after|so far|year to date',
    'Ask about one state of the data at a time.',
  ],
  [
    'a join of several tables',
    'join|joined|joining|combine|combined with|merge|merged|lookup|look up|cross reference|cross-reference|match up|matched with|matched against|correlate|correlation|correlated|relationship|relation between|link',
    'Ask about one table; put the columns into one file first.',
  ],
  [
    'a cause',
    'why|cause|causes|caused|causing|reason|reasons|because|explain|explanation|due to|lead to|leads to|led to|root cause|how come|responsible|blame|justify|what makes|impact|effect|affects|influence',
    'I can count and list what is in the data; what it means is for you to say.',
  ],
  [
    'a forecast',
    'predict|prediction|forecast|forecasts|forecasting|will be|will have|going to|next month|next year|next week|next quarter|tomorrow|expected|expect|estimate|estimated|extrapolate|projection|projected|likely|probability|probably|future|anticipate|simulate',
    'I only report what is in the data.',
  ],
  [
    'writing code',
    'script|program|function|code|sql|python|javascript|typescript|regex|implement|refactor|debug|compile|unit test|unit tests|test case|write a query|fix|patch|algorithm|class',
    'I run known skills; I write no code.',
  ],
  [
    'sending or publishing',
    'send|sending|email|e-mail|emails|mail|notify|notification|publish|upload|slack|tweet|post|message|messages|share with|text me|call|forward|alert|invite|announce|schedule|remind',
    'I can write a Markdown report into the workflow’s folder: "… and write a report to FILE.md".',
  ],
  [
    'changing or deleting things',
    'delete|deleting|deletes|remove|removing|drop|erase|purge|wipe|truncate|overwrite|rename|move|kill|uninstall|install|update|insert|modify|edit|replace|clean|cleanup|clean up|restart|reboot|shut down|shutdown|stop|start|block|ban|deploy|execute|exec|run|rm|format|chmod|archive|compress|convert|transform|dedupe|deduplicate|normalize|normalise|encrypt|download|buy|create table|add',
    'My skills read data and write reports; they change nothing else.',
  ],
  [
    'a statistic I do not know',
    'median|percentile|percentiles|quantile|quartile|quartiles|p50|p90|p95|p99|standard deviation|stddev|deviation|variance|mode|percent|percentage|percentages|share|shares|proportion|ratio|cumulative|running total|moving average|rolling|weighted|histogram|distribution|outliers|rate of|skew|geometric mean|harmonic mean|range',
    'I know count, sum, average, minimum, maximum and distinct.',
  ],
  [
    'a picture',
    'chart|plot|graph|draw|visualize|visualise|visualization|diagram|dashboard|map|heatmap|picture|image',
    'I answer with tables and Markdown.',
  ],
  [
    'translation or opinion',
    'translate|summarize|summarise|paraphrase|recommend|recommendation|suggest|should|opinion|best|worst|interesting|important|suspicious|think|unusual|weird|strange|advise|rate|good|bad|nice',
    'Name the column and the number that decide.',
  ],
];

const compiled = rules.map(([what, phrases, advice]) => ({
  what,
  advice,
  phrases: phrases.split('|').map((phrase) => phrase.split(' ')),
}));

/**
 * The first thing asked for that no skill can do. `isData(from, to)` says whether the tokens in [from, to) are exactly a name in the
 * data; `isKnown(word)` whether a skill's own name or synonyms use the word.
 */
export function refusalIn(
  tokens: readonly Token[],
  isData: (from: number, to: number) => boolean,
  isKnown: (word: string) => boolean,
): Refusal | undefined {
  for (let at = 0; at < tokens.length; at++) {
    if (tokens[at]!.kind !== 'word') continue;
    const word = tokens[at]!.word;
    if (/n't$|^cannot$|^non-/.test(word)) return { what: 'a negation', words: word, advice: compiled[0]!.advice };
    for (const [index, { what, advice, phrases }] of compiled.entries()) {
      for (const phrase of phrases) {
        if (!phrase.every((part, offset) => tokens[at + offset]?.kind === 'word' && tokens[at + offset]!.word === part))
          continue;
        const isNegation = index === 0;
        const isAllowed = isNegation
          ? isGroupSize(tokens, at) || isBound(tokens, at)
          : isData(at, at + phrase.length) || (phrase.length === 1 && isKnown(word));
        if (!isAllowed) return { what, words: phrase.join(' '), advice };
      }
    }
  }
  return undefined;
}

/** "no group(s) under 5" asks for a minimum group size, and "but only where" for a filter. */
function isGroupSize(tokens: readonly Token[], at: number): boolean {
  const [word, next] = [tokens[at]!.word, tokens[at + 1]?.word ?? ''];
  return (word === 'no' && /^groups?$/.test(next)) || (word === 'but' && next === 'only');
}

/** "no more than 5" and "no less than 5" are bounds. */
function isBound(tokens: readonly Token[], at: number): boolean {
  const [word, next, after] = [tokens[at]!.word, tokens[at + 1]?.word ?? '', tokens[at + 2]?.word ?? ''];
  return word === 'no' && /^(more|less|fewer)$/.test(next) && after === 'than';
}
