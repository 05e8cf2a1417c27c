// Law: the door of the simulator: run a scenario, or hold a swarm in one's own hands.
export { type CaseNode, drawCase, type Errand, type SimCase } from './case.ts';
export { type Meters, quantile, type Violation } from './check/index.ts';
export { type RunOptions, type RunResult, runCase } from './run.ts';
export {
  checkScenario,
  compile,
  parseScenario,
  type Scenario,
  type ScenarioInput,
  ScenarioInvalid,
} from './scenario/index.ts';
export { loadScenario, shippedScenarios } from './scenarios.ts';
export { type SimulatedRun, type SimulateOptions, SimulationFailed, simulate } from './simulate.ts';
export { type Submission, Swarm, type SwarmOptions, type Watcher } from './swarm.ts';
export { computeTask, planOf } from './workload.ts';
