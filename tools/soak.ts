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
  /** It measures how fast real processes answer: at low priority it would measure the others' work. */
  readonly isTimed?: true;
}

const runs: readonly LongRun[] = [
  {
    name: 'consensus',
    shows: 'the engine agrees, never votes twice and decides, in 20,000 meshes with faults and equivocators',
    command: ['consensus/testing/seeds.ts', '--seeds', '20000'],
  },
  {
    name: 'events',
    shows: 'a hundred consumers of the event bus are killed, on either carrier; nothing is lost or out of order (100)',
    command: ['test/soak/events.ts'],
  },
  {
    name: 'nats',
    shows: 'servers of a NATS cluster are killed; nothing accepted or acknowledged is lost, the gap is p99 ≤ 2 s (30)',
    command: ['test/soak/nats.ts'],
    isTimed: true,
  },
  {
    name: 'intents',
    shows:
      'the leader of the queue’s stream is killed; intents go on being acknowledged, p99 ≤ 2 s, each with one result (10)',
    command: ['test/soak/intents.ts'],
    isTimed: true,
  },
  {
    name: 'membership',
    shows:
      'a killed node is known dead in 5 s; on a lossy network beside a busy core no node that stands still is (--minutes 30, --part kills|pauses)',
    command: ['test/soak/main.ts', 'membership'],
    isTimed: true,
  },
  {
    name: 'sites',
    shows:
      'two sites lose nothing whatever the link between them does, and the one with a quorum never waits (--minutes 30)',
    command: ['test/soak/main.ts', 'sites'],
    isTimed: true,
  },
  {
    name: 'simulator',
    shows: 'the whole node keeps every law over kept cases, every scenario, and drawn faults (--budget 30m)',
    command: ['sim/main.ts', 'fuzz', 'all', '--jobs', '2', '--budget', '30m'],
  },
  {
    name: 'simulator-mutants',
    shows: 'the simulator finds every bug planted in a copy of the code (--seeds 1000)',
    command: ['sim/main.ts', 'mutants', '--seeds', '1000'],
  },
];

const [name, ...rest] = process.argv.slice(2);
const chosen = runs
  .filter((run) => name === undefined || run.name === name)
  // A priority that was lowered cannot be raised again.
  .sort((a, b) => Number(b.isTimed ?? false) - Number(a.isTimed ?? false));
if (chosen.length === 0) {
  console.error(`there is no long run ${name}; there are:`);
  for (const run of runs) console.error(`  ${run.name}: ${run.shows}`);
  process.exit(2);
}
let worst = 0;
for (const { name: title, shows, command, isTimed } of chosen) {
  console.log(`${title}: ${shows}`);
  // Whoever works on the machine goes first.
  if (isTimed === undefined) setPriority(constants.priority.PRIORITY_LOW);
  const { status } = spawnSync(process.execPath, [...command, ...rest], { cwd: root, stdio: 'inherit' });
  worst = Math.max(worst, status ?? 1);
}
process.exitCode = worst;
