// Law: the door of the mutants of actors/system: all of them, by what they break.
import { acrossNodesMutants } from './across-nodes.ts';
import { askAndTimerMutants } from './asks-and-timers.ts';
import { durableMutants } from './durable.ts';
import type { Mutant } from './mutant.ts';
import { processMutants } from './processes.ts';
import { supervisorMutants } from './supervisor.ts';

export type { Mutant } from './mutant.ts';

export const mutants: readonly Mutant[] = [
  ...supervisorMutants,
  ...processMutants,
  ...askAndTimerMutants,
  ...durableMutants,
  ...acrossNodesMutants,
];
