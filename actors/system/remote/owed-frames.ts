// Law: the news of an end is not a message that may be lost: what a full network refuses is sent again, in order, until it is taken or the
// session ends.
import { type TimerWheel, WheelEntry } from '../timer-wheel.ts';

const retryMs = 20;

export class OwedFrames extends WheelEntry {
  private readonly wheel: TimerWheel;
  private readonly post: (frame: readonly unknown[]) => boolean;
  /** As many as one peer may have monitors and asks: beyond that it reads nothing, and what it misses is its own loss. */
  private readonly capacity: number;
  private frames: (readonly unknown[])[] = [];

  constructor(wheel: TimerWheel, post: (frame: readonly unknown[]) => boolean, capacity: number) {
    super();
    this.wheel = wheel;
    this.post = post;
    this.capacity = capacity;
  }

  get size(): number {
    return this.frames.length;
  }

  send(frame: readonly unknown[]): void {
    if (this.frames.length === 0 && this.post(frame)) return;
    if (this.frames.length >= this.capacity) return;
    if (this.frames.length === 0) this.wheel.add(this, retryMs);
    this.frames.push(frame);
  }

  fire(): void {
    let sent = 0;
    while (sent < this.frames.length && this.post(this.frames[sent]!)) sent++;
    this.frames = this.frames.slice(sent);
    if (this.frames.length > 0) this.wheel.add(this, retryMs);
  }

  close(): void {
    this.frames = [];
    this.wheel.cancel(this);
  }
}
