// Law: of the candidates that enough members bear out, one represents them all, and which one is a function of what was signed, not of what
// was heard first: most weight, then least deviation from those who agree, the extremes left out, then the smaller digest.
import { compareText } from '../protocols/wire/index.ts';

/** A candidate as a choice sees it. */
export interface Backing {
  /** Lower-case hex: of the candidate. */
  readonly digest: string;
  /** Of its executor and of those who agree. */
  readonly weight: number;
  /** Scores of the attestations that agree. */
  readonly scores: readonly number[];
}

/** Negative where `a` is the better representative. `f`: how many of the scores, at either end, may be lies. */
export function betterBacking(a: Backing, b: Backing, f: number): number {
  return (
    b.weight - a.weight || compareMeans(trimmed(a.scores, f), trimmed(b.scores, f)) || compareText(a.digest, b.digest)
  );
}

/** Without the f lowest and the f highest, as far as some are left. */
function trimmed(scores: readonly number[], f: number): readonly number[] {
  const sorted = [...scores].sort((a, b) => a - b);
  const cut = Math.min(f, Math.floor(Math.max(0, sorted.length - 1) / 2));
  return sorted.slice(cut, sorted.length - cut);
}

/** In integers: sums compared crosswise, since there may be more scores of one than of the other. */
function compareMeans(a: readonly number[], b: readonly number[]): number {
  const sum = (scores: readonly number[]): bigint => scores.reduce((total, score) => total + BigInt(score), 0n);
  const difference = sum(a) * BigInt(Math.max(1, b.length)) - sum(b) * BigInt(Math.max(1, a.length));
  return difference < 0n ? -1 : difference > 0n ? 1 : 0;
}
