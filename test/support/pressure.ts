// Law: how busy the machine was is measured over the very time that it matters for; an average of the last minute says little of either.
import { existsSync, readFileSync } from 'node:fs';

const path = '/proc/pressure/cpu';

/** Begins to measure; the function it returns gives the share of the time since then in which some work waited for a processor, 0 … 1. Where the system does not tell: 0. */
export function measurePressure(): () => number {
  const begunMs = performance.now();
  const before = stalledMs();
  return () => {
    const elapsedMs = performance.now() - begunMs;
    return elapsedMs <= 0 ? 0 : Math.min(1, (stalledMs() - before) / elapsedMs);
  };
}

function stalledMs(): number {
  if (!existsSync(path)) return 0;
  const match = /^some .*total=(\d+)/m.exec(readFileSync(path, 'utf8'));
  return match === null ? 0 : Number(match[1]) / 1_000;
}
