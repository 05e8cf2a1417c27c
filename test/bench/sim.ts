// Law: the simulator beside SimPy and ns-3 at the same gossip work, in the same run, by CPU time: events per CPU second, since each draws
// its own topology. Start included, with the code compiled beforehand, as ns-3's is. Then the node's own code: full nodes in virtual time, and seeds of the engine. Goals stand beside what was measured.
// Usage: npm run bench:sim
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

interface Measured {
  readonly events: number;
  readonly delivered: number;
  readonly messages: number;
  readonly cpuSeconds: number;
  readonly rssBytes: number;
  readonly virtualSeconds: number;
}

const here = (name: string): string => fileURLToPath(new URL(name, import.meta.url));
const megabytes = (bytes: number): number => Math.round(bytes / 1e6);
const rate = ({ events, cpuSeconds }: Measured): number => events / cpuSeconds;
/** Loud machines slow one run or another: the best of so many is nearest to the code's own cost. */
const rounds = 2;
let missed = 0;

function tell(what: string, got: string, goal: string, isMet: boolean): void {
  if (!isMet) missed++;
  console.log(`  ${isMet ? 'met   ' : 'MISSED'} ${what.padEnd(58)} ${got.padEnd(26)} goal ${goal}`);
}

function run(command: string, args: readonly string[], env: NodeJS.ProcessEnv = process.env): Measured {
  return JSON.parse(execFileSync(command, args, { encoding: 'utf8', maxBuffer: 1 << 24, env })) as Measured;
}

/** In turn, so that a loud minute hits all; undefined where the peer is absent. */
function best(contenders: readonly ((() => Measured) | undefined)[]): (Measured | undefined)[] {
  const found: (Measured | undefined)[] = contenders.map(() => undefined);
  for (let round = 0; round < rounds; round++)
    for (const [i, contender] of contenders.entries()) {
      if (contender === undefined) continue;
      const measured = contender();
      if (found[i] === undefined || rate(measured) > rate(found[i])) found[i] = measured;
    }
  return found;
}

const folder = mkdtempSync(join(tmpdir(), 'parley-bench-sim-'));
try {
  const python = '/usr/bin/python3';
  const hasSimpy =
    existsSync(python) && spawnSync(python, ['-c', 'from SimPy.Simulation import simulate']).status === 0;
  if (!hasSimpy) console.log('SimPy is not installed (python3-simpy): left out');
  const ns3 = join(folder, 'gossip');
  const built = spawnSync('g++', ['-O2', '-w', '-o', ns3, here('sim-gossip.ns3.cc'), '-lns3-core']);
  const hasNs3 = built.status === 0;
  if (!hasNs3) console.log('ns-3 or g++ is not installed (libns3-dev): left out');

  const compiled = { ...process.env, NODE_COMPILE_CACHE: join(folder, 'compiled') };
  const parley = (nodes: number, messages: number) => (): Measured =>
    run(process.execPath, [here('sim-gossip.ts'), `${nodes}`, `${messages}`, '1'], compiled);
  parley(10, 1)();
  const simpy = (nodes: number, messages: number) =>
    hasSimpy ? () => run(python, [here('sim-gossip.simpy.py'), `${nodes}`, `${messages}`, '1']) : undefined;
  const inNs3 = (nodes: number, messages: number) =>
    hasNs3 ? () => run(ns3, [`${nodes}`, `${messages}`, '1']) : undefined;
  const line = (who: string, measured: Measured | undefined): void => {
    if (measured === undefined) return;
    console.log(
      `  ${who.padEnd(8)} ${(rate(measured) / 1e6).toFixed(2)} M events per CPU s, ${(measured.virtualSeconds / measured.cpuSeconds).toFixed(1)} × real time, ${megabytes(measured.rssBytes)} MB, ${measured.messages} messages, ${measured.delivered} delivered`,
    );
  };

  console.log('1,000 nodes, 60 messages, 80 virtual seconds');
  const [small, smallSimpy, smallNs3] = best([parley(1_000, 60), simpy(1_000, 60), inNs3(1_000, 60)]);
  for (const [who, measured] of [
    ['Parley', small],
    ['SimPy', smallSimpy],
    ['ns-3', smallNs3],
  ] as const)
    line(who, measured);
  const smallSpeed = small!.virtualSeconds / small!.cpuSeconds;
  tell('speed on one core', `${smallSpeed.toFixed(0)} × real time`, '≥ 80 ×', smallSpeed >= 80);
  tell('memory', `${megabytes(small!.rssBytes)} MB`, '≤ 200 MB', small!.rssBytes <= 200e6);

  console.log('10,000 nodes, 10 messages, 30 virtual seconds');
  const [large, largeNs3] = best([parley(10_000, 10), inNs3(10_000, 10)]);
  // It takes half a minute, and its distance from the goal is no matter of luck.
  const largeSimpy = simpy(10_000, 10)?.();
  for (const [who, measured] of [
    ['Parley', large],
    ['SimPy', largeSimpy],
    ['ns-3', largeNs3],
  ] as const)
    line(who, measured);
  const largeSpeed = large!.virtualSeconds / large!.cpuSeconds;
  tell('speed on one core', `${largeSpeed.toFixed(1)} × real time`, '≥ 5 ×', largeSpeed >= 5);
  if (largeNs3 !== undefined) {
    const ratio = rate(large!) / rate(largeNs3);
    tell('beside ns-3', `${ratio.toFixed(2)} ×`, '≥ 1.0 ×', ratio >= 1);
  }
  if (largeSimpy !== undefined) {
    const ratio = rate(large!) / rate(largeSimpy);
    tell('beside SimPy', `${ratio.toFixed(1)} ×`, '≥ 8 ×', ratio >= 8);
  }

  console.log('100,000 nodes, 5 messages, 25 virtual seconds');
  const huge = parley(100_000, 5)();
  line('Parley', huge);
  tell('completes, every message everywhere', `${huge.delivered} delivered`, '500000', huge.delivered === 500_000);
  tell('memory', `${megabytes(huge.rssBytes)} MB`, '≤ 1500 MB', huge.rssBytes <= 1_500e6);

  interface FullNodes {
    readonly startSeconds: number;
    readonly cpuSeconds: number;
    readonly virtualSeconds: number;
    readonly submitted: number;
    readonly completed: number;
    readonly rssBytes: number;
  }
  const full = (...shape: readonly number[]): FullNodes =>
    JSON.parse(execFileSync(process.execPath, [here('sim-full.ts'), ...shape.map(String)], { encoding: 'utf8' }));
  const speedOf = ({ virtualSeconds, cpuSeconds }: FullNodes): number => virtualSeconds / cpuSeconds;
  const fullLine = ({ startSeconds, rssBytes, completed, submitted }: FullNodes): void =>
    console.log(
      `  started in ${startSeconds.toFixed(1)} CPU s; ${megabytes(rssBytes)} MB; ${completed} of ${submitted} workflows completed, known at every node`,
    );
  console.log(
    '1,000 full nodes of production code in one mesh: 7 members, 24 workers, 969 observers; 6 workflows a minute',
  );
  const thousand = full(1, 7, 24, 969, 20);
  fullLine(thousand);
  tell(
    'speed on one core',
    `${speedOf(thousand).toFixed(2)} × real time`,
    '≥ 1 × (stretch 5 ×)',
    speedOf(thousand) >= 1 && thousand.completed === thousand.submitted,
  );
  console.log('1,000 full nodes in 250 meshes of 4 members each; 6 workflows a minute in each mesh');
  const many = full(250, 4, 0, 0, 20);
  fullLine(many);
  tell('speed on one core', `${speedOf(many).toFixed(2)} × real time`, '≥ 1 × (stretch 5 ×)', speedOf(many) >= 1);

  console.log('the engine alone, production code but for its signatures');
  const seeds = 400;
  const engine = execFileSync(process.execPath, [here('../../consensus/testing/seeds.ts'), '--seeds', `${seeds}`], {
    encoding: 'utf8',
  });
  const perHour = Number(/(\d+) seeds per CPU hour/.exec(engine)?.[1]);
  tell('seeds of meshes with faults and equivocators', `${perHour} per CPU hour`, '≥ 200000', perHour >= 200_000);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
console.log(missed === 0 ? 'every goal met' : `${missed} goal(s) missed`);
process.exitCode = missed === 0 ? 0 : 1;
