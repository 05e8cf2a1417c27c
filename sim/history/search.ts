// Law: one key's history is linearizable if its operations fit into one order that keeps real time and that a single copy could have
// answered. The search goes from return to return and decides only what that return needs (G. Lowe's just-in-time linearization over
// Wing and Gong's search): whatever could be decided later, is. Positions seen before are not searched again.
import { impossible, type Machine, machineOf, unrecognised } from './machine.ts';
import type { Operation } from './operation.ts';
import { Seen } from './seen.ts';

export type SearchVerdict = 'ok' | 'violation' | 'paused';

/** What is under way at the moment of one return: indexes of operations, by what may be done with them. */
interface Moment {
  readonly returning: number;
  /** They change nothing: where the state fits, taking them at once is never wrong. */
  readonly observers: Int32Array;
  /** They change the state: each is a choice. The returning one first, open ones last. */
  readonly changers: Int32Array;
  /** Those of them that write whatever was there. */
  readonly writers: Int32Array;
}

const isObserver = ({ action }: Operation): boolean =>
  action.kind === 'read' || (action.kind === 'compare-and-set' && action.outcome === 'refused');

export class Search {
  private readonly machine: Machine;
  private readonly moments: readonly Moment[];
  /** Bit of each operation while it is under way. */
  private readonly slots: Int32Array;
  /** The open operation before this one that does the same, or -1: of equals, the first goes first. */
  private readonly twins: Int32Array;
  /** The first moment at which each operation is under way: before it, its bit is another's. */
  private readonly begins: Int32Array;
  private readonly words: number;
  private seen: Seen | undefined;
  /** The path: per depth the moment, the state, the next choice and the operations taken. */
  private readonly at: number[] = [];
  private readonly states: number[] = [];
  private readonly choices: number[] = [];
  private readonly taken: Int32Array[] = [];
  private verdict: SearchVerdict = 'paused';
  steps = 0;

  /** `operations` of one key. Memory of positions seen: at most `bytesMax`. */
  constructor(operations: readonly Operation[], initial: string | null, bytesMax: number) {
    const useful = operations.filter((operation) => operation.returnedAt !== undefined || !isObserver(operation));
    this.machine = machineOf(useful, initial);
    const { moments, slots, begins, slotCount } = momentsOf(useful);
    this.moments = moments;
    this.slots = slots;
    this.begins = begins;
    this.twins = twinsOf(useful);
    this.words = (slotCount + 31) >>> 5;
    this.seen = new Seen(2 + this.words, bytesMax);
    this.enter(0, this.machine.initial, new Int32Array(this.words));
  }

  get sizeBytes(): number {
    return this.seen?.sizeBytes ?? 0;
  }

  /** Goes on for up to `steps` choices. */
  run(steps: number): SearchVerdict {
    for (let left = steps; left > 0 && this.verdict === 'paused'; left--) {
      this.steps++;
      this.step();
    }
    return this.verdict;
  }

  private step(): void {
    const depth = this.at.length - 1;
    if (depth < 0) {
      this.end('violation');
      return;
    }
    const moment = this.moments[this.at[depth]!]!;
    const state = this.states[depth]!;
    const taken = this.taken[depth]!;
    const { changers } = moment;
    // Twice through them: what leaves a value that somebody recognises is tried before what does not.
    while (this.choices[depth]! < 2 * changers.length) {
      const choice = this.choices[depth]!++;
      const operation = changers[choice % changers.length]!;
      const twin = this.twins[operation]!;
      if (has(taken, this.slots[operation]!) || (twin >= 0 && !has(taken, this.slots[twin]!))) continue;
      const next = this.machine.apply(state, operation);
      if (next === impossible || (next === unrecognised) !== choice >= changers.length) continue;
      const copy = taken.slice();
      add(copy, this.slots[operation]!);
      this.enter(this.at[depth]!, next, copy);
      return;
    }
    this.at.pop();
    this.states.pop();
    this.choices.pop();
    this.taken.pop();
  }

  /** Takes what is free to take, passes every return that is answered for, and stands before the first that is not. */
  private enter(at: number, state: number, taken: Int32Array): void {
    let moment = at;
    for (; moment < this.moments.length; moment++) {
      const { returning, observers } = this.moments[moment]!;
      for (const observer of observers) {
        const slot = this.slots[observer]!;
        if (!has(taken, slot) && this.machine.apply(state, observer) !== impossible) add(taken, slot);
      }
      const slot = this.slots[returning]!;
      if (!has(taken, slot)) break;
      // The slot is another's from here on.
      remove(taken, slot);
    }
    if (moment === this.moments.length) {
      this.end('ok');
      return;
    }
    if (state === unrecognised && this.isLost(moment, taken)) return;
    const entry = new Int32Array(2 + this.words);
    entry[0] = moment + 1;
    entry[1] = state;
    entry.set(taken, 2);
    if (!this.seen!.add(entry)) return;
    this.at.push(moment);
    this.states.push(state);
    this.choices.push(0);
    this.taken.push(taken);
  }

  /** Whether something must return that only a recognised value answers, before anything could write one. */
  private isLost(at: number, taken: Int32Array): boolean {
    const isLeft = (operation: number): boolean => this.begins[operation]! > at || !has(taken, this.slots[operation]!);
    for (let later = at; later < this.moments.length; later++) {
      const { returning, writers } = this.moments[later]!;
      if (writers.some(isLeft)) return false;
      if (this.machine.apply(unrecognised, returning) === impossible && isLeft(returning)) return true;
    }
    return false;
  }

  private end(verdict: SearchVerdict): void {
    this.verdict = verdict;
    this.seen = undefined;
  }
}

const has = (bits: Int32Array, slot: number): boolean => ((bits[slot >>> 5]! >>> (slot & 31)) & 1) === 1;
const add = (bits: Int32Array, slot: number): void => {
  bits[slot >>> 5]! |= 1 << (slot & 31);
};
const remove = (bits: Int32Array, slot: number): void => {
  bits[slot >>> 5]! &= ~(1 << (slot & 31));
};

function momentsOf(operations: readonly Operation[]): {
  readonly moments: readonly Moment[];
  readonly slots: Int32Array;
  readonly begins: Int32Array;
  readonly slotCount: number;
} {
  const events = operations
    .flatMap(({ invokedAt, returnedAt }, index) => [
      { place: invokedAt, index, isReturn: false },
      ...(returnedAt === undefined ? [] : [{ place: returnedAt, index, isReturn: true }]),
    ])
    .sort((a, b) => a.place - b.place);
  const slots = new Int32Array(operations.length);
  const begins = new Int32Array(operations.length);
  const free: number[] = [];
  let slotCount = 0;
  const underWay = new Set<number>();
  const moments: Moment[] = [];
  const endOf = (index: number): number => operations[index]!.returnedAt ?? Number.POSITIVE_INFINITY;
  for (const { index, isReturn } of events) {
    if (!isReturn) {
      slots[index] = free.pop() ?? slotCount++;
      begins[index] = moments.length;
      underWay.add(index);
      continue;
    }
    const others = [...underWay].sort((a, b) => endOf(a) - endOf(b) || a - b);
    moments.push({
      returning: index,
      observers: Int32Array.from(others.filter((each) => isObserver(operations[each]!))),
      changers: Int32Array.from(others.filter((each) => !isObserver(operations[each]!))),
      writers: Int32Array.from(others.filter((each) => operations[each]!.action.kind === 'write')),
    });
    underWay.delete(index);
    free.push(slots[index]!);
  }
  return { moments, slots, begins, slotCount };
}

function twinsOf(operations: readonly Operation[]): Int32Array {
  const last = new Map<string, number>();
  const order = operations.map((_, index) => index).sort((a, b) => operations[a]!.invokedAt - operations[b]!.invokedAt);
  const twins = new Int32Array(operations.length).fill(-1);
  for (const index of order) {
    const { action, returnedAt } = operations[index]!;
    if (returnedAt !== undefined) continue;
    const name = JSON.stringify(action);
    twins[index] = last.get(name) ?? -1;
    last.set(name, index);
  }
  return twins;
}
