// Law: the states of one key as numbers, and what each operation makes of them. Values nobody can ever tell apart are one state.
import type { Operation } from './operation.ts';

export interface Machine {
  readonly initial: number;
  /** The state after the operation with that index, or `impossible`. */
  apply(state: number, operation: number): number;
}

export const impossible = -1;
/** Every value that no read and no comparison of this key could recognise, nor anything appended to it. Only a write leads out of it. */
export const unrecognised = 0;

export function machineOf(operations: readonly Operation[], initial: string | null): Machine {
  const recognised = operations
    .flatMap(({ action }) =>
      action.kind === 'read' || action.kind === 'settle'
        ? [action.value]
        : action.kind === 'compare-and-set'
          ? [action.from]
          : [],
    )
    .filter((value) => value !== null)
    .sort();
  /** Whether some recognised value begins so: it, or something appended to it, can be told from others. */
  const isRecognised = (value: string): boolean => {
    let low = 0;
    let high = recognised.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (recognised[middle]! < value) low = middle + 1;
      else high = middle;
    }
    return recognised[low]?.startsWith(value) === true;
  };
  const values: (string | null)[] = [''];
  const numbers = new Map<string | null, number>();
  const numberOf = (value: string | null): number => {
    const known = numbers.get(value);
    if (known !== undefined) return known;
    if (value !== null && value !== initial && !isRecognised(value)) return unrecognised;
    numbers.set(value, values.length);
    return values.push(value) - 1;
  };
  const start = numberOf(initial);
  /** What an append makes of each state it met. */
  const appended = new Map<number, number>();
  const stepOf = ({ action }: Operation, index: number): ((state: number) => number) => {
    switch (action.kind) {
      case 'read': {
        const value = numberOf(action.value);
        return (state) => (state === value ? state : impossible);
      }
      case 'settle': {
        const value = numberOf(action.value);
        return (state) => (state === value || state === start ? value : impossible);
      }
      case 'write': {
        const value = numberOf(action.value);
        return () => value;
      }
      case 'compare-and-set': {
        const from = numberOf(action.from);
        const to = numberOf(action.to);
        return action.outcome === 'refused'
          ? (state) => (state === from ? impossible : state)
          : (state) => (state === from ? to : impossible);
      }
      case 'append':
        return (state) => {
          if (state === unrecognised) return unrecognised;
          const key = state * operations.length + index;
          let next = appended.get(key);
          if (next === undefined) {
            next = numberOf((values[state] ?? '') + action.value);
            appended.set(key, next);
          }
          return next;
        };
    }
  };
  const steps = operations.map(stepOf);
  return { initial: start, apply: (state, operation) => steps[operation]!(state) };
}
