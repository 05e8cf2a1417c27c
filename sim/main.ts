// Law: `node sim/main.ts` runs cases and says in one line per failure what broke and how to see it again. A case that hangs is a failure
// with a seed like any other: cases run in threads, and a thread that makes no progress is ended.
import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { sometimesNames, type Violation } from './check/index.ts';
import { drawCase, type RunResult, runCase, type SimCase } from './run.ts';
import { shrinkCase } from './shrink.ts';
import { sourceHash } from './source-hash.ts';

const usage = `node sim/main.ts fuzz   [--seeds 200] [--from 1] [--nodes 4] [--jobs 1] [--seconds S] [--until-fail]
node sim/main.ts run    --seed S [--nodes 4] [--events FILE]
node sim/main.ts replay FILE.json [--events FILE]
node sim/main.ts shrink --seed S [--nodes 4] [--out FILE.json]`;

type Report =
  | { readonly type: 'begin'; readonly seed: number }
  | { readonly type: 'end'; readonly seed: number; readonly result: RunResult };
type Order = { readonly seed: number; readonly nodes: number };

if (!isMainThread && (workerData as { readonly role?: string } | null)?.role === 'sim') {
  const port = parentPort!;
  port.on('message', async ({ seed, nodes }: Order) => {
    port.postMessage({ type: 'begin', seed } satisfies Report);
    port.postMessage({ type: 'end', seed, result: await runCase(drawCase(seed, nodes)) } satisfies Report);
  });
} else {
  process.exitCode = await main(process.argv.slice(2));
}

async function main(args: readonly string[]): Promise<number> {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      seeds: { type: 'string', default: '200' },
      from: { type: 'string', default: '1' },
      nodes: { type: 'string', default: '4' },
      jobs: { type: 'string', default: '1' },
      seconds: { type: 'string' },
      'until-fail': { type: 'boolean', default: false },
      /** Longest time for one case before its thread counts as hung. */
      'hang-seconds': { type: 'string', default: '120' },
      seed: { type: 'string' },
      events: { type: 'string' },
      out: { type: 'string' },
    },
  });
  const nodes = Number(values.nodes);
  const [command, file] = positionals;
  switch (command) {
    case 'fuzz':
      return fuzz({
        from: Number(values.from),
        seeds: Number(values.seeds),
        nodes,
        jobs: Number(values.jobs),
        ...(values.seconds === undefined ? {} : { seconds: Number(values.seconds) }),
        untilFail: values['until-fail'],
        hangMs: Number(values['hang-seconds']) * 1_000,
      });
    case 'run':
      return show(
        drawCase(Number(values.seed), nodes),
        `node sim/main.ts run --seed ${values.seed} --nodes ${nodes}`,
        values.events,
      );
    case 'replay':
      return show(JSON.parse(readFileSync(file!, 'utf8')) as SimCase, `node sim/main.ts replay ${file}`, values.events);
    case 'shrink': {
      const { simCase, result, runs } = await shrinkCase(drawCase(Number(values.seed), nodes));
      const out = values.out ?? `case-${values.seed}.json`;
      writeFileSync(out, `${JSON.stringify(simCase, null, 2)}\n`);
      console.log(
        `${simCase.plan.faults.length} fault(s), ${simCase.plan.liars.length} liar(s), ${simCase.workload.length} piece(s) of work after ${runs} runs: ${out}`,
      );
      print(result.violations);
      return 0;
    }
    default:
      console.error(usage);
      return 2;
  }
}

async function show(simCase: SimCase, command: string, eventsFile: string | undefined): Promise<number> {
  const events: string[] = [];
  const result = await runCase(
    simCase,
    eventsFile === undefined
      ? undefined
      : ({ number, atUs, node, kind, chain }) => void events.push(JSON.stringify({ number, atUs, node, kind, chain })),
  );
  if (eventsFile !== undefined) writeFileSync(eventsFile, `${events.join('\n')}\n`);
  console.log(
    JSON.stringify({ seed: simCase.seed, nodes: simCase.nodes, plan: simCase.plan, workload: simCase.workload }),
  );
  console.log(lineOf(result, simCase.seed, command));
  print(result.violations);
  return result.verdict === 'ok' ? 0 : 1;
}

function print(violations: readonly Violation[]): void {
  for (const { law, atMs, text } of violations) console.log(`  ${law} at ${atMs} ms: ${text}`);
}

function lineOf(result: RunResult, seed: number, command: string): string {
  const { verdict, violations, events, hash, virtualMs, workflows } = result;
  const laws = [...new Set(violations.map(({ law }) => law))].join(',');
  return `${verdict === 'ok' ? 'ok  ' : 'FAIL'} seed=${seed} ${laws === '' ? '' : `laws=${laws} `}events=${events} t=${(virtualMs / 1_000).toFixed(0)}s hash=${hash} workflows=${workflows.completed}+${workflows.failed}/${workflows.accepted} code=${sourceHash()} node=${process.versions.node} → ${command}`;
}

interface FuzzOptions {
  readonly from: number;
  readonly seeds: number;
  readonly nodes: number;
  readonly jobs: number;
  readonly seconds?: number;
  readonly untilFail: boolean;
  readonly hangMs: number;
}

async function fuzz({ from, seeds, nodes, jobs, seconds, untilFail, hangMs }: FuzzOptions): Promise<number> {
  const startedMs = performance.now();
  const cpu = process.cpuUsage();
  const reached = new Map<string, number>();
  const digest = createHash('sha256');
  let next = from;
  let done = 0;
  let failures = 0;
  const isOver = (): boolean =>
    next >= from + seeds ||
    (seconds !== undefined && performance.now() - startedMs > seconds * 1_000) ||
    (untilFail && failures > 0);
  const fail = (line: string): void => {
    failures++;
    console.log(line);
  };
  const commandOf = (seed: number): string => `node sim/main.ts run --seed ${seed} --nodes ${nodes}`;

  const work = (): Promise<void> =>
    new Promise((resolve) => {
      let worker = start();
      function start(): Worker {
        const started = new Worker(new URL(import.meta.url), { workerData: { role: 'sim' } });
        let seed = 0;
        let timer: NodeJS.Timeout | undefined;
        const again = (): void => {
          clearTimeout(timer);
          if (isOver()) {
            void started.terminate();
            resolve();
            return;
          }
          seed = next++;
          started.postMessage({ seed, nodes } satisfies Order);
          timer = setTimeout(() => {
            fail(
              `FAIL seed=${seed} laws=hang code=${sourceHash()} node=${process.versions.node}: no end within ${hangMs / 1_000} s → ${commandOf(seed)}`,
            );
            void started.terminate();
            worker = start();
          }, hangMs);
        };
        started.on('message', (report: Report) => {
          if (report.type !== 'end') return;
          done++;
          const { result } = report;
          digest.update(`${report.seed} ${result.hash}\n`);
          for (const name of result.reached) reached.set(name, (reached.get(name) ?? 0) + 1);
          if (result.verdict !== 'ok') {
            fail(lineOf(result, report.seed, commandOf(report.seed)));
            print(result.violations.slice(0, 2));
          }
          again();
        });
        started.on('error', (error) => {
          fail(`FAIL seed=${seed} laws=simulator ${error.stack ?? error.message} → ${commandOf(seed)}`);
          clearTimeout(timer);
          worker = start();
        });
        again();
        return started;
      }
      void worker;
    });
  await Promise.all(Array.from({ length: jobs }, work));

  const wallSeconds = (performance.now() - startedMs) / 1_000;
  const { user, system } = process.cpuUsage(cpu);
  const cpuSeconds = (user + system) / 1e6;
  console.log(
    `${done} seeds of ${nodes} nodes, ${failures} failure(s), ${wallSeconds.toFixed(0)} s, ${((60 * done) / wallSeconds).toFixed(0)} seeds per minute, ${((60 * done) / cpuSeconds).toFixed(0)} per CPU minute, code=${sourceHash()}${jobs === 1 ? ` runs=${digest.digest('hex').slice(0, 16)}` : ''}`,
  );
  for (const name of sometimesNames)
    console.log(
      `  ${String(reached.get(name) ?? 0).padStart(6)} ${name}${reached.has(name) ? '' : '  ← never reached'}`,
    );
  return failures === 0 ? 0 : 1;
}
