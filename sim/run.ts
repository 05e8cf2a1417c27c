// Law: a run is a function of its case: faults first, then a quorum is made whole, the rest stays broken for good, and everything that was
// accepted must come to its end within a bound.
import { machinesOf, rolesOf, type SimCase } from './case.ts';
import {
  areAccountsSettled,
  checkAccounts,
  checkAudit,
  checkJoining,
  checkLanes,
  checkMembership,
  checkQuiet,
  checkSettled,
  createAuditCheck,
  createBook,
  createBurdenCheck,
  createChatterCheck,
  createClientCheck,
  createEffectCheck,
  createEpochs,
  createFencingCheck,
  createHealthCheck,
  createHoldingCheck,
  createLaneCheck,
  createMeter,
  createResultCheck,
  createSometimes,
  createSupervisionCheck,
  createVoteCheck,
  isAnyRunning,
  isJoiningSettled,
  isMembershipExact,
  isSettled,
  knownWorkflows,
  laneRows,
  type Meters,
  type Violation,
} from './check/index.ts';
import { createInjector, createTwins, disguiseOf, faultyNodes, twinsOf } from './faults/index.ts';
import { startNewcomer } from './newcomer.ts';
import type { SimNode } from './node.ts';
import { Swarm, type Watcher } from './swarm.ts';
import { drawWork, shapedWork } from './workload.ts';
import { createDraws, createWheelQueue, type TraceListener } from './world/index.ts';

export interface RunResult {
  readonly verdict: 'ok' | 'violation';
  readonly violations: readonly Violation[];
  readonly events: number;
  readonly hash: string;
  readonly virtualMs: number;
  readonly reached: readonly string[];
  readonly workflows: {
    readonly submitted: number;
    readonly accepted: number;
    readonly completed: number;
    readonly failed: number;
    readonly cancelled: number;
  };
  readonly meters: Meters;
}

export interface RunOptions {
  readonly onEvent?: TraceListener;
  /** Default the heap; the order is the same by either. */
  readonly queue?: 'heap' | 'wheel';
  /** Looks on, from before the first event. */
  readonly watch?: (swarm: Swarm) => Watcher;
  /** Stops there, with the checks of the end left out. */
  readonly untilEvent?: number;
}

/** Nothing is left to do, and then: the logs become equal, and stay so. */
const quietMs = 12_000;
/** Then, what one of the quorum holds, all of it must. */
const convergeMs = 6_000;
/** What a liar opened is not owed an end: it may be shown to some and not to others. It is waited for so long, and then left out. */
const strangersMs = 60_000;
const stepMs = 500;
const serviceRestartMs = 500;
const purpose = { core: 0, gone: 1 } as const;

export async function runCase(simCase: SimCase, options: RunOptions = {}): Promise<RunResult> {
  const { seed, plan } = simCase;
  const roles = rolesOf(simCase);
  const machines = machinesOf(simCase);
  const { onEvent, queue, watch, untilEvent } = options;
  const doubled = twinsOf(plan);
  const faulty = faultyNodes(plan);
  const liars = new Set(machines.flatMap(({ member }, index) => (faulty.has(member) ? [index] : [])));
  const isHonest = (index: number): boolean => !liars.has(index);
  const swarm = new Swarm({
    seed,
    nodes: roles.members,
    workers: roles.workers,
    observers: roles.observers,
    twins: doubled,
    newcomers: simCase.newcomers ?? [],
    siteOf: (index) => machines[index]!.site,
    slowFactorOf: (index) => machines[index]!.slowFactor ?? 1,
    withDataSets: new Set(machines.map(({ site }) => site)).size > 1,
    signatures: simCase.signatures,
    network: simCase.network,
    disk: simCase.disk,
    ...(simCase.buggify === undefined ? {} : { buggify: simCase.buggify }),
    ...(onEvent === undefined ? {} : { onEvent }),
    ...(queue === 'wheel' ? { queue: createWheelQueue() } : {}),
  });
  const random = swarm.random.fork('run');
  for (const { node, kits } of plan.liars)
    swarm.nodes[node]!.disguise = disguiseOf(kits, random.fork(`liar/${node}`), swarm.nodes[node]!.troubles);

  const { kernel } = swarm;
  const book = createBook(
    () => ({ atMs: Math.round(swarm.nowMs), event: kernel.trace.count, node: kernel.current }),
    new Set(simCase.without),
  );
  const meter = createMeter({ nowMs: () => swarm.nowMs, isHonest, submissions: swarm.submissions });
  const sometimes = createSometimes(isHonest);
  const injector = createInjector(swarm, plan.faults, isHonest);
  const epochs = createEpochs(swarm, book, isHonest);
  const results = createResultCheck({ swarm, book, epochs, isHonest });
  const health = createHealthCheck({ swarm, book, isHonest, hasBadDisk: injector.hasBadDisk });
  const burden = createBurdenCheck({ swarm, book });
  const lanes = createLaneCheck({ swarm, book, isHonest, onEntry: burden.wrote });
  const audit = createAuditCheck({ swarm, book, isHonest });
  const clients = createClientCheck({ swarm, book, isHonest });
  const effects = createEffectCheck({ swarm, book, isHonest });
  const chatter = createChatterCheck({ swarm, book, isHonest });
  const supervision = createSupervisionCheck({ swarm, book, isHonest });
  const fencing = createFencingCheck({ book, isHonest });
  const holding = createHoldingCheck({ swarm, book, isHonest });
  const votes = createVoteCheck({
    swarm,
    book,
    epochs,
    isHonest,
    onSaid(said) {
      sometimes.said(said);
      injector.said(said);
    },
  });
  // The injector last: what it does to a node, the checkers have seen the cause of.
  for (const watcher of [
    votes,
    results,
    health,
    supervision,
    lanes,
    audit,
    clients,
    effects,
    fencing,
    chatter,
    holding,
    sometimes,
    meter,
  ])
    swarm.watch(watcher);
  if (watch !== undefined) swarm.watch(watch(swarm));
  swarm.watch(injector);

  const siteNames = [...new Set(swarm.nodes.map(({ site }) => site))];
  const work = random.fork('work');
  for (const { id, atMs, node, shape, again, cancel } of simCase.workload) {
    const [own, goal] = [work.fork(`work/${id}`), `work ${id}`];
    const drawn =
      shape === undefined
        ? drawWork(own, goal, siteNames, swarm.crypto)
        : shapedWork(own, goal, shape, siteNames, swarm.crypto);
    const key = `client-${id}-of-${seed}`;
    const ask = (at: number): void => {
      const submission = swarm.submit(at, drawn, key);
      if (cancel !== undefined)
        swarm.later(Math.max(0, cancel.atMs - swarm.nowMs), 'client', () => swarm.cancel(cancel.node, submission));
    };
    swarm.later(atMs, 'client', () => ask(node));
    if (again !== undefined) swarm.later(again.atMs, 'client', () => ask(again.node));
  }

  /** What a service manager does with a process that has ended by itself. */
  const restart = (node: SimNode): void => swarm.later(serviceRestartMs, 'service.restart', () => node.start());
  swarm.watch({ treeEnded: restart, startFailed: restart });

  const twins = createTwins(swarm, doubled);
  for (const node of swarm.nodes) {
    if (node.newcomer !== undefined) {
      startNewcomer(swarm, node);
      continue;
    }
    const { startsAtMs = 0 } = machines[node.index]!;
    if (startsAtMs === 0) node.start();
    else swarm.later(startsAtMs, 'node.first', () => node.start());
  }
  const isStopped = (): boolean => untilEvent !== undefined && kernel.trace.count >= untilEvent;
  const isBroken = (): boolean => kernel.breaches.length > 0 || isStopped();
  await swarm.run(simCase.faultsUntilMs, isStopped);

  // Liveness: a quorum of honest nodes is whole from here on; whoever is left of the honest is gone or cut off for good. Liars go on.
  // Keyed by node, so that a case with one fault less heals alike.
  const draws = createDraws(seed, 'healing');
  const honest = swarm.nodes.filter(({ index, newcomer }) => isHonest(index) && newcomer === undefined);
  const size = simCase.heal === 'all' ? roles.members : roles.members - swarm.genesis.config.f;
  const order = (node: SimNode): number => draws.u32(purpose.core, node.index, 0, 0);
  const members = honest.filter(({ index }) => index < roles.members);
  // Who has no vote is whole too: it is the members of whom some may be gone.
  const chosen = new Set([
    ...[...members].sort((a, b) => order(a) - order(b)).slice(0, size),
    ...honest.filter((node) => !members.includes(node)),
  ]);
  const core = honest.filter((node) => chosen.has(node));
  if (!isStopped()) {
    injector.stop();
    twins.calm();
    for (const node of honest) {
      if (chosen.has(node)) continue;
      if (draws.chance(500, purpose.gone, node.index, 0, 0)) node.end(true, 'silent');
      else
        for (const other of swarm.nodes)
          if (other !== node)
            for (const [a, b] of [
              [node, other],
              [other, node],
            ] as const)
              swarm.fabric.block(a.index, b.index, false);
    }
    for (const node of core) node.start();
    for (const node of liars) swarm.nodes[node]!.start();
  }

  const gone = honest.filter((node) => !chosen.has(node));
  const finish = (before: ReturnType<typeof laneRows>, isWorking: boolean): void => {
    checkSettled({ swarm, core, isHonest }, book);
    checkLanes(before, laneRows(core, isHonest, swarm.nodes), swarm.nodes, book);
    if (!isWorking) {
      checkQuiet(before, laneRows(core, isHonest, swarm.nodes), swarm.nodes, book);
      checkAudit(core, book);
      chatter.finish();
    }
    checkMembership(core, gone, book);
    checkJoining({ swarm, core }, book);
    checkAccounts(core, swarm, book);
    for (const check of [lanes, audit, clients]) check.finish();
    results.finish(core);
    effects.finish(core);
    epochs.finish();
  };
  const untilMs = simCase.faultsUntilMs + simCase.settleMs;
  const runWhile = async (isGoing: () => boolean): Promise<void> => {
    while (!isBroken() && swarm.nowMs < untilMs && isGoing())
      await swarm.run(Math.min(untilMs, swarm.nowMs + stepMs), isStopped);
  };
  await runWhile(() => !isSettled({ swarm, core, isHonest }) || !isJoiningSettled({ swarm, core }));
  if (!isBroken()) {
    await swarm.run(swarm.nowMs + quietMs, isStopped);
    // What the last faults did to the views of the members shows only now, and who is believed in again has things to tell; an epoch ends
    // some seconds after its cause is known.
    const isExact = (): boolean => isMembershipExact(core, gone) && areAccountsSettled(core, swarm);
    if (!isExact()) {
      await runWhile(() => !isExact());
      await swarm.run(swarm.nowMs + quietMs, isStopped);
    }
    if (isAnyRunning(core)) {
      const patienceUntilMs = swarm.nowMs + strangersMs;
      await runWhile(() => swarm.nowMs < patienceUntilMs && isAnyRunning(core));
      await swarm.run(swarm.nowMs + quietMs, isStopped);
    }
    const before = laneRows(core, isHonest, swarm.nodes);
    const wasWorking = isAnyRunning(core);
    const known = knownWorkflows(core);
    chatter.begin();
    await swarm.run(swarm.nowMs + convergeMs, isStopped);
    if (!isStopped()) finish(before, wasWorking || isAnyRunning(core) || knownWorkflows(core) !== known);
  }
  health.finish();

  const boards = core.flatMap(({ process }) => (process === undefined ? [] : [process.composed.parts.board]));
  const ended = (state: string): number =>
    boards[0]?.all().filter((record) => record.ended?.state === state).length ?? 0;
  return {
    verdict: book.count === 0 ? 'ok' : 'violation',
    violations: book.violations,
    events: kernel.trace.count,
    hash: kernel.trace.digest(),
    virtualMs: swarm.nowMs,
    reached: [...sometimes.names],
    workflows: {
      submitted: swarm.submissions.length,
      accepted: swarm.submissions.filter(({ workflow }) => workflow !== undefined).length,
      completed: ended('completed'),
      failed: ended('failed'),
      cancelled: ended('cancelled'),
    },
    meters: meter.read(),
  };
}
