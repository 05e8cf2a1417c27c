// Law: the door of the simulator: run a scenario, or hold a swarm in one's own hands.
export { type CaseNode, type Errand, drawCase, type SimCase } from './case.ts';
export { type Meters, quantile, type Violation } from './check/index.ts';
export { type RunOptions, type RunResult, runCase } from './run.ts';
export { checkScenario, compile, parseScenario, type Scenario, ScenarioInvalid, type ScenarioInput } from './scenario/index.ts';
export { loadScenario, shippedScenarios } from './scenarios.ts';
export { simulate, type SimulatedRun, type SimulateOptions, SimulationFailed } from './simulate.ts';
export { type Submission, Swarm, type SwarmOptions, type Watcher } from './swarm.ts';
