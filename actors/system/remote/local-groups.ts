// Law: an actor of this node is in a group as often as it joined, and in none once it has ended.
import { Cell } from '../cell.ts';
import type { ActorSystem } from '../system.ts';
import type { Monitor, Watcher } from '../target.ts';
import type { ActorRef } from '../types.ts';
import { Membership } from './membership.ts';

export interface GroupEvent {
  readonly type: 'join' | 'leave';
  readonly group: string;
  readonly refs: readonly ActorRef<never>[];
}

export class LocalGroups {
  readonly table: Membership<Cell> = new Membership();
  private readonly system: ActorSystem;
  private readonly changed: (event: GroupEvent) => void;
  /** Per member: what tells of its end, and how often it is in which groups. */
  private readonly joined = new Map<Cell, { readonly monitor: Monitor; readonly groups: Map<string, number> }>();

  constructor(system: ActorSystem, changed: (event: GroupEvent) => void) {
    this.system = system;
    this.changed = changed;
  }

  join(group: string, refs: ActorRef<never> | readonly ActorRef<never>[]): void {
    const cells = cellsOf(refs).filter((cell) => cell.phase !== 'ended');
    if (cells.length === 0) return;
    for (const cell of cells) {
      this.table.add(group, cell);
      this.count(cell, group, 1);
    }
    this.changed({ type: 'join', group, refs: cells });
  }

  leave(group: string, refs: ActorRef<never> | readonly ActorRef<never>[]): boolean {
    const left = cellsOf(refs).filter((cell) => this.table.remove(group, cell));
    for (const cell of left) this.count(cell, group, -1);
    if (left.length === 0) return false;
    this.changed({ type: 'leave', group, refs: left });
    return true;
  }

  /** Without a word: the caller tells. */
  clear(): void {
    for (const [cell, { monitor }] of this.joined) cell.removeWatcher(monitor);
    this.joined.clear();
    this.table.clear();
  }

  private count(cell: Cell, group: string, change: 1 | -1): void {
    let member = this.joined.get(cell);
    if (member === undefined) {
      const watcher: Watcher = { bonds: undefined, pushSignal: () => this.onEnd(cell) };
      const monitor: Monitor = { id: this.system.nextMonitorId(), watcher, target: cell };
      member = { monitor, groups: new Map() };
      this.joined.set(cell, member);
      cell.addWatcher(monitor);
    }
    const times = (member.groups.get(group) ?? 0) + change;
    if (times > 0) member.groups.set(group, times);
    else member.groups.delete(group);
    if (member.groups.size > 0) return;
    cell.removeWatcher(member.monitor);
    this.joined.delete(cell);
  }

  private onEnd(cell: Cell): void {
    const groups = this.joined.get(cell)?.groups ?? [];
    this.joined.delete(cell);
    for (const [group, times] of groups) {
      for (let left = times; left > 0; left--) this.table.remove(group, cell);
      this.changed({ type: 'leave', group, refs: new Array<Cell>(times).fill(cell) });
    }
  }
}

function cellsOf(refs: ActorRef<never> | readonly ActorRef<never>[]): readonly Cell[] {
  return (Array.isArray(refs) ? refs : [refs]).map((ref) => {
    if (ref instanceof Cell) return ref;
    throw new TypeError(
      `${ref.address.node}${ref.address.path} is not an actor of this node: its own node speaks for it`,
    );
  });
}
