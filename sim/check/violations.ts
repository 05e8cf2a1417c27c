// Law: a violation names the law that broke, when, and who did what; the first few of a law are kept and the rest are counted.
export interface Violation {
  readonly law: string;
  readonly atMs: number;
  /** The event in which it showed, and the node whose event that was; −1 for the world's. */
  readonly event: number;
  readonly node: number;
  readonly text: string;
}

export interface Book {
  readonly violations: readonly Violation[];
  readonly count: number;
  break(law: string, text: string): void;
}

const keptPerLaw = 5;

/** `without`: laws that are not looked at. */
export function createBook(
  where: () => Pick<Violation, 'atMs' | 'event' | 'node'>,
  without: ReadonlySet<string> = new Set(),
): Book {
  const violations: Violation[] = [];
  const counts = new Map<string, number>();
  let count = 0;
  return {
    violations,
    get count() {
      return count;
    },
    break(law, text) {
      if (without.has(law)) return;
      count++;
      const known = (counts.get(law) ?? 0) + 1;
      counts.set(law, known);
      if (known <= keptPerLaw) violations.push({ law, ...where(), text });
    },
  };
}
