// Law: what an instance keeps by round is a short list: nearly all of them see one round, and a map for each of a dozen things in each of
// thousands of instances is what the collector would spend its time on.

interface Kept<T> {
  readonly round: number;
  readonly value: T;
}

/** The list that nothing was added to yet: one for all. */
export const nothing: readonly never[] = [];

/** A list with `item` at its end, and no room beyond: a list that grows in place, or a spread, leaves room for sixteen more. */
export function appended<T>(list: readonly T[], item: T): readonly T[] {
  return list.concat([item]);
}

export class Rounds<T> {
  #kept: readonly Kept<T>[] = nothing;

  get size(): number {
    return this.#kept.length;
  }

  get(round: number): T | undefined {
    for (const each of this.#kept) if (each.round === round) return each.value;
    return undefined;
  }

  set(round: number, value: T): void {
    this.#kept = appended(
      this.#kept.filter((each) => each.round !== round),
      { round, value },
    );
  }

  /** Drops the rounds for which `keep` is false. */
  forget(keep: (round: number) => boolean): void {
    this.#kept = this.#kept.filter(({ round }) => keep(round));
  }

  get kept(): readonly Kept<T>[] {
    return this.#kept;
  }
}
