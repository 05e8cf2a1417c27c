// Law: a violation names the law that broke, when, and who did what; the first few of a law are kept and the rest are counted.
export interface Violation {
  readonly law: string;
  readonly atMs: number;
  readonly text: string;
}

export interface Book {
  readonly violations: readonly Violation[];
  readonly count: number;
  break(law: string, text: string): void;
}

const keptPerLaw = 5;

export function createBook(nowMs: () => number): Book {
  const violations: Violation[] = [];
  const counts = new Map<string, number>();
  let count = 0;
  return {
    violations,
    get count() {
      return count;
    },
    break(law, text) {
      count++;
      const known = (counts.get(law) ?? 0) + 1;
      counts.set(law, known);
      if (known <= keptPerLaw) violations.push({ law, atMs: Math.round(nowMs()), text });
    },
  };
}
