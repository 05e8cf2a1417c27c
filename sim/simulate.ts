// Law: a scenario runs from any test runner as it runs from the command line, and a failure says in one line how to see it again.
import { missedLine } from './lines.ts';
import { type RunResult, runCase } from './run.ts';
import { checkScenario, compile, judged, type Scenario, type ScenarioInput } from './scenario/index.ts';
import { loadScenario } from './scenarios.ts';

export interface SimulateOptions {
  /** Default: the scenario's own. */
  readonly seeds?: readonly number[];
}

export interface SimulatedRun extends RunResult {
  readonly seed: number;
}

/** A run broke a law or missed an expectation. `message` is one line per failed seed. */
export class SimulationFailed extends Error {
  override readonly name = 'SimulationFailed';
  readonly runs: readonly SimulatedRun[];
  constructor(lines: readonly string[], runs: readonly SimulatedRun[]) {
    super(lines.join('\n'));
    this.runs = runs;
  }
}

/**
 * Runs a scenario (its fields, the name of one that ships, or the path of a file) once per seed, in virtual time, with the node's own
 * code. Resolves to the runs; rejects with SimulationFailed, or ScenarioInvalid where the scenario is none. While a run lasts, the
 * process's clocks, timers and files are sealed within its event loop turn: run nothing else in this process meanwhile.
 */
export async function simulate(
  scenario: ScenarioInput | string,
  options: SimulateOptions = {},
): Promise<readonly SimulatedRun[]> {
  const checked: Scenario = typeof scenario === 'string' ? loadScenario(scenario).scenario : checkScenario(scenario);
  const runs: SimulatedRun[] = [];
  for (const seed of options.seeds ?? checked.seeds)
    runs.push({ ...judged(checked.expect, await runCase(compile(checked, seed))), seed });
  const failed = runs.filter(({ verdict }) => verdict !== 'ok');
  if (failed.length > 0) {
    const lines = failed.map((run) => missedLine(run, run.seed, `parley sim run ${checked.name} --seed ${run.seed}`));
    throw new SimulationFailed(lines, runs);
  }
  return runs;
}
