// Law: nothing of what was said is dropped: every character that is not white space ends up in a token.

export interface Token {
  /** `symbol` is what no rule knows (%, $, an emoji). */
  readonly kind: 'word' | 'number' | 'quoted' | 'operator' | 'mark' | 'symbol';
  /** As it was said. */
  readonly text: string;
  /** Lower case; for a quotation what stands inside, as it was said. */
  readonly word: string;
  readonly number?: number;
}

/** More words than this are not an intent but a document. */
export const maximumTokens = 120;

const operators: Readonly<Record<string, string>> = { '≥': '>=', '≤': '<=', '≠': '!=', '==': '=', '<>': '!=' };
const pattern =
  /(?<quoted>"[^"]*"|“[^”]*”|„[^“”]*[“”]|`[^`]*`|(?<=^|[\s(=])'[^']*'(?=$|[\s),.;:?!]))|(?<operator>>=|<=|!=|<>|==|[=<>≥≤≠])|(?<number>[-+]?(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?(?![\p{L}\p{N}_]|[-./,:]\p{N}))|(?<word>(?:\.{0,2}\/)?[\p{L}\p{N}_](?:[\p{L}\p{N}_'’\-./:@*+]*[\p{L}\p{N}_/+])?)|(?<mark>[,;:.?!()&])|(?<symbol>\S)/gu;

/** Small number words; larger ones people write in digits. */
const numberWords = new Map(
  'one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen twenty'
    .split(' ')
    .map((word, index) => [word, index + 1]),
);

/** Cuts words into tokens. Numbers are plain (`1000`, `1,000`, `2.5`) or a small number word; quotations are one token. */
export function tokenize(words: string): readonly Token[] {
  const tokens: Token[] = [];
  for (const { groups, 0: text } of words.normalize('NFC').matchAll(pattern)) {
    if (groups?.quoted !== undefined) tokens.push({ kind: 'quoted', text, word: text.slice(1, -1) });
    else if (groups?.operator !== undefined) tokens.push({ kind: 'operator', text, word: operators[text] ?? text });
    else if (groups?.number !== undefined)
      tokens.push({ kind: 'number', text, word: text, number: Number(text.replaceAll(',', '')) });
    else if (groups?.word !== undefined) tokens.push(...wordTokens(text));
    else if (groups?.mark !== undefined)
      tokens.push(text === '&' ? { kind: 'word', text, word: 'and' } : { kind: 'mark', text, word: text });
    else tokens.push({ kind: 'symbol', text, word: text });
  }
  return tokens;
}

function wordTokens(text: string): readonly Token[] {
  const word = text.toLowerCase().replaceAll('’', "'");
  const short = /^(what|who|where|how|that|it|there|which)'s$/.exec(word);
  if (short !== null) {
    return [
      { kind: 'word', text, word: short[1]! },
      { kind: 'word', text: '', word: 'is' },
    ];
  }
  const number = numberWords.get(word);
  return [number === undefined ? { kind: 'word', text, word } : { kind: 'word', text, word, number }];
}

/** The words of `tokens` as people would read them. */
export function textOf(tokens: readonly Token[]): string {
  return tokens
    .map(({ text }) => text)
    .filter((text) => text !== '')
    .join(' ')
    .replace(/ ([,;:.?!)])/g, '$1')
    .replace(/\( /g, '(');
}
