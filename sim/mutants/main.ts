// Law: a kill counts only where the clean code passes the same seed. Mutants live in a copy of the repository; the working tree is read.
import { spawn } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { CliFailure, exitCodes } from '../../node/cli/index.ts';
import type { Context } from '../cli/context.ts';
import { ciSeeds, consensusLevel } from './ci.ts';
import { mutants as all } from './list.ts';
import type { Mutant } from './mutant.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const copied = ['actors', 'consensus', 'node', 'protocols', 'sim', 'test', 'package.json', 'tsconfig.json'];
/** A seed takes about half a second; one that takes this long hangs, which is a kill. */
const hangAfter = '180s';
const patienceMs = 60_000;
/** A seed of the engine alone costs a fiftieth of one of whole nodes. */
const engineSeedsPerSeed = 50;

export interface MutantsOptions {
  readonly seeds: number;
  readonly kills: number;
  readonly only?: string;
}

interface Kill {
  readonly seed: number;
  readonly laws: readonly string[];
}

interface Row {
  readonly mutant: string;
  readonly file: string;
  /** Those that fired, the most frequent first. */
  readonly laws: readonly string[];
  readonly firstSeed: number | undefined;
  readonly kills: number;
  readonly seeds: number;
  /** What it was hunted with. */
  readonly scenario: string;
}

export async function mutants(context: Context, { seeds, kills: killsMax, only }: MutantsOptions): Promise<number> {
  const { terminal, signal, json } = context;
  if (!existsSync(join(root, 'consensus', 'quorum.ts')))
    throw new CliFailure(
      exitCodes.usage,
      'no_sources',
      'there are no sources here to plant bugs in',
      'Run this in a clone of the repository.',
    );
  const chosen = all.filter(({ name }) => only === undefined || name.includes(only));
  if (chosen.length === 0)
    throw new CliFailure(
      exitCodes.usage,
      'bad_request',
      `no mutant's name holds '${only}'`,
      `There are ${all.length}; leave --only out to hunt them all.`,
    );
  const [clean, mutated] = [copyRepository(), copyRepository()];
  const rows: Row[] = [];
  const width = Math.max(...chosen.map(({ name }) => name.length));
  const shown = ({ mutant, laws, firstSeed, kills, seeds: tried }: Row): string =>
    `${mutant.padEnd(width)}  ${(firstSeed === undefined ? 'SURVIVES' : laws.slice(0, 2).join(',')).padEnd(28)}  ${String(firstSeed ?? '–').padStart(5)}  ${((100 * kills) / tried).toFixed(1).padStart(5)} %`;
  if (!json)
    terminal.out(`${'mutant'.padEnd(width)}  ${'law'.padEnd(28)}  ${'first'.padStart(5)}  ${'rate'.padStart(7)}`);
  try {
    for (const mutant of chosen) {
      const row = await huntOne(mutant, { clean, mutated, seeds, killsMax, signal });
      if (signal.aborted) break;
      rows.push(row);
      if (!json) terminal.out(row.firstSeed === undefined ? terminal.paint.red(shown(row)) : shown(row));
    }
  } finally {
    for (const folder of [clean, mutated]) rmSync(folder, { recursive: true, force: true });
  }
  const caught = rows.filter(({ firstSeed }) => firstSeed !== undefined).length;
  const inCi = rows.filter(
    ({ firstSeed, scenario }) => firstSeed !== undefined && firstSeed <= ciSeeds(scenario),
  ).length;
  if (json) terminal.out(JSON.stringify({ rows, caught, inCi, of: rows.length }, undefined, 2));
  else
    terminal.out(
      `${caught} of ${rows.length} mutants caught within ${seeds} seeds each (of the engine alone ${seeds * engineSeedsPerSeed}), ${inCi} within those that CI runs`,
    );
  if (signal.aborted) return exitCodes.interrupted;
  return caught === rows.length ? exitCodes.ok : exitCodes.failed;
}

interface Hunt {
  readonly clean: string;
  readonly mutated: string;
  readonly seeds: number;
  readonly killsMax: number;
  readonly signal: AbortSignal;
}

async function huntOne(mutant: Mutant, { clean, mutated, seeds: seedsOfNodes, killsMax, signal }: Hunt): Promise<Row> {
  const { name, file, nodes = 4, scenario = 'swarm' } = mutant;
  const of = scenario === consensusLevel ? [] : [scenario, '--nodes', String(nodes)];
  const seeds = scenario === consensusLevel ? seedsOfNodes * engineSeedsPerSeed : seedsOfNodes;
  plant(mutated, mutant);
  const counts = new Map<string, number>();
  let [kills, tried, firstSeed] = [0, 0, undefined as number | undefined];
  while (tried < seeds && kills < killsMax && !signal.aborted) {
    const kill = await firstFailure(mutated, of, tried + 1, seeds - tried, signal);
    tried = kill?.seed ?? seeds;
    if (kill === undefined || (await firstFailure(clean, of, kill.seed, 1, signal)) !== undefined) continue;
    kills++;
    firstSeed ??= kill.seed;
    for (const law of kill.laws) counts.set(law, (counts.get(law) ?? 0) + 1);
  }
  cpSync(join(root, file), join(mutated, file));
  const laws = [...counts].sort(([, a], [, b]) => b - a).map(([law]) => law);
  return { mutant: name, file, laws, firstSeed, kills, seeds: tried, scenario };
}

function copyRepository(): string {
  const folder = mkdtempSync(join(tmpdir(), 'parley-mutants-'));
  for (const name of copied) cpSync(join(root, name), join(folder, name), { recursive: true });
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'));
  return folder;
}

/** Throws where an edit does not fit the code exactly once. */
export function planted(text: string, { name, file, edits }: Mutant): string {
  for (const [from, to] of edits) {
    const times = text.split(from).length - 1;
    if (times !== 1)
      throw new Error(`the mutant "${name}" does not fit ${file}: ${JSON.stringify(from)} stands there ${times} times`);
    text = text.replace(from, () => to);
  }
  return text;
}

function plant(folder: string, mutant: Mutant): void {
  const path = join(folder, mutant.file);
  writeFileSync(path, planted(readFileSync(path, 'utf8'), mutant));
}

/** From seed `from` on, of a scenario or of the engine alone; a copy that does not even start is an error and no kill. */
function firstFailure(
  folder: string,
  of: readonly string[],
  from: number,
  seeds: number,
  signal: AbortSignal,
): Promise<Kill | undefined> {
  const span = ['--from', String(from), '--seeds', String(seeds), '--until-fail'];
  const isWhole = of.length > 0;
  const args = isWhole
    ? ['sim/main.ts', 'fuzz', ...of, ...span, '--hang-after', hangAfter, '-o', 'json']
    : ['consensus/testing/seeds.ts', ...span];
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, args, { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] });
    let [out, err] = ['', ''];
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      out += text;
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      err = (err + text).slice(-2_000);
    });
    const stop = (): void => void child.kill('SIGKILL');
    const timer = setTimeout(stop, seeds * 5_000 + patienceMs);
    signal.addEventListener('abort', stop, { once: true });
    child.once('exit', () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', stop);
      const found = isWhole ? killOfWhole(out) : killOfEngine(out);
      if (found === 'did not run' && !signal.aborted) return reject(new Error(`a copy with a bug did not run: ${err}`));
      resolve(found === 'did not run' ? undefined : found);
    });
  });
}

function killOfWhole(out: string): Kill | undefined | 'did not run' {
  const lines = out.split('\n').filter((line) => line.startsWith('{'));
  if (lines.length === 0) return 'did not run';
  const found = lines.map((line) => JSON.parse(line) as Partial<Kill>).find(({ seed }) => seed !== undefined);
  return found === undefined ? undefined : { seed: found.seed!, laws: found.laws! };
}

function killOfEngine(out: string): Kill | undefined | 'did not run' {
  const [, seed, what] = /^FAIL seed=(\d+) (.*) →/m.exec(out) ?? [];
  if (seed !== undefined) return { seed: Number(seed), laws: [lawOfEngine(what!)] };
  return /^\d+ seeds, 0 alarm/m.test(out) ? undefined : 'did not run';
}

/** Its alarms are sentences about some instance; what they have in common is the law. */
function lawOfEngine(alarm: string): string {
  if (/^two values/.test(alarm)) return 'agreement';
  if (/undecided$/.test(alarm)) return 'liveness';
  if (/^an honest node said two/.test(alarm)) return 'no-double-vote';
  if (/^an honest node locked/.test(alarm)) return 'lock';
  if (/names an honest node$/.test(alarm)) return 'honest-unnamed';
  return alarm.slice(0, 28);
}
