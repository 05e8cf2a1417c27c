// Law: a life is one run of a node's process. When it ends, its code stops where it stands: no callback of its runs again, no promise it
// waits on settles, and nothing it still does while it unwinds reaches anyone.
import type { Clock, Log, LogLevel, Random, Scheduler } from '../../actors/system/index.ts';
import type { Kernel } from './kernel.ts';

export interface LogEntry {
  readonly atUs: number;
  readonly level: LogLevel;
  readonly text: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

/** The clocks of one node, which outlive its processes. */
export interface NodeClocks {
  /** Wall clock minus true time, milliseconds. */
  offsetMs: number;
  /** How fast both clocks run: parts per million more than true time. */
  driftPpm: number;
}

export interface Life {
  readonly node: number;
  /** 0 for the first. */
  readonly number: number;
  readonly isAlive: boolean;
  /** Set through `scheduler.at`, and neither fired nor cancelled. */
  readonly timers: number;
  readonly clock: Clock;
  readonly scheduler: Scheduler;
  readonly random: Random;
  readonly log: Log;
  /** The newest `logMax` entries, oldest first. */
  readonly logged: readonly LogEntry[];
  /** As `scheduler.at` by true time, for the ports; void once the life has ended. */
  after(delayUs: number, kind: string, run: () => void, bytes?: Uint8Array): () => void;
  end(): void;
}

/** 2026-01-01T00:00:00Z. */
export const wallStartMs = 1_767_225_600_000;
const logMax = 2_000;

export function createLife(options: {
  readonly kernel: Kernel;
  readonly node: number;
  readonly number: number;
  readonly clocks: NodeClocks;
  readonly random: Random;
  readonly onLog?: (entry: LogEntry) => void;
}): Life {
  const { kernel, node, number, clocks, random, onLog } = options;
  const bornUs = kernel.nowUs;
  const logged: LogEntry[] = [];
  let isAlive = true;

  // The clock's rate may change while it runs: it goes on from where it stands.
  let [baseUs, baseMs, ratePpm] = [bornUs, 0, clocks.driftPpm];
  const monotonicMs = (): number => {
    const elapsedMs = ((kernel.nowUs - baseUs) / 1_000) * (1 + ratePpm / 1_000_000);
    if (ratePpm !== clocks.driftPpm) {
      [baseUs, baseMs, ratePpm] = [kernel.nowUs, baseMs + elapsedMs, clocks.driftPpm];
      return baseMs;
    }
    return baseMs + elapsedMs;
  };
  const trueDelayUs = (atMs: number): number =>
    Math.max(0, Math.ceil(((atMs - monotonicMs()) * 1_000) / (1 + ratePpm / 1_000_000)));

  const after: Life['after'] = (delayUs, kind, run, bytes) =>
    isAlive ? kernel.schedule(kernel.nowUs + delayUs, node, kind, () => void (isAlive && run()), bytes) : () => {};

  const guarded = (drain: () => void) => (): void => {
    if (!isAlive) return;
    try {
      drain();
    } catch (error) {
      kernel.breach(
        'uncaught',
        `deferred: ${error instanceof Error ? `${error.name}: ${error.message}` : String(error)}`,
      );
    }
  };

  let timers = 0;
  const fireAt = (atMs: number, fire: () => void): (() => void) => {
    let isOver = false;
    let cancel = (): void => {};
    const over = (): void => {
      if (!isOver) timers--;
      isOver = true;
    };
    const arm = (): void => {
      cancel = after(trueDelayUs(atMs), 'timer', () => {
        // The clock was slowed meanwhile, or rounding came a hair too early.
        if (monotonicMs() < atMs) return arm();
        over();
        fire();
      });
    };
    timers++;
    arm();
    return () => {
      over();
      cancel();
    };
  };

  return {
    node,
    number,
    get isAlive() {
      return isAlive;
    },
    get timers() {
      return timers;
    },
    clock: {
      monotonicMs,
      wallMs: () => wallStartMs + (kernel.nowUs / 1_000) * (1 + clocks.driftPpm / 1_000_000) + clocks.offsetMs,
    },
    scheduler: {
      defer: (drain) => queueMicrotask(guarded(drain)),
      yield: (drain) => void after(0, 'yield', drain),
      at: fireAt,
    },
    random: random.fork(`life/${number}`),
    log(level, text, fields = {}) {
      if (!isAlive) return;
      const entry = { atUs: kernel.nowUs, level, text, fields };
      if (logged.length >= logMax) logged.shift();
      logged.push(entry);
      onLog?.(entry);
    },
    logged,
    after,
    end() {
      isAlive = false;
    },
  };
}
