// Law: one run, told in words: what broke, when, where, and how to see it again. A run that fails leaves a case file.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { exitCodes } from '../../node/cli/index.ts';
import { rolesOf } from '../case.ts';
import { lineOf } from '../lines.ts';
import { type RunResult, runCase } from '../run.ts';
import { judged } from '../scenario/index.ts';
import { sourceHash } from '../source-hash.ts';
import type { TraceEvent } from '../world/index.ts';
import { type CaseFile, caseFileName, caseFileOf, casesFolder, readCaseFile, saveCaseFile } from './case-file.ts';
import { choose } from './choose.ts';
import { type Context, printJson } from './context.ts';
import type { Job } from './pool.ts';
import { describeAt } from './standing.ts';

export interface RunCommandOptions {
  readonly seed: number;
  readonly nodes: number;
  readonly save?: string;
  readonly events?: string;
}

export interface ReplayOptions {
  readonly untilEvent?: number;
  readonly events?: string;
}

const tailEvents = 12;

export async function run(context: Context, name: string, options: RunCommandOptions): Promise<number> {
  const job = (await choose(name, options.nodes, context.program)).job(options.seed);
  const { result } = await execute(job, options.events);
  const file = caseFileOf(job.name, job.simCase, job.expect, result);
  const isFailed = result.verdict !== 'ok';
  const path = options.save ?? (isFailed ? join(casesFolder(context.cwd), caseFileName(file)) : undefined);
  if (path !== undefined) saveCaseFile(path, file);
  show(context, job, result, path);
  return isFailed ? exitCodes.failed : exitCodes.ok;
}

export async function replay(context: Context, path: string, options: ReplayOptions): Promise<number> {
  const file = readCaseFile(path);
  warnOfOtherCode(context, file, path);
  const job: Job = {
    name: file.name,
    simCase: file.case,
    ...(file.expect === undefined ? {} : { expect: file.expect }),
    command: `${context.program} replay ${path}`,
  };
  if (options.untilEvent !== undefined) {
    const found = await describeAt(job.simCase, options.untilEvent, tailEvents);
    if (context.json) printJson(context, found);
    else context.terminal.out(found.lines.join('\n'));
    return exitCodes.ok;
  }
  const { result } = await execute(job, options.events);
  show(context, job, result, undefined);
  return result.verdict === 'ok' ? exitCodes.ok : exitCodes.failed;
}

export function warnOfOtherCode({ terminal }: Context, file: CaseFile, path: string): void {
  if (file.code !== sourceHash())
    terminal.err(
      `notice: ${path} is of code ${file.code} and this is ${sourceHash()}: the same case may take another course here`,
    );
}

async function execute(job: Job, eventsFile: string | undefined): Promise<{ readonly result: RunResult }> {
  const events: string[] = [];
  const onEvent = ({ number, atUs, node, kind, chain }: TraceEvent): void =>
    void events.push(JSON.stringify({ number, atUs, node, kind, chain }));
  const result = judged(job.expect, await runCase(job.simCase, eventsFile === undefined ? {} : { onEvent }));
  if (eventsFile !== undefined) writeFileSync(eventsFile, `${events.join('\n')}\n`);
  return { result };
}

function show(context: Context, job: Job, result: RunResult, saved: string | undefined): void {
  const { simCase, command } = job;
  if (context.json) {
    printJson(context, {
      name: job.name,
      seed: simCase.seed,
      code: sourceHash(),
      node: process.versions.node,
      command,
      roles: rolesOf(simCase),
      ...(saved === undefined ? {} : { caseFile: saved }),
      ...result,
    });
    return;
  }
  const { terminal } = context;
  const line = lineOf(result, simCase.seed, command);
  terminal.out(result.verdict === 'ok' ? line : terminal.paint.red(line));
  const { members, ...others } = rolesOf(simCase);
  const besides = Object.entries(others).filter(([, count]) => count > 0);
  if (besides.length > 0)
    terminal.out(
      `  mesh  ${members} members, ${besides.map(([role, count]) => `${count} ${count === 1 ? role.slice(0, -1) : role}`).join(', ')}`,
    );
  for (const { law, atMs, event, text } of result.violations)
    terminal.out(`  ${terminal.paint.bold(law)} at ${atMs} ms, event ${event}: ${text}`);
  if (saved !== undefined)
    terminal.out(
      `  saved ${saved}\n  next  ${context.program} shrink ${saved}\n        ${context.program} report ${saved}`,
    );
}
