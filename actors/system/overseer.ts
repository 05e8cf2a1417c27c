// Law: a supervised cell never decides about itself: it reports, and waits for its overseer.
import type { Cell } from './cell.ts';
import type { ExitReason } from './types.ts';

export type ChildReport =
  | { readonly type: 'started' | 'ignored' }
  | { readonly type: 'failed' | 'ended'; readonly reason: ExitReason };

/** What makes a cell a supervisor: its children do not end by themselves, they report and are held until it has decided. */
export interface Overseer {
  report(child: Cell, report: ChildReport): void;
  /** Acts on reports; called in the supervisor's turns, in any phase. */
  attend(): void;
  /** Ends the children in order. The cell ends when the last one is gone. */
  terminate(): void;
}
