// Law: Parley and its peers do the same work in the same run, each case in a process of its own, by turns, measured in CPU nanoseconds of
// the whole process; a run that a busy machine disturbed is made again, and marked where it stays so.
// Usage: npm run bench:actors [-- WORD …]: only the cases whose name holds one of the words. Peers are installed when it first runs.
import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { runSwarm } from './actors-swarm.ts';

const here = fileURLToPath(new URL('.', import.meta.url));
const source = join(here, 'peers');
/** Outside of the sources, so that no tool takes the peers' files for ours. */
const installed = fileURLToPath(new URL('../../node_modules/.cache/parley-bench-peers/', import.meta.url));

interface Figures {
  readonly absent?: boolean;
  readonly best: number;
  readonly median?: number;
  /** CPU milliseconds of a fixed loop in the same process. */
  readonly loopMs: number;
}

type Run = (name: string) => Figures | undefined;

function installPeers(): void {
  mkdirSync(installed, { recursive: true });
  const lock = 'package-lock.json';
  const fresh =
    existsSync(join(installed, 'node_modules')) &&
    existsSync(join(installed, lock)) &&
    readFileSync(join(installed, lock), 'utf8') === readFileSync(join(source, lock), 'utf8');
  for (const file of readdirSync(source))
    if (file !== lock || !fresh) cpSync(join(source, file), join(installed, file));
  if (fresh) return;
  console.log('installing the peers …');
  execFileSync('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund'], {
    cwd: installed,
    stdio: ['ignore', 'ignore', 'inherit'],
  });
}

function figuresOf(command: string, args: readonly string[], cwd: string): Figures | undefined {
  const { stdout, status, stderr } = spawnSync(command, args, { cwd, encoding: 'utf8', timeout: 120_000 });
  const line = stdout?.trim().split('\n').at(-1) ?? '';
  if (status !== 0 || !line.startsWith('{')) {
    console.error(`${command} ${args.join(' ')} failed: ${stderr.trim().split('\n').slice(0, 3).join(' ')}`);
    return undefined;
  }
  const figures = JSON.parse(line) as Figures;
  return figures.absent === true ? undefined : figures;
}

function erlang(): Run | undefined {
  const compile = `case compile:file("parley_bench", []) of {ok, _} -> halt(0); _ -> halt(1) end.`;
  const { status } = spawnSync('erl', ['-noshell', '-eval', compile], { cwd: installed, timeout: 60_000 });
  if (status !== 0) return undefined;
  const options = ['+S', '1:1', '+P', '2000000', '-noshell', '-s', 'parley_bench', 'main'];
  return (name) => figuresOf('erl', [...options, name], installed);
}

const node =
  (folder: string, program: string): Run =>
  (name) =>
    figuresOf(process.execPath, ['--expose-gc', join(folder, program), name], folder);

/** Name, what its figures are, and the goal for Parley. */
const cases: readonly (readonly [name: string, unit: string, goal: number | undefined])[] = [
  ['ping-pong', 'ns per message', 60],
  ['ping-pong, traced', 'ns per message', 60],
  ['ring, 1 token', 'ns per message', 60],
  ['ring, 100 tokens', 'ns per message', 60],
  ['fan-in, bounded', 'ns per message', 60],
  ['fan-in, flooded', 'ns per message', undefined],
  ['spawn', 'ns per actor and message', 900],
  ['ask', 'ns per question', 300],
  ['idle', 'bytes per actor', 500],
  ['gap', 'CPU ms, largest loop gap', 10],
];

const repeats = 3;
/** A loop that takes this much longer than the best seen was disturbed. */
const disturbed = 1.12;
/** An Erlang loop is another loop. */
const bestLoopMs = new Map<string, number>();

interface Measured {
  readonly value: number;
  readonly noisy: boolean;
}

function measure(program: string, run: Run, name: string): Measured | undefined {
  const loop = program === 'erlang' ? 'erlang' : 'node';
  const kept: Figures[] = [];
  let all: Figures[] = [];
  for (let attempt = 0; attempt < 2 * repeats && kept.length < repeats; attempt++) {
    const figures = run(name);
    if (figures === undefined) return undefined;
    all = [...all, figures];
    bestLoopMs.set(loop, Math.min(bestLoopMs.get(loop) ?? Number.POSITIVE_INFINITY, figures.loopMs));
    if (figures.loopMs <= bestLoopMs.get(loop)! * disturbed) kept.push(figures);
  }
  const used = kept.length > 0 ? kept : all;
  return { value: Math.min(...used.map(({ best }) => best)), noisy: kept.length < repeats };
}

function shown(measured: Measured | undefined, digits: number): string {
  return measured === undefined ? '–' : `${measured.value.toFixed(digits)}${measured.noisy ? '~' : ''}`;
}

function main(words: readonly string[]): void {
  installPeers();
  const programs = new Map<string, Run>([
    ['parley', node(here, 'actors-parley.ts')],
    ['xstate', node(installed, 'xstate.mjs')],
    ['nact', node(installed, 'nact.mjs')],
    ['effect', node(installed, 'effect.mjs')],
  ]);
  const otp = erlang();
  if (otp === undefined) console.log('erl is not installed: no column for Erlang/OTP');
  else programs.set('erlang', otp);

  const names = [...programs.keys()];
  const cell = (text: string): string => text.padStart(9);
  const title = ['case'.padEnd(18), ...names.map(cell), cell('× best'), '  unit (goal)'].join('');
  console.log(`CPU figures, best of ${repeats} processes; ~ marks those that a busy machine disturbed\n${title}`);
  for (const [name, unit, goal] of cases) {
    if (words.length > 0 && !words.some((word) => name.includes(word))) continue;
    const figures = names.map((program) => measure(program, programs.get(program)!, name));
    const [own, ...others] = figures;
    const best = Math.min(...others.flatMap((figure) => (figure === undefined ? [] : [figure.value])));
    const ratio = own === undefined || !Number.isFinite(best) ? '–' : (best / own.value).toFixed(1);
    const digits = name === 'gap' ? 1 : 0;
    const goalText = goal === undefined ? '' : ` (≤ ${goal}${own !== undefined && own.value > goal ? ', MISSED' : ''})`;
    console.log(
      [
        name.padEnd(18),
        ...figures.map((figure) => cell(shown(figure, digits))),
        cell(ratio),
        `  ${unit}${goalText}`,
      ].join(''),
    );
  }
  if (words.length > 0 && !words.includes('swarm')) return;
  const runs = [1, 2].map(() => runSwarm({ nodes: 1000, virtualMs: 30_000, seed: 7 }));
  const [first, second] = runs;
  const rate = Math.max(...runs.map(({ events, cpuSeconds }) => events / cpuSeconds)) / 1e6;
  const same = first!.traceHash === second!.traceHash ? `trace ${first!.traceHash} both times` : 'TRACES DIFFER';
  console.log(
    `swarm of 1,000 nodes × 3 actors, 30 s virtual: ${first!.events} events, ${first!.remote} of them between nodes, ${rate.toFixed(2)} million per CPU second (goal ≥ 1), ${same}`,
  );
}

main(process.argv.slice(2));
