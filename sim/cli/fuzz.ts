// Law: many seeds, one line for each that fails and nothing for those that pass; a set of runs that never reached a state says so.
import { join } from 'node:path';
import { CliFailure, exitCodes } from '../../node/cli/index.ts';
import { sometimesNames } from '../check/index.ts';
import { lineOf } from '../lines.ts';
import { regressionJobs } from '../regressions.ts';
import { sourceHash } from '../source-hash.ts';
import { caseFileName, caseFileOf, casesFolder, saveCaseFile } from './case-file.ts';
import { type Choice, chooseAll } from './choose.ts';
import type { Context } from './context.ts';
import { type Job, type Outcome, runJobs } from './pool.ts';

export interface FuzzOptions {
  readonly from: number;
  readonly seeds?: number;
  readonly budgetMs?: number;
  readonly nodes: number;
  readonly jobs: number;
  readonly untilFail: boolean;
  readonly hangMs: number;
  /** Folder of the failing cases. */
  readonly out?: string;
}

const seedsDefault = 200;
const progressMs = 10_000;

export async function fuzz(context: Context, names: readonly string[], options: FuzzOptions): Promise<number> {
  const { terminal, program, signal, json } = context;
  const { from, nodes, jobs, budgetMs, untilFail, hangMs } = options;
  const choices = await chooseAll(names, nodes, program);
  const seeds = options.seeds ?? (budgetMs === undefined ? seedsDefault : Number.POSITIVE_INFINITY);
  const startedMs = performance.now();
  const cpu = process.cpuUsage();
  const reached = new Map<string, number>();
  const failures: object[] = [];
  let done = 0;

  const elapsedMs = (): number => performance.now() - startedMs;
  const rate = (): string => ((60_000 * done) / Math.max(1, elapsedMs())).toFixed(0);
  const progress = (): string =>
    `${done} runs, ${failures.length} failed, ${rate()} seeds/min, ${(elapsedMs() / 1_000).toFixed(0)} s`;
  // A person sees one line that changes; a log gets one now and then.
  const isWatched = terminal.width !== undefined;
  const tick = setInterval(
    () => terminal.err(isWatched ? `\u001b[1A\u001b[2K${progress()}` : progress()),
    isWatched ? 1_000 : progressMs,
  );
  if (isWatched) terminal.err(progress());

  const onEnd = (job: Job, outcome: Outcome): void => {
    done++;
    if (outcome.kind === 'ended') {
      for (const name of outcome.result.reached) reached.set(name, (reached.get(name) ?? 0) + 1);
      if (outcome.result.verdict === 'ok') return;
    }
    const failure = failureOf(context, job, outcome, options.out ?? casesFolder(context.cwd));
    failures.push(failure);
    if (json) terminal.out(JSON.stringify(failure));
    else terminal.out(terminal.paint.red(failure.line) + failure.more);
  };
  await runJobs({
    jobs: jobsOf(names.includes('all') ? regressionJobs(program) : [], choices, from, seeds),
    threads: jobs,
    hangMs,
    isOver: () =>
      signal.aborted || (budgetMs !== undefined && elapsedMs() > budgetMs) || (untilFail && failures.length > 0),
    onEnd,
  });
  clearInterval(tick);

  const { user, system } = process.cpuUsage(cpu);
  const cpuMinutes = (user + system) / 60e6;
  const unmet = sometimesNames.filter((name) => !reached.has(name));
  const summary = {
    runs: done,
    failures: failures.length,
    seconds: Math.round(elapsedMs() / 1_000),
    seedsPerMinute: Number(rate()),
    seedsPerCpuMinute: Math.round(done / cpuMinutes),
    code: sourceHash(),
    reached: Object.fromEntries(sometimesNames.map((name) => [name, reached.get(name) ?? 0])),
  };
  if (json) terminal.out(JSON.stringify(summary));
  else {
    terminal.out(
      `${done} runs of ${choices.length === 1 ? choices[0]!.name : `${choices.length} scenarios`}, ${failures.length} failed, ${summary.seconds} s, ${rate()} seeds per minute, ${summary.seedsPerCpuMinute} per CPU minute, code=${summary.code}`,
    );
    for (const name of sometimesNames)
      terminal.out(
        `  ${String(reached.get(name) ?? 0).padStart(6)}  ${name}${reached.has(name) ? '' : terminal.paint.yellow('  ← never reached')}`,
      );
  }
  if (signal.aborted) return exitCodes.interrupted;
  if (failures.length > 0) return exitCodes.failed;
  // A handful of seeds proves nothing by what it did not reach.
  const isWhole = done >= seedsDefault && choices.some(({ name }) => name === 'swarm');
  if (isWhole && unmet.length > 0)
    throw new CliFailure(
      exitCodes.failed,
      'never_reached',
      `${done} runs never reached: ${unmet.join(', ')}`,
      'The adversary is too tame, or the code cannot get there any more.',
    );
  return exitCodes.ok;
}

/** Regressions first, then seed by seed over every choice. */
function* jobsOf(first: readonly Job[], choices: readonly Choice[], from: number, seeds: number): Generator<Job> {
  yield* first;
  for (let seed = from; seed < from + seeds; seed++) for (const choice of choices) yield choice.job(seed);
}

interface Failure {
  readonly name: string;
  readonly seed: number;
  readonly laws: readonly string[];
  readonly command: string;
  readonly code: string;
  readonly caseFile?: string;
  readonly line: string;
  /** What broke first, in words. */
  readonly more: string;
}

function failureOf(
  { program }: Context,
  { name, simCase, expect, command }: Job,
  outcome: Outcome,
  folder: string,
): Failure {
  const { seed } = simCase;
  const common = { name, seed, command, code: sourceHash() };
  if (outcome.kind === 'lost')
    return {
      ...common,
      laws: ['hang'],
      line: `FAIL laws=hang seed=${seed} code=${sourceHash()} node=${process.versions.node} ${outcome.why} → ${command}`,
      more: '',
    };
  const file = caseFileOf(name, simCase, expect, outcome.result);
  const caseFile = saveCaseFile(join(folder, caseFileName(file)), file);
  const [violation] = outcome.result.violations;
  return {
    ...common,
    laws: file.laws,
    caseFile,
    line: lineOf(outcome.result, seed, command),
    more: `\n  ${violation!.law} at ${violation!.atMs} ms: ${violation!.text}\n  ${program} shrink ${caseFile}`,
  };
}
