// Law: the door of the files outside a node's store.
export { createDataSets } from './data-sets.ts';
export { type CertifiedFile, carryOutEffects, certifiedFiles } from './effects.ts';
export { keepEffects } from './keep-effects.ts';
export { createRetention, type Retention } from './retention.ts';
