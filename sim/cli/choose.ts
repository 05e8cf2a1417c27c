// Law: what to run is named the same way everywhere: a scenario that ships, a file, or `swarm` for a mesh whose faults and work are drawn from
// the seed.
import { CliFailure, exitCodes } from '../../node/cli/index.ts';
import { drawCase } from '../case.ts';
import { compile } from '../scenario/index.ts';
import { importScenario, shippedScenarios } from '../scenarios.ts';
import type { Job } from './pool.ts';

export const swarmName = 'swarm';

export interface Choice {
  readonly name: string;
  readonly about: string;
  /** Those that CI runs. */
  readonly seeds: readonly number[];
  job(seed: number): Job;
}

/** `nodes` is of `swarm` alone: a scenario says its own. */
export async function choose(name: string, nodes: number, program: string): Promise<Choice> {
  if (name === swarmName)
    return {
      name,
      about: `${nodes} nodes under work and faults drawn from the seed`,
      seeds: [1],
      job: (seed) => ({
        name,
        simCase: drawCase(seed, nodes),
        command: `${program} run ${swarmName} --seed ${seed} --nodes ${nodes}`,
      }),
    };
  const { scenario } = await importScenario(name);
  return {
    name: scenario.name,
    about: scenario.about,
    seeds: scenario.seeds,
    job: (seed) => ({
      name: scenario.name,
      simCase: compile(scenario, seed),
      expect: scenario.expect,
      command: `${program} run ${name} --seed ${seed}`,
    }),
  };
}

/** `all`: every scenario that ships, and `swarm`. */
export async function chooseAll(names: readonly string[], nodes: number, program: string): Promise<Choice[]> {
  const wanted =
    names.length === 0
      ? [swarmName]
      : names.flatMap((name) => (name === 'all' ? [swarmName, ...shippedScenarios()] : [name]));
  return Promise.all(wanted.map((name) => choose(name, nodes, program)));
}

export function parseSeed(text: string): number {
  const seed = Number(text);
  if (text.trim() !== '' && Number.isInteger(seed) && seed >= 0 && seed <= Number.MAX_SAFE_INTEGER) return seed;
  throw new CliFailure(exitCodes.usage, 'bad_request', `'${text}' is no seed`, 'A seed is a whole number from 0 on.');
}
