import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { scenarios } from './testing/arbitrary-scenario.ts';
import { act } from './testing/otp-actors.ts';
import { type Operation, replay, type Scenario } from './testing/otp-scenario.ts';

/** PARLEY_OTP_SCENARIOS=5000 for a long run, PARLEY_OTP_SEED to repeat one. */
const count = Number(process.env.PARLEY_OTP_SCENARIOS ?? 300);
const seed = Number(process.env.PARLEY_OTP_SEED ?? Math.floor(Math.random() * 2 ** 31));
const source = new URL('./testing/supervisor_oracle.erl', import.meta.url).pathname;

function hasErlang(): boolean {
  const found = spawnSync('erl', ['-noshell', '-eval', 'halt(0).'], { timeout: 30_000 }).status === 0;
  if (!found) console.warn('notice: skipped, erl is not installed: no comparison with the real OTP supervisor');
  return found;
}

function operationTerm(operation: Operation): string {
  const { k, id } = operation;
  if (operation.k === 'die') return `{${k},${id},${operation.r}}`;
  if (operation.k === 'fail') return `{${k},${id},${operation.n}}`;
  if (operation.k === 'start') return `{${k},${id},${operation.restart},${operation.sig}}`;
  return `{${k},${id}}`;
}

function scenarioTerm({ strategy, intensity, autoShutdown, children, ops }: Scenario): string {
  const specs = children.map(({ id, restart, significant }) => `{${id},${restart},${significant}}`);
  return `{${strategy},${intensity},${autoShutdown},[${specs}],[${ops.map(operationTerm)}]}.\n`;
}

/** What the real supervisor does in each scenario. */
function traces(list: readonly Scenario[]): string[][] {
  const folder = mkdtempSync(join(tmpdir(), 'parley-otp-'));
  try {
    writeFileSync(join(folder, 'input'), list.map(scenarioTerm).join(''));
    const run = `{ok, M} = compile:file("${source}", []), M:main(["input", "output"]).`;
    execFileSync('erl', ['-noshell', '-eval', run], { cwd: folder, timeout: 600_000 });
    const lines = readFileSync(join(folder, 'output'), 'utf8').trimEnd().split('\n');
    return lines.map((line) => line.split('|'));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

describe.skipIf(!hasErlang())('the real OTP supervisor, asked now', () => {
  test(`the model and a tree of actors do what it does in ${count} scenarios nobody has seen`, async () => {
    const list = fc.sample(scenarios(), { numRuns: count, seed });
    const expected = traces(list);
    expect(expected).toHaveLength(list.length);
    for (const [index, scenario] of list.entries()) {
      const where = `seed ${seed}, scenario ${index}: ${JSON.stringify(scenario)}`;
      expect(replay(scenario), `model, ${where}`).toEqual(expected[index]);
      expect(await act(scenario), `actors, ${where}`).toEqual(expected[index]);
    }
  }, 600_000);
});
