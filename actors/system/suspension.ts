// Law: a promise suspends its own cell and no other; its outcome counts only for the incarnation that made it.
import type { Cell } from './cell.ts';
import { beginEnd, crash, errorOf, isThenable } from './lifecycle.ts';
import { ignore, type Next, normal } from './types.ts';

/** A handler answered with a promise: nothing more is received until it settles. */
export function suspend(cell: Cell, promise: PromiseLike<Next<unknown>>): void {
  const { generation } = cell;
  cell.busy = true;
  promise.then(
    (next) => resume(cell, generation, () => next !== undefined && cell.apply(next)),
    (thrown) => resume(cell, generation, () => crash(cell, errorOf(thrown))),
  );
}

function resume(cell: Cell, generation: number, outcome: () => void): void {
  if (generation !== cell.generation) return;
  cell.busy = false;
  outcome();
  if (!cell.busy) cell.trace = undefined;
  cell.rouse();
}

/** Runs `start` of a fresh incarnation. */
export function start(cell: Cell): void {
  cell.system.dispatcher.trace = cell.trace;
  try {
    const state = cell.def.start(cell.context, cell.args);
    if (isThenable(state)) awaitStart(cell, state);
    else started(cell, state);
  } catch (thrown) {
    crash(cell, errorOf(thrown));
  }
}

function awaitStart(cell: Cell, starting: PromiseLike<unknown>): void {
  const { generation } = cell;
  cell.phase = 'starting';
  cell.busy = true;
  starting.then(
    (state) => resume(cell, generation, () => started(cell, state)),
    (thrown) => resume(cell, generation, () => crash(cell, errorOf(thrown))),
  );
}

function started(cell: Cell, state: unknown): void {
  cell.trace = undefined;
  cell.system.dispatcher.trace = undefined;
  if (state === ignore) {
    beginEnd(cell, normal);
    return;
  }
  cell.state = state;
  cell.phase = 'running';
  cell.up = true;
  cell.parent?.overseer?.report(cell, { type: 'started' });
}
