// Law: bounded memory is measured, not claimed. Writes a CSV of the given size (default 200 MB) into a temporary folder and runs table.query on
// it in a sandbox of its own process; prints time, throughput and that process's peak memory. Run by hand: node node/skills/measure-large-file.ts [MB]
import { execFileSync } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, rmSync, statSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const queries: readonly (readonly [string, unknown])[] = [
  [
    'sum and average per group',
    {
      groupBy: ['section'],
      aggregates: [
        { function: 'sum', column: 'installed_size' },
        { function: 'avg', column: 'price' },
      ],
      sort: [{ by: 'sum_installed_size', direction: 'descending' }],
      limit: 5,
    },
  ],
  [
    'top 10 rows',
    { columns: ['package', 'installed_size'], sort: [{ by: 'installed_size', direction: 'descending' }], limit: 10 },
  ],
  [
    'filter and count',
    {
      filter: [
        { column: 'price', op: '>', value: 900.5 },
        { column: 'section', op: '=', value: 'section7' },
      ],
      aggregates: [{ function: 'count' }],
    },
  ],
  ['too many groups', { groupBy: ['package'], aggregates: [{ function: 'count' }] }],
];

function writeLargeCsv(path: string, sizeBytes: number): void {
  const descriptor = openSync(path, 'w');
  let seed = 1;
  const next = (bound: number): number => {
    seed = (Math.imul(seed, 1_103_515_245) + 12_345) & 0x7fffffff;
    return (seed >> 8) % bound;
  };
  let written = writeSync(descriptor, 'package,section,installed_size,price,version\n');
  let row = 0;
  while (written < sizeBytes) {
    let block = '';
    for (let i = 0; i < 5000; i++) {
      row++;
      block += `package-${row},section${next(40)},${next(100_000)},${next(1000)}.${String(next(100)).padStart(2, '0')},1.${next(10)}.${next(30)}\n`;
    }
    written += writeSync(descriptor, block);
  }
  closeSync(descriptor);
}

/** In a process of its own, whose peak memory is that of Node, the sandbox and its one worker thread. */
const measured = (sandboxUrl: string, path: string, input: unknown): string => `
  import { createSandbox } from ${JSON.stringify(sandboxUrl)};
  import { statSync } from 'node:fs';
  const path = ${JSON.stringify(path)};
  const before = process.memoryUsage.rss();
  const sandbox = createSandbox({ blobPath: () => path, maxWorkers: 1 });
  const call = { skill: 'table.query', input: ${JSON.stringify(input)}, files: { 'large.csv': { digest: 'x', sizeBytes: statSync(path).size } }, workflow: 'w' };
  const outcome = await sandbox.run(call, { timeoutMs: 300000 });
  await sandbox.close();
  const shown = outcome.kind === 'result' ? Buffer.from(outcome.output).toString().slice(0, 160) : outcome.kind + ' ' + outcome.code;
  console.log(JSON.stringify({ ms: Math.round(outcome.durationMs), peakMb: Math.round(process.resourceUsage().maxRSS / 1024), startMb: Math.round(before / 1048576), shown }));`;

const folder = mkdtempSync(join(tmpdir(), 'parley-large-'));
try {
  const path = join(folder, 'large.csv');
  writeLargeCsv(path, Number(process.argv[2] ?? 200) * 1_000_000);
  const { size } = statSync(path);
  console.log(`${(size / 1e6).toFixed(0)} MB`);
  const sandboxUrl = new URL('../sandbox/index.ts', import.meta.url);
  for (const [name, input] of queries) {
    const output = execFileSync(
      process.execPath,
      ['--input-type=module', '-e', measured(sandboxUrl.href, path, input)],
      { cwd: fileURLToPath(new URL('../..', import.meta.url)) },
    );
    const { ms, peakMb, startMb, shown } = JSON.parse(output.toString()) as {
      ms: number;
      peakMb: number;
      startMb: number;
      shown: string;
    };
    console.log(`${name}: ${ms} ms, peak ${peakMb} MiB (process before: ${startMb} MiB)\n  ${shown}`);
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
