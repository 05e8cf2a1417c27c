// Law: a word is explained once: what one rule has covered, no other rule reads.
import { meets } from './names.ts';
import type { Note } from './table-query.ts';
import type { Token } from './text.ts';

/** One property of a skill's input that words can fill. */
export interface Property {
  readonly name: string;
  readonly type: string;
  readonly values?: readonly unknown[];
  readonly required: boolean;
  readonly triggers: readonly (readonly string[])[];
}

/** Lower-case words of a name or a phrase: `lastWindow` is "last window". */
export function cut(words: string): readonly string[] {
  return words
    .replace(/(\p{Ll})(\p{Lu})/gu, '$1 $2')
    .toLowerCase()
    .split(/[^\p{L}\p{N}']+/u)
    .filter((word) => word !== '');
}

/** The tokens of a sentence, with those that are explained crossed out. */
export class Sheet {
  readonly tokens: readonly Token[];
  readonly covered: boolean[];
  readonly notes: Note[] = [];

  constructor(tokens: readonly Token[]) {
    this.tokens = tokens;
    this.covered = tokens.map(() => false);
  }

  cover(from: number, to: number, meaning?: string): void {
    for (let at = from; at < to; at++) this.covered[at] = true;
    if (meaning !== undefined) this.notes.push({ from, to, meaning });
  }

  stands(at: number, words: readonly string[]): boolean {
    return words.every((word, offset) => {
      const token = this.tokens[at + offset];
      return (
        token !== undefined &&
        token.kind !== 'quoted' &&
        !this.covered[at + offset] &&
        (token.word === word || meets(token.word, word) !== undefined)
      );
    });
  }
}
