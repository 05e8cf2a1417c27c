// Law: the door of the model room. Tests and tools enter here; nothing that runs in a node does.
export { explore, type Outcome } from './explore.ts';
export { modelRows, type Row } from './main.ts';
export { type Configuration, configurations, type Mutant, mutants, type Rules, rulesOf } from './rules.ts';
