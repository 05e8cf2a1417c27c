// Law: an incarnation ends in one order: nothing more is received, timers and pipes are void, children end, the actor hears
// `stopped`, links fire. Then a supervised cell is held until its supervisor revives it (same ref, same mailbox) or lets it go;
// any other cell is gone: monitors fire, open asks fail, what waited goes to dead letters.
import { askOf, PendingAsk } from './ask.ts';
import { type AnyDef, Cell } from './cell.ts';
import { ActorContext } from './context.ts';
import { releaseIncarnation, releaseRef } from './links.ts';
import { WheelEntry } from './timer-wheel.ts';
import { type ExitReason, killed, type Signal, type SpawnOptions, shutdown } from './types.ts';

/** OTP's default for workers. Supervisors are waited for, however long they take. */
export const defaultShutdownMs = 5000;

export function errorOf(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(String(thrown), { cause: thrown });
}

export function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof (value as { readonly then?: unknown } | null | undefined)?.then === 'function';
}

export function spawnChild(parent: Cell, def: AnyDef, args: unknown, options?: SpawnOptions): Cell {
  if (parent.phase === 'stopping' || parent.phase === 'held' || parent.phase === 'ended') {
    throw new Error(`${parent.path} cannot spawn '${def.kind}': it has ended`);
  }
  const name = options?.name;
  if (name !== undefined) checkName(parent, name);
  const child = new Cell(parent.system, parent, def, args, options);
  if (name !== undefined) {
    parent.childrenByName ??= new Map();
    parent.childrenByName.set(name, child);
  }
  child.previousSibling = parent.lastChild;
  if (parent.lastChild === undefined) parent.firstChild = child;
  else parent.lastChild.nextSibling = child;
  parent.lastChild = child;
  return child;
}

function checkName(parent: Cell, name: string): void {
  if (name === '' || name.startsWith('$') || name.includes('/')) {
    throw new Error(`'${name}' cannot name an actor: names are not empty, hold no '/' and do not start with '$'`);
  }
  if (parent.childrenByName?.has(name) === true)
    throw new Error(`${parent.path}/${name} is already there; stop it first or choose another name`);
}

/** The living child of that name, given or not. */
export function childNamed(parent: Cell, name: string): Cell | undefined {
  if (!name.startsWith('$')) return parent.childrenByName?.get(name);
  for (let child = parent.firstChild; child !== undefined; child = child.nextSibling)
    if (child.name === name) return child;
  return undefined;
}

function removeChild(parent: Cell, child: Cell): void {
  if (child.previousSibling === undefined) parent.firstChild = child.nextSibling;
  else child.previousSibling.nextSibling = child.nextSibling;
  if (child.nextSibling === undefined) parent.lastChild = child.previousSibling;
  else child.nextSibling.previousSibling = child.previousSibling;
  child.previousSibling = undefined;
  child.nextSibling = undefined;
  if (child.label !== undefined) parent.childrenByName?.delete(child.label);
  if (parent.phase === 'stopping' && parent.firstChild === undefined) parent.rouse();
}

/** The handler threw: the message is dropped, and whoever asked through it hears so at once. */
export function crash(cell: Cell, error: Error): void {
  cell.lastError = error;
  cell.context.log('error', 'actor crashed', { kind: cell.def.kind, error });
  beginEnd(cell, { kind: 'error', error });
}

/** Ends the incarnation. Called again while children are still ending, only a kill changes anything. */
export function beginEnd(cell: Cell, reason: ExitReason): void {
  if (cell.phase === 'held' || cell.phase === 'ended') return;
  if (cell.phase === 'stopping') {
    if (reason.kind !== 'killed') return;
    cell.endReason = reason;
    killChildren(cell);
    return;
  }
  cell.phase = 'stopping';
  cell.endReason = reason;
  cell.generation++;
  cell.busy = false;
  releaseTimers(cell);
  if (reason.kind === 'killed') killChildren(cell);
  else if (cell.overseer !== undefined) cell.overseer.terminate();
  else stopChildren(cell);
  cell.rouse();
}

function releaseTimers(cell: Cell): void {
  const { wheel } = cell.system;
  cell.timers?.cancelAll(cell);
  if (cell.idleTimer !== undefined) wheel.cancel(cell.idleTimer);
  cell.idleTimer = undefined;
  for (const pipe of cell.pipes ?? []) pipe.abort();
  cell.pipes = undefined;
}

class StopDeadline extends WheelEntry {
  private readonly cell: Cell;
  constructor(cell: Cell) {
    super();
    this.cell = cell;
  }

  fire(): void {
    for (let child = this.cell.firstChild; child !== undefined; child = child.nextSibling) {
      if (child.overseer === undefined) child.kill();
    }
  }
}

function stopChildren(cell: Cell): void {
  if (cell.firstChild === undefined) return;
  for (let child = cell.lastChild; child !== undefined; child = child.previousSibling) child.requestStop(shutdown);
  cell.stopDeadline = new StopDeadline(cell);
  cell.system.wheel.add(cell.stopDeadline, defaultShutdownMs);
}

function killChildren(cell: Cell): void {
  let child = cell.firstChild;
  while (child !== undefined) {
    const following = child.nextSibling;
    if (child.phase === 'held') letGo(child, killed);
    else child.kill();
    child = following;
  }
}

/** Called in the turns of a stopping cell. */
export function endIfChildless(cell: Cell): void {
  if (cell.firstChild !== undefined) return;
  if (cell.stopDeadline !== undefined) cell.system.wheel.cancel(cell.stopDeadline);
  cell.stopDeadline = undefined;
  const reason = cell.endReason;
  const overseer = cell.parent?.overseer;
  const supervised = overseer !== undefined && cell.parent?.endReason.kind !== 'killed';
  const failed = reason.kind === 'error';
  const wasUp = cell.up;
  // A supervised crash learns its last signal (restarting or stopped) from the supervisor's decision.
  if (!(supervised && failed)) lastSignal(cell, { type: 'stopped', reason });
  releaseIncarnation(cell, reason);
  cell.dropSignals();
  if (!supervised) {
    letGo(cell, reason);
    return;
  }
  cell.phase = 'held';
  cell.stashed?.release();
  const kept = new Set<unknown>(cell.waitingMessages().map(askOf));
  PendingAsk.failAll(cell, reason, kept);
  if (wasUp) overseer.report(cell, { type: 'ended', reason });
  else if (reason.kind === 'normal') overseer.report(cell, { type: 'ignored' });
  else overseer.report(cell, { type: 'failed', reason });
}

/** Guarded: whatever the handler does, the incarnation ends; a promise that it answers with is not waited for. */
function lastSignal(cell: Cell, signal: Signal): void {
  if (!cell.up || cell.endReason.kind === 'killed') return;
  cell.up = false;
  const failed = (thrown: unknown): void => {
    cell.lastError = errorOf(thrown);
    cell.system.log('error', `actor failed while handling '${signal.type}'`, {
      actor: cell.path,
      error: cell.lastError,
    });
  };
  try {
    const answer: unknown = cell.def.signal?.(cell.state, signal, cell.context);
    if (isThenable(answer)) answer.then(undefined, failed);
  } catch (thrown) {
    failed(thrown);
  }
}

/** The supervisor restarts a held cell: fresh state behind the same ref. */
export function revive(cell: Cell): void {
  if (cell.endReason.kind === 'error') lastSignal(cell, { type: 'restarting', cause: cell.endReason.error });
  cell.up = false;
  cell.state = undefined;
  cell.overseer = undefined;
  cell.restarts++;
  cell.phase = 'new';
  cell.context = new ActorContext(cell);
  cell.rouse();
}

/** The end of a ref. */
export function letGo(cell: Cell, reason: ExitReason): void {
  if (cell.phase === 'held' && cell.endReason.kind === 'error')
    lastSignal(cell, { type: 'stopped', reason: cell.endReason });
  cell.phase = 'ended';
  cell.endReason = reason;
  cell.state = undefined;
  cell.stashed?.release();
  cell.emptyToDeadLetters();
  PendingAsk.failAll(cell, reason, new Set());
  if (cell.parent !== undefined) removeChild(cell.parent, cell);
  releaseRef(cell, reason);
  cell.system.office?.forget(cell.uid);
  if (cell.parent === undefined) cell.system.rootEnded();
}
