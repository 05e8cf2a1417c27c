// Law: what reaches an actor waits here by rank: kill before stop before signals before messages. Nothing reaches one that has ended.
import { Fifo } from './fifo.ts';
import { Mailbox } from './mailbox.ts';
import type { QueuedSignal } from './signals.ts';
import { type ExitReason, type MonitorId, normal } from './types.ts';

/**
 * new: `start` has not run · starting: its promise is open · running · stopping: waiting for children to end ·
 * held: this incarnation ended and the supervisor has not decided · ended: for good.
 */
export type Phase = 'new' | 'starting' | 'running' | 'stopping' | 'held' | 'ended';

export abstract class Inbox extends Mailbox {
  phase: Phase = 'new';
  protected alarm: 'none' | 'stop' | 'kill' = 'none';
  protected alarmReason: ExitReason = normal;
  /** Bounded by the actor's own links and monitors, each of which fires once. */
  protected signals: Fifo<QueuedSignal> | undefined = undefined;

  /** Asks for a turn on behalf of something other than a message. */
  abstract rouse(): void;

  kill(): void {
    if (this.phase === 'ended' || this.phase === 'held') return;
    this.alarm = 'kill';
    this.rouse();
  }

  requestStop(reason: ExitReason): void {
    if (this.phase === 'ended' || this.phase === 'held' || this.alarm === 'kill') return;
    this.alarm = 'stop';
    this.alarmReason = reason;
    this.rouse();
  }

  pushSignal(signal: QueuedSignal): void {
    if (this.phase === 'ended' || this.phase === 'held' || this.phase === 'stopping') return;
    this.signals ??= new Fifo();
    this.signals.push(signal);
    this.rouse();
  }

  dropDown(id: MonitorId): void {
    this.signals?.drop((signal) => signal.type === 'down' && signal.id === id);
    if (this.signals?.size === 0) this.signals = undefined;
  }

  /** What was sent to an incarnation ends with it. */
  dropSignals(): void {
    this.signals = undefined;
    this.alarm = 'none';
  }
}
