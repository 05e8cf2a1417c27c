// Law: a real mesh for a short while: separate processes from folders of their own, on loopback, ended and removed whatever happens.
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createMeshFolders, freePorts, MeshClient, StoredFiles } from '../../node/index.ts';

/** Messages handed to the network by all nodes together, by type. */
export type SentCounts = ReadonlyMap<string, number>;

export interface RealMesh {
  sent(): Promise<SentCounts>;
  /** One task, certified; resolves when its workflow has completed. */
  decide(label: string): Promise<void>;
  pause(ms: number): Promise<void>;
  end(): Promise<void>;
}

const launcher = fileURLToPath(new URL('../../bin/parley.mjs', import.meta.url));
const readyTimeoutMs = 60_000;
const workflowTimeoutMs = 60_000;
const pollMs = 50;
const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

export async function startRealMesh(count: number): Promise<RealMesh> {
  const root = mkdtempSync(join(tmpdir(), 'parley-calibrate-'));
  const children: ChildProcess[] = [];
  const end = async (): Promise<void> => {
    await Promise.all(
      children.map(async (child) => {
        if (child.exitCode !== null || child.signalCode !== null) return;
        const gone = new Promise((resolve) => child.once('exit', resolve));
        // The launcher's node ends when what it reads from does.
        child.stdin!.end();
        child.kill('SIGTERM');
        await gone;
      }),
    );
    rmSync(root, { recursive: true, force: true });
  };
  try {
    const ports = await freePorts(count);
    const homes = createMeshFolders({
      root,
      meshName: 'calibration',
      nodes: ports.map((port, i) => ({ name: `node-${i}`, site: 'here', listen: [`/ip4/127.0.0.1/tcp/${port}`] })),
    });
    const clients = homes.map(({ socketPath }) => new MeshClient([socketPath], { searchTimeoutMs: readyTimeoutMs }));
    for (const home of homes)
      children.push(
        spawn(process.execPath, [launcher, 'up', '--folder', home.folder, '-o', 'json', '--exit-with-parent'], {
          stdio: ['pipe', 'ignore', 'ignore'],
        }),
      );
    const deadlineMs = performance.now() + readyTimeoutMs;
    for (const client of clients) {
      for (;;) {
        const { peers } = await client.status();
        if (peers.length === count && peers.every((peer) => peer.self || (peer.connected && peer.skills.length > 0)))
          break;
        if (performance.now() > deadlineMs) throw new Error(`${count} nodes on loopback did not find each other`);
        await pause(pollMs);
      }
    }
    let turn = 0;
    return {
      end,
      pause,
      async sent() {
        const total = new Map<string, number>();
        for (const client of clients)
          for (const { type, count: times } of (await client.status()).sent)
            total.set(type, (total.get(type) ?? 0) + times);
        return total;
      },
      async decide(label) {
        const client = clients[turn++ % count]!;
        const files = new StoredFiles([textFile('notes.txt', `about ${label}\n`)]);
        const planned = await client.plan({ words: `search notes.txt for ${label}` }, files);
        if (planned.kind !== 'plan') throw new Error(`not planned: ${planned.message}`);
        const request = { words: label, plan: planned.plan, idempotencyKey: `calibration ${label}`, approved: false };
        const { workflow } = await client.open(request, files);
        const endsMs = performance.now() + workflowTimeoutMs;
        for (;;) {
          const { state } = await client.workflow(workflow);
          if (state === 'completed') return;
          if (state === 'failed' || performance.now() > endsMs) throw new Error(`the workflow ${label} is ${state}`);
          await pause(pollMs);
        }
      },
    };
  } catch (error) {
    await end();
    throw error;
  }
}

function textFile(name: string, content: string) {
  const bytes = Buffer.from(content);
  return {
    name,
    sizeBytes: bytes.length,
    async *open() {
      yield bytes;
    },
  };
}
