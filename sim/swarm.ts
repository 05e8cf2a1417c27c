// Law: a swarm is a function of its options: one seed, one genesis, n nodes of production code over one queue of events. It does to nodes
// what the world does to machines, tells who watches, and knows nothing of what is right.

import type { Charge } from '../actors/parts/index.ts';
import type { Plan } from '../actors/plan/index.ts';
import { createRandom, type DeadLetterReason, type ExitReason, type Random } from '../actors/system/index.ts';
import { type BoardChange, encodeWorkflowEntry, workflowLane } from '../actors/workflow/index.ts';
import { defaultFaultBudget } from '../consensus/index.ts';
import { createCrypto, type WorkflowServices } from '../node/index.ts';
import { type Genesis, meshIdOf } from '../protocols/mesh/index.ts';
import { compareText, createIdentity, hex, openEnvelope, readDirect, utf8 } from '../protocols/wire/index.ts';
import { type DiskProfile, type OperationKind, quickDisk } from './disk/index.ts';
import { type CarriedKind, calm, Fabric, type NetworkProfile } from './network/index.ts';
import { Newcomer, type NewcomerPlan } from './newcomer.ts';
import { type DataSet, once, type Process, SimNode, type StopOutcome } from './node.ts';
import type { Work } from './workload.ts';
import {
  createKernel,
  createSimCrypto,
  type EventQueue,
  type Kernel,
  type LogEntry,
  type SignatureKind,
  type TraceListener,
} from './world/index.ts';

export interface SwarmOptions {
  readonly seed: number;
  /** Members of the genesis. */
  readonly nodes: number;
  /** Nodes of the genesis that execute and have no vote, after the members. Default: none. */
  readonly workers?: number;
  /** Nodes that only listen, let in by the members before the run; the last ones. Default: none. */
  readonly observers?: number;
  /** Members that run on two machines, each with a disk of its own: the second ones follow the last node. Default: none. */
  readonly twins?: readonly number[];
  /** Machines that are not of the mesh and have tickets, after all others. Default: none. */
  readonly newcomers?: readonly NewcomerPlan[];
  /** Of the i-th node; default: all at one site. */
  readonly siteOf?: (index: number) => string;
  /** Every node of a site keeps its site's own `ledger`, where this is set. */
  readonly withDataSets?: boolean;
  /** Of the i-th node: skills and disk; default 1. */
  readonly slowFactorOf?: (index: number) => number;
  /** Default `keyed-hash`. */
  readonly signatures?: SignatureKind;
  readonly network?: NetworkProfile;
  readonly disk?: DiskProfile;
  /** Test points of the code, each with how many times in a thousand it says yes; the others never do. */
  readonly buggify?: Readonly<Record<string, number>>;
  readonly onEvent?: TraceListener;
  readonly queue?: EventQueue;
}

/** An envelope as it was handed to the network, by whom the fabric knows and not by whom it claims. */
export interface SentMessage {
  readonly from: number;
  readonly to: number;
  readonly carried: CarriedKind;
  readonly type: string;
  readonly author: string;
  readonly body: Uint8Array;
  /** Of the whole frame. */
  readonly sizeBytes: number;
  /** The frame's own, for `arrived`. */
  readonly id: number;
  /** Of a request and of its reply the same. */
  readonly question?: string;
}

/** All optional: a watcher hears what it asks for. None of them may reach into a node. */
export interface Watcher {
  sent?(message: SentMessage): void;
  /** A frame of that id is taken in by its receiver, whose event runs. */
  arrived?(from: number, to: number, id: number): void;
  started?(node: SimNode, process: Process): void;
  startFailed?(node: SimNode, error: unknown): void;
  /** What keeps failing in it used up its patience; its process ends with it. */
  treeEnded?(node: SimNode, reason: ExitReason): void;
  /** It was asked to end, and has let go of everything, or not. */
  stopped?(node: SimNode, outcome: StopOutcome): void;
  ending?(node: SimNode, process: Process | undefined): void;
  board?(node: SimNode, change: BoardChange): void;
  charged?(node: SimNode, charge: Charge): void;
  /** Something outside of the mesh is other than it was. */
  effect?(node: SimNode, effect: Effect): void;
  deadLetter?(node: SimNode, text: string, why: DeadLetterReason): void;
  logged?(node: SimNode, entry: LogEntry): void;
  submitted?(submission: Submission): void;
  disk?(node: SimNode, kind: OperationKind, target: string): void;
  reached?(name: string): void;
  /** A fault begins, or is lifted. */
  fault?(text: string, isOver: boolean): void;
}

export interface Effect {
  readonly workflow: string;
  readonly task: string;
  readonly content: string;
}

export interface Submission {
  readonly key: string;
  readonly work: Work;
  readonly node: number;
  readonly askedAtMs: number;
  /** Set once the node answered: how many others hold it. */
  workflow: string | undefined;
  heldBy: number | undefined;
  /** Why the node did not take it, if it said so. */
  refused: string | undefined;
  /** Of the node's lives, the one that was asked; undefined until the question has reached it. */
  life: number | undefined;
}

export class Swarm {
  readonly options: SwarmOptions;
  readonly kernel: Kernel;
  readonly crypto: ReturnType<typeof createSimCrypto>;
  readonly random: Random;
  readonly genesis: Genesis;
  readonly meshId: Uint8Array;
  readonly fabric: Fabric;
  readonly diskProfile: DiskProfile;
  readonly nodes: readonly SimNode[];
  readonly submissions: Submission[] = [];
  /** Of the node's code, as members compare it. */
  readonly version = '0.1.0';
  /** What both ends of a connection must hold. */
  readonly secret: string;
  private readonly watchers: Watcher[] = [];

  constructor(options: SwarmOptions) {
    const { seed, nodes: count, workers = 0, observers = 0, twins = [], siteOf = () => 'here' } = options;
    this.options = options;
    this.kernel = createKernel({
      ...(options.queue === undefined ? {} : { queue: options.queue }),
      ...(options.onEvent === undefined ? {} : { onEvent: options.onEvent }),
    });
    this.crypto = createSimCrypto(options.signatures ?? 'keyed-hash', createCrypto());
    this.random = createRandom(seed).fork('swarm');
    this.diskProfile = options.disk ?? quickDisk;
    const about = Array.from({ length: count + workers + observers }, (_, index) => ({
      index,
      name: `node-${index}`,
      site: siteOf(index),
      slowFactor: options.slowFactorOf?.(index) ?? 1,
      identity: createIdentity(this.crypto, this.random.fork(`identity/${index}`).bytes(32)),
      dataSets: options.withDataSets === true ? [ledgerOf(siteOf(index))] : [],
    }));
    const configured = about
      .slice(0, count + workers)
      .map(({ index, site, identity }) => ({
        index,
        node: { id: identity.id, name: `node-${index}`, site, operator: 'sim', modelFamily: 'none' },
      }))
      .sort((a, b) => compareText(a.node.id, b.node.id));
    this.genesis = {
      name: 'swarm',
      nonce: this.random.fork('genesis').bytes(32),
      config: {
        epoch: 0,
        members: configured.filter(({ index }) => index < count).map(({ node }) => ({ ...node, weight: 1 })),
        ...(workers === 0 ? {} : { workers: configured.filter(({ index }) => index >= count).map(({ node }) => node) }),
        ...defaultFaultBudget(count),
        previous: new Uint8Array(32),
      },
    };
    this.meshId = meshIdOf(this.genesis, this.crypto);
    this.secret = hex.encode(this.meshId);
    this.fabric = new Fabric({
      kernel: this.kernel,
      seed,
      profile: options.network ?? calm,
      onSend: (from, to, kind, bytes, id) => this.observe(from, to, kind, bytes, id),
      onArrive: (from, to, id) => this.tell('arrived', from, to, id),
    });
    const second = twins.map((index, i) => ({
      ...about[index]!,
      index: about.length + i,
      name: `node-${index}-twin`,
    }));
    const machines = [...about, ...second];
    const guests = (options.newcomers ?? []).map((plan, i) => ({
      index: machines.length + i,
      name: `guest-${i}`,
      site: plan.site,
      slowFactor: 1,
      identity: createIdentity(this.crypto, this.random.fork(`identity/guest-${i}`).bytes(32)),
      dataSets: [],
      plan,
    }));
    this.nodes = [
      ...machines.map((each) => new SimNode(this, each)),
      ...guests.map((guest) => {
        const node = new SimNode(this, guest);
        node.newcomer = new Newcomer(this, guest.plan, guest.name);
        return node;
      }),
    ];
  }

  get observers(): readonly SimNode[] {
    const { nodes, workers = 0, observers = 0 } = this.options;
    return this.nodes.slice(nodes + workers, nodes + workers + observers);
  }

  get nowMs(): number {
    return this.kernel.nowUs / 1_000;
  }

  watch(watcher: Watcher): void {
    this.watchers.push(watcher);
  }

  tell<K extends keyof Watcher>(what: K, ...args: Parameters<NonNullable<Watcher[K]>>): void {
    for (const watcher of this.watchers) (watcher[what] as ((...all: typeof args) => void) | undefined)?.(...args);
  }

  /** An event of the world's own, `delayMs` from now. */
  later(delayMs: number, what: string, act: () => void): void {
    this.kernel.schedule(this.kernel.nowUs + delayMs * 1_000, -1, what, act);
  }

  start(): void {
    for (const node of this.nodes) node.start();
  }

  /** A client hands its work to a node, as over its gateway. What the node answers ends up in the returned record. */
  submit(index: number, asked: Work | Plan, key: string): Submission {
    const work = 'plan' in asked ? asked : { plan: asked, payloads: [] };
    const submission: Submission = {
      key,
      work,
      node: index,
      askedAtMs: this.nowMs,
      workflow: undefined,
      heldBy: undefined,
      refused: undefined,
      life: undefined,
    };
    this.submissions.push(submission);
    const open = async (services: WorkflowServices): Promise<void> => {
      const { plan, payloads } = work;
      for (const { name, content } of payloads) await services.storeBlob(name, once(content));
      const { workflow, heldBy } = await services.open({ words: plan.goal, plan, idempotencyKey: key, approved: true });
      Object.assign(submission, { workflow, heldBy });
      this.tell('submitted', submission);
    };
    this.kernel.schedule(this.kernel.nowUs, index, 'client.submit', () => {
      const { process, lives } = this.nodes[index]!;
      submission.life = lives;
      if (process === undefined) submission.refused = 'the node does not run';
      else open(process.services).catch((error: Error) => void Object.assign(submission, { refused: error.message }));
    });
    return submission;
  }

  /** A client takes its work back at that node, if the node knows it: what its gateway does then. */
  cancel(index: number, { workflow }: Submission, secret?: string): void {
    this.kernel.schedule(this.kernel.nowUs, index, 'client.cancel', () => {
      const parts = this.nodes[index]!.process?.composed.parts;
      const record = workflow === undefined ? undefined : parts?.board.get(workflow);
      if (parts === undefined || record?.opened === undefined || record.ended !== undefined) return;
      const { workflow: id } = record;
      const entry = encodeWorkflowEntry({
        kind: 'cancelled',
        workflow: id,
        reason: 'the client changed its mind',
        ...(secret === undefined ? {} : { secret }),
        atMs: parts.world.clock.wallMs(),
      });
      // Where the node cannot write it, the client hears so.
      parts.lanes.append(workflowLane, entry).catch(() => {});
    });
  }

  /** Until that virtual time, or earlier where `isDone` says so. */
  async run(untilMs: number, isDone?: () => boolean): Promise<void> {
    await this.kernel.run(untilMs * 1_000, isDone);
  }

  private observe(from: number, to: number, carried: CarriedKind, bytes: Uint8Array, id: number): void {
    // Reading every message a second time is worth it only where somebody listens.
    if (carried === 'pull' || carried === 'chunk' || this.watchers.every(({ sent }) => sent === undefined)) return;
    const sizeBytes = bytes.length;
    const direct = readDirect(bytes);
    if (direct !== undefined) {
      const { type, body } = direct;
      // Nobody signed it: it is the sender's own word.
      this.tell('sent', { from, to, carried, type, author: this.nodes[from]!.id, body, sizeBytes, id });
      return;
    }
    const opened = openEnvelope(bytes, { crypto: trusting, meshId: this.meshId });
    if (!opened.ok) return;
    const { type, from: author, body, id: own, re = own } = opened.envelope;
    const question = carried === 'request' || carried === 'reply' ? { question: hex.encode(re) } : {};
    this.tell('sent', { from, to, carried, type, author, body, sizeBytes, id, ...question });
  }
}

/** For reading envelopes, whoever signed them. */
const trusting = { sha256: () => new Uint8Array(32), verify: () => true };

export function ledgerOf(site: string): DataSet {
  return { name: 'ledger', content: utf8.encode(`value\n${site}\n`) };
}
