// Law: a history is linearizable if each key's is (M. Herlihy and J. Wing), and one key that is not is enough. Keys are raced with doubling
// budgets, so that one hard key hides no easy violation. Out of steps the verdict is `unknown`, which is never a pass.
import { type History, type Operation, prefixOf } from './operation.ts';
import { Search } from './search.ts';

export interface CheckLimits {
  /** Of the tables of positions seen, all keys together. */
  readonly memoryBytes: number;
  /** Choices tried, all keys together. */
  readonly steps: number;
}

export const defaultLimits: CheckLimits = { memoryBytes: 256 * 2 ** 20, steps: 50_000_000 };

export interface CheckResult {
  readonly verdict: 'ok' | 'violation' | 'unknown';
  /** Of a violation: one key that cannot be put in order. */
  readonly key: string | undefined;
  readonly steps: number;
  /** Most that the tables held at once. */
  readonly tableBytes: number;
}

const firstBudget = 1_000;

export function checkHistory(history: History, limits: CheckLimits = defaultLimits): CheckResult {
  const byKey = Map.groupBy(history.operations, ({ key }) => key);
  const bytesEach = limits.memoryBytes / Math.max(1, byKey.size);
  let racing = [...byKey].map(([key, operations]) => ({
    key,
    search: new Search(operations, history.initial, bytesEach),
  }));
  let steps = 0;
  let tableBytes = 0;
  for (let budget = firstBudget; racing.length > 0 && steps < limits.steps; budget *= 2) {
    for (const { key, search } of racing) {
      const before = search.steps;
      const verdict = search.run(Math.min(budget, limits.steps - steps));
      steps += search.steps - before;
      if (verdict === 'violation') return { verdict, key, steps, tableBytes };
    }
    tableBytes = Math.max(
      tableBytes,
      racing.reduce((sum, { search }) => sum + search.sizeBytes, 0),
    );
    racing = racing.filter(({ search }) => search.run(0) === 'paused');
  }
  return { verdict: racing.length === 0 ? 'ok' : 'unknown', key: undefined, steps, tableBytes };
}

export interface Blame {
  /** So many places of the history cannot be put in order, and one less can: unless `isSmallest` is false, where that was too hard to tell. */
  readonly places: number;
  readonly isSmallest: boolean;
  /** The operation whose return no order explains. */
  readonly last: Operation;
  readonly key: string;
}

/** Of a history found in violation: its smallest prefix that is one too. A longer prefix of a violation is always one. */
export function smallestViolation(history: History, limits: CheckLimits = defaultLimits): Blame | undefined {
  let low = 0;
  let high = history.lines.length;
  let isSmallest = true;
  let { verdict, key } = checkHistory(history, limits);
  if (verdict !== 'violation') return undefined;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    const found = checkHistory(prefixOf(history, middle), limits);
    if (found.verdict === 'violation') {
      high = middle;
      key = found.key;
    } else {
      low = middle;
      if (found.verdict === 'unknown') isSmallest = false;
    }
  }
  const last = history.operations.findLast(({ returnedAt }) => returnedAt === high - 1);
  return last === undefined || key === undefined ? undefined : { places: high, isSmallest, last, key };
}
