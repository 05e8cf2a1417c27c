// Law: the examples run in the real World, and print only what they say themselves and what is wrong.
import type { SystemWorld } from '../../actors/system/index.ts';
import { realClock, realRandom, realScheduler } from '../../node/world/index.ts';

const clock = realClock();
export const world: SystemWorld = {
  clock,
  random: realRandom(),
  scheduler: realScheduler(clock),
  log(level, text, { actor, node, error } = {}) {
    console.log(`${level}: ${text} (${actor ?? node}: ${error instanceof Error ? error.message : error})`);
  },
};

export const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await sleep(1);
}
