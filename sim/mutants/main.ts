// Law: a kill counts only where the clean code passes the same seed. Mutants live in a copy of the repository; the working tree is read.
// `node sim/mutants/main.ts [--seeds 60] [--only TEXT]` prints mutant, law, first seed and how many seeds that took.
import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { type Mutant, mutants } from './list.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const copied = ['actors', 'consensus', 'node', 'protocols', 'sim', 'test', 'package.json', 'tsconfig.json'];
/** A seed takes about half a second; a hung one is given up by the runner after two minutes. */
const seedTimeoutMs = 150_000;

interface Kill {
  readonly seed: number;
  readonly laws: string;
}

function copyRepository(): string {
  const folder = mkdtempSync(join(tmpdir(), 'parley-mutants-'));
  for (const name of copied) cpSync(join(root, name), join(folder, name), { recursive: true });
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'));
  return folder;
}

/** Throws where an edit does not fit the code exactly once. */
function plant(folder: string, { name, file, edits }: Mutant): void {
  const path = join(folder, file);
  let text = readFileSync(path, 'utf8');
  for (const [from, to] of edits) {
    if (text.split(from).length !== 2)
      throw new Error(
        `the mutant "${name}" does not fit ${file}: ${JSON.stringify(from)} stands there ${text.split(from).length - 1} times`,
      );
    text = text.replace(from, () => to);
  }
  writeFileSync(path, text);
}

/** The first failing seed from `from` on, or undefined. */
function hunt(folder: string, from: number, seeds: number, nodes: number): Kill | undefined {
  const args = [
    'sim/main.ts',
    'fuzz',
    '--from',
    String(from),
    '--seeds',
    String(seeds),
    '--nodes',
    String(nodes),
    '--until-fail',
    '--hang-seconds',
    '20',
  ];
  const { stdout } = spawnSync(process.execPath, args, {
    cwd: folder,
    encoding: 'utf8',
    timeout: seeds * 5_000 + seedTimeoutMs,
  });
  const found = /^FAIL seed=(\d+) laws=(\S+)/m.exec(stdout ?? '');
  return found === null ? undefined : { seed: Number(found[1]), laws: found[2]! };
}

const { values } = parseArgs({ options: { seeds: { type: 'string', default: '60' }, only: { type: 'string' } } });
const seeds = Number(values.seeds);
const chosen = mutants.filter(({ name }) => values.only === undefined || name.includes(values.only));
const clean = copyRepository();
const mutated = copyRepository();
let survivors = 0;
try {
  for (const mutant of chosen) {
    const { name, file, nodes = 4 } = mutant;
    const startedMs = performance.now();
    plant(mutated, mutant);
    let kill: Kill | undefined;
    for (let from = 1; from <= seeds; from = kill!.seed + 1) {
      kill = hunt(mutated, from, seeds - from + 1, nodes);
      if (kill === undefined || hunt(clean, kill.seed, 1, nodes) === undefined) break;
    }
    cpSync(join(root, file), join(mutated, file));
    if (kill === undefined) survivors++;
    const took = `${((performance.now() - startedMs) / 1_000).toFixed(0)} s`;
    console.log(
      kill === undefined
        ? `SURVIVES ${name} (${file}) after ${seeds} seeds, ${took}`
        : `caught   ${name} (${file}) by ${kill.laws} at seed ${kill.seed}, ${took}`,
    );
  }
} finally {
  rmSync(clean, { recursive: true, force: true });
  rmSync(mutated, { recursive: true, force: true });
}
console.log(`${chosen.length - survivors} of ${chosen.length} mutants caught within ${seeds} seeds each`);
if (survivors > 0) process.exitCode = 1;
