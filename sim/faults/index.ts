// Law: the door of the faults: plans as data, what carries them out, and the kits of the liars.
export { describeAction } from './describe.ts';
export { createInjector, type Injector } from './inject.ts';
export { disguiseOf } from './kits.ts';
export {
  type DrawOptions,
  drawFaultPlan,
  type Fault,
  type FaultAction,
  type FaultKind,
  type FaultPlan,
  faultKinds,
  faultyNodes,
  type Kit,
  kits,
  type Target,
  type Trigger,
  triggers,
  type When,
  wordKits,
} from './plan.ts';
export { createTwins, type Twins, twinsOf } from './twins.ts';
