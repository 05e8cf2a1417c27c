// Law: a resident sleeps only when nothing would be lost by it: no message, promise, pipe, timer, stash or child of its own is open.
import type { Cell } from '../cell.ts';
import { type MonitorId, shutdown } from '../types.ts';
import type { Held } from './region.ts';

export class Resident {
  readonly id: string;
  readonly cell: Cell;
  readonly monitor: MonitorId;
  /** Told to stop: what comes now waits for the next life. */
  asleep = false;
  /** Its home is another node now: it goes as soon as it is idle, at this time at the latest. */
  leavesByMs: number | undefined = undefined;
  readonly held: Held[] = [];
  private activeMs: number;

  constructor(id: string, cell: Cell, monitor: MonitorId, nowMs: number) {
    this.id = id;
    this.cell = cell;
    this.monitor = monitor;
    this.activeMs = nowMs;
  }

  touch(nowMs: number): void {
    this.activeMs = nowMs;
  }

  /** How long ago it was told something or was seen at work; 0 while it is. */
  idleMs(nowMs: number): number {
    const { cell } = this;
    const idle =
      cell.phase === 'running' &&
      cell.size === 0 &&
      !cell.busy &&
      cell.firstChild === undefined &&
      (cell.stashed?.size ?? 0) === 0 &&
      (cell.pipes?.size ?? 0) === 0 &&
      (cell.timers?.none ?? true);
    if (!idle) this.activeMs = nowMs;
    return nowMs - this.activeMs;
  }

  sleep(): void {
    this.asleep = true;
    this.cell.requestStop(shutdown);
  }
}
