import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { freePorts } from '../../../test/support/ports.ts';
import { patientMs } from '../../../test/support/world.ts';
import { isListening } from '../../client/index.ts';
import { createMeshFolders } from '../../home/index.ts';
import { launcherPath, NodeProcess } from './node-process.ts';

const pinned = fileURLToPath(new URL('../../../node_modules/.bin/node', import.meta.url));
let folder: string;
const children: ChildProcess[] = [];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'parley-real-'));
});
afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
  rmSync(folder, { recursive: true, force: true });
});

function oneNode(port: number): string {
  const [home] = createMeshFolders({
    root: folder,
    meshName: 'test',
    nodes: [{ name: 'amber', site: 'local', listen: [`/ip4/127.0.0.1/tcp/${port}`] }],
  });
  return home!.folder;
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    // A zombie still has a pid; it holds nothing.
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}

/** Processes with this test's folder on their command line: the nodes, whether or not anybody was told their pid. */
function nodesRunning(): number[] {
  return readdirSync('/proc').flatMap((pid) => {
    if (!/^\d+$/.test(pid)) return [];
    try {
      const commandLine = readFileSync(`/proc/${pid}/cmdline`, 'utf8');
      return commandLine.includes(folder) && isRunning(Number(pid)) ? [Number(pid)] : [];
    } catch {
      return [];
    }
  });
}

async function until(condition: () => boolean): Promise<boolean> {
  const deadlineMs = performance.now() + patientMs;
  while (!condition()) {
    if (performance.now() > deadlineMs) return false;
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
  return true;
}

interface Launched {
  readonly child: ChildProcess;
  text(): string;
  readonly ended: Promise<number | null>;
}

function launch(args: readonly string[]): Launched {
  const child = spawn(pinned, [launcherPath, ...args], { cwd: folder, env: { PATH: process.env.PATH, HOME: folder } });
  children.push(child);
  let text = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk) => {
      text += chunk;
    });
  }
  return { child, text: () => text, ended: new Promise((resolve) => child.on('close', resolve)) };
}

/** Pids that `dev` printed for its nodes. */
function nodePids(text: string): number[] {
  return [...text.matchAll(/ pid (\d+) /g)].map((match) => Number(match[1]));
}

test('a node process says when it is ready, answers then, and stops when it is asked to', async () => {
  const [port] = await freePorts(1);
  const node = new NodeProcess(oneNode(port!), process.env);
  const ready = await node.ready(AbortSignal.timeout(patientMs));
  expect(ready).toMatchObject({ name: 'amber', site: 'local', pid: node.pid, folder: node.folder });
  expect(await isListening(ready.socket)).toBe(true);
  await node.stop(patientMs);
  expect(await node.gone).toBe('exit code 0');
  expect(await isListening(ready.socket)).toBe(false);
});

test('a port that another program took is reported as such, so that other ports can be tried', async () => {
  const taken = createServer();
  const port = await new Promise<number>((resolve) => {
    taken.listen(0, '127.0.0.1', () => resolve((taken.address() as { port: number }).port));
  });
  const node = new NodeProcess(oneNode(port), process.env);
  await expect(node.ready(AbortSignal.timeout(patientMs))).rejects.toMatchObject({ code: 'port_in_use' });
  await node.gone;
  taken.close();
});

test('Ctrl-C while the nodes start leaves nothing behind: exit code 130', async () => {
  const dev = launch(['dev', '--nodes', '2', '--folder', 'mesh']);
  expect(await until(() => nodesRunning().length === 2)).toBe(true);
  dev.child.kill('SIGINT');
  expect(await dev.ended).toBe(130);
  expect(nodesRunning()).toEqual([]);
});

test('a mesh that stays up ends with Ctrl-C and with `down`, and with its launcher, however that ends', async () => {
  const stayUp = async (): Promise<{ readonly dev: Launched; readonly pids: readonly number[] }> => {
    const dev = launch(['dev', '--keep', '--nodes', '1', '--folder', 'mesh']);
    expect(await until(() => dev.text().includes('The mesh stays up')), dev.text()).toBe(true);
    const pids = nodePids(dev.text());
    expect(pids.map(isRunning)).toEqual([true]);
    return { dev, pids };
  };

  const first = await stayUp();
  first.dev.child.kill('SIGINT');
  expect(await first.dev.ended).toBe(130);
  expect(first.pids.some(isRunning)).toBe(false);

  const second = await stayUp();
  const down = launch(['down', '--folder', 'mesh']);
  expect(await down.ended).toBe(0);
  expect(down.text()).toContain('stopped amber');
  expect(await second.dev.ended).toBe(0);
  expect(second.dev.text()).toContain('amber was stopped');
  expect(second.dev.text()).not.toContain('unexpectedly');

  const third = await stayUp();
  third.dev.child.kill('SIGKILL');
  expect(await until(() => !third.pids.some(isRunning))).toBe(true);
});

test('the example runs to a certificate that verifies offline, and everything is stopped: exit code 0', async () => {
  const dev = launch(['dev', '--nodes', '1', '--folder', 'mesh', '-o', 'json']);
  expect(await dev.ended, dev.text()).toBe(0);
  const { result, certificate, resultFile, workflow } = JSON.parse(dev.text()) as {
    result: { columns: { name: string }[]; rows: unknown[][] };
    certificate: string;
    resultFile: string;
    workflow: string;
  };
  expect(result.columns.map(({ name }) => name)).toEqual(['section', 'sum_installed_size']);
  expect(result.rows).toHaveLength(5);
  const verified = launch(['verify', certificate, '--result', resultFile]);
  expect(await verified.ended, verified.text()).toBe(0);
  expect(verified.text()).toContain('the file given is this result');
  const other = launch(['verify', certificate, '--result', certificate]);
  expect(await other.ended).toBe(1);
  expect(other.text()).toContain('is not the certified one');
  expect(workflow).toMatch(/^[0-9a-f]{64}$/);
});

test('words that make no plan end dev with exit code 2; with --keep the mesh stays, takes the next question and ends with it', async () => {
  const words = 'knit me a jumper';
  const once = launch(['dev', words, '--nodes', '1', '--folder', 'once']);
  expect(await once.ended).toBe(2);
  expect(once.text()).toContain('these words do not make one plan');

  const kept = launch(['dev', words, '--nodes', '1', '--keep', '--folder', 'mesh']);
  expect(await until(() => kept.text().includes('The mesh stays up'))).toBe(true);
  expect(kept.text()).toContain('these words do not make one plan');
  expect(kept.text()).toMatch(/ask "…" --data FILE/);
  writeFileSync(join(folder, 'sizes.csv'), 'name,size\na,1\nb,2\n');
  const next = launch(['ask', 'total size in sizes.csv', '--folder', 'mesh']);
  expect([await next.ended, next.text().includes('certificate')]).toEqual([0, true]);
  kept.child.kill('SIGINT');
  expect(await kept.ended).toBe(130);
  expect(nodesRunning()).toEqual([]);
});
