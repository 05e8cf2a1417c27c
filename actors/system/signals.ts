// Law: a signal reaches the handler that is there for it; an exit nobody traps ends the actor, and so does a `down` or a trapped exit
// that nobody handles: the death pact.
import type { Cell } from './cell.ts';
import { beginEnd, crash, errorOf } from './lifecycle.ts';
import type { Target } from './target.ts';
import type { ExitReason, MonitorId, Next, Signal } from './types.ts';

export type QueuedSignal =
  | { readonly type: 'exit'; readonly from: Target; readonly reason: ExitReason; readonly linked: boolean }
  | { readonly type: 'down'; readonly from: Target; readonly reason: ExitReason; readonly id: MonitorId }
  | { readonly type: 'receiveTimeout' };

/** An actor watches another and has no `signal` handler to hear of its end. */
export class DeathPactError extends Error {
  override readonly name = 'DeathPactError';
}

/** The cell is running and handles nothing else. */
export function handleSignal(cell: Cell, signal: QueuedSignal): void {
  if (signal.type === 'receiveTimeout') {
    deliver(cell, signal);
    return;
  }
  const { from, reason } = signal;
  if (signal.type === 'exit' && cell.def.trapExit !== true) {
    if (reason.kind !== 'normal' || from === cell) beginEnd(cell, reason);
  } else if (cell.def.signal === undefined) {
    const what = signal.type === 'down' ? 'monitors' : 'traps exits of';
    crash(
      cell,
      new DeathPactError(`${cell.path} ${what} ${from.path}, which ended (${reason.kind}), and handles no signals`),
    );
  } else if (signal.type === 'down') {
    deliver(cell, { type: 'down', ref: from, reason, monitor: signal.id });
  } else {
    deliver(cell, { type: 'exit', ref: from, reason });
  }
}

function deliver(cell: Cell, signal: Signal): void {
  try {
    const next = cell.def.signal?.(cell.state, signal, cell.context);
    if (next !== undefined) cell.apply(next as Next<unknown>);
  } catch (thrown) {
    crash(cell, errorOf(thrown));
  }
}
