// Law: an end-to-end test talks to real nodes: separate processes from real folders on real sockets. What it starts it stops, whatever
// becomes of the test, and its folders go with it unless PARLEY_KEEP_FOLDERS is set.
import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  ApiFailure,
  type DoctorReport,
  follow,
  type LocalFile,
  MeshClient,
  type Move,
  type NodeStatus,
  type OpenRequest,
  StoredFiles,
  type WorkflowDetail,
  type WorkflowEvent,
} from '../../node/client/index.ts';
import {
  createMeshFolders,
  type DataSet,
  type NatsSettings,
  type NodeSettings,
  openHome,
} from '../../node/home/index.ts';
import { freePorts } from './ports.ts';
import { repository, TestProcess } from './process.ts';
import type { Behaviour } from './traitor.ts';

export interface NodeSpec {
  readonly name: string;
  readonly site?: string;
  readonly dataSets?: readonly DataSet[];
  readonly nats?: NatsSettings;
  readonly modelFamily?: string;
  /** The mesh is reached over NATS alone. */
  readonly isNatsAlone?: boolean;
  /** What its node.json says besides. */
  readonly settings?: Partial<NodeSettings>;
  /** A command that runs the node somewhere else, for example in a network namespace. */
  readonly inside?: readonly string[];
  /** Where it listens; a free port of the loopback interface where absent. */
  readonly listen?: string;
  /** Starts the node as one that lies, or that records what it says. */
  readonly behaviour?: Behaviour;
}

/** What `up -o json` and the traitor print when the node is ready. */
export interface Ready {
  readonly name: string;
  readonly id: string;
  readonly mesh: string;
  readonly addresses: readonly string[];
  readonly socket: string;
  readonly pid: number;
}

export interface Asked {
  readonly workflow: string;
  readonly heldBy: number;
  /** As the client saw them, each once, in its own order. */
  readonly events: readonly WorkflowEvent[];
  readonly moves: readonly Move[];
  readonly detail: WorkflowDetail;
  /** From the intent's acceptance to the last event, monotonic. */
  readonly elapsedMs: number;
}

export interface AskOptions {
  /** Name of the node that is asked first. */
  readonly node: string;
  readonly approved?: boolean;
  readonly timeoutMs?: number;
  /** Called once the mesh has accepted the intent. */
  readonly onOpened?: (workflow: string) => void;
  readonly onEvent?: (event: WorkflowEvent) => void;
}

export const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** How long something that has to come may take: no promise of the mesh, only an end to the waiting of a test on a machine under load. */
export const livenessMs = 60_000;

/** Resolves with what `look` found once it is neither undefined nor false; throws, naming `what`, after `timeoutMs`. */
export async function eventually<T>(
  what: string,
  look: () => T | Promise<T>,
  timeoutMs = livenessMs,
): Promise<Exclude<T, undefined | false>> {
  const endMs = performance.now() + timeoutMs;
  let last: unknown;
  for (;;) {
    try {
      const found = await look();
      if (found !== undefined && found !== false) return found as Exclude<T, undefined | false>;
    } catch (error) {
      last = error;
    }
    if (performance.now() > endMs) throw new Error(`waited ${timeoutMs} ms for: ${what}`, { cause: last });
    await pause(50);
  }
}

/**
 * Does `once` again and again until it finds something: for what chance brings, as which role falls to whom. What `once` throws is thrown;
 * so is an error that names `what`, after `timeoutMs`.
 */
export async function untilFound<T>(
  what: string,
  once: (round: number) => Promise<T | undefined>,
  timeoutMs = 2 * livenessMs,
): Promise<T> {
  const endMs = performance.now() + timeoutMs;
  for (let round = 0; ; round++) {
    const found = await once(round);
    if (found !== undefined) return found;
    if (performance.now() > endMs) throw new Error(`${round + 1} times in ${timeoutMs} ms, and never ${what}`);
  }
}

/** A file of the client, from memory. */
export function localFile(name: string, content: string | Uint8Array): LocalFile {
  const bytes = Buffer.from(content);
  return {
    name,
    sizeBytes: bytes.length,
    async *open() {
      for (let at = 0; at < bytes.length; at += 65_536) yield bytes.subarray(at, at + 65_536);
    },
  };
}

export function temporaryFolder(prefix: string): string {
  return mkdtempSync(join(tmpdir(), prefix));
}

/** Throws where it is not planned. */
async function openWith(
  client: MeshClient,
  intent: string | { readonly plan: unknown },
  stored: StoredFiles,
  approved: boolean,
  signal: AbortSignal,
): Promise<{ readonly workflow: string; readonly heldBy: number; readonly request: OpenRequest }> {
  const reply = await client.plan(typeof intent === 'string' ? { words: intent } : intent, stored, signal);
  if (reply.kind !== 'plan') throw new Error(`not planned: ${reply.message}`);
  const words = typeof intent === 'string' ? intent : (reply.plan as { goal: string }).goal;
  const request: OpenRequest = { words, plan: reply.plan, idempotencyKey: randomUUID(), approved };
  return { ...(await client.open(request, stored, signal)), request };
}

export class TestMesh {
  readonly root: string;
  readonly names: readonly string[];
  readonly #specs: ReadonlyMap<string, NodeSpec>;
  readonly #processes = new Map<string, TestProcess>();
  readonly #ready = new Map<string, Ready>();

  private constructor(root: string, specs: readonly NodeSpec[]) {
    this.root = root;
    this.names = specs.map(({ name }) => name);
    this.#specs = new Map(specs.map((spec) => [spec.name, spec]));
  }

  /** Lays out the folders, starts every node and waits until each knows all others. Ends what it started where that fails. */
  static async start(nodes: readonly (string | NodeSpec)[]): Promise<TestMesh> {
    const specs = nodes.map((node): NodeSpec => (typeof node === 'string' ? { name: node } : node));
    const root = temporaryFolder('parley-e2e-');
    const mesh = new TestMesh(root, specs);
    try {
      const ports = await freePorts(specs.length);
      createMeshFolders({
        root,
        meshName: 'test',
        nodes: specs.map(
          ({ name, site = 'local', dataSets = [], nats, isNatsAlone = false, listen, modelFamily }, index) => ({
            name,
            site,
            dataSets,
            listen: isNatsAlone ? [] : [listen ?? `/ip4/127.0.0.1/tcp/${ports[index]}`],
            ...(nats === undefined ? {} : { nats }),
            ...(modelFamily === undefined ? {} : { modelFamily }),
          }),
        ),
      });
      for (const { name, settings } of specs) {
        const home = openHome(mesh.folder(name));
        if (settings !== undefined) home.saveNode({ ...home.node(), ...settings });
      }
      await Promise.all(mesh.names.map((name) => mesh.startNode(name)));
      await mesh.formed();
      return mesh;
    } catch (error) {
      await mesh.end();
      throw error;
    }
  }

  folder(name: string): string {
    return join(this.root, name);
  }

  /** Where the node listens, as host and port. */
  portOf(name: string): number {
    return Number(/\/tcp\/(\d+)/.exec(openHome(this.folder(name)).node().listen[0]!)![1]);
  }

  socketOf(name: string): string {
    return openHome(this.folder(name)).socketPath;
  }

  get live(): readonly string[] {
    return this.names.filter((name) => this.#processes.get(name)?.isGone === false);
  }

  idOf(name: string): string {
    return this.#ready.get(name)!.id;
  }

  /** Starts the node from its folder and waits until it is ready; `behaviour` overrides how it was laid out, null makes it honest. */
  async startNode(
    name: string,
    behaviour: Behaviour | null = this.#specs.get(name)?.behaviour ?? null,
  ): Promise<Ready> {
    const folder = this.folder(name);
    const args =
      behaviour === null
        ? [`${repository}bin/parley.mjs`, 'up', '--folder', folder, '-o', 'json', '--exit-with-parent']
        : [`${repository}test/support/traitor.ts`, folder, behaviour];
    const child = new TestProcess(args, join(folder, 'node.log'), this.#specs.get(name)?.inside);
    this.#processes.set(name, child);
    const ready = await child.firstLine<Ready>();
    this.#ready.set(name, ready);
    return ready;
  }

  process(name: string): TestProcess {
    return this.#processes.get(name)!;
  }

  /** SIGKILL. */
  async kill(name: string): Promise<void> {
    await this.process(name).kill();
  }

  async stop(name: string): Promise<number | string> {
    return this.process(name).stop();
  }

  /** Starts a node that ended, from its folder, and waits until it and all live ones know each other. */
  async restart(name: string, behaviour?: Behaviour | null): Promise<void> {
    await (behaviour === undefined ? this.startNode(name) : this.startNode(name, behaviour));
    await this.formed();
  }

  /** Has the node stand still (SIGSTOP: connected, and silent) until `work` is done; resolves once the mesh is whole again. */
  async whileFrozen<T>(name: string, work: (thaw: () => void) => Promise<T>): Promise<T> {
    const child = this.process(name);
    child.freeze();
    let result: T;
    try {
      result = await work(() => child.thaw());
    } finally {
      child.thaw();
    }
    await this.formed();
    return result;
  }

  /** Resolves once every live node is connected to every other live one, heard what it is, and holds it for live. */
  async formed(timeoutMs = livenessMs): Promise<void> {
    await eventually(
      `${this.live.join(', ')} connected to each other`,
      async () => {
        for (const name of this.live) {
          const { peers } = await this.status(name);
          const isWhole = this.live.every((other) =>
            peers.some(
              (peer) =>
                peer.name === other &&
                (peer.self ||
                  (peer.connected && peer.skills.length > 0 && peer.state !== 'suspect' && peer.state !== 'dead')),
            ),
          );
          if (!isWhole) return false;
        }
        return true;
      },
      timeoutMs,
    );
  }

  /** Talks to this node and to no other. */
  clientOf(name: string): MeshClient {
    return new MeshClient([this.socketOf(name)], { searchTimeoutMs: 0 });
  }

  status(name: string): Promise<NodeStatus> {
    return this.clientOf(name).status();
  }

  doctor(name: string): Promise<DoctorReport> {
    return this.clientOf(name).doctor();
  }

  /** What the node says of the workflow; undefined while it does not know it. */
  async detail(name: string, workflow: string): Promise<WorkflowDetail | undefined> {
    try {
      return await this.clientOf(name).workflow(workflow);
    } catch (error) {
      if (error instanceof ApiFailure && error.code === 'not_found') return undefined;
      throw error;
    }
  }

  /** A client that tries `first` and then the others. */
  client(first: string, onMove: (move: Move) => void = () => {}): MeshClient {
    const order = [first, ...this.names.filter((name) => name !== first)];
    return new MeshClient(
      order.map((name) => this.socketOf(name)),
      { onMove, searchTimeoutMs: livenessMs },
    );
  }

  /** Gives words to a node and waits for no answer; resolves with the workflow's id once the mesh has accepted them. */
  async open(words: string, files: readonly LocalFile[], node: string): Promise<string> {
    const signal = AbortSignal.timeout(livenessMs);
    return (await openWith(this.clientOf(node), words, new StoredFiles(files), false, signal)).workflow;
  }

  /** Words, or a plan bound to blobs, to the end of its workflow. Throws where it is not planned, or not ended in time. */
  async ask(
    intent: string | { readonly plan: unknown },
    files: readonly LocalFile[],
    options: AskOptions,
  ): Promise<Asked> {
    const moves: Move[] = [];
    const client = this.client(options.node, (move) => void moves.push(move));
    const stored = new StoredFiles(files);
    const signal = AbortSignal.timeout(options.timeoutMs ?? 1.5 * livenessMs);
    const { workflow, heldBy, request } = await openWith(client, intent, stored, options.approved ?? false, signal);
    const startedMs = performance.now();
    options.onOpened?.(workflow);
    const events: WorkflowEvent[] = [];
    for await (const event of follow(client, workflow, {
      signal,
      probeAfterMs: 500,
      reopen: { request, files: stored },
    })) {
      events.push(event);
      options.onEvent?.(event);
    }
    const elapsedMs = performance.now() - startedMs;
    const detail = await eventually('the end of the workflow in its record', async () => {
      const found = await client.workflow(workflow, signal);
      return found.state === 'running' || found.state === 'waiting-for-quorum' ? undefined : found;
    });
    return { workflow, heldBy, events, moves, detail, elapsedMs };
  }

  /** The node's certificate of a workflow that has completed, as soon as the node knows that it has. */
  async certificate(name: string, workflow: string): Promise<Uint8Array> {
    const isCompleted = async (): Promise<boolean> => (await this.detail(name, workflow))?.state === 'completed';
    await eventually(`${name} to know that ${workflow.slice(0, 8)} completed`, isCompleted);
    return new Uint8Array(await this.clientOf(name).certificate(workflow));
  }

  /** A payload, as soon as the node has it. */
  async blob(name: string, digest: string): Promise<Uint8Array> {
    return eventually(
      `${name} to have ${digest.slice(0, 8)}`,
      async () => new Uint8Array(await this.clientOf(name).blob(digest)),
    );
  }

  /** What the node tells of a workflow that has ended, from the beginning. */
  async story(name: string, workflow: string): Promise<WorkflowEvent[]> {
    await eventually(`${name} to know ${workflow.slice(0, 8)}`, () => this.detail(name, workflow));
    const events: WorkflowEvent[] = [];
    for await (const event of follow(this.clientOf(name), workflow, { signal: AbortSignal.timeout(livenessMs) }))
      events.push(event);
    return events;
  }

  /** Ends every process; the folders stay. */
  async stopAll(): Promise<void> {
    await Promise.all([...this.#processes.values()].map((child) => (child.isGone ? undefined : child.stop())));
  }

  /** Ends every process and removes the folders. Never throws. */
  async end(): Promise<void> {
    await this.stopAll();
    if (process.env.PARLEY_KEEP_FOLDERS === undefined) rmSync(this.root, { recursive: true, force: true });
    else console.log(`kept ${this.root}`);
  }
}
