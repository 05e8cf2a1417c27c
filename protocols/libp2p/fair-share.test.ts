import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { createFairShare } from './fair-share.ts';

beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] }));
afterEach(() => void vi.useRealTimers());

/** A peer whose every message costs this much; it sends whenever it may. */
function peer(costMs: number, options: { readonly hasOthers: boolean }) {
  let isPaused = false;
  let floods = 0;
  let handledMs = 0;
  const share = createFairShare({
    hasOthers: () => options.hasOthers,
    pause: () => {
      isPaused = true;
    },
    resume: () => {
      isPaused = false;
    },
    onFlood: () => void floods++,
  });
  return {
    share,
    /** `everyMs`: it sends no more often than that. */
    run(forMs: number, everyMs = 0) {
      const endMs = performance.now() + forMs;
      while (performance.now() < endMs) {
        if (!isPaused)
          share.spend(() => {
            handledMs += costMs;
            vi.advanceTimersByTime(costMs);
          });
        vi.advanceTimersByTime(isPaused ? 1 : everyMs);
      }
    },
    get floods() {
      return floods;
    },
    get handledMs() {
      return handledMs;
    },
    get isPaused() {
      return isPaused;
    },
  };
}

it('leaves more than half of the time to the others, whatever one peer sends, and says who floods, once', () => {
  const flooder = peer(2, { hasOthers: true });
  flooder.run(60_000);
  expect(flooder.handledMs).toBeLessThan(0.45 * 60_000);
  expect(flooder.handledMs).toBeGreaterThan(0.3 * 60_000);
  expect(flooder.floods).toBe(1);
});

it('makes one long turn wait as long as many short ones', () => {
  const flooder = peer(80, { hasOthers: true });
  flooder.run(60_000);
  expect(flooder.handledMs).toBeLessThan(0.45 * 60_000);
});

it('gives a lone peer all of it', () => {
  const lone = peer(2, { hasOthers: false });
  lone.run(10_000);
  expect([lone.handledMs, lone.floods]).toEqual([10_000, 0]);
});

it('does not take a peer with bursts, or steady work within its share, for a flood', () => {
  const steady = peer(3, { hasOthers: true });
  steady.run(60_000, 10);
  expect(steady.floods).toBe(0);
  const bursts = peer(2, { hasOthers: true });
  for (let i = 0; i < 20; i++) {
    bursts.run(1_000);
    vi.advanceTimersByTime(2_000);
  }
  expect(bursts.floods).toBe(0);
});

it('is silent once it is closed', () => {
  const gone = peer(50, { hasOthers: true });
  gone.run(50);
  expect(gone.isPaused).toBe(true);
  gone.share.close();
  vi.advanceTimersByTime(5_000);
  expect(gone.isPaused).toBe(true);
});
