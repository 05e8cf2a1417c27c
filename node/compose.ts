// Law: everything of a node that is above its World is put together here, from ports alone: the real node and the simulated one are this
// same code. Nothing here knows a folder, a socket or a process.
import { createWorkload } from '../actors/allocation/index.ts';
import { type AuditBook, openAuditBook } from '../actors/audit-log/index.ts';
import { auditLane, learnEvidence } from '../actors/auditor/index.ts';
import { type KeeperMessage, openPositionBook, type Question } from '../actors/consensus/index.ts';
import {
  type ChainStore,
  configQuestion,
  createApprovals,
  createDepartures,
  createGuilty,
  decidedPerEpoch,
  leaveMesh,
  meshLane,
  noteMeshEntry,
} from '../actors/epochs/index.ts';
import { createView } from '../actors/membership/index.ts';
import { createBlobExchange, createRecaller, feed } from '../actors/memory/index.ts';
import { createEventHub, createLedger, type Parts, type Place } from '../actors/parts/index.ts';
import type { SkillManifest } from '../actors/planner/index.ts';
import type { PlannerMessage } from '../actors/planning/index.ts';
import { ask, createSystem, type NodeId, type World } from '../actors/system/index.ts';
import { verdictQuestion } from '../actors/verdict/index.ts';
import { type BoardChange, createBoard, workflowLane } from '../actors/workflow/index.ts';
import { decodeEvidence, verifyCertificate } from '../consensus/index.ts';
import { type EventBus, openLaneBus } from '../protocols/events/index.ts';
import { type LaneEntry, openLaneStore } from '../protocols/lanes/index.ts';
import { createHlc, createPostOffice, createRefusalTable } from '../protocols/wire/index.ts';
import type { ComposedNode, ComposeOptions } from './compose-contract.ts';
import { convictForkers } from './convict.ts';
import { holdNetwork } from './held-network.ts';
import { knownPeers } from './known-peers.ts';
import { presenceOf } from './presence.ts';
import { nodeTree } from './tree.ts';
import { endOf } from './tree-end.ts';
import { openVerified } from './verified.ts';

const askPlannerMs = 40_000;
/** For the members to decide that one of them has left. */
const leaveDecideMs = 20_000;
/** Changes found in the lanes at start that are told again to clients: the latest ones. */
const backlogMax = 20_000;

export async function composeNode(options: ComposeOptions): Promise<ComposedNode> {
  const { identity, admittance } = options;
  const { chain, chainStore, invites, observers } = admittance;
  const { crypto, clock, random, network, log, storage, sandbox } = options.world;
  const isKnown = (id: NodeId): boolean => chain.node(id) !== undefined || observers.has(id);
  const known = knownPeers(network, isKnown);
  const stopReconsidering = chain.onAppend(() => known.reconsider());
  const world: World = { ...options.world, network: known.network };
  const held = holdNetwork(network);
  const office = createPostOffice({
    identity,
    meshId: chain.meshId,
    crypto,
    clock,
    random,
    network: held.network,
    log,
    allow: (author, type) => isKnown(author) || (type === 'mesh.join' && invites.areOutstanding()),
  });
  const ledger = createLedger();
  const refusals = createRefusalTable();
  const view = createView(identity.id);
  const manifests = sandbox.manifests() as readonly SkillManifest[];
  const verified = await openVerified({
    crypto,
    keyValue: await storage.keyValue('verified'),
    clock,
    scheduler: options.world.scheduler,
    log,
  });
  const closed: { book?: AuditBook } = {};
  const board = createBoard({
    chain,
    crypto: verified.crypto,
    clock,
    self: identity.id,
    manifests,
    log,
    isLate: (certificate) => closed.book?.isLate(certificate) === true,
    ...(options.finishedMax === undefined ? {} : { finishedMax: options.finishedMax }),
  });
  const hlc = createHlc(clock);
  const store = await openLaneStore({
    keyValue: await storage.keyValue('lanes'),
    crypto,
    identity,
    meshId: chain.meshId,
    hlc: () => hlc.now(),
    // Whoever was ever a member or a worker: what it wrote then stands.
    isAuthor: (id) => chain.links.some(({ config }) => chain.node(id, config.epoch) !== undefined),
    log,
  });
  const blobs = createBlobExchange({ world, refusals, isKnown });
  const parts: Parts = {
    world,
    identity,
    chain,
    office,
    board,
    // An observer has no lane that others would take; what it finds out it keeps to itself.
    lanes: {
      append: async (lane, body) => void (chain.node(identity.id) !== undefined && (await store.append(lane, body))),
    },
    blobs,
    dataSets: options.dataSets((digest) => blobs.keepPrivate(digest)),
    view,
    events: createEventHub(),
    ledger,
    refusals,
    manifests,
    recall: (workflow) => recaller.recall(workflow),
  };
  const recaller = createRecaller({ board, store, log });

  const audit = await openAuditBook({
    chain,
    crypto: verified.crypto,
    clock,
    identity,
    keyValue: await storage.keyValue('audit'),
    log,
    isDrained: (epoch) => board.running().every(({ opened }) => opened?.epoch !== epoch),
  });
  closed.book = audit;
  const isSpent = (epoch: number): boolean => {
    const { size, height } = audit.log(epoch);
    return size + height >= (options.world.buggify('epochs.short') ? 8 : decidedPerEpoch);
  };

  // What the lanes hold is given to each part before any actor runs, and what comes later as soon as it is durable, whether or not the
  // actors are up: nothing falls between a crash and a restart.
  const guilty = createGuilty();
  const approvals = createApprovals(() => chain.current.epoch);
  const departures = createDepartures(chain);
  // Both pools run at once.
  const workload = createWorkload(clock, 2 * options.parallelMax);
  const learn = (entry: LaneEntry): void => {
    if (entry.lane === workflowLane) feed(parts, entry);
    if (entry.lane === meshLane) {
      noteMeshEntry({ observers, approvals, departures }, entry, parts);
      known.reconsider();
    }
    const evidence = entry.lane === auditLane ? learnEvidence(parts, entry) : undefined;
    if (evidence === undefined) return;
    audit.noteEvidence(evidence);
    guilty.convict(decodeEvidence(evidence).culprit);
  };

  // Which payloads are private is known before anyone can ask for one; a table that cannot be read now is reported by `doctor`.
  await parts.dataSets.describe().catch((error) => log('warn', 'data sets not examined', { error: String(error) }));

  const backlog: BoardChange[] = [];
  const stopCollecting = board.onChange((change) => {
    backlog.push(change);
    if (backlog.length > 2 * backlogMax) backlog.splice(0, backlogMax);
  });
  const stopConvicting = convictForkers({ parts, guilty, audit, chainStore });
  for (const lane of [workflowLane, meshLane, auditLane]) for await (const entry of store.all(lane)) learn(entry);
  stopCollecting();
  verified.started();
  const stopLearning = store.onEntry(learn);
  const stopRecalling = board.onWanted((workflow) => void parts.recall(workflow));

  const positions = await openPositionBook(parts);
  const keeper: Place<KeeperMessage> = { ref: undefined };
  const planner: Place<PlannerMessage> = { ref: undefined };
  /** The votes of a decision are verified when they come; here they are noted for the next start, which reads it from the disk. */
  const noted = (question: Question): Question => ({
    ...question,
    decided(about) {
      const { certificate } = about;
      const config = chain.config(certificate.epoch);
      if (config !== undefined) verifyCertificate(certificate, config, chain.meshId, verified.crypto);
      question.decided(about);
    },
  });
  const system = createSystem(options.name, world);
  const adopt = (link: Parameters<ChainStore['adopt']>[0]): void =>
    void chainStore
      .adopt(link)
      .catch((error) => log('error', 'config not adopted', { epoch: link.config.epoch, error: String(error) }));
  const tree = system.spawn(
    nodeTree({
      parts,
      memory: { parts, store },
      membership: {
        view,
        describe: presenceOf(parts, options),
        addresses: options.addresses,
        capacity: options.parallelMax,
      },
      admission: { chainStore, invites, observers, addresses: options.addresses, version: options.version },
      questions: [
        noted(audit.audited(verdictQuestion(parts))),
        audit.audited(configQuestion({ chain, crypto, guilty, approvals, departures, isSpent, adopt })),
        noted(audit.question),
      ],
      audit,
      guilty,
      approvals,
      departures,
      isSpent,
      workload,
      backlog,
      keeper,
      crypto: verified.passing,
      positions,
      planner,
      parallelMax: options.parallelMax,
      open: held.open,
    }),
    undefined,
    { name: 'node' },
  );
  const ended = endOf(tree, system);

  let laneBus: Promise<EventBus> | undefined;
  const laneEvents = (): Promise<EventBus> => {
    laneBus ??= openLaneBus({
      self: identity.id,
      store,
      office,
      clock,
      scheduler: world.scheduler,
      random: random.fork('events'),
      crypto,
      log,
      refuse: (author, reason) => void refusals.add(author, 'events', reason),
    });
    return laneBus;
  };

  return {
    parts,
    laneEvents,
    audit,
    approvals,
    view,
    system,
    keeper,
    ended,
    async plan(words, files) {
      if (planner.ref === undefined) throw new Error('the planner is restarting; ask again');
      return await ask(system, planner.ref, { type: 'plan', words, files }, { timeoutMs: askPlannerMs });
    },
    leave: (timeoutMs) =>
      leaveMesh(parts, {
        workload,
        say: async (body) => void (await store.append(meshLane, body)),
        timeoutMs,
        decideMs: leaveDecideMs,
      }),
    async stop() {
      await (await laneBus)?.close();
      await system.shutdown();
      stopLearning();
      stopRecalling();
      stopConvicting();
      stopReconsidering();
      known.close();
      blobs.close();
      positions.close();
      office.close();
      await store.idle();
      await audit.idle();
      await verified.close();
    },
  };
}
