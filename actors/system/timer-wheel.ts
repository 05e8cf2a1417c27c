// Law: timers fire in due order, and in the order they were started where due times are equal; adding and cancelling cost
// O(1). One hierarchical hashed wheel of 1 ms ticks per system, over one armed timer of the World.
// (Varghese and Lauck, "Hashed and hierarchical timing wheels".)
import type { Clock, Scheduler } from './world.ts';

const slotsPerLevel = 64;
const unlinked = -1;
/** Due when it was added: fires at the next wake-up, before anything later. */
const overdue = -2;

/** What sits in the wheel: subclasses carry their own payload, so that a timer is one allocation. */
export abstract class WheelEntry {
  dueTick = 0;
  /** Level × 64 + slot, `unlinked` or `overdue`. */
  slot = unlinked;
  before: WheelEntry | undefined = undefined;
  after: WheelEntry | undefined = undefined;
  /** Runs inside the World's timer: may only enqueue work. */
  abstract fire(): void;
}

/** A timer that calls what it was given. */
export class CallEntry extends WheelEntry {
  private readonly act: () => void;
  constructor(act: () => void) {
    super();
    this.act = act;
  }

  fire(): void {
    this.act();
  }
}

class SlotList {
  first: WheelEntry | undefined = undefined;
  last: WheelEntry | undefined = undefined;

  append(entry: WheelEntry): void {
    entry.before = this.last;
    entry.after = undefined;
    if (this.last === undefined) this.first = entry;
    else this.last.after = entry;
    this.last = entry;
  }

  remove(entry: WheelEntry): void {
    if (entry.before === undefined) this.first = entry.after;
    else entry.before.after = entry.after;
    if (entry.after === undefined) this.last = entry.before;
    else entry.after.before = entry.before;
    entry.before = undefined;
    entry.after = undefined;
    entry.slot = unlinked;
  }
}

class Level {
  readonly spanTicks: number;
  readonly slots: SlotList[] = Array.from({ length: slotsPerLevel }, () => new SlotList());
  occupiedLow = 0;
  occupiedHigh = 0;

  constructor(spanTicks: number) {
    this.spanTicks = spanTicks;
  }

  mark(slot: number): void {
    if (slot < 32) this.occupiedLow |= 1 << slot;
    else this.occupiedHigh |= 1 << (slot - 32);
  }

  unmark(slot: number): void {
    if (slot < 32) this.occupiedLow &= ~(1 << slot);
    else this.occupiedHigh &= ~(1 << (slot - 32));
  }

  /** The first occupied slot after `slot`, or −1. Slots never wrap around: see `place`. */
  nextAfter(slot: number): number {
    const low = slot >= 31 ? 0 : this.occupiedLow & (-2 << slot);
    if (low !== 0) return 31 - Math.clz32(low & -low);
    const high = slot < 32 ? this.occupiedHigh : slot === 63 ? 0 : this.occupiedHigh & (-2 << (slot - 32));
    return high === 0 ? -1 : 63 - Math.clz32(high & -high);
  }
}

export class TimerWheel {
  private readonly clock: Clock;
  private readonly scheduler: Scheduler;
  private readonly originMs: number;
  private readonly levels: Level[] = [];
  private readonly due = new SlotList();
  /** Every tick up to and including this one has fired. */
  private elapsedTick = 0;
  private armedTick = Number.POSITIVE_INFINITY;
  private disarm: (() => void) | undefined = undefined;
  private readonly wake = (): void => this.onWake();

  constructor(clock: Clock, scheduler: Scheduler) {
    this.clock = clock;
    this.scheduler = scheduler;
    // Whole, so that adding and subtracting ticks is exact.
    this.originMs = Math.floor(clock.monotonicMs());
  }

  /** Fires `entry` once, at least `delayMs` from now. An entry already in the wheel is moved. */
  add(entry: WheelEntry, delayMs: number): void {
    this.addAt(entry, this.clock.monotonicMs() + delayMs);
  }

  addAt(entry: WheelEntry, dueMs: number): void {
    if (!(dueMs < Number.MAX_SAFE_INTEGER))
      throw new RangeError(`a timer due at ${dueMs} ms: delays are finite milliseconds`);
    if (entry.slot !== unlinked) this.cancel(entry);
    entry.dueTick = Math.max(0, Math.ceil(dueMs - this.originMs));
    this.place(entry);
    if (entry.dueTick < this.armedTick) this.arm(entry.dueTick);
  }

  dueMs(entry: WheelEntry): number {
    return this.originMs + entry.dueTick;
  }

  cancel(entry: WheelEntry): void {
    const at = entry.slot;
    if (at === unlinked) return;
    if (at === overdue) {
      this.due.remove(entry);
      return;
    }
    const level = this.levels[Math.floor(at / slotsPerLevel)]!;
    const slot = at % slotsPerLevel;
    const list = level.slots[slot]!;
    list.remove(entry);
    if (list.first === undefined) level.unmark(slot);
    // The World's timer stays armed: an empty wake-up is cheaper than one cancel per answered ask.
  }

  /** Forgets the armed timer. Entries still in the wheel will not fire. */
  close(): void {
    this.disarm?.();
    this.disarm = undefined;
    this.armedTick = Number.NEGATIVE_INFINITY;
  }

  private place(entry: WheelEntry): void {
    const { dueTick } = entry;
    if (dueTick <= this.elapsedTick) {
      entry.slot = overdue;
      this.due.append(entry);
      return;
    }
    // The lowest level whose whole turn holds both now and the due tick: its slot lies ahead, without wrap-around.
    let index = 0;
    let spanTicks = 1;
    while (
      Math.floor(dueTick / (spanTicks * slotsPerLevel)) !== Math.floor(this.elapsedTick / (spanTicks * slotsPerLevel))
    ) {
      spanTicks *= slotsPerLevel;
      index++;
    }
    while (this.levels.length <= index) this.levels.push(new Level(slotsPerLevel ** this.levels.length));
    const level = this.levels[index]!;
    const slot = Math.floor(dueTick / spanTicks) % slotsPerLevel;
    entry.slot = index * slotsPerLevel + slot;
    level.slots[slot]!.append(entry);
    level.mark(slot);
  }

  private arm(tick: number): void {
    this.disarm?.();
    this.armedTick = tick;
    this.disarm = this.scheduler.at(this.originMs + tick, this.wake);
  }

  private onWake(): void {
    this.disarm = undefined;
    // While firing, `add` must not arm: what it adds is taken into account below.
    this.armedTick = Number.NEGATIVE_INFINITY;
    const nowTick = Math.floor(this.clock.monotonicMs() - this.originMs);
    this.fireAll(this.due);
    let next = this.nextTick();
    while (next.tick <= nowTick) {
      this.elapsedTick = next.tick;
      const level = this.levels[next.level]!;
      const list = level.slots[next.slot]!;
      if (next.level === 0) {
        this.fireAll(list);
      } else {
        // A higher slot begins: its entries spread over the lower levels, in order.
        const last = list.last;
        for (let entry = list.first, done = false; entry !== undefined && !done; ) {
          done = entry === last;
          const following: WheelEntry | undefined = entry.after;
          list.remove(entry);
          this.place(entry);
          entry = following;
        }
      }
      level.unmark(next.slot);
      this.fireAll(this.due);
      next = this.nextTick();
    }
    if (nowTick > this.elapsedTick) this.elapsedTick = nowTick;
    this.armedTick = Number.POSITIVE_INFINITY;
    if (this.due.first !== undefined) this.arm(Math.max(0, nowTick));
    else if (next.tick !== Number.POSITIVE_INFINITY) this.arm(next.tick);
  }

  private fireAll(list: SlotList): void {
    // Up to the last entry there was: what a firing adds waits for the next wake-up.
    const last = list.last;
    for (let entry = list.first; entry !== undefined; entry = list.first) {
      const isLast = entry === last;
      list.remove(entry);
      entry.fire();
      if (isLast) return;
    }
  }

  /** Where the next entry fires or cascades: lower levels always come first. */
  private nextTick(): { readonly tick: number; readonly level: number; readonly slot: number } {
    for (let index = 0; index < this.levels.length; index++) {
      const level = this.levels[index]!;
      const current = Math.floor(this.elapsedTick / level.spanTicks);
      const slot = level.nextAfter(current % slotsPerLevel);
      if (slot === -1) continue;
      return { tick: (current - (current % slotsPerLevel) + slot) * level.spanTicks, level: index, slot };
    }
    return { tick: Number.POSITIVE_INFINITY, level: 0, slot: 0 };
  }
}
