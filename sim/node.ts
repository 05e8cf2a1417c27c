// Law: a simulated node is the production composition over simulated ports. What belongs to the machine (disk, clocks, identity) outlives
// its processes; everything else is made anew at each start, from the disk alone.
import type { NodeId, World } from '../actors/system/index.ts';
import type { WorkflowRecord } from '../actors/workflow/index.ts';
import {
  type Admittance,
  type CertifiedFile,
  type ComposedNode,
  certifiedFiles,
  composeNode,
  createWorkflowServices,
  keepEffects,
  openAdmittance,
  type WorkflowServices,
} from '../node/index.ts';
import { createMeshChain, type Genesis } from '../protocols/mesh/index.ts';
import type { Identity } from '../protocols/wire/index.ts';
import { Disk, openSimStorage, slower } from './disk/index.ts';
import { openSimNetwork } from './network/index.ts';
import type { Newcomer } from './newcomer.ts';
import { createSimSandbox, noTroubles, type Troubles } from './sandbox.ts';
import type { Swarm } from './swarm.ts';
import { createDraws, createLife, type Draws, type Life, type NodeClocks } from './world/index.ts';

export interface DataSet {
  readonly name: string;
  readonly content: Uint8Array;
}

/** What a process is while it runs. */
export interface Process {
  readonly life: Life;
  readonly world: World;
  readonly composed: ComposedNode;
  readonly services: WorkflowServices;
  readonly admittance: Admittance;
  readonly stopEffects: () => void;
}

/** Puts something between a node's code and a port of its World: a node that lies does so here. */
export interface Disguise {
  readonly wrap: (
    world: World,
    context: { readonly identity: Identity; readonly genesis: Genesis; readonly life: Life },
  ) => World;
}

/** How an orderly end went. */
export type StopOutcome =
  | { readonly kind: 'stopped' /** Of its own that still run. */; readonly timers: number }
  | { readonly kind: 'late' }
  | { readonly kind: 'failed'; readonly error: unknown };

/** What a stopped process had begun by itself before it let go has this long to come to an end. */
const stopGraceUs = 100_000;
/** As service managers have it. */
const stopPatienceUs = 30_000_000;
const parallelMax = 2;
const purpose = { buggify: 0 } as const;

export class SimNode {
  readonly swarm: Swarm;
  readonly index: number;
  readonly name: string;
  readonly site: string;
  /** Of its skills and its disk, for good. */
  readonly slowFactor: number;
  readonly identity: Identity;
  readonly dataSets: readonly DataSet[];
  readonly disk: Disk;
  readonly clocks: NodeClocks = { offsetMs: 0, driftPpm: 0 };
  readonly troubles: Troubles = noTroubles();
  /** Files that its processes wrote for people, by workflow and name. */
  readonly folder = new Map<string, string>();
  disguise: Disguise | undefined;
  /** Of a machine that is not of the mesh, and has a ticket. */
  newcomer: Newcomer | undefined;
  /** The life that runs, from its first instant. */
  life: Life | undefined;
  /** There once the node has opened its disk. */
  process: Process | undefined;
  lives = 0;
  private readonly draws: Draws;
  /** Test points come upon so far. */
  private asked = 0;
  /** To be shut down in order; `again` once somebody wants it to run afterwards. */
  private stopping: { again: boolean } | undefined;

  constructor(
    swarm: Swarm,
    about: {
      readonly index: number;
      readonly name: string;
      readonly site: string;
      readonly slowFactor: number;
      readonly identity: Identity;
      readonly dataSets: readonly DataSet[];
    },
  ) {
    this.swarm = swarm;
    this.index = about.index;
    this.name = about.name;
    this.site = about.site;
    this.slowFactor = about.slowFactor;
    this.identity = about.identity;
    this.dataSets = about.dataSets;
    this.draws = createDraws(swarm.options.seed, 'node');
    this.disk = new Disk({
      kernel: swarm.kernel,
      node: about.index,
      seed: swarm.options.seed,
      profile: slower(swarm.diskProfile, about.slowFactor),
      onBegin: (kind, target) => swarm.tell('disk', this, kind, target),
    });
  }

  get id(): NodeId {
    return this.identity.id;
  }

  /** Starts a process now, in an event of the node. A node that runs is left alone. */
  start(): void {
    const { kernel } = this.swarm;
    kernel.schedule(kernel.nowUs, this.index, 'node.start', () => {
      if (this.stopping !== undefined) this.stopping.again = true;
      if (this.life !== undefined) return;
      const life = createLife({
        kernel,
        node: this.index,
        number: this.lives++,
        clocks: this.clocks,
        random: this.swarm.random.fork(`node/${this.index}`),
        onLog: (entry) => this.swarm.tell('logged', this, entry),
      });
      this.life = life;
      this.compose(life).then(
        (process) => {
          if (!life.isAlive) return;
          this.process = process;
          this.swarm.tell('started', this, process);
          void process.composed.ended.then((reason) => {
            if (!life.isAlive || this.stopping !== undefined) return;
            this.swarm.tell('treeEnded', this, reason);
            this.end(false, 'reset');
          });
        },
        (error: unknown) => {
          if (!life.isAlive) return;
          if (this.newcomer?.failed(error, () => this.start()) === true) return this.end(false, 'reset');
          this.swarm.tell('startFailed', this, error);
          this.end(true, 'reset');
        },
      );
    });
  }

  /**
   * The process is asked to end, as by a service manager: it lets go of everything in order. Where it is still at it after a while, it is
   * ended as it stands. `then` runs once it is gone.
   */
  stop(then: () => void): void {
    const { kernel } = this.swarm;
    // Wanted from now on, though a paused node comes to it later: who starts it meanwhile wants it to run afterwards.
    const stopping = this.stopping === undefined ? { again: false } : undefined;
    this.stopping ??= stopping;
    kernel.schedule(kernel.nowUs, this.index, 'node.stop', () => {
      const { life, process } = this;
      if (stopping === undefined || this.stopping !== stopping) return then();
      if (life === undefined || process === undefined) {
        this.stopping = undefined;
        return then();
      }
      const over = (left: StopOutcome): void => {
        if (this.life !== life) return;
        this.swarm.tell('stopped', this, left);
        this.end(false, 'reset');
        then();
        if (stopping.again) this.start();
      };
      const leave = async (): Promise<void> => {
        process.stopEffects();
        await process.composed.stop();
        await process.world.network.close();
        life.after(stopGraceUs, 'node.stopped', () => over({ kind: 'stopped', timers: life.timers }));
      };
      life.after(stopPatienceUs, 'node.kill', () => over({ kind: 'late' }));
      leave().catch((error: unknown) => over({ kind: 'failed', error }));
    });
  }

  /** The process is gone, at once, wherever it stands. `power`: and with it what its operating system had not written. */
  end(power: boolean, how: 'reset' | 'silent'): void {
    const { life } = this;
    if (life === undefined) return;
    this.swarm.tell('ending', this, this.process);
    life.end();
    this.life = undefined;
    this.process = undefined;
    this.stopping = undefined;
    this.swarm.fabric.detach(this.index, how);
    this.disk.crash(power);
  }

  /** A file in a workflow's folder outlives its writer; what stands there already is not written again. */
  private write(workflow: string, { task, fileName, markdown }: CertifiedFile): void {
    const path = `${workflow}/${fileName}`;
    if (this.folder.get(path) === markdown) return;
    this.folder.set(path, markdown);
    this.swarm.tell('effect', this, { workflow, task, content: markdown });
  }

  private async compose(life: Life): Promise<Process> {
    const { swarm, identity, index, disk, site, name, slowFactor } = this;
    const { crypto, genesis, options } = swarm;
    const storage = openSimStorage({ disk, life, crypto });
    await this.newcomer?.join(life, storage, identity);
    const chain = createMeshChain(genesis, crypto);
    const { clock, scheduler, log } = life;
    const admittance = await openAdmittance({
      self: identity.id,
      keyValue: await storage.keyValue('mesh'),
      chain,
      crypto,
      clock,
      random: life.random.fork('admittance'),
    });
    // Observers meet members alone, and who else listens is nothing to them.
    if (chain.isMember(identity.id))
      for (const { index, id } of swarm.observers) admittance.observers.add(id, swarm.nodes[index % options.nodes]!.id);
    const plain: World = {
      clock,
      scheduler,
      log,
      random: life.random.fork('world'),
      crypto,
      storage,
      network: openSimNetwork({
        fabric: swarm.fabric,
        life,
        self: identity.id,
        site,
        allow: admittance.allow,
        secret: swarm.secret,
      }),
      sandbox: createSimSandbox({ life, crypto, storage, seed: options.seed, troubles: this.troubles, slowFactor }),
      buggify: (point) => this.draws.chance(options.buggify?.[point] ?? 0, purpose.buggify, index, 0, this.asked++),
      sometimes: (what) => swarm.tell('reached', what),
    };
    const world = this.disguise?.wrap(plain, { identity, genesis, life }) ?? plain;
    const composed = await composeNode({
      world,
      identity,
      admittance,
      name,
      site,
      version: swarm.version,
      dataSets: () => ({
        open: async (wanted) => {
          const found = this.dataSets.find((dataSet) => dataSet.name === wanted);
          if (found === undefined) return undefined;
          const blob = await world.storage.blobs.write(once(found.content));
          return {
            fileName: `${found.name}.csv`,
            blob,
            policy: {
              minimumGroupSize: 1,
              allow: world.sandbox.manifests().map((manifest) => (manifest as { name: string }).name),
            },
          };
        },
        describe: async () => this.dataSets.map((dataSet) => ({ name: dataSet.name, columns: ['value'] })),
      }),
      addresses: () => [],
      socket: '',
      parallelMax,
    });
    const { parts } = composed;
    parts.board.onChange((change) => void (life.isAlive && swarm.tell('board', this, change)));
    const ensureEffects = async (record: WorkflowRecord): Promise<void> => {
      for await (const file of certifiedFiles(parts, record)) if (life.isAlive) this.write(record.workflow, file);
    };
    const stopEffects = keepEffects(parts, ensureEffects);
    parts.ledger.onCharge((charge) => void (life.isAlive && swarm.tell('charged', this, charge)));
    composed.system.deadLetters.subscribe(
      (to, message, why) =>
        void (life.isAlive && swarm.tell('deadLetter', this, `${to.path} ${message.type} ${why}`, why)),
    );
    const services = createWorkflowServices({
      parts,
      askPlanner: (words, files) => composed.plan(words, files),
      ensureEffects,
      workflowFolder: (workflow) => workflow,
    });
    return { life, world, composed, services, admittance, stopEffects };
  }
}

export async function* once(bytes: Uint8Array): AsyncIterable<Uint8Array> {
  yield bytes;
}
