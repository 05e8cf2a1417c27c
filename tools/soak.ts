// Law: what is too long for every commit still has a name and one command: `npm run soak -- NAME [ARGUMENTS…]` runs it, all of them
// without a name, at low priority, and the exit code is the worst of all.
import { spawnSync } from 'node:child_process';
import { constants, setPriority } from 'node:os';
import { root } from './source.ts';

interface LongRun {
  readonly name: string;
  readonly shows: string;
  /** Of Node, from the repository's root. */
  readonly command: readonly string[];
}

const runs: readonly LongRun[] = [
  {
    name: 'consensus',
    shows: 'the engine agrees, never votes twice and decides, in 20,000 meshes with faults and equivocators',
    command: ['consensus/testing/seeds.ts', '--seeds', '20000'],
  },
];

const [name, ...rest] = process.argv.slice(2);
const chosen = runs.filter((run) => name === undefined || run.name === name);
if (chosen.length === 0) {
  console.error(`there is no long run ${name}; there are:`);
  for (const run of runs) console.error(`  ${run.name}: ${run.shows}`);
  process.exit(2);
}
// Whoever works on the machine goes first.
setPriority(constants.priority.PRIORITY_LOW);
let worst = 0;
for (const { name: title, shows, command } of chosen) {
  console.log(`${title}: ${shows}`);
  const { status } = spawnSync(process.execPath, [...command, ...rest], { cwd: root, stdio: 'inherit' });
  worst = Math.max(worst, status ?? 1);
}
process.exitCode = worst;
