// Law: Parley and its peers do the same work in the same run, each case in a process of its own, by turns, measured in CPU nanoseconds of
// the whole process; a run that a busy machine disturbed is made again, and marked where it stays so.
// Usage: npm run bench:actors [-- WORD …]: only the cases whose name holds one of the words. Peers are installed when it first runs.
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
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

/** False, with a notice, where they are not here and cannot be fetched. */
function installPeers(): boolean {
  mkdirSync(installed, { recursive: true });
  const lock = 'package-lock.json';
  const fresh =
    existsSync(join(installed, 'node_modules')) &&
    existsSync(join(installed, lock)) &&
    readFileSync(join(installed, lock), 'utf8') === readFileSync(join(source, lock), 'utf8');
  for (const file of readdirSync(source))
    if (file !== lock || !fresh) cpSync(join(source, file), join(installed, file));
  if (fresh) return true;
  console.log('installing the peers …');
  const { status, stderr } = spawnSync('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund'], {
    cwd: installed,
    encoding: 'utf8',
    timeout: 300_000,
  });
  if (status === 0) return true;
  // The lock file would say that they are there.
  rmSync(join(installed, lock), { force: true });
  console.log(`notice: the peers could not be installed, so there are no columns for them: ${firstError(stderr)}`);
  return false;
}

/** npm's last words are where its log lies, its first ones what is wrong. */
function firstError(text: string | null): string {
  return (text ?? '').split('\n').find((line) => line.startsWith('npm error')) ?? 'npm said nothing';
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

interface Case {
  readonly name: string;
  readonly unit: string;
  /** At most this much, for Parley; `stretch` is what would be better still. */
  readonly goal?: number;
  readonly stretch?: number;
  /** Is Parley to be four times as good as the best peer, better eight times? */
  readonly againstPeers?: boolean;
}

const message = { unit: 'ns per message', goal: 60, stretch: 32, againstPeers: true } as const;
const cases: readonly Case[] = [
  { name: 'ping-pong', ...message },
  { name: 'ping-pong, traced', unit: 'ns per message', goal: 60, stretch: 32 },
  { name: 'ring, 1 token', ...message },
  { name: 'ring, 100 tokens', ...message },
  { name: 'fan-in, bounded', ...message },
  { name: 'fan-in, flooded', unit: 'ns per message' },
  { name: 'queue of 1,000', unit: 'ns per message', goal: 60, stretch: 32 },
  { name: 'queue of 1,000,000', unit: 'ns per message', goal: 60, stretch: 32 },
  { name: 'spawn', unit: 'ns per actor and message', goal: 900, stretch: 500 },
  { name: 'ask', unit: 'ns per question', goal: 300, stretch: 180 },
  { name: 'idle', unit: 'bytes per actor', goal: 500, stretch: 300 },
  { name: 'gap', unit: 'CPU ms, largest loop gap', goal: 10, stretch: 5 },
];
const peerGoal = { goal: 4, stretch: 8 };
/** Times: what differs is memory that is touched for the first time. A queue that moves its messages would need hundreds. */
const queueGoal = 2;
const swarmGoal = 1;

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

/** `≤ 60 met, stretch ≤ 32 missed`. */
function judged(value: number, sign: '≤' | '≥', goal: number, stretch?: number): string {
  const says = (bound: number): string =>
    `${sign} ${bound} ${(sign === '≤' ? value <= bound : value >= bound) ? 'met' : 'MISSED'}`;
  return `${says(goal)}${stretch === undefined ? '' : `, stretch ${says(stretch).toLowerCase()}`}`;
}

function verdict({ goal, stretch, againstPeers }: Case, own: Measured | undefined, ratio: number): string {
  if (own === undefined) return 'not measured';
  return [
    ...(goal === undefined ? [] : [judged(own.value, '≤', goal, stretch)]),
    ...(againstPeers === true && Number.isFinite(ratio)
      ? [`× best peer: ${judged(ratio, '≥', peerGoal.goal, peerGoal.stretch)}`]
      : []),
  ].join('; ');
}

function availablePrograms(): Map<string, Run> {
  const programs = new Map<string, Run>([['parley', node(here, 'actors-parley.ts')]]);
  if (installPeers())
    for (const peer of ['xstate', 'nact', 'effect']) programs.set(peer, node(installed, `${peer}.mjs`));
  const otp = erlang();
  if (otp === undefined) console.log('notice: erl is not installed: no column for Erlang/OTP');
  else programs.set('erlang', otp);
  return programs;
}

function showSwarm(): void {
  const runs = [1, 2, 3].map(() => runSwarm({ nodes: 1000, virtualMs: 30_000, seed: 7 }));
  const [first] = runs;
  const rate = Math.max(...runs.map(({ events, cpuSeconds }) => events / cpuSeconds)) / 1e6;
  const best = Math.max(...runs.map(({ bestRate }) => bestRate)) / 1e6;
  const isSame = runs.every(({ traceHash }) => traceHash === first!.traceHash);
  const same = isSame ? `trace ${first!.traceHash} every time` : 'TRACES DIFFER';
  console.log(
    `swarm of 1,000 nodes × 3 actors, 30 s virtual: ${first!.events} events, ${first!.remote} of them between nodes, ${rate.toFixed(2)} million per CPU second (${judged(rate, '≥', swarmGoal)}), ${best.toFixed(2)} in the tenth that was disturbed least, ${same}`,
  );
}

function main(words: readonly string[]): void {
  const programs = availablePrograms();
  const names = [...programs.keys()];
  const cell = (text: string): string => text.padStart(9);
  console.log(`CPU figures, best of ${repeats} processes; ~ marks those that a busy machine disturbed`);
  console.log(['case'.padEnd(20), ...names.map(cell), cell('× best'), '  unit: goals of Parley'].join(''));
  const own = new Map<string, number>();
  for (const one of cases) {
    if (words.length > 0 && !words.some((word) => one.name.includes(word))) continue;
    const figures = names.map((program) => measure(program, programs.get(program)!, one.name));
    const [ours, ...others] = figures;
    if (ours !== undefined) own.set(one.name, ours.value);
    const best = Math.min(...others.flatMap((figure) => (figure === undefined ? [] : [figure.value])));
    const ratio = ours === undefined ? Number.NaN : best / ours.value;
    const columns = figures.map((figure) => cell(shown(figure, one.name === 'gap' ? 1 : 0)));
    const goals = verdict(one, ours, ratio);
    console.log(
      [
        one.name.padEnd(20),
        ...columns,
        cell(Number.isFinite(ratio) ? ratio.toFixed(1) : '–'),
        `  ${one.unit}${goals === '' ? '' : `: ${goals}`}`,
      ].join(''),
    );
  }
  const [short, long] = [own.get('queue of 1,000'), own.get('queue of 1,000,000')];
  if (short !== undefined && long !== undefined)
    console.log(
      `a message of a queue of a million costs ${(long / short).toFixed(2)} times one of a thousand (${judged(long / short, '≤', queueGoal)})`,
    );
  if (words.length === 0 || words.includes('swarm')) showSwarm();
}

main(process.argv.slice(2));
