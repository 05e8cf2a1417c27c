// Law: what CI tries is written down once: the tests run these seeds, and a planted bug is caught by CI where its first seed is one of them.
import { loadScenario } from '../scenarios.ts';

/** In place of a scenario: the engine alone. */
export const consensusLevel = 'consensus';

/** The last seed of `what` that CI runs, from 1 on. */
export function ciSeeds(what: string): number {
  if (what === consensusLevel) return 150;
  if (what === 'swarm') return 40;
  return Math.max(...loadScenario(what).scenario.seeds);
}
