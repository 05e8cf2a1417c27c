// Law: a report is of a run that is made again for it, watched: what it shows is what the case does on this code.
import { existsSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { CliFailure, exitCodes } from '../../node/cli/index.ts';
import { machinesOf } from '../case.ts';
import { lineOf } from '../lines.ts';
import { createRecorder, page, shivizPattern, toJsonLines, toShiViz } from '../report/index.ts';
import { runCase } from '../run.ts';
import { judged } from '../scenario/index.ts';
import { readCaseFile } from './case-file.ts';
import { choose } from './choose.ts';
import { type Context, printJson } from './context.ts';
import type { Job } from './pool.ts';
import { warnOfOtherCode } from './run.ts';

export interface ReportOptions {
  readonly seed: number;
  readonly nodes: number;
  readonly out?: string;
  readonly shiviz?: string;
  readonly events?: string;
}

export async function report(context: Context, what: string, options: ReportOptions): Promise<number> {
  const { about, ...job } = await jobOf(context, what, options);
  const recorder = createRecorder(processorMs(process.threadCpuUsage.bind(process)));
  const result = judged(
    job.expect,
    await runCase(job.simCase, { onEvent: recorder.onEvent, watch: (swarm) => recorder.watch(swarm) }),
  );
  const recording = recorder.finish();
  const { simCase, name, command } = job;
  const out = resolve(context.cwd, options.out ?? `${name.replace(/[^a-z0-9-]+/gi, '-')}-${simCase.seed}.html`);
  write(out, page({ name, about, simCase, result, recording, command, nodeVersion: process.versions.node }));
  if (options.shiviz !== undefined) {
    try {
      write(options.shiviz, toShiViz(recording, machinesOf(simCase).length));
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      throw new CliFailure(exitCodes.usage, 'too_many', error.message, 'Leave --shiviz out, or shrink the case first.');
    }
  }
  if (options.events !== undefined) write(options.events, toJsonLines(recording));
  if (context.json)
    printJson(context, { report: out, verdict: result.verdict, violations: result.violations, hash: result.hash });
  else {
    context.terminal.out(lineOf(result, simCase.seed, command));
    context.terminal.out(`  report ${out}`);
    if (options.shiviz !== undefined)
      context.terminal.out(`  ShiViz ${options.shiviz}; its pattern is ${shivizPattern}`);
    if (options.events !== undefined) context.terminal.out(`  events ${options.events}`);
  }
  return exitCodes.ok;
}

async function jobOf(
  context: Context,
  what: string,
  { seed, nodes }: ReportOptions,
): Promise<Job & { readonly about: string }> {
  // A scenario is YAML or TypeScript; `run --save` names its file as it was told.
  if (!what.endsWith('.json')) {
    const chosen = await choose(what, nodes, context.program);
    return { ...chosen.job(seed), about: chosen.about };
  }
  const path = existsSync(what) ? what : join(context.cwd, what);
  const file = readCaseFile(path);
  warnOfOtherCode(context, file, path);
  const { name, case: simCase, expect } = file;
  return {
    name,
    simCase,
    ...(expect === undefined ? {} : { expect }),
    command: `${context.program} replay ${what}`,
    about: '',
  };
}

function write(path: string, text: string): void {
  try {
    writeFileSync(path, text);
  } catch (error) {
    throw new CliFailure(exitCodes.usage, 'not_written', `${path} cannot be written: ${(error as Error).message}`);
  }
}

/** Of this thread alone: what else the machine does is not the run's. */
function processorMs(usage: typeof process.threadCpuUsage): () => number {
  return () => {
    const { user, system } = usage();
    return (user + system) / 1_000;
  };
}
