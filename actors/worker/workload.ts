// Law: a node's load is what it runs and what it has promised; a promise that was not called in lapses by itself.
import type { Clock } from '../system/index.ts';

export interface Workload {
  begin(key: string): void;
  end(key: string): void;
  /** A soft reservation, dropped when the run begins or after `reservationMs`. */
  reserve(key: string): void;
  load(): number;
}

const reservationMs = 1_500;
const reservationsMax = 1_024;

export function createWorkload(clock: Pick<Clock, 'monotonicMs'>): Workload {
  const running = new Set<string>();
  const reserved = new Map<string, number>();
  return {
    begin(key) {
      running.add(key);
      reserved.delete(key);
    },
    end: (key) => void running.delete(key),
    reserve(key) {
      if (reserved.size < reservationsMax) reserved.set(key, clock.monotonicMs() + reservationMs);
    },
    load() {
      const nowMs = clock.monotonicMs();
      for (const [key, untilMs] of reserved) if (untilMs <= nowMs) reserved.delete(key);
      return running.size + reserved.size;
    },
  };
}
