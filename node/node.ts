// Law: the real node: a folder, the machine's World, the composed node, a gateway, in this order, and taken apart in the reverse. What is
// missing, or held by another process, is said before anything is written.
import type { Network, Sandbox, World } from '../actors/system/index.ts';
import type { WorkflowRecord } from '../actors/workflow/index.ts';
import { judgeGenesis, toleranceInWords } from '../consensus/index.ts';
import { type EventBus, EventBusError } from '../protocols/events/index.ts';
import { createLibp2pNetwork } from '../protocols/libp2p/index.ts';
import { createMeshChain, decodeGenesis } from '../protocols/mesh/index.ts';
import { combineNetworks, createRelay } from '../protocols/network/index.ts';
import { createIdentity, createRefusalTable, hex } from '../protocols/wire/index.ts';
import { openAdmittance } from './admittance.ts';
import { composeNode } from './compose.ts';
import { carryOutEffects, createDataSets, createRetention, keepEffects } from './files/index.ts';
import { createGateway, createWorkflowServices } from './gateway/index.ts';
import { HomeError, openHome } from './home/index.ts';
import { createOllama, judgingSandbox } from './models/index.ts';
import { createSandbox } from './sandbox/index.ts';
import {
  createCrypto,
  createLog,
  createStorage,
  realClock,
  realRandom,
  realScheduler,
  realWorld,
  version,
} from './world/index.ts';

export interface NodeOptions {
  readonly folder: string;
  /** Dialed besides the addresses in the folder. */
  readonly bootstrap?: readonly string[];
  /** Wraps a port of the World: how tests plant a node that lies. Never set by the CLI. */
  readonly wrap?: {
    readonly network?: (network: Network) => Network;
    readonly sandbox?: (sandbox: Sandbox) => Sandbox;
  };
}

export interface RunningNode {
  readonly name: string;
  readonly nodeId: string;
  readonly meshId: string;
  readonly addresses: readonly string[];
  readonly socket: string;
  /** It was a member or a worker, and is so no more: the others let it in by a new ticket only. */
  readonly hasLeft: boolean;
  /** Ends in order: gateway, tree, network, storage. Safe to call twice. */
  stop(): Promise<void>;
  /** Resolves when the node has ended: undefined where somebody asked it to, else why it could not go on. */
  readonly ended: Promise<string | undefined>;
}

/** Skill runs of each pool at the same time. */
const parallelMax = 2;
/** A node that has just started has better things to do than to tidy up. */
const firstSweepMs = 60_000;
const sweepPeriodMs = 3_600_000;

/** Throws HomeError, StorageError or NetworkError, each naming what is wrong and with what. */
export async function startNode(options: NodeOptions): Promise<RunningNode> {
  const home = openHome(options.folder);
  const settings = home.node();
  const mesh = home.mesh();
  if (mesh === undefined)
    throw new HomeError(
      'no_mesh',
      `${home.folder} is in no mesh`,
      'Run `parley up` to found one, or `parley join TICKET` to join one.',
    );
  const crypto = createCrypto();
  const identity = createIdentity(crypto, home.secretKey());
  const genesis = decodeGenesis(hex.decode(mesh.genesis));
  const founding = judgeGenesis(genesis);
  if (!founding.ok)
    throw new HomeError(
      'damaged',
      `the genesis in ${home.folder} is not sound: ${founding.reason}`,
      'Found the mesh anew, or join again.',
    );

  const opened: (() => Promise<void>)[] = [];
  let finish = (): void => {};
  let failure: string | undefined;
  const ended = new Promise<string | undefined>((resolve) => {
    finish = () => resolve(failure);
  });
  let stopping: Promise<void> | undefined;
  const unwind = async (): Promise<void> => {
    for (const close of opened.splice(0).reverse()) await close().catch(() => {});
  };
  const stop = (): Promise<void> => {
    stopping ??= unwind().finally(finish);
    return stopping;
  };
  try {
    const storage = await createStorage(home.storeFolder);
    opened.push(() => storage.close());
    const nodeLog = createLog({ file: home.logFile, node: settings.name });
    opened.push(() => nodeLog.flush());
    const { log } = nodeLog;
    const clock = realClock();
    const chain = createMeshChain(genesis, crypto);
    const admittance = await openAdmittance({
      self: identity.id,
      keyValue: await storage.keyValue('mesh'),
      chain,
      crypto,
      clock,
      random: realRandom(),
    });
    // Loaded where it is used: a node on libp2p alone does not carry a NATS client.
    const natsRoom = settings.nats === undefined ? undefined : await import('./nats/index.ts');
    const natsServers = settings.nats === undefined ? undefined : natsRoom?.natsServersOf(settings.nats, home.folder);
    const membersOnly = {
      identity,
      meshId: chain.meshId,
      preSharedKey: hex.decode(mesh.psk),
      allow: admittance.allow,
      log,
    };
    const libp2p =
      settings.listen.length === 0
        ? undefined
        : await createLibp2pNetwork({
            ...membersOnly,
            listen: settings.listen,
            announce: settings.announce ?? [],
            relay: { reservations: settings.relay?.reservations ?? 0, wanted: settings.relay?.wanted ?? 0 },
            bootstrap: [...mesh.bootstrap, ...(options.bootstrap ?? [])],
          });
    if (libp2p !== undefined) opened.push(() => libp2p.close());
    const nats =
      natsServers === undefined || settings.nats?.transport === false
        ? undefined
        : await (await import('../protocols/nats/index.ts')).createNatsNetwork({
            ...membersOnly,
            ...natsServers,
            crypto,
          });
    if (nats !== undefined) opened.push(() => nats.close());
    const paths = [libp2p, nats].filter((path) => path !== undefined);
    const relayRefusals = createRefusalTable();
    const transport = createRelay({
      network: paths.length === 1 ? paths[0]! : combineNetworks(paths, crypto),
      isBridge: paths.length > 1,
      identity,
      meshId: chain.meshId,
      allow: admittance.allow,
      crypto,
      clock,
      scheduler: realScheduler(clock),
      refusals: relayRefusals,
      log,
    });
    const addresses = (): readonly string[] => libp2p?.addresses() ?? [];
    const natsAddress = (): readonly string[] => (nats?.server() === undefined ? [] : [`nats://${nats.server()}`]);
    const ownSandbox = judgingSandbox({
      sandbox: createSandbox({ blobPath: (digest) => storage.blobPath(digest), maxWorkers: parallelMax }),
      blobs: storage.blobs,
      crypto,
      modelFamily: settings.modelFamily,
      model: settings.model && createOllama(settings.model),
    });
    opened.push(() => ownSandbox.close());
    const network = options.wrap?.network?.(transport) ?? transport;
    const sandbox = options.wrap?.sandbox?.(ownSandbox) ?? ownSandbox;
    const world: World = realWorld({ network, storage, sandbox, log });
    const node = await composeNode({
      world,
      identity,
      admittance,
      name: settings.name,
      site: settings.site,
      version,
      dataSets: (keepPrivate) => createDataSets(settings.dataSets, { storage, sandbox, keepPrivate }),
      addresses,
      socket: home.socketPath,
      parallelMax,
    });
    opened.push(() => node.stop());
    void node.ended.then((reason) => {
      if (stopping !== undefined) return;
      failure = `a part of the node kept failing and was given up (${reason.kind})`;
      log('error', 'node given up', { reason: reason.kind });
      void stop();
    });
    const { parts } = node;
    const ensureEffects = (record: WorkflowRecord): Promise<void> =>
      carryOutEffects(parts, record, home.workflowFolder(record.workflow));
    const retention = createRetention({
      parts,
      list: () => storage.listBlobs(),
      limits: settings.retention ?? {},
    });
    let stopSweeping = (): void => {};
    const sweepLater = (delayMs: number): void => {
      stopSweeping = world.scheduler.at(clock.monotonicMs() + delayMs, () => {
        void retention.sweep().then(() => stopping ?? sweepLater(sweepPeriodMs));
      });
    };
    sweepLater(firstSweepMs);
    opened.push(async () => stopSweeping());
    const stopEffects = keepEffects(parts, ensureEffects);
    opened.push(async () => stopEffects());
    const carrier = settings.events ?? (natsServers === undefined ? 'lanes' : 'jetstream');
    let jetStreamBus: Promise<EventBus> | undefined;
    const bus = async (): Promise<EventBus> => {
      if (carrier === 'lanes') return node.laneEvents();
      if (natsServers === undefined)
        throw new EventBusError('unavailable', '"events": "jetstream" in node.json needs "nats" beside it');
      jetStreamBus ??= import('../protocols/nats/index.ts').then((room) =>
        room.openJetStreamBus({ ...natsServers, ...world, clock }),
      );
      return jetStreamBus.catch((error: unknown) => {
        jetStreamBus = undefined;
        throw error;
      });
    };
    opened.push(async () => (await jetStreamBus?.catch(() => undefined))?.close());
    const gateway = await createGateway({
      bus,
      parts,
      audit: node.audit,
      approvals: node.approvals,
      system: node.system,
      home,
      settings,
      transport: {
        addresses: () => [...addresses(), ...natsAddress()],
        refusals: () => [...paths.flatMap((path) => path.refusals()), ...relayRefusals.list()],
        wayTo: (id) =>
          libp2p?.pathTo(id) ??
          (nats?.peers().includes(id) === true ? 'nats' : transport.peers().includes(id) ? 'bridged' : undefined),
        natsServer: () => (nats === undefined ? undefined : (nats.server() ?? null)),
      },
      invites: admittance.invites,
      psk: hex.decode(mesh.psk),
      startedAtMs: clock.monotonicMs(),
      ensureEffects,
      askPlanner: node.plan,
      leave: node.leave,
      stop: () => void stop(),
    });
    opened.push(() => gateway.close());
    if (settings.metrics !== undefined) {
      const metrics = await (await import('./metrics/index.ts')).serveMetrics(settings.metrics, () => gateway.status());
      opened.push(() => metrics.close());
      log('info', 'metrics are served', { address: metrics.address });
    }
    if (natsRoom !== undefined && natsServers !== undefined && settings.nats?.intents !== false) {
      const natsGateway = await natsRoom.openNatsGateway({
        servers: natsServers,
        approvals: settings.nats?.approvals ?? false,
        parts,
        services: createWorkflowServices({
          parts,
          askPlanner: node.plan,
          ensureEffects,
          workflowFolder: (workflow) => home.workflowFolder(workflow),
        }),
        version,
        nodeName: settings.name,
        bus: carrier === 'jetstream' ? bus : undefined,
        log,
      });
      opened.push(() => natsGateway.close());
    }
    const epochs = chain.links.map(({ config }) => config.epoch);
    const wasIn = chain.node(identity.id) === undefined && epochs.some((epoch) => chain.node(identity.id, epoch));
    if (wasIn)
      log(
        'warn',
        'this node is in its mesh no more; to come back: parley join TICKET with this folder and a new ticket',
        {
          folder: home.folder,
        },
      );
    log('info', 'node started', {
      nodeId: identity.id,
      mesh: chain.meshIdHex,
      epoch: chain.current.epoch,
      tolerance: toleranceInWords(chain.current),
      addresses: [...addresses(), ...natsAddress()],
    });
    return {
      hasLeft: wasIn,
      name: settings.name,
      nodeId: identity.id,
      meshId: chain.meshIdHex,
      addresses: addresses(),
      socket: home.socketPath,
      stop,
      ended,
    };
  } catch (error) {
    await unwind();
    throw error;
  }
}
