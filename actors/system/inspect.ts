// Law: looking changes nothing: a report is a copy of what the cells say at this moment.
import type { Cell } from './cell.ts';
import type { Phase } from './inbox.ts';
import type { TraceContext } from './types.ts';

export interface ActorReport {
  readonly path: string;
  readonly uid: number;
  readonly kind: string;
  readonly phase: Phase;
  /** A receive promise is open. */
  readonly suspended: boolean;
  readonly mailboxDepth: number;
  readonly mailboxCapacity: number;
  readonly stashDepth: number;
  readonly restarts: number;
  /** Messages handled over all incarnations. */
  readonly handled: number;
  readonly lastError: Error | undefined;
  /** The trace of the message a suspended actor is handling. */
  readonly trace: TraceContext | undefined;
  readonly children: readonly ActorReport[];
}

export function inspectTree(cell: Cell): ActorReport {
  const children: ActorReport[] = [];
  for (let child = cell.firstChild; child !== undefined; child = child.nextSibling) children.push(inspectTree(child));
  return {
    path: cell.parent === undefined ? '/' : cell.path,
    uid: cell.uid,
    kind: cell.def.kind,
    phase: cell.phase,
    suspended: cell.busy,
    mailboxDepth: cell.size,
    mailboxCapacity: cell.mailbox.capacity,
    stashDepth: cell.stashed?.size ?? 0,
    restarts: cell.restarts,
    handled: cell.handled,
    lastError: cell.lastError,
    trace: cell.busy ? cell.trace : undefined,
    children,
  };
}
