// Law: each mutant is one mistake or one missing shortcut of the checker, as an exact edit of today's code, planted in a copy and nowhere else.
import type { BenchName } from './bench.ts';

export interface CheckerMutant {
  readonly name: string;
  readonly file: string;
  readonly from: string;
  readonly to: string;
  /** The history of the bench whose verdict it changes. */
  readonly shownBy: BenchName;
}

/** Rules without which verdicts are wrong. */
export const mistakes: readonly CheckerMutant[] = [
  {
    name: 'what timed out did not happen',
    file: 'parse.ts',
    from: "if (outcome === 'info') {\n      open(begun);\n      continue;",
    to: "if (outcome === 'info') {\n      continue;",
    shownBy: 'late write',
  },
  {
    name: 'what timed out had happened by then',
    file: 'parse.ts',
    from: "if (outcome === 'info') {\n      open(begun);\n      continue;\n    }",
    to: '',
    shownBy: 'late write',
  },
  {
    name: 'a refused comparison saw nothing',
    file: 'parse.ts',
    from: "outcome: 'refused' } : undefined;",
    to: "outcome: 'refused' } && undefined : undefined;",
    shownBy: 'refused wrongly',
  },
  {
    name: 'a write whose value is there is free to take',
    file: 'search.ts',
    from: "action.kind === 'read' || (",
    to: "action.kind === 'read' || action.kind === 'write' || (",
    shownBy: 'register',
  },
  {
    name: 'positions are told apart without their state',
    file: 'search.ts',
    from: 'entry[1] = state;',
    to: 'entry[1] = 0;',
    shownBy: 'two texts',
  },
  {
    name: 'positions are told apart without what was taken',
    file: 'search.ts',
    from: 'entry.set(taken, 2);',
    to: 'entry.fill(0, 2);',
    shownBy: 'register',
  },
  {
    name: 'real time does not count',
    file: 'search.ts',
    from: '.sort((a, b) => a.place - b.place);',
    to: '.sort((a, b) => Number(a.isReturn) - Number(b.isReturn) || a.place - b.place);',
    shownBy: 'refused wrongly',
  },
  {
    name: 'all keys are one',
    file: 'check.ts',
    from: 'Map.groupBy(history.operations, ({ key }) => key)',
    to: "Map.groupBy(history.operations, () => '')",
    shownBy: 'two texts',
  },
  {
    name: 'one key is looked at',
    file: 'check.ts',
    from: 'let racing = [...byKey].map(',
    to: 'let racing = [...byKey].slice(0, 1).map(',
    shownBy: 'one bad key',
  },
  {
    name: 'a value that is written and never read stays what it was',
    file: 'machine.ts',
    from: 'if (value !== null && value !== initial && !isRecognised(value)) return unrecognised;',
    to: 'if (value !== null && value !== initial && !isRecognised(value)) return start;',
    shownBy: 'lost write',
  },
  {
    name: 'what runs out of steps passes',
    file: 'check.ts',
    from: "racing.length === 0 ? 'ok' : 'unknown'",
    to: "racing.length === 0 ? 'ok' : 'ok'",
    shownBy: 'too hard',
  },
];

/** Shortcuts without which the same steps do not suffice. */
export const slownesses: readonly CheckerMutant[] = [
  {
    name: 'nothing seen is remembered',
    file: 'search.ts',
    from: 'if (!this.seen!.add(entry)) return;',
    to: '',
    shownBy: 'ten texts',
  },
  {
    name: 'reads are choices like writes',
    file: 'search.ts',
    from: "action.kind === 'read' || (action.kind === 'compare-and-set' && action.outcome === 'refused');",
    to: "action.kind === 'read' && action.value === '-';",
    shownBy: 'ten texts',
  },
  {
    name: 'of equal open operations any may go first',
    file: 'search.ts',
    from: 'twins[index] = last.get(name) ?? -1;',
    to: '',
    shownBy: 'many lost',
  },
  {
    name: 'every value is a state of its own',
    file: 'machine.ts',
    from: 'if (value !== null && value !== initial && !isRecognised(value)) return unrecognised;',
    to: '',
    shownBy: 'ten texts',
  },
  {
    name: 'what cannot be read again is followed to its end',
    file: 'search.ts',
    from: 'if (state === unrecognised && this.isLost(moment, taken)) return;',
    to: '',
    shownBy: 'ten texts',
  },
  {
    name: 'values that nobody recognises are tried first',
    file: 'search.ts',
    from: '(next === unrecognised) !== choice >= changers.length',
    to: '(next === unrecognised) === choice >= changers.length',
    shownBy: 'ten texts',
  },
  {
    name: 'keys are searched one after the other',
    file: 'check.ts',
    from: 'search.run(Math.min(budget, limits.steps - steps))',
    to: 'search.run(limits.steps - steps)',
    shownBy: 'one bad key',
  },
];
