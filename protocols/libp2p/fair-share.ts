// Law: what one peer sends may take so much of this node's time and no more while others are there: beyond its share its stream waits, so
// that a flood fills the flooder's own buffers. Time is what is short, so time is what is measured; a lone peer may have all of it.

/** Time is shared out anew this often. */
const windowMs = 100;
/** Of a window, for one peer, while there are others. */
const shareMs = 40;
/** So many windows over its share, one after the other, are a flood and no burst. */
const floodWindows = 30;
/** Silent for this long, a peer starts anew. */
const quietMs = 1_000;

export interface FairShare {
  /** Runs what handles input of this peer, and counts its time. */
  spend(work: () => void): void;
  close(): void;
}

export interface FairShareHost {
  /** Other peers are up. */
  hasOthers(): boolean;
  pause(): void;
  resume(): void;
  onFlood(): void;
}

export function createFairShare(host: FairShareHost): FairShare {
  let startMs = performance.now();
  let spentMs = 0;
  let windowsOver = 0;
  let isPaused = false;
  let timer: NodeJS.Timeout | undefined;

  const next = (nowMs: number): void => {
    startMs = nowMs;
    spentMs = 0;
  };
  return {
    spend(work) {
      const beforeMs = performance.now();
      if (beforeMs - startMs > quietMs) windowsOver = 0;
      if (beforeMs - startMs > windowMs) next(beforeMs);
      try {
        work();
      } finally {
        const nowMs = performance.now();
        spentMs += nowMs - beforeMs;
        if (spentMs > shareMs && !isPaused && host.hasOthers()) {
          isPaused = true;
          if (++windowsOver === floodWindows) host.onFlood();
          host.pause();
          // One long turn is paid for by as long a wait, within reason.
          const waitMs = Math.min(
            1_000,
            Math.max(1, Math.max(windowMs, spentMs * (windowMs / shareMs)) - (nowMs - startMs)),
          );
          timer = setTimeout(() => {
            isPaused = false;
            next(performance.now());
            host.resume();
          }, waitMs);
        }
      }
    },
    close() {
      clearTimeout(timer);
      isPaused = true;
    },
  };
}
