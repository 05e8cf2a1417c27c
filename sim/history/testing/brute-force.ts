// Law: the plainest possible referee: every order of the operations that keeps real time is tried on one copy. Slow, and its own code throughout.
import type { History, Operation } from '../operation.ts';

export function isLinearizable({ operations, initial }: History): boolean {
  const keys = new Set(operations.map(({ key }) => key));
  return [...keys].every((key) =>
    canFinish(
      operations.filter((each) => each.key === key),
      initial,
    ),
  );
}

/** Any of `left` may be next that began before every other of them ended; open ones may be left over. */
function canFinish(left: readonly Operation[], value: string | null, initial = value): boolean {
  if (left.every(({ returnedAt }) => returnedAt === undefined)) return true;
  return left.some((next) => {
    if (left.some(({ returnedAt }) => returnedAt !== undefined && returnedAt < next.invokedAt)) return false;
    const after = answer(next, value, initial);
    return (
      after !== undefined &&
      canFinish(
        left.filter((each) => each !== next),
        after.value,
        initial,
      )
    );
  });
}

function answer(
  { action }: Operation,
  value: string | null,
  initial: string | null,
): { readonly value: string | null } | undefined {
  switch (action.kind) {
    case 'read':
      return action.value === value ? { value } : undefined;
    case 'settle':
      return value === initial || value === action.value ? { value: action.value } : undefined;
    case 'write':
      return { value: action.value };
    case 'append':
      return { value: `${value ?? ''}${action.value}` };
    case 'compare-and-set': {
      const isFound = action.from === value;
      if (action.outcome === 'open') return { value: isFound ? action.to : value };
      if (isFound !== (action.outcome === 'set')) return undefined;
      return { value: isFound ? action.to : value };
    }
  }
}
