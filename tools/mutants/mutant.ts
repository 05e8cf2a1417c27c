// Law: each mutant is one bug that someone could write; the text it replaces stands exactly once in its file.

export interface Mutant {
  /** What is wrong, in a few words. */
  readonly bug: string;
  /** Inside actors/system. */
  readonly file: string;
  readonly find: string;
  readonly replace: string;
}
