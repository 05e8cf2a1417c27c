// Law: one run queue per system; a cell stands in it at most once; a turn handles at most 64 messages. A drain starts before
// timers and I/O, and gives way to them after 4,096 messages or 4 ms, so that no flood starves the loop.
import type { Cell } from './cell.ts';
import type { TraceContext } from './types.ts';
import type { Clock, Scheduler } from './world.ts';

const messagesPerTurn = 64;
const messagesPerDrain = 4096;
const drainLimitMs = 4;
/** Reading the clock costs about as much as a message. */
const messagesPerClockRead = 256;

export class Dispatcher {
  /** The trace of the message being handled now: what `tell` passes on. */
  trace: TraceContext | undefined = undefined;
  private readonly clock: Clock;
  private readonly scheduler: Scheduler;
  private first: Cell | undefined = undefined;
  private last: Cell | undefined = undefined;
  private scheduled = false;
  private readonly drain = (): void => {
    try {
      this.onDrain();
    } catch (bug) {
      // Handlers' errors never come here. Whatever did, the cells that still wait are not stranded.
      this.scheduler.yield(this.drain);
      throw bug;
    }
  };

  constructor(clock: Clock, scheduler: Scheduler) {
    this.clock = clock;
    this.scheduler = scheduler;
  }

  /** The cell calls this only while it is not in the queue. */
  enqueue(cell: Cell): void {
    if (this.last === undefined) this.first = cell;
    else this.last.nextReady = cell;
    this.last = cell;
    if (!this.scheduled) {
      this.scheduled = true;
      this.scheduler.defer(this.drain);
    }
  }

  private onDrain(): void {
    const deadlineMs = this.clock.monotonicMs() + drainLimitMs;
    let left = messagesPerDrain;
    let nextClockRead = left - messagesPerClockRead;
    for (let cell = this.first; cell !== undefined; cell = this.first) {
      this.first = cell.nextReady;
      if (this.first === undefined) this.last = undefined;
      cell.nextReady = undefined;
      left -= cell.turn(messagesPerTurn);
      if (left <= nextClockRead) {
        nextClockRead = left - messagesPerClockRead;
        if (left <= 0 || this.clock.monotonicMs() >= deadlineMs) {
          this.scheduler.yield(this.drain);
          return;
        }
      }
    }
    this.scheduled = false;
  }
}
