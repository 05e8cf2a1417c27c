// Law: the door of the faults: plans as data, what carries them out, and the kits of the liars.
export { createInjector, type Injector } from './inject.ts';
export { disguiseOf } from './kits.ts';
export {
  type DrawOptions,
  drawFaultPlan,
  type Fault,
  type FaultAction,
  type FaultPlan,
  type Kit,
  kits,
} from './plan.ts';
