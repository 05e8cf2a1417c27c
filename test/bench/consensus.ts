// Law: consensus figures are ratios to etcd's from the same run on the same machine: real processes on loopback, real signatures,
// fdatasync on both sides, and CPU seconds from the kernel's own books, since wall time on a shared machine says little.
// Rows are measured over a number of decisions, after as many unmeasured ones, and a mesh is first warmed up by 24,000: on a busy machine the
// share of starting and compiling would otherwise depend on how busy it is.
// Usage: node test/bench/consensus.ts [least seconds per row] [--members 4,7] [--quick: with all up, on loopback only] [--in-flight 1,64,256]
//        [--no-etcd: no ratios, for comparing two versions of this]
import { type ChildProcess, fork } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import type { NodeSetup, Report, ToNode } from './consensus-node.ts';
import { type DelayingProxy, delayingProxy } from './delaying-proxy.ts';
import { startEtcd } from './etcd.ts';

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  allowNegative: true,
  options: {
    quick: { type: 'boolean', default: false },
    etcd: { type: 'boolean', default: true },
    members: { type: 'string', default: '4,7' },
    'in-flight': { type: 'string', default: '1,64,256' },
  },
});
const leastMs = Number(positionals[0] ?? 4) * 1_000;
const mostMs = 60_000;
const delayMs = 25;
const valueBytes = 200;
const depths = options['in-flight'].split(',').map(Number);
/** What a row with that many in flight is measured over. */
const decisionsOf = (inFlight: number): number => (inFlight === 1 ? 500 : 8_000);
/** Before the first row: until a node has compiled what it runs all the time, that is what would be measured. */
const warmUpDecisions = 24_000;
const folder = mkdtempSync(join(tmpdir(), 'parley-bench-'));
const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Until that many more were `done` and the least time has passed, or too much has. */
async function awaitDecisions(wanted: number, done: () => Promise<number>): Promise<void> {
  const [startMs, before] = [performance.now(), await done()];
  for (;;) {
    await sleep(100);
    const elapsedMs = performance.now() - startMs;
    if (elapsedMs > mostMs || (elapsedMs > leastMs && (await done()) - before >= wanted)) return;
  }
}

interface Row {
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Of all processes together, per decision. */
  readonly cpuUs: number;
  /** Decisions of the mesh for each time that a member signs, writes and sends; none of etcd. */
  readonly perFlush?: number;
}

/** User and system time of a process so far, in microseconds; the kernel counts in hundredths of a second. */
function cpuMicros(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]!.split(' ');
  return (Number(fields[11]) + Number(fields[12])) * 10_000;
}

function rowOf(latenciesMs: number[], elapsedMs: number, cpuUs: number): Row {
  latenciesMs.sort((a, b) => a - b);
  const at = (share: number): number => latenciesMs[Math.floor(latenciesMs.length * share)] ?? Number.NaN;
  return {
    perSecond: (latenciesMs.length / elapsedMs) * 1_000,
    p50Ms: at(0.5),
    p99Ms: at(0.99),
    cpuUs: cpuUs / latenciesMs.length,
  };
}

class Mesh {
  readonly #nodes: ChildProcess[] = [];
  readonly #proxies: DelayingProxy[] = [];

  static async start(members: number, running: number, delayed: boolean): Promise<Mesh> {
    const mesh = new Mesh();
    const addresses: string[] = [];
    for (let index = 0; index < running; index++) {
      const setup: NodeSetup = {
        index,
        members,
        folder: mkdtempSync(join(folder, 'node-')),
        bootstrap: [...addresses],
        baseMs: 1_000,
      };
      const node = fork(fileURLToPath(new URL('consensus-node.ts', import.meta.url)), [JSON.stringify(setup)]);
      mesh.#nodes.push(node);
      const address = await next<string>(node);
      const proxy = delayed ? await delayingProxy(Number(/tcp\/(\d+)/.exec(address)![1])) : undefined;
      if (proxy !== undefined) mesh.#proxies.push(proxy);
      addresses.push(proxy === undefined ? address : address.replace(/tcp\/\d+/, `tcp/${proxy.port}`));
      // One after the other, each through the proxies: no two find a way around them by introduction.
      while ((await mesh.#ask(node, 'report')).peers < index) await sleep(20);
    }
    for (const proxy of mesh.#proxies) proxy.delayMs = delayMs;
    return mesh;
  }

  /** With as many in flight as rows have at most. */
  async warmUp(): Promise<void> {
    await awaitDecisions(warmUpDecisions, this.#load(Math.max(...depths)));
    await this.#rest();
  }

  /** Sets the nodes to work; answers what counts their decisions. */
  #load(inFlight: number): () => Promise<number> {
    const nodes = this.#nodes;
    const share = (i: number): number => Math.floor(inFlight / nodes.length) + (i < inFlight % nodes.length ? 1 : 0);
    for (const [i, node] of nodes.entries()) node.send({ load: share(i) } satisfies ToNode);
    return async () => {
      const counts = await Promise.all(nodes.map((node) => this.#ask(node, 'count')));
      return counts.reduce((sum, { decisions }) => sum + decisions, 0);
    };
  }

  async #rest(): Promise<void> {
    for (const node of this.#nodes) node.send({ load: 0 } satisfies ToNode);
    await sleep(300);
  }

  async measure(inFlight: number): Promise<Row> {
    const nodes = this.#nodes;
    const done = this.#load(inFlight);
    await awaitDecisions(decisionsOf(inFlight), done);
    const cpu = (): number => nodes.reduce((sum, { pid }) => sum + cpuMicros(pid!), 0);
    await Promise.all(nodes.map((node) => this.#ask(node, 'mark')));
    const [cpuBefore, startMs] = [cpu(), performance.now()];
    await awaitDecisions(decisionsOf(inFlight), done);
    const reports = await Promise.all(nodes.map((node) => this.#ask(node, 'report')));
    const row = rowOf(
      reports.flatMap(({ latenciesMs }) => latenciesMs),
      performance.now() - startMs,
      cpu() - cpuBefore,
    );
    await this.#rest();
    const flushes = reports.reduce((sum, report) => sum + report.flushes, 0) / nodes.length;
    return { ...row, perFlush: reports.reduce((sum, { decisions }) => sum + decisions, 0) / flushes };
  }

  stop(): void {
    for (const proxy of this.#proxies) proxy.close();
    for (const node of this.#nodes) node.kill('SIGKILL');
  }

  #ask(node: ChildProcess, what: Exclude<ToNode, { readonly load: number }>): Promise<Report> {
    const reply = next<Report>(node);
    node.send(what satisfies ToNode);
    return reply;
  }
}

function next<T>(node: ChildProcess): Promise<T> {
  return new Promise((resolve, reject) => {
    const onExit = (): void => reject(new Error('a node of the bench ended'));
    node.once('exit', onExit);
    node.once('message', (message) => {
      node.off('exit', onExit);
      resolve(message as T);
    });
  });
}

const etcdRows = new Map<number, Row>();

async function measureEtcd(): Promise<void> {
  const etcd = await startEtcd(folder);
  if (etcd === undefined) {
    console.log('etcd        not on this machine (Debian: etcd-server): no ratios');
    return;
  }
  let serial = 0;
  for (const inFlight of depths) {
    let latenciesMs: number[] = [];
    let isRunning = true;
    const client = async (): Promise<void> => {
      while (isRunning) {
        const startMs = performance.now();
        await etcd.put(`key ${serial++}`, new Uint8Array(valueBytes));
        latenciesMs.push(performance.now() - startMs);
      }
    };
    const clients = Array.from({ length: inFlight }, client);
    const done = async (): Promise<number> => latenciesMs.length;
    await awaitDecisions(decisionsOf(inFlight), done);
    const cpu = (): number => etcd.pids.reduce((sum, pid) => sum + cpuMicros(pid), 0);
    const [cpuBefore, startMs] = [cpu(), performance.now()];
    latenciesMs = [];
    await awaitDecisions(decisionsOf(inFlight), done);
    const row = rowOf([...latenciesMs], performance.now() - startMs, cpu() - cpuBefore);
    isRunning = false;
    await Promise.all(clients);
    etcdRows.set(inFlight, row);
    print('etcd n=3', inFlight, row);
  }
  etcd.stop();
}

function print(name: string, inFlight: number, row: Row): void {
  const etcd = name.startsWith('etcd') ? undefined : etcdRows.get(inFlight);
  const ratios =
    etcd === undefined
      ? ''
      : `   ${(row.cpuUs / etcd.cpuUs).toFixed(2)}× CPU, ${(row.perSecond / etcd.perSecond).toFixed(2)}× rate, ${(row.p50Ms / etcd.p50Ms).toFixed(2)}× p50 of etcd`;
  const flush = row.perFlush === undefined ? '' : `, ${row.perFlush.toFixed(0)} a flush`;
  console.log(
    `${name.padEnd(22)} ${String(inFlight).padStart(4)} in flight ${row.perSecond.toFixed(0).padStart(6)}/s  p50 ${row.p50Ms.toFixed(2).padStart(7)} ms  p99 ${row.p99Ms.toFixed(2).padStart(7)} ms  ${row.cpuUs.toFixed(0).padStart(5)} µs CPU${flush}${ratios}`,
  );
}

try {
  if (options.etcd) await measureEtcd();
  for (const members of options.members.split(',').map(Number)) {
    for (const down of options.quick ? [0] : [0, 1]) {
      const mesh = await Mesh.start(members, members - down, false);
      await mesh.warmUp();
      for (const inFlight of depths) print(`parley n=${members}, ${down} down`, inFlight, await mesh.measure(inFlight));
      mesh.stop();
    }
  }
  for (const down of options.quick ? [] : [0, 1]) {
    const mesh = await Mesh.start(4, 4 - down, true);
    const row = await mesh.measure(1);
    print(`δ=${delayMs} ms n=4, ${down} down`, 1, row);
    console.log(`${''.padEnd(22)} p50 is ${(row.p50Ms / delayMs).toFixed(2)} δ`);
    mesh.stop();
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
process.exit();
