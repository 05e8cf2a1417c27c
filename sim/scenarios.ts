// Law: a scenario is found by the name of one that ships or by the path of a file, and what is not found says what there is.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { checkScenario, parseScenario, type Scenario, type ScenarioInput, ScenarioInvalid } from './scenario/index.ts';

const here = fileURLToPath(new URL('.', import.meta.url));
/** Beside the sources in a clone; a package keeps them where they were. */
const folder = existsSync(join(here, 'scenarios'))
  ? join(here, 'scenarios')
  : join(here, '..', '..', 'sim', 'scenarios');

export function shippedScenarios(): string[] {
  return readdirSync(folder)
    .filter((name) => name.endsWith('.yaml'))
    .map((name) => name.slice(0, -'.yaml'.length))
    .sort();
}

export interface LoadedScenario {
  readonly scenario: Scenario;
  /** As it is typed again. */
  readonly name: string;
}

/** YAML, by shipped name or by path. `change` sets fields before the check. Throws ScenarioInvalid. */
export function loadScenario(nameOrPath: string, change?: (raw: object) => void): LoadedScenario {
  const isShipped = shippedScenarios().includes(nameOrPath);
  const path = isShipped ? join(folder, `${nameOrPath}.yaml`) : nameOrPath;
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    const why = (error as NodeJS.ErrnoException).code === 'ENOENT' ? 'there is no such file' : (error as Error).message;
    throw new ScenarioInvalid([
      `no scenario '${nameOrPath}': ${why}. Those that ship: ${shippedScenarios().join(', ')}; any other is the path of a .yaml or .ts file`,
    ]);
  }
  return { scenario: parseScenario(text, isShipped ? basename(path) : path, change), name: nameOrPath };
}

/** As `loadScenario`, and a module too, whose default export is the scenario's fields. */
export async function importScenario(nameOrPath: string, change?: (raw: object) => void): Promise<LoadedScenario> {
  if (!/\.m?[tj]s$/.test(nameOrPath)) return loadScenario(nameOrPath, change);
  if (!existsSync(nameOrPath)) return loadScenario(nameOrPath);
  const module = (await import(pathToFileURL(nameOrPath).href)) as { readonly default?: unknown };
  if (typeof module.default !== 'object' || module.default === null)
    throw new ScenarioInvalid([
      `${nameOrPath}: its default export is no scenario; \`export default { name: '…', … }\``,
    ]);
  const raw = structuredClone(module.default);
  change?.(raw);
  return { scenario: checkScenario(raw as ScenarioInput), name: nameOrPath };
}
