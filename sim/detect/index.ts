// Law: the door of the detectors.
export { type Cascade, detectCascades } from './cascade.ts';
export { discoveries, type Finding } from './finding.ts';
export { type DetectorOptions, detectHerding, orderParameter, type Round, susceptibility } from './herding.ts';
export { detectImbalance, type ImbalanceOptions } from './imbalance.ts';
export { detectInfluence } from './influence.ts';
export { detectPolarisation, detectTipping, type Polarisation } from './polarisation.ts';
export { createRegimeDetector, detectRegimeChange } from './regime.ts';
export { normal, shuffled, uniform } from './statistics.ts';
export { detectWaves, type Wave } from './waves.ts';
