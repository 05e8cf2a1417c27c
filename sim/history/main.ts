// Law: `node sim/history/main.ts FILE…` says of each recorded history whether it is linearizable, and of one that is not, where it stops
// being so. Exit code: 0 all are, 1 one is not, 3 none is not but one is unknown, 2 a file that cannot be read.
import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { parseArgs } from 'node:util';
import { type CheckLimits, checkHistory, defaultLimits, smallestViolation } from './check.ts';
import { describeAction } from './operation.ts';
import { MalformedHistory, type ModelName, parseHistory } from './parse.ts';

const usage = `node sim/history/main.ts FILE… [--model etcd|kv] [--memory-mb 256] [--steps 50000000]
  prints per file: its name, ok | violation | unknown, the operations, the steps and the CPU time`;

process.exitCode = main(process.argv.slice(2));

function main(args: string[]): number {
  let parsed: ReturnType<typeof read>;
  try {
    parsed = read(args);
  } catch (error) {
    console.error(`${(error as Error).message}\n${usage}`);
    return 2;
  }
  const { files, model, limits } = parsed;
  let code = 0;
  for (const file of files) {
    try {
      const verdict = show(file, model, limits);
      if (verdict === 'violation') code = code === 2 ? 2 : 1;
      if (verdict === 'unknown' && code === 0) code = 3;
    } catch (error) {
      const why = error instanceof MalformedHistory ? error.message : `it cannot be read: ${(error as Error).message}`;
      console.error(`${basename(file)}  error  ${why}`);
      code = 2;
    }
  }
  return code;
}

function read(args: string[]): { files: string[]; model: ModelName | undefined; limits: CheckLimits } {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: { model: { type: 'string' }, 'memory-mb': { type: 'string' }, steps: { type: 'string' } },
  });
  const { model } = values;
  if (model !== undefined && model !== 'etcd' && model !== 'kv') throw new Error(`there is no model '${model}'`);
  const number = (text: string | undefined, name: string, standard: number): number => {
    if (text === undefined) return standard;
    const found = Number(text);
    if (!(found > 0)) throw new Error(`--${name} takes a number above 0, not '${text}'`);
    return found;
  };
  if (positionals.length === 0) throw new Error('no history named');
  const memoryMb = number(values['memory-mb'], 'memory-mb', defaultLimits.memoryBytes / 2 ** 20);
  const limits = { memoryBytes: memoryMb * 2 ** 20, steps: number(values.steps, 'steps', defaultLimits.steps) };
  return { files: positionals, model, limits };
}

function show(file: string, model: ModelName | undefined, limits: CheckLimits): string {
  const { history, model: used } = parseHistory(readFileSync(file, 'utf8'), model);
  const started = process.cpuUsage();
  const { verdict, steps, tableBytes } = checkHistory(history, limits);
  const { user, system } = process.cpuUsage(started);
  const about = `${used}, ${history.operations.length} operations, ${steps} steps, ${((user + system) / 1e6).toFixed(2)} s CPU, ${(tableBytes / 2 ** 20).toFixed(1)} MB`;
  console.log(`${basename(file)}  ${verdict}  (${about})`);
  if (verdict !== 'violation') return verdict;
  const blame = smallestViolation(history, limits);
  if (blame === undefined) return verdict;
  const { last, places, isSmallest } = blame;
  const line = history.lines[places - 1];
  console.log(
    `  the first ${places} events, up to line ${line}, are ${isSmallest ? 'the smallest prefix that is' : 'a prefix (perhaps not the smallest) that is'} not linearizable:`,
  );
  console.log(
    `  process ${last.process}${last.key === '' ? '' : `, key ${JSON.stringify(last.key)}`}: ${describeAction(last.action)}, asked in line ${history.lines[last.invokedAt]}, answered in line ${line}`,
  );
  return verdict;
}
