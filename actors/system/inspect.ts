// Law: looking changes nothing: a report is a copy of what the cells say at this moment, and costs no stack, however deep the tree.
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

/** One actor in a list of the tree, its parent before it. */
export interface ActorLoad extends Omit<ActorReport, 'children'> {
  /** 0 for the system's own root. */
  readonly depth: number;
  /** Handled per second between the two looks, since its spawn where that was between them. */
  readonly messagesPerSecond: number;
}

export function inspectTree(root: Cell): ActorReport {
  const top: ActorReport[] = [];
  const open: { readonly cell: Cell; readonly path: string; readonly into: ActorReport[] }[] = [
    { cell: root, path: root.path, into: top },
  ];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const { cell, path, into } = next;
    const children: ActorReport[] = [];
    into.push(reportOf(cell, path === '' ? '/' : path, children));
    // The last first: what is pushed last is looked at first.
    for (let child = cell.lastChild; child !== undefined; child = child.previousSibling)
      open.push({ cell: child, path: `${path}/${child.name}`, into: children });
  }
  return top[0]!;
}

function reportOf(cell: Cell, path: string, children: readonly ActorReport[]): ActorReport {
  return {
    path,
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

/** The actors of the later of two looks at one system, each with how busy it was in the `overMs` between them. */
export function loadBetween(earlier: ActorReport, later: ActorReport, overMs: number): readonly ActorLoad[] {
  if (!(overMs > 0)) throw new RangeError(`two looks ${overMs} ms apart: rates need time between them`);
  const handledBefore = new Map<number, number>();
  for (const { report } of inTreeOrder(earlier)) handledBefore.set(report.uid, report.handled);
  return Array.from(inTreeOrder(later), ({ report: { children: _, ...report }, depth }) => ({
    ...report,
    depth,
    messagesPerSecond: ((report.handled - (handledBefore.get(report.uid) ?? 0)) * 1000) / overMs,
  }));
}

function* inTreeOrder(root: ActorReport): Generator<{ readonly report: ActorReport; readonly depth: number }> {
  const open = [{ report: root, depth: 0 }];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    yield next;
    for (let index = next.report.children.length - 1; index >= 0; index--)
      open.push({ report: next.report.children[index]!, depth: next.depth + 1 });
  }
}
