// Law: a mesh of whole nodes in one process and in virtual time: everything above the World's ports is what a node runs, and what lies below
// (network, disk, skills) is in memory. A node is made to lie by replacing one of its ports or parts, never by changing its code.
import type { DataSetPolicy, DataSets, LaneWriter } from '../../actors/parts/index.ts';
import { type Plan, type PlanTask, planBytes, planDigest } from '../../actors/plan/index.ts';
import type { SkillManifest } from '../../actors/planner/index.ts';
import type {
  ActorRef,
  BlobRef,
  Crypto,
  Network,
  NodeId,
  Sandbox,
  SkillCall,
  SkillOutcome,
  Storage,
  World,
} from '../../actors/system/index.ts';
import { type VirtualWorld, virtualWorld } from '../../actors/system/testing/index.ts';
import { encodeWorkflowEntry, type WorkflowRecord, workflowId, workflowLane } from '../../actors/workflow/index.ts';
import { defaultFaultBudget } from '../../consensus/index.ts';
import { type Admittance, type ComposedNode, composeNode, openAdmittance } from '../../node/index.ts';
import {
  encodeEntry,
  entryHash,
  type LaneEntry,
  laneEntriesSchema,
  maxBatchEntries,
  signEntry,
} from '../../protocols/lanes/index.ts';
import { createMemoryStorage } from '../../protocols/lanes/testing/index.ts';
import { createLoopbackHub, type LoopbackHub } from '../../protocols/loopback/index.ts';
import { createMeshChain, type Genesis, type Member } from '../../protocols/mesh/index.ts';
import { compareText, defineMessage, hex, type Identity, utf8 } from '../../protocols/wire/index.ts';
import { names } from './decisions.ts';
import { createCrypto, testIdentity } from './world.ts';

export const crypto = createCrypto();
/** For sending lane entries that no store would give out. */
const laneEntries = defineMessage('lane.entries', laneEntriesSchema);

const manifestOf = (name: string, more: Partial<SkillManifest> = {}): SkillManifest => ({
  name,
  version: '1.0.0',
  title: name,
  description: name,
  input: { type: 'object' },
  output: {},
  examples: [],
  synonyms: {},
  effects: 'none',
  files: [{ slot: 'any', formats: ['text'], required: false, many: true }],
  deterministic: true,
  minimumTimeoutMs: 100,
  ...more,
});
/**
 * `echo` outputs its input and what it read; `fail` refuses every input alike; `slow` takes the `ms` of its input; `judge` accepts a candidate
 * that does not contain the `forbidden` of its input.
 */
export const manifests: readonly SkillManifest[] = [
  manifestOf('echo'),
  manifestOf('fail'),
  manifestOf('slow'),
  manifestOf('judge'),
  manifestOf('report.write', { effects: 'writes-workflow-folder' }),
];

export interface InProcessOptions {
  /** Names in order: amber, birch, cedar, dune … */
  readonly count: number;
  /** The site of the i-th node; `north` for all unless given. */
  readonly site?: (index: number) => string;
  /** The model family of the i-th node; `none` for all unless given. */
  readonly modelFamily?: (index: number) => string;
  /** Private data sets, by node name. */
  readonly dataSets?: Readonly<
    Record<string, Readonly<Record<string, { content: Uint8Array; policy: DataSetPolicy }>>>
  >;
  /** How the named nodes' sandbox lies; given the honest outcome. */
  readonly outcome?: Readonly<Record<string, (call: SkillCall, honest: SkillOutcome) => SkillOutcome>>;
  readonly network?: Readonly<Record<string, (network: Network) => Network>>;
  /** What every node hashes, signs and checks with: for who counts it. */
  readonly crypto?: Crypto;
  /** Test points of the code that are on: see `World.buggify`. */
  readonly buggify?: readonly string[];
  readonly seed?: number;
  /** Finished workflows whose records each node keeps in memory. */
  readonly finishedMax?: number;
}

export interface InProcessNode {
  readonly name: string;
  readonly identity: Identity;
  readonly storage: Storage;
  readonly world: World;
  readonly admittance: Admittance;
  readonly composed: ComposedNode;
  /** What ends with the process: its handles on what is stored. */
  readonly closeStorage: () => Promise<void>;
  /** Skill runs so far. */
  readonly runs: SkillCall[];
}

const startUpMs = 4_000;

export class InProcessMesh {
  readonly time: VirtualWorld;
  readonly genesis: Genesis;
  readonly #hub: LoopbackHub;
  readonly #options: InProcessOptions;
  readonly #storages = new Map<string, Storage>();
  readonly #nodes = new Map<string, InProcessNode>();
  readonly names: readonly string[];

  private constructor(options: InProcessOptions) {
    this.#options = options;
    this.time = virtualWorld(options.seed ?? 1);
    this.#hub = createLoopbackHub(this.time);
    this.names = names.slice(0, options.count);
    const members: Member[] = this.names
      .map((name, i) => ({
        id: testIdentity(i, crypto).id,
        weight: 1,
        name,
        site: options.site?.(i) ?? 'north',
        operator: 'op',
        modelFamily: options.modelFamily?.(i) ?? 'none',
      }))
      .sort((a, b) => compareText(a.id, b.id));
    this.genesis = {
      name: 'test',
      nonce: new Uint8Array(32).fill(7),
      config: { epoch: 0, members, ...defaultFaultBudget(members.length), previous: new Uint8Array(32) },
    };
  }

  /** Starts every node and lets them meet. */
  static async start(options: InProcessOptions): Promise<InProcessMesh> {
    const mesh = new InProcessMesh(options);
    for (const name of mesh.names) await mesh.startNode(name);
    await mesh.time.advance(startUpMs);
    return mesh;
  }

  identityOf(name: string): Identity {
    return testIdentity(this.names.indexOf(name), crypto);
  }

  idOf(name: string): NodeId {
    return this.identityOf(name).id;
  }

  node(name: string): InProcessNode {
    return this.#nodes.get(name)!;
  }

  get live(): readonly InProcessNode[] {
    return [...this.#nodes.values()];
  }

  async startNode(name: string): Promise<InProcessNode> {
    const identity = this.identityOf(name);
    const disk = this.#storages.get(name) ?? createMemoryStorage(crypto);
    this.#storages.set(name, disk);
    const { storage, closeStorage } = openedStorage(disk);
    const { clock, scheduler, log } = this.time;
    const random = this.time.random.fork(`node ${name} ${clock.monotonicMs()}`);
    const chain = createMeshChain(this.genesis, crypto);
    const keyValue = await storage.keyValue('mesh');
    const admittance = await openAdmittance({ self: identity.id, keyValue, chain, crypto, clock, random });
    const opened = this.#hub.open(identity.id);
    const network = this.#options.network?.[name]?.(opened) ?? opened;
    const runs: SkillCall[] = [];
    const world: World = {
      clock,
      scheduler,
      random,
      crypto: this.#options.crypto ?? crypto,
      network,
      storage,
      sandbox: this.#sandbox(name, storage, runs),
      log: (level, text, fields = {}) => log(level, text, { node: name, ...fields }),
      buggify: (point) => this.#options.buggify?.includes(point) === true,
      sometimes: () => {},
    };
    const index = this.names.indexOf(name);
    const composed = await composeNode({
      world,
      identity,
      admittance,
      name,
      site: this.#options.site?.(index) ?? 'north',
      version: '0.1.0',
      dataSets: (keepPrivate) => this.#dataSets(name, storage, keepPrivate),
      addresses: () => [],
      socket: '',
      parallelMax: 2,
      finishedMax: this.#options.finishedMax,
    });
    const node: InProcessNode = { name, identity, storage, world, admittance, composed, closeStorage, runs };
    this.#nodes.set(name, node);
    return node;
  }

  /** Ends the node as a crash does, as far as the others can tell: the connection drops; what was written stays. */
  async stopNode(name: string): Promise<void> {
    const { composed, world, closeStorage } = this.node(name);
    this.#nodes.delete(name);
    await world.network.close();
    const stopping = composed.stop();
    await this.time.advance(100);
    await stopping;
    await closeStorage();
  }

  async end(): Promise<void> {
    for (const { composed } of this.live) {
      const stopping = composed.stop();
      await this.time.advance(100);
      await stopping;
    }
  }

  /** Lets time pass until `condition` holds; throws, naming it, after `timeoutMs` of virtual time. */
  async until(what: string, condition: () => boolean, timeoutMs = 30_000): Promise<number> {
    const startMs = this.time.clock.monotonicMs();
    while (!condition()) {
      const elapsedMs = this.time.clock.monotonicMs() - startMs;
      if (elapsedMs > timeoutMs) throw new Error(`waited ${timeoutMs} virtual ms for: ${what}`);
      await this.time.advance(25);
    }
    return this.time.clock.monotonicMs() - startMs;
  }

  /** A gateway's first step: the intent is in this node's lane. Returns the workflow's id. */
  async open(name: string, plan: Plan, key = `key-${this.time.clock.monotonicMs()}-${name}`): Promise<string> {
    const { entry, workflow } = this.opening(plan, key);
    await this.say(name, workflowLane, entry);
    return workflow;
  }

  opening(plan: Plan, idempotencyKey: string, epoch = 0): { readonly entry: Uint8Array; readonly workflow: string } {
    const { meshId } = createMeshChain(this.genesis, crypto);
    const workflow = workflowId({ meshId, epoch, idempotencyKey, planDigest: planDigest(plan, crypto) }, crypto);
    const opened = {
      kind: 'opened',
      workflow,
      idempotencyKey,
      words: plan.goal,
      plan: planBytes(plan),
      epoch,
    } as const;
    const atMs = this.time.clock.wallMs();
    return { workflow, entry: encodeWorkflowEntry({ ...opened, approved: true, atMs }) };
  }

  /** Appends anything to a lane of the node, in its name: what a member with its own program can always do. */
  async say(name: string, lane: string, ...bodies: readonly Uint8Array[]): Promise<void> {
    const { lanes } = this.node(name).composed.parts;
    const done = Promise.all(bodies.map((body) => lanes.append(lane, body)));
    let settled = false;
    done.then(
      () => (settled = true),
      () => (settled = true),
    );
    while (!settled) await this.time.advance(1);
    await done;
  }

  /** What the node's roles write into its lanes from now on, instead of what they mean to: undefined keeps an entry back. */
  twist(name: string, twist: (lane: string, body: Uint8Array) => Uint8Array | undefined): void {
    const parts = this.node(name).composed.parts as { lanes: LaneWriter };
    const { lanes } = parts;
    parts.lanes = {
      async append(lane, body) {
        const said = twist(lane, body);
        if (said !== undefined) await lanes.append(lane, said);
      },
    };
  }

  /** Entries of `name`'s own making that continue its lane after `previous`, signed and sent past its store. */
  forge(name: string, lane: string, bodies: readonly Uint8Array[], previous?: LaneEntry): LaneEntry[] {
    const { meshId } = createMeshChain(this.genesis, crypto);
    const entries: LaneEntry[] = [];
    let last = previous;
    for (const body of bodies) {
      last = signEntry(
        {
          mesh: meshId,
          lane,
          sequence: (last?.sequence ?? 0) + 1,
          previous: last === undefined ? new Uint8Array(32) : entryHash(last, crypto),
          hlc: (last?.hlc ?? 0n) + 1n,
          body,
        },
        this.identityOf(name),
        crypto,
      );
      entries.push(last);
    }
    return entries;
  }

  /** Sends entries from one node to others, in batches, whatever the sender's store holds. */
  push(from: string, to: readonly string[], entries: readonly LaneEntry[]): void {
    const { office } = this.node(from).composed.parts;
    for (let at = 0; at < entries.length; at += maxBatchEntries) {
      const batch = { entries: entries.slice(at, at + maxBatchEntries).map(encodeEntry), more: false };
      for (const name of to) office.send(this.idOf(name), laneEntries, batch);
    }
  }

  /** The workflow as the named node has it. */
  record(name: string, workflow: string): WorkflowRecord | undefined {
    return this.node(name).composed.parts.board.get(workflow);
  }

  stateAt(name: string, workflow: string): string | undefined {
    return this.record(name, workflow)?.ended?.state;
  }

  /** Lets time pass until every named node has seen the workflow end; returns the states. */
  async ended(
    workflow: string,
    at: readonly string[] = this.names,
    timeoutMs = 30_000,
  ): Promise<(string | undefined)[]> {
    await this.until(
      `the end of ${workflow.slice(0, 8)} at ${at.join(', ')}`,
      () => at.every((name) => this.stateAt(name, workflow) !== undefined),
      timeoutMs,
    );
    return at.map((name) => this.stateAt(name, workflow));
  }

  /** Whom the node holds something against, by name. */
  accused(name: string): string[] {
    const { ledger, chain } = this.node(name).composed.parts;
    return [...new Set(ledger.charges().map(({ node }) => chain.nameOf(node)))].sort();
  }

  /** Crashes of actors so far, as logged. */
  get crashes(): readonly string[] {
    return this.time.logged
      .filter(({ text }) => text === 'actor crashed')
      .map(({ fields }) => `${fields.node}: ${fields.kind}: ${String(fields.error)}`);
  }

  /** Crashes the actor at `path` of the node, for example `/node/memory`, as a fault in its code would. */
  async crash(name: string, path: string): Promise<void> {
    const { system } = this.node(name).composed;
    const actor = (system as unknown as { find(path: string): ActorRef<never> | undefined }).find(path);
    if (actor === undefined) throw new Error(`${name} has no actor ${path}`);
    system.exit(actor, { kind: 'error', error: new Error('a fault of this program') });
    await this.time.advance(0);
  }

  disconnect(a: string, b: string): void {
    this.#hub.disconnect(this.idOf(a), this.idOf(b));
  }

  connect(a: string, b: string): void {
    this.#hub.connect(this.idOf(a), this.idOf(b));
  }

  /** A network of someone on the wire who is no node of this mesh. */
  outsider(identity: Identity): Network {
    return this.#hub.open(identity.id);
  }

  #sandbox(name: string, storage: Storage, runs: SkillCall[]): Sandbox {
    const { clock, scheduler } = this.time;
    return {
      manifests: () => manifests,
      run: async (call, { signal }) => {
        runs.push(call);
        const ms = call.skill === 'slow' ? Number((call.input as { ms?: number }).ms ?? 0) : 5;
        await new Promise<void>((resolve) => {
          const cancel = scheduler.at(clock.monotonicMs() + ms, resolve);
          signal?.addEventListener('abort', () => {
            cancel();
            resolve();
          });
        });
        const honest = await outcomeOf(call, storage, ms);
        return this.#options.outcome?.[name]?.(call, honest) ?? honest;
      },
      profile: async (file) => ({ name: file.name, format: 'text', sizeBytes: file.blob.sizeBytes, tables: [] }),
      close: async () => {},
    };
  }

  #dataSets(name: string, storage: Storage, keepPrivate: (digest: string) => void): DataSets {
    const sets = this.#options.dataSets?.[name] ?? {};
    return {
      async open(set) {
        const found = sets[set];
        if (found === undefined) return undefined;
        const blob = await storage.blobs.write(once(found.content));
        keepPrivate(blob.digest);
        return { fileName: `${set}.txt`, blob, policy: found.policy };
      },
      describe: async () => Object.keys(sets).map((set) => ({ name: set, columns: [] })),
    };
  }
}

/** The storage as one life of a node has it: whatever that life opened can be closed with it. */
function openedStorage(disk: Storage): { readonly storage: Storage; readonly closeStorage: () => Promise<void> } {
  const opened: { close(): Promise<void> }[] = [];
  const keep = async <T extends { close(): Promise<void> }>(opening: Promise<T>): Promise<T> => {
    const one = await opening;
    opened.push(one);
    return one;
  };
  return {
    storage: {
      appendFile: (name) => keep(disk.appendFile(name)),
      keyValue: (name) => keep(disk.keyValue(name)),
      blobs: disk.blobs,
    },
    closeStorage: async () => {
      for (const one of opened.splice(0)) await one.close();
    },
  };
}

async function outcomeOf(call: SkillCall, storage: Storage, durationMs: number): Promise<SkillOutcome> {
  if (call.skill === 'fail') return { kind: 'failure', code: 'no_such_column', message: 'no such column', durationMs };
  const files: Record<string, string> = {};
  for (const [name, { digest }] of Object.entries(call.files)) {
    if (!(await storage.blobs.has(digest)))
      return { kind: 'fault', code: 'crashed', message: `${name} is not here`, durationMs };
    files[name] = digest;
  }
  if (call.skill === 'judge') {
    const { forbidden } = call.input as { forbidden: string };
    const chunks: Uint8Array[] = [];
    for await (const chunk of storage.blobs.read(files['candidate.json']!)) chunks.push(chunk);
    const accept = !Buffer.concat(chunks).toString('utf8').includes(forbidden);
    return { kind: 'result', output: utf8.encode(JSON.stringify({ accept })), durationMs };
  }
  const output = utf8.encode(JSON.stringify({ files, input: call.input, skill: call.skill }));
  return { kind: 'result', output, durationMs };
}

export async function* once(bytes: Uint8Array): AsyncIterable<Uint8Array> {
  yield bytes;
}

export function task(id: string, more: Partial<PlanTask> = {}): PlanTask {
  const shared = { files: {}, after: [], endorsement: 'quorum', optional: false, timeoutMs: 60_000 } as const;
  return { id, skill: 'echo', input: { of: id }, ...shared, ...more };
}

export function planOf(tasks: readonly PlanTask[], more: Partial<Plan> = {}): Plan {
  return { version: 1, goal: 'a test', tasks, result: tasks.at(-1)!.id, risk: 'read-only', ...more };
}

export function refOf(bytes: Uint8Array): BlobRef {
  return { digest: hex.encode(crypto.sha256(bytes)), sizeBytes: bytes.length };
}
