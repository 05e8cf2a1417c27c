// Law: the door of the scenarios: what one says, how it is read, and the case it is with a seed.
export { compile } from './compile.ts';
export { judged } from './expect.ts';
export { checkScenario, parseScenario, ScenarioInvalid } from './read.ts';
export { type Expectations, type Scenario, type ScenarioInput, scenarioSchema } from './schema.ts';
export { readDurationMs } from './units.ts';
