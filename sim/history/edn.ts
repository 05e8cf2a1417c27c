// Law: one line of EDN is read as a value or refused with the place of the mistake. Keywords keep their colon, so that no text is taken for one.
export type Edn = null | boolean | number | string | Keyword | readonly Edn[] | EdnMap;
export interface EdnMap extends ReadonlyMap<string, Edn> {}

export class Keyword {
  readonly name: string;
  constructor(name: string) {
    this.name = name;
  }
}

const atom = /[^\s,"()[\]{};]+/y;
const space = /(?:[\s,]|;[^\n]*)*/y;
const escapes: Readonly<Record<string, string>> = { n: '\n', t: '\t', r: '\r', '"': '"', '\\': '\\' };
const depthMax = 64;

/** Reads exactly one value. Throws a SyntaxError that names the column. */
export function readEdn(text: string): Edn {
  let at = 0;
  const skip = (): void => {
    space.lastIndex = at;
    space.test(text);
    at = space.lastIndex;
  };
  const fail = (what: string): never => {
    throw new SyntaxError(`${what} at column ${at + 1}`);
  };
  const quoted = (): string => {
    let value = '';
    for (at++; at < text.length && text[at] !== '"'; at++) {
      if (text[at] !== '\\') value += text[at];
      else if (text[++at] === 'u') {
        const digits = text.slice(at + 1, at + 5);
        if (!/^[0-9a-fA-F]{4}$/.test(digits)) fail('a \\u escape without four hex digits');
        value += String.fromCharCode(Number.parseInt(digits, 16));
        at += 4;
      } else value += escapes[text[at] ?? ''] ?? fail('an unknown escape');
    }
    if (at >= text.length) fail('text without its closing quote');
    at++;
    return value;
  };
  const list = (close: string, depth: number): Edn[] => {
    const values: Edn[] = [];
    at++;
    for (skip(); text[at] !== close; skip()) {
      if (at >= text.length) fail(`no closing ${close}`);
      values.push(value(depth + 1));
    }
    at++;
    return values;
  };
  const value = (depth: number): Edn => {
    if (depth > depthMax) fail('values nested too deeply');
    skip();
    const first = text[at];
    if (first === '"') return quoted();
    if (first === '[') return list(']', depth);
    if (first === '(') return list(')', depth);
    if (first === '{') {
      const parts = list('}', depth);
      if (parts.length % 2 !== 0) fail('a map with a key and no value');
      const map = new Map<string, Edn>();
      for (let i = 0; i < parts.length; i += 2) {
        const key = parts[i]!;
        map.set(key instanceof Keyword ? key.name : textOf(key), parts[i + 1]!);
      }
      return map;
    }
    atom.lastIndex = at;
    const word =
      atom.exec(text)?.[0] ?? fail(first === undefined ? 'nothing where a value belongs' : `an unexpected ${first}`);
    at += word.length;
    if (word === 'nil') return null;
    if (word === 'true' || word === 'false') return word === 'true';
    if (word.startsWith(':')) return new Keyword(word.slice(1));
    const number = Number(word);
    return Number.isNaN(number) ? word : number;
  };
  const read = value(0);
  skip();
  if (at < text.length) fail('something after the value');
  return read;
}

/** One text for equal values and different ones for different: what a register holds is compared by it. */
export function textOf(value: Edn): string {
  if (value === null) return 'nil';
  if (typeof value === 'string') return value;
  if (value instanceof Keyword) return `:${value.name}`;
  if (value instanceof Map) return `{${[...value].map(([key, each]) => `${key} ${textOf(each)}`).join(' ')}}`;
  if (Array.isArray(value)) return `[${value.map(textOf).join(' ')}]`;
  return String(value);
}
