// Law: lines that differ only in their variable parts are one template. Obvious variables are masked first; then a fixed-depth tree finds
// candidates by length and leading words, and the most similar one takes the line (the idea of Drain: He et al., ICWS 2017). The number of
// templates is bounded; lines beyond it are counted together.

export interface Template {
  tokens: string[];
  count: number;
  /** Line number of the first line, from 1. */
  readonly exampleLine: number;
  readonly example: string;
}

const wildcard = '<*>';
const maxTokens = 100;
/** What follows in a longer message does not count: every mask below then costs a bounded number of steps per line. */
const maxMessageCharacters = 4096;
const maxTemplates = 5_000;
/** At least this share of a line's words must equal the template's. */
const similarityTenths = 5;

const masks: readonly (readonly [pattern: RegExp, mask: string])[] = [
  [/\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b/gi, '<uuid>'],
  [/\b\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}:\d{2}(?:[.,]\d+)?(?:Z|[+-]\d{2}:?\d{2})?/g, '<time>'],
  [/\b\d{1,3}(?:\.\d{1,3}){3}(?::\d{1,5})?\b/g, '<ip>'],
  [/(?<![\w:])(?:[0-9a-f]{1,4}:){3,7}:?[0-9a-f]{0,4}(?![\w:])/gi, '<ip>'],
  [/[\w.+-]{1,64}@[\w-]{1,64}(?:\.[\w-]{1,64}){1,8}/g, '<email>'],
  [/\b0x[0-9a-f]+\b/gi, '<hex>'],
  [/\b(?=[a-f]*\d)(?=\d*[a-f])[0-9a-f]{8,}\b/gi, '<hex>'],
  [/(?<![\w<])[-+]?\d{1,40}(?:[.,]\d{1,40}){0,8}(?![\w>])/g, '<n>'],
  [/\d+/g, '<n>'],
];

export function maskVariables(message: string): string {
  let text = message.slice(0, maxMessageCharacters);
  for (const [pattern, mask] of masks) text = text.replace(pattern, mask);
  return text;
}

export class Templates {
  readonly all: Template[] = [];
  /** Lines that found no template once there were `maxTemplates`. */
  unclustered = 0;
  private readonly leaves = new Map<string, number[]>();

  /** The index of the template that takes the message; `undefined` where the bound is reached. */
  add(message: string, line: number, example: string): number | undefined {
    const words = maskVariables(message)
      .split(/\s+/)
      .filter((word) => word !== '');
    const tokens = words.length <= maxTokens ? words : [...words.slice(0, maxTokens), wildcard];
    const leaf = this.leafOf(tokens);
    let best: number | undefined;
    let bestEqual = -1;
    for (const index of leaf) {
      const equal = equalTokens(this.all[index]!.tokens, tokens);
      if (equal > bestEqual) {
        best = index;
        bestEqual = equal;
      }
    }
    if (best !== undefined && bestEqual * 10 >= similarityTenths * tokens.length) {
      const template = this.all[best]!;
      template.count++;
      template.tokens.forEach((token, index) => {
        if (token !== tokens[index]) template.tokens[index] = wildcard;
      });
      return best;
    }
    if (this.all.length === maxTemplates) {
      this.unclustered++;
      return undefined;
    }
    leaf.push(this.all.length);
    return this.all.push({ tokens, count: 1, exampleLine: line, example }) - 1;
  }

  /** Candidates share the number of words and the first two words, variables aside. */
  private leafOf(tokens: readonly string[]): number[] {
    const leading = tokens
      .slice(0, 2)
      .map((token) => (/<(?:\*|n|hex|uuid|ip|time|email)>/.test(token) ? token.replace(/<\w+>.*/, wildcard) : token));
    const key = `${tokens.length} ${leading.join(' ')}`;
    let leaf = this.leaves.get(key);
    if (leaf === undefined) {
      leaf = [];
      this.leaves.set(key, leaf);
    }
    return leaf;
  }
}

function equalTokens(template: readonly string[], tokens: readonly string[]): number {
  let equal = 0;
  for (let i = 0; i < tokens.length; i++) if (template[i] === tokens[i]) equal++;
  return equal;
}
