// Law: a history is what clients saw and nothing else: who asked what of which key, when, and what came back. An operation nobody heard the
// end of is open: it may have taken effect at any time after it began, or never.

/** What was asked and what came of it. Values are text; `null` is the value of a register nobody has written. */
export type Action =
  | { readonly kind: 'read'; readonly value: string | null }
  | { readonly kind: 'write'; readonly value: string }
  | { readonly kind: 'append'; readonly value: string }
  /** Written if nothing was, and found so from then on: what is settled once stays. */
  | { readonly kind: 'settle'; readonly value: string }
  /** `refused`: another value was found than `from`, and nothing was written. Of an open one nobody knows. */
  | {
      readonly kind: 'compare-and-set';
      readonly from: string | null;
      readonly to: string;
      readonly outcome: 'set' | 'refused' | 'open';
    };

export interface Operation {
  readonly process: string;
  readonly key: string;
  readonly action: Action;
  /** Places in the history's one order of invocations and returns. */
  readonly invokedAt: number;
  /** `undefined`: open. */
  readonly returnedAt: number | undefined;
}

export interface History {
  readonly operations: readonly Operation[];
  /** What every key holds before anybody writes it. */
  readonly initial: string | null;
  /** Of each place in the order: where in its source it stands (a line, counted from 1), for messages. */
  readonly lines: readonly number[];
}

/** The history as it stood after its first `count` places: what had not returned by then is open, and what had not begun is gone. */
export function prefixOf(history: History, count: number): History {
  const operations = history.operations
    .filter(({ invokedAt }) => invokedAt < count)
    .map((operation) => {
      if (operation.returnedAt !== undefined && operation.returnedAt < count) return operation;
      const { action } = operation;
      return {
        ...operation,
        returnedAt: undefined,
        action: action.kind === 'compare-and-set' ? ({ ...action, outcome: 'open' } as const) : action,
      };
    });
  return { ...history, operations, lines: history.lines.slice(0, count) };
}

export function describeAction(action: Action): string {
  const shown = (value: string | null): string => (value === null ? 'nil' : JSON.stringify(value));
  switch (action.kind) {
    case 'read':
      return `read ${shown(action.value)}`;
    case 'compare-and-set':
      return `compare-and-set ${shown(action.from)} to ${shown(action.to)}: ${action.outcome}`;
    default:
      return `${action.kind} ${shown(action.value)}`;
  }
}
