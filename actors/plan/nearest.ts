// Law: a near miss is only ever offered as a question, never taken as the answer.

/** Edits (insert, delete, replace, swap of neighbours) between two words, or `bound + 1` where there are more than `bound`. */
export function editDistance(left: string, right: string, bound: number): number {
  if (Math.abs(left.length - right.length) > bound) return bound + 1;
  let beforeLast: number[] = [];
  let last = Array.from({ length: right.length + 1 }, (_, column) => column);
  for (let row = 1; row <= left.length; row++) {
    const current = [row];
    for (let column = 1; column <= right.length; column++) {
      const same = left[row - 1] === right[column - 1];
      let edits = Math.min(last[column]! + 1, current[column - 1]! + 1, last[column - 1]! + (same ? 0 : 1));
      const swapped =
        row > 1 && column > 1 && left[row - 1] === right[column - 2] && left[row - 2] === right[column - 1];
      if (swapped) edits = Math.min(edits, beforeLast[column - 2]! + 1);
      current.push(edits);
    }
    beforeLast = last;
    last = current;
  }
  return Math.min(last[right.length]!, bound + 1);
}

/** The closest of `known` within a third of the word's length (at least 2 edits), earliest first on a tie. */
export function nearestName(word: string, known: Iterable<string>): string | undefined {
  const wanted = word.toLowerCase();
  let best: string | undefined;
  let bestEdits = Math.max(2, Math.floor(wanted.length / 3));
  for (const name of known) {
    const edits = editDistance(wanted, name.toLowerCase(), bestEdits);
    if (edits < bestEdits || (edits === bestEdits && best === undefined)) {
      best = name;
      bestEdits = edits;
    }
  }
  return best;
}
