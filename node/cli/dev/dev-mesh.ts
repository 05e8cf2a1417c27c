// Law: the mesh of `dev` is real: separate processes, real keys, real sockets; this file only starts, watches, kills and stops them.
import { basename } from 'node:path';
import { MeshClient, type NodeStatus } from '../../client/index.ts';
import { CliFailure, exitCodes } from '../failure.ts';
import type { Session } from '../session.ts';
import { pad } from '../table.ts';
import { duration, printable, size } from '../terminal.ts';
import { NodeProcess, pause, type Ready } from './node-process.ts';

const formTimeoutMs = 60_000;
const pollMs = 100;
/** How a node ends that somebody stopped, with `parley down` for example. */
const inOrder = 'exit code 0';

export class DevMesh {
  readonly #session: Session;
  readonly #folders: readonly string[];
  readonly #processes = new Map<string, NodeProcess>();
  readonly #ready = new Map<string, Ready>();

  constructor(session: Session, folders: readonly string[]) {
    this.#session = session;
    this.#folders = folders;
  }

  get names(): readonly string[] {
    return this.#folders.map((folder) => basename(folder));
  }

  get sockets(): readonly string[] {
    return this.names.flatMap((name) => this.#ready.get(name)?.socket ?? []);
  }

  pidOf(name: string): number | undefined {
    return this.#processes.get(name)?.pid;
  }

  /** Starts every node and waits until each of them is connected to all others. */
  async start(): Promise<void> {
    const width = Math.max(...this.names.map((name) => name.length));
    await Promise.all(
      this.#folders.map(async (folder) => {
        const ready = await this.#startOne(folder);
        this.#say(
          `  ${this.#session.terminal.paint.cyan(pad(ready.name, width))}  site ${pad(printable(ready.site), 6)}  ${printable(hostAndPort(ready.addresses[0] ?? ''))}  pid ${ready.pid}  up after ${duration(performance.now())}`,
        );
      }),
    );
    await this.#formed(this.names);
  }

  /** Starts a node that was killed, from its folder, and waits until it is connected to all others. */
  async restart(name: string): Promise<void> {
    await this.#startOne(this.#folders.find((folder) => basename(folder) === name)!);
    await this.#formed([name]);
  }

  kill(name: string): void {
    this.#processes.get(name)?.kill();
  }

  statusOf(name: string): Promise<NodeStatus> {
    return new MeshClient([this.#ready.get(name)!.socket], { searchTimeoutMs: 0 }).status(this.#session.signal);
  }

  /** Resolves when no process is left. */
  async allGone(): Promise<void> {
    await Promise.all([...this.#processes.values()].map((child) => child.gone));
  }

  /** Stops every process, by force where it does not end by itself. Never throws. */
  async stop(): Promise<void> {
    await Promise.all([...this.#processes.values()].map((child) => child.stop()));
  }

  async #startOne(folder: string): Promise<Ready> {
    this.#session.signal.throwIfAborted();
    const child = new NodeProcess(folder, this.#session.env);
    const name = basename(folder);
    this.#processes.set(name, child);
    void child.gone.then((how) => {
      const { red } = this.#session.terminal.paint;
      if (!child.isEndExpected && this.#ready.has(name))
        this.#say(
          how === inOrder
            ? `  ${name} was stopped`
            : red(`  ${name} ended unexpectedly (${how}); see ${folder}/node.log`),
        );
    });
    const ready = await child.ready(this.#session.signal);
    this.#ready.set(name, ready);
    return ready;
  }

  /** Waits until the named nodes see every other one, saying how many they see as it changes. */
  async #formed(names: readonly string[]): Promise<void> {
    const { signal, terminal } = this.#session;
    const others = this.names.length - 1;
    const deadlineMs = performance.now() + formTimeoutMs;
    let before = '';
    for (;;) {
      const counts = await Promise.all(
        names.map(
          async (name) => (await this.statusOf(name)).peers.filter((peer) => !peer.self && peer.connected).length,
        ),
      );
      const line = names.map((name, index) => `${name} ${counts[index]}/${others}`).join('  ');
      const isFormed = counts.every((count) => count >= others);
      if (line !== before)
        this.#say(`  ${terminal.paint.dim('peers')}  ${isFormed ? terminal.paint.green(line) : line}`);
      before = line;
      if (isFormed) return;
      if (performance.now() > deadlineMs) {
        throw new CliFailure(
          exitCodes.failed,
          'not_formed',
          `after ${formTimeoutMs / 1_000} s the nodes do not see each other: ${line}`,
          `See node.log in ${this.#folders.join(', ')}`,
        );
      }
      await pause(pollMs, signal);
    }
  }

  #say(line: string): void {
    if (!this.#session.json) this.#session.terminal.out(line);
  }
}

/** `127.0.0.1:4101` of a multiaddress over TCP; anything else as it is. */
function hostAndPort(address: string): string {
  const match = /^\/(?:ip[46]|dns[46]?)\/([^/]+)\/tcp\/(\d+)/.exec(address);
  return match === null ? address : `${match[1]}:${match[2]}`;
}

/** Memory of each node's process, as it reports it itself. */
export async function memoryOf(mesh: DevMesh): Promise<Readonly<Record<string, number>>> {
  const found: Record<string, number> = {};
  for (const name of mesh.names)
    found[name] = await mesh.statusOf(name).then(
      ({ node }) => node.rssBytes,
      () => 0,
    );
  return found;
}

export function memoryText(memory: Readonly<Record<string, number>>): string {
  return Object.entries(memory)
    .map(([name, bytes]) => `${name} ${bytes === 0 ? 'not running' : size(bytes)}`)
    .join(' · ');
}
