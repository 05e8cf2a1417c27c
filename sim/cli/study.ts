// Law: what one run says of another: the smallest that breaks alike, the first event in which two differ, and what a parameter does.
import { basename, join } from 'node:path';
import { CliFailure, exitCodes, renderTable } from '../../node/cli/index.ts';
import { quantile } from '../check/index.ts';
import { lineOf } from '../lines.ts';
import { type RunResult, runCase } from '../run.ts';
import { compile, judged, type Scenario } from '../scenario/index.ts';
import { importScenario } from '../scenarios.ts';
import { shrinkCase } from '../shrink.ts';
import type { TraceEvent } from '../world/index.ts';
import { caseFileName, caseFileOf, casesFolder, readCaseFile, saveCaseFile } from './case-file.ts';
import { choose, parseSeed } from './choose.ts';
import { type Context, printJson } from './context.ts';
import type { Job } from './pool.ts';
import { warnOfOtherCode } from './run.ts';
import { parseParameter, settings, withParameters } from './sweep.ts';

export interface ShrinkCommandOptions {
  readonly out?: string;
  readonly runs: number;
}

/** A run never waits for anything real: between two runs, a signal that came meanwhile is let in. */
async function isStopped(signal: AbortSignal): Promise<boolean> {
  await new Promise((resolve) => setImmediate(resolve));
  return signal.aborted;
}

export async function shrink(context: Context, path: string, options: ShrinkCommandOptions): Promise<number> {
  const { terminal, signal, program } = context;
  const file = readCaseFile(path);
  warnOfOtherCode(context, file, path);
  const { expect } = file;
  const before = judged(expect, await runCase(file.case));
  if (before.verdict === 'ok')
    throw new CliFailure(
      exitCodes.usage,
      'not_failing',
      `${path} breaks no law here: there is nothing to shrink`,
      `See \`${program} replay ${path}\`.`,
    );
  const { simCase, result, runs } = await shrinkCase(file.case, {
    runsMax: options.runs,
    expect,
    isOver: () => isStopped(signal),
    onSmaller: (smaller, tried) => terminal.err(`${sizeOf(smaller)} after ${tried} runs`),
  });
  const smaller = caseFileOf(file.name, simCase, expect, result);
  const out = options.out ?? join(casesFolder(context.cwd), `small-${basename(caseFileName(smaller))}`);
  saveCaseFile(out, smaller);
  if (context.json)
    printJson(context, {
      caseFile: out,
      runs,
      from: countsOf(file.case),
      to: countsOf(simCase),
      violations: result.violations,
    });
  else {
    terminal.out(
      `${sizeOf(file.case)}, ${before.events} events\n→ ${sizeOf(simCase)}, ${result.events} events, after ${runs} runs: ${out}`,
    );
    terminal.out(lineOf(result, simCase.seed, `${program} replay ${out}`));
    for (const { law, atMs, text } of result.violations.slice(0, 3)) terminal.out(`  ${law} at ${atMs} ms: ${text}`);
    for (const fault of simCase.plan.faults) terminal.out(`  fault ${JSON.stringify(fault)}`);
    for (const liar of simCase.plan.liars) terminal.out(`  liar  ${JSON.stringify(liar)}`);
    for (const errand of simCase.workload) terminal.out(`  work  ${JSON.stringify(errand)}`);
  }
  return exitCodes.ok;
}

type Case = Job['simCase'];

function countsOf({ plan, workload, nodes, faultsUntilMs }: Case) {
  return {
    faults: plan.faults.length,
    liars: plan.liars.length,
    errands: workload.length,
    nodes: nodes.length,
    faultsUntilMs,
  };
}

function sizeOf(simCase: Case): string {
  const { faults, liars, errands, nodes, faultsUntilMs } = countsOf(simCase);
  return `${faults} fault(s), ${liars} liar(s), ${errands} errand(s), ${nodes} nodes, ${(faultsUntilMs / 1_000).toFixed(1)} s`;
}

/** Two seeds of one scenario, or two case files, or one of each. */
export async function diff(
  context: Context,
  one: string,
  other: string,
  { scenario, nodes }: { readonly scenario: string; readonly nodes: number },
): Promise<number> {
  const { terminal, program } = context;
  const chosen = await choose(scenario, nodes, program);
  const caseOf = (text: string): Case =>
    /^\d+$/.test(text) ? chosen.job(parseSeed(text)).simCase : readCaseFile(text).case;
  const [left, right] = [caseOf(one), caseOf(other)];
  const events: TraceEvent[] = [];
  const first = await runCase(left, { onEvent: (event) => void events.push(event) });
  let differing: { readonly left: TraceEvent | undefined; readonly right: TraceEvent } | undefined;
  const second = await runCase(right, {
    onEvent(event) {
      const same = events[event.number - 1];
      if (differing === undefined && same?.chain !== event.chain) differing = { left: same, right: event };
    },
  });
  const isEqual = differing === undefined && first.events === second.events;
  const from = differing?.right.number ?? Math.min(first.events, second.events) + 1;
  const common = events.slice(Math.max(0, from - 4), from - 1);
  const at = { left: differing?.left ?? events[from - 1], right: differing?.right };
  if (context.json)
    printJson(context, {
      equal: isEqual,
      events: [first.events, second.events],
      hashes: [first.hash, second.hash],
      ...(isEqual ? {} : { firstDifferent: from, ...at }),
    });
  else if (isEqual) terminal.out(`the same run: ${first.events} events, hash ${first.hash}`);
  else {
    terminal.out(
      `equal up to event ${from - 1}; ${first.events} and ${second.events} events, hashes ${first.hash} and ${second.hash}`,
    );
    for (const event of common) terminal.out(`    ${inWords(event)}`);
    terminal.out(`  ${one.padEnd(12)} ${at.left === undefined ? 'ends here' : inWords(at.left)}`);
    terminal.out(`  ${other.padEnd(12)} ${at.right === undefined ? 'ends here' : inWords(at.right)}`);
  }
  return isEqual ? exitCodes.ok : exitCodes.failed;
}

function inWords({ number, atUs, node, kind, chain }: TraceEvent): string {
  return `#${number}  ${(atUs / 1_000_000).toFixed(6)} s  ${node < 0 ? 'world' : `node-${node}`}  ${kind}  ${chain}`;
}

export interface SweepOptions {
  readonly param: readonly string[];
  readonly seeds: number;
  readonly from: number;
}

export async function sweep(context: Context, name: string, options: SweepOptions): Promise<number> {
  const { terminal, signal } = context;
  const parameters = options.param.map(parseParameter);
  const rows: {
    readonly settings: Readonly<Record<string, string | number>>;
    readonly seeds: number;
    readonly ok: number;
    readonly figures: Figures;
  }[] = [];
  for (const setting of settings(parameters)) {
    if (await isStopped(signal)) return exitCodes.interrupted;
    const { scenario } = await importScenario(name, (raw) => withParameters(raw, setting));
    rows.push({ settings: setting, seeds: options.seeds, ...(await measure(scenario, options)) });
    terminal.err(`${rows.length} settings measured`);
  }
  if (context.json) printJson(context, { scenario: name, rows });
  else
    terminal.out(
      renderTable(
        [
          ...parameters.map(({ path }) => ({ title: path, align: 'right' as const })),
          ...['ok', 'completed', 'p50 ms', 'p99 ms', 'messages/decision', 'fast', 'rounds'].map((title) => ({
            title,
            align: 'right' as const,
          })),
        ],
        rows.map(({ settings: setting, ok, seeds, figures }) => [
          ...parameters.map(({ path }) => String(setting[path])),
          `${ok}/${seeds}`,
          percent(figures.completedShare),
          whole(figures.p50Ms),
          whole(figures.p99Ms),
          whole(figures.messagesPerDecision),
          percent(figures.fastShare),
          figures.laterRounds ? 'later ones' : 'first',
        ]),
        { width: terminal.width, paint: terminal.paint },
      ),
    );
  return rows.every(({ ok, seeds }) => ok === seeds) ? exitCodes.ok : exitCodes.failed;
}

interface Figures {
  readonly completedShare: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly messagesPerDecision: number;
  readonly fastShare: number;
  readonly laterRounds: boolean;
}

async function measure(
  scenario: Scenario,
  { from, seeds }: SweepOptions,
): Promise<{ readonly ok: number; readonly figures: Figures }> {
  const results: RunResult[] = [];
  for (let seed = from; seed < from + seeds; seed++)
    results.push(judged(scenario.expect, await runCase(compile(scenario, seed))));
  const sum = (pick: (result: (typeof results)[number]) => number): number =>
    results.reduce((total, each) => total + pick(each), 0);
  const waits = results.flatMap(({ meters }) => meters.completedMs).sort((a, b) => a - b);
  const decisions = sum(({ meters }) => meters.decisions);
  return {
    ok: results.filter(({ verdict }) => verdict === 'ok').length,
    figures: {
      completedShare: sum(({ workflows }) => workflows.completed) / sum(({ workflows }) => workflows.accepted),
      p50Ms: quantile(waits, 0.5),
      p99Ms: quantile(waits, 0.99),
      messagesPerDecision: sum(({ meters }) => meters.messages) / decisions,
      fastShare: sum(({ meters }) => meters.fastDecisions) / decisions,
      laterRounds: results.some(({ reached }) => reached.includes('a round after the first')),
    },
  };
}

function percent(share: number): string {
  return Number.isFinite(share) ? `${(100 * share).toFixed(0)} %` : '–';
}

function whole(value: number): string {
  return Number.isFinite(value) ? value.toFixed(0) : '–';
}
