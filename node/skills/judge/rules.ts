// Law: a rule is checked alike by every node: on the work's own text, without a model, in one pass. What it does not allow is said in words.

/** One of these. */
export interface Rule {
  readonly contains?: string;
  readonly lacks?: string;
  readonly minWords?: number;
  readonly maxWords?: number;
  readonly isJson?: true;
  /** Keys joined by dots. */
  readonly field?: string;
}

/** Why the rule does not hold of these texts, or undefined where it does. */
export function brokenBy(rule: Rule, texts: readonly string[]): string | undefined {
  const { contains, lacks, minWords, maxWords, isJson, field } = rule;
  const has = (wanted: string): boolean => texts.some((text) => text.toLowerCase().includes(wanted.toLowerCase()));
  const words = (): number => texts.reduce((sum, text) => sum + (text.match(/[\p{L}\p{N}]+/gu)?.length ?? 0), 0);
  if (contains !== undefined && !has(contains)) return `it does not contain "${contains}"`;
  if (lacks !== undefined && has(lacks)) return `it contains "${lacks}"`;
  if (minWords !== undefined && words() < minWords)
    return `it has ${words()} words, and is to have ${minWords} or more`;
  if (maxWords !== undefined && words() > maxWords)
    return `it has ${words()} words, and is to have ${maxWords} at most`;
  if (isJson === true && !texts.every((text) => parsed(text) !== undefined)) return 'not all of it is JSON';
  if (field !== undefined && !texts.some((text) => hasField(parsed(text)?.value, field)))
    return `nothing stands at "${field}"`;
  return undefined;
}

function parsed(text: string): { readonly value: unknown } | undefined {
  try {
    return { value: JSON.parse(text) as unknown };
  } catch {
    return undefined;
  }
}

/** Null, an empty text, list or object is nothing. */
function hasField(value: unknown, path: string): boolean {
  let at = value;
  for (const key of path.split('.')) {
    if (typeof at !== 'object' || at === null || !Object.hasOwn(at, key)) return false;
    at = (at as Record<string, unknown>)[key];
  }
  if (typeof at === 'object' && at !== null) return Object.keys(at).length > 0;
  return at !== null && at !== '';
}
