// Law: exits travel by OTP's tables. Links are symmetric and bind incarnations: they fire when either ends, restart or not.
// Monitors are one-way, stack, and bind refs: they fire once, when the actor has ended for good.
import type { Cell } from './cell.ts';
import type { Monitor, Target } from './target.ts';
import { type ExitReason, type MonitorId, noproc } from './types.ts';

/** Made with an actor's first link or monitor. */
export class Bonds {
  readonly links = new Set<Cell>();
  readonly watchers = new Set<Monitor>();
  readonly monitoring = new Map<MonitorId, Monitor>();
}

export function bondsOf(cell: Cell): Bonds {
  cell.bonds ??= new Bonds();
  return cell.bonds;
}

export function link(a: Cell, b: Cell): void {
  if (a === b) return;
  if (b.phase === 'ended') {
    a.pushSignal({ type: 'exit', from: b, reason: noproc, linked: true });
    return;
  }
  bondsOf(a).links.add(b);
  bondsOf(b).links.add(a);
}

export function unlink(a: Cell, b: Cell): void {
  a.bonds?.links.delete(b);
  b.bonds?.links.delete(a);
}

export function monitor(watcher: Cell, target: Target): MonitorId {
  const id = watcher.system.nextMonitorId();
  const record: Monitor = { id, watcher, target };
  const gone = target.addWatcher(record);
  if (gone === undefined) bondsOf(watcher).monitoring.set(id, record);
  else watcher.pushSignal({ type: 'down', from: target, reason: gone, id });
  return id;
}

export function demonitor(watcher: Cell, id: MonitorId): void {
  const record = watcher.bonds?.monitoring.get(id);
  if (record === undefined) {
    watcher.dropDown(id);
    return;
  }
  watcher.bonds?.monitoring.delete(id);
  record.target.removeWatcher(record);
}

/** OTP's exit/2. From its parent an actor takes it as a stop, trapping or not, as every OTP behaviour does. */
export function exit(from: Cell, target: Cell, reason: ExitReason): void {
  if (reason.kind === 'killed') target.kill();
  else if (from === target.parent && reason.kind !== 'normal') target.requestStop(reason);
  else target.pushSignal({ type: 'exit', from, reason, linked: false });
}

/** An incarnation ended: its links fire, and it stops watching others. */
export function releaseIncarnation(cell: Cell, reason: ExitReason): void {
  const { bonds } = cell;
  if (bonds === undefined) return;
  for (const peer of bonds.links) {
    peer.bonds?.links.delete(cell);
    peer.pushSignal({ type: 'exit', from: cell, reason, linked: true });
  }
  bonds.links.clear();
  for (const record of bonds.monitoring.values()) record.target.removeWatcher(record);
  bonds.monitoring.clear();
}

/** A ref ended for good: whoever monitors it hears so. */
export function releaseRef(cell: Cell, reason: ExitReason): void {
  const { bonds } = cell;
  if (bonds === undefined) return;
  for (const record of bonds.watchers) {
    record.watcher.bonds?.monitoring.delete(record.id);
    record.watcher.pushSignal({ type: 'down', from: cell, reason, id: record.id });
  }
  cell.bonds = undefined;
}
