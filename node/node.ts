// Law: a node is put together here and nowhere else: folder, identity, World, parts, tree, gateway, in this order, and taken apart in the
// reverse. What is missing, or held by another process, is said before anything is written.
import { configQuestion, createObservers, meshLane, noteMeshEntry, openChainStore, openInvites } from '../actors/epochs/index.ts';
import { createBlobExchange, feed } from '../actors/memory/index.ts';
import { createView } from '../actors/membership/index.ts';
import { createEventHub, createLedger, type Parts, type Place, type Presence } from '../actors/parts/index.ts';
import type { PlannerMessage } from '../actors/planning/index.ts';
import type { SkillManifest } from '../actors/planner/index.ts';
import type { KeeperMessage } from '../actors/consensus/index.ts';
import { ask, createSystem, type Network, type Sandbox, type World } from '../actors/system/index.ts';
import { verdictQuestion } from '../actors/verdict/index.ts';
import { type BoardChange, createBoard, type WorkflowRecord, workflowLane } from '../actors/workflow/index.ts';
import { judgeGenesis, thresholdsOf, toleranceInWords } from '../consensus/index.ts';
import { openLaneStore } from '../protocols/lanes/index.ts';
import { createLibp2pNetwork, type Libp2pNetwork } from '../protocols/libp2p/index.ts';
import { createMeshChain, decodeGenesis } from '../protocols/mesh/index.ts';
import { createHlc, createIdentity, createPostOffice, hex } from '../protocols/wire/index.ts';
import { carryOutEffects, createDataSets } from './files/index.ts';
import { createGateway, type RunningGateway } from './gateway/index.ts';
import { HomeError, openHome } from './home/index.ts';
import { createSandbox } from './sandbox/index.ts';
import { nodeTree } from './tree.ts';

import { createCrypto, createLog, createStorage, realClock, realRandom, realWorld, version } from './world/index.ts';

export interface NodeOptions {
  readonly folder: string;
  /** Dialed besides the addresses in the folder. */
  readonly bootstrap?: readonly string[];
  /** Wraps a port of the World: how tests plant a node that lies. Never set by the CLI. */
  readonly wrap?: { readonly network?: (network: Network) => Network; readonly sandbox?: (sandbox: Sandbox) => Sandbox };
}

export interface RunningNode {
  readonly name: string;
  readonly nodeId: string;
  readonly meshId: string;
  readonly addresses: readonly string[];
  readonly socket: string;
  /** Ends in order: gateway, tree, network, storage. Safe to call twice. */
  stop(): Promise<void>;
  /** Resolves when the node has ended, whoever asked for it. */
  readonly ended: Promise<void>;
}

/** Skill runs of each pool at the same time. */
const parallelMax = 2;
const askPlannerMs = 40_000;

/** Throws HomeError, StorageError or NetworkError, each naming what is wrong and with what. */
export async function startNode(options: NodeOptions): Promise<RunningNode> {
  const home = openHome(options.folder);
  const settings = home.node();
  const mesh = home.mesh();
  if (mesh === undefined) throw new HomeError('no_mesh', `${home.folder} is in no mesh`, 'Run `parley up` to found one, or `parley join TICKET` to join one.');
  const crypto = createCrypto();
  const identity = createIdentity(crypto, home.secretKey());
  const genesis = decodeGenesis(hex.decode(mesh.genesis));
  const founding = judgeGenesis(genesis);
  if (!founding.ok) throw new HomeError('damaged', `the genesis in ${home.folder} is not sound: ${founding.reason}`, 'Found the mesh anew, or join again.');
  const chain = createMeshChain(genesis, crypto);
  const opened: (() => Promise<void>)[] = [];
  const unwind = async (): Promise<void> => {
    for (const close of opened.splice(0).reverse()) await close().catch(() => {});
  };
  try {
    const storage = await createStorage(home.storeFolder);
    opened.push(() => storage.close());
    const nodeLog = createLog({ file: home.logFile, node: settings.name });
    opened.push(async () => nodeLog.flush());
    const { log } = nodeLog;
    const clock = realClock();
    const random = realRandom();

    const meshStore = await storage.keyValue('mesh');
    const chainStore = await openChainStore({ keyValue: meshStore, chain, crypto });
    const invites = await openInvites({ keyValue: meshStore, clock, crypto, random });
    const observers = createObservers();
    const isKnown = (id: string): boolean => chain.isMember(id) || observers.has(id);

    const transport: Libp2pNetwork = await createLibp2pNetwork({
      identity,
      meshId: chain.meshId,
      preSharedKey: hex.decode(mesh.psk),
      listen: settings.listen,
      bootstrap: [...mesh.bootstrap, ...(options.bootstrap ?? [])],
      // A stranger may connect while a ticket is out; what it may then say is the post office's to limit.
      allow: (id) => isKnown(id) || invites.areOutstanding(),
      log,
    });
    opened.push(() => transport.close());
    const network = options.wrap?.network?.(transport) ?? transport;
    const ownSandbox = createSandbox({ blobPath: (digest) => storage.blobPath(digest), maxWorkers: parallelMax });
    opened.push(() => ownSandbox.close());
    const sandbox = options.wrap?.sandbox?.(ownSandbox) ?? ownSandbox;
    const world: World = { ...realWorld({ network, storage, sandbox, log }), crypto };
    const office = createPostOffice({ identity, meshId: chain.meshId, crypto, clock, random, network, log, allow: (author, type) => isKnown(author) || type === 'mesh.join' });
    opened.push(async () => office.close());

    const ledger = createLedger();
    const view = createView(identity.id);
    const board = createBoard({ chain, crypto, clock, self: identity.id });
    const hlc = createHlc(clock);
    const store = await openLaneStore({
      keyValue: await storage.keyValue('lanes'),
      crypto,
      identity,
      meshId: chain.meshId,
      hlc: () => hlc.now(),
      isAuthor: (id) => chain.links.some(({ config }) => config.members.some((member) => member.id === id)),
      log,
    });
    opened.push(() => store.idle());
    const blobs = createBlobExchange({ world, ledger });
    opened.push(async () => blobs.close());
    const dataSets = createDataSets(settings.dataSets, { storage, sandbox, keepPrivate: (digest) => blobs.keepPrivate(digest) });
    const lanes = { append: async (lane: string, body: Uint8Array): Promise<void> => void (await store.append(lane, body)) };
    const parts: Parts = {
      world,
      identity,
      chain,
      office,
      board,
      lanes,
      blobs,
      dataSets,
      view,
      events: createEventHub(),
      ledger,
      manifests: sandbox.manifests() as readonly SkillManifest[],
    };

    const backlog: BoardChange[] = [];
    const stopCollecting = board.onChange((change) => void backlog.push(change));
    for await (const entry of store.all(workflowLane)) feed(parts, entry);
    for await (const { author, body } of store.all(meshLane)) noteMeshEntry(observers, author, body, (id) => chain.isMember(id));
    stopCollecting();

    const describe = async (): Promise<Presence> => ({
      name: settings.name,
      site: settings.site,
      skills: parts.manifests.map(({ name }) => name),
      addresses: [...transport.addresses()],
      socket: home.socketPath,
      version,
      load: 0,
      dataSets: (await dataSets.describe()).map(({ name, columns }) => ({ name, columns: [...columns] })),
    });
    const keeper: Place<KeeperMessage> = { ref: undefined };
    const planner: Place<PlannerMessage> = { ref: undefined };
    const system = createSystem(settings.name, world);
    const tree = nodeTree({
      parts,
      memory: { parts, store },
      membership: { view, describe },
      admission: { chainStore, invites, observers, addresses: () => transport.addresses(), version },
      questions: [verdictQuestion(parts), configQuestion({ chain, crypto, adopt: (link) => void chainStore.adopt(link).catch((error) => log('error', 'config not adopted', { error: String(error) })) })],
      backlog,
      keeper,
      planner,
      parallelMax,
    });
    system.spawn(tree, undefined, { name: 'node' });
    opened.push(() => system.shutdown());
    const stopNoting = store.onEntry(({ lane, author, body }) => {
      if (lane === meshLane) noteMeshEntry(observers, author, body, (id) => chain.isMember(id));
    });
    opened.push(async () => stopNoting());
    const ensureEffects = (record: WorkflowRecord): Promise<void> => carryOutEffects(parts, record, home.workflowFolder(record.workflow));
    opened.push(async () => effectsOnEnd());
    const effectsOnEnd = board.onChange(({ record }) => {
      if (record.ended?.state === 'completed') ensureEffects(record).catch((error) => log('error', 'effect not carried out', { workflow: record.workflow, error: String(error) }));
    });

    let finish = (): void => {};
    const ended = new Promise<void>((resolve) => {
      finish = resolve;
    });
    let stopping: Promise<void> | undefined;
    const stop = (): Promise<void> => {
      stopping ??= unwind().finally(finish);
      return stopping;
    };
    const gateway: RunningGateway = await createGateway({
      parts,
      home,
      settings,
      transport,
      invites,
      observers,
      psk: hex.decode(mesh.psk),
      startedAtMs: clock.monotonicMs(),
      ensureEffects,
      askPlanner: async (words, files) => {
        if (planner.ref === undefined) throw new Error('the planner is restarting; ask again');
        return await ask(system, planner.ref, { type: 'plan', words, files }, { timeoutMs: askPlannerMs });
      },
      deadLetters: () => system.deadLetters.count,
      stop: () => void stop(),
    });
    opened.push(() => gateway.close());
    log('info', 'node started', { nodeId: identity.id, mesh: chain.meshIdHex, epoch: chain.current.epoch, quorum: thresholdsOf(chain.current).quorum, tolerance: toleranceInWords(chain.current), addresses: transport.addresses() });
    return { name: settings.name, nodeId: identity.id, meshId: chain.meshIdHex, addresses: transport.addresses(), socket: home.socketPath, stop, ended };
  } catch (error) {
    await unwind();
    throw error;
  }
}

