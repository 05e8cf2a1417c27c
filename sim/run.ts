// Law: a case is data and a run is a function of it: faults first, then a quorum is made whole, the rest stays broken for good, and
// everything that was accepted must come to its end within a bound.
import { createRandom } from '../actors/system/index.ts';
import {
  checkAudit,
  checkLanes,
  checkSettled,
  createBook,
  createHealthCheck,
  createResultCheck,
  createSometimes,
  createVoteCheck,
  isSettled,
  laneRows,
  type Violation,
} from './check/index.ts';
import { type DiskProfile, quickDisk } from './disk/index.ts';
import { createInjector, disguiseOf, drawFaultPlan, type FaultPlan } from './faults/index.ts';
import { calm, type NetworkProfile } from './network/index.ts';
import type { SimNode } from './node.ts';
import { Swarm } from './swarm.ts';
import { drawWork } from './workload.ts';
import type { SignatureKind, TraceListener } from './world/index.ts';

interface ClientCall {
  readonly atMs: number;
  readonly node: number;
}

export interface SimCase {
  readonly seed: number;
  readonly nodes: number;
  readonly sites: number;
  readonly signatures: SignatureKind;
  readonly network: NetworkProfile;
  readonly disk: DiskProfile;
  readonly plan: FaultPlan;
  /** When clients come, to whom, whether and when they ask a second node for the same, and whether they take it back. `id` names what they ask. */
  readonly workload: readonly {
    readonly id: number;
    readonly atMs: number;
    readonly node: number;
    readonly again?: ClientCall;
    readonly cancel?: ClientCall;
  }[];
  readonly faultsUntilMs: number;
}

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
  };
}

const firstFaultMs = 1_500;
/** After the healing, until everything has ended; and then for the logs to become equal. */
const settleMs = 180_000;
const quietMs = 12_000;
/** Then, what one of the quorum holds, all of it must. */
const convergeMs = 6_000;
const stepMs = 500;
const serviceRestartMs = 500;

export function drawCase(seed: number, nodes = 4): SimCase {
  const random = createRandom(seed).fork('case');
  const f = Math.floor((nodes - 1) / 3);
  const faultsUntilMs = 8_000 + random.below(25_000);
  const sites = random.chance(0.4) ? 2 : 1;
  const link = random.fork('network');
  const scale = link.chance(0.3) ? 1 + link.below(8) : 1;
  return {
    seed,
    nodes,
    sites,
    signatures: 'keyed-hash',
    network: {
      ...calm,
      near: {
        ...calm.near,
        latencyUs: calm.near.latencyUs * scale,
        jitterUs: calm.near.jitterUs * scale * (link.chance(0.3) ? 10 : 1),
      },
      noticeMinUs: link.chance(0.5) ? 20_000 : 1_000_000,
      noticeMaxUs: link.chance(0.5) ? 1_500_000 : 12_000_000,
    },
    disk: { ...quickDisk, syncUs: random.chance(0.2) ? 40_000 : quickDisk.syncUs },
    plan: drawFaultPlan(random, { nodes, f, fromMs: firstFaultMs, untilMs: faultsUntilMs }),
    workload: Array.from({ length: 1 + random.below(5) }, (_, id) => {
      const node = random.below(nodes);
      const atMs = 1_000 + random.below(faultsUntilMs - 1_000);
      const again =
        nodes > 1 && random.chance(0.25)
          ? { again: { atMs: atMs + random.below(2_000), node: (node + 1 + random.below(nodes - 1)) % nodes } }
          : {};
      const cancel = random.chance(0.1)
        ? { cancel: { atMs: atMs + random.below(4_000), node: random.chance(0.7) ? node : random.below(nodes) } }
        : {};
      return { id, atMs, node, ...again, ...cancel };
    }),
    faultsUntilMs,
  };
}

export async function runCase(simCase: SimCase, onEvent?: TraceListener): Promise<RunResult> {
  const { seed, nodes: count, sites, plan } = simCase;
  const liars = new Set(plan.liars.map(({ node }) => node));
  const isHonest = (index: number): boolean => !liars.has(index);
  const swarm = new Swarm({
    seed,
    nodes: count,
    siteOf: (index) => `site-${index % sites}`,
    withDataSets: sites > 1,
    signatures: simCase.signatures,
    network: simCase.network,
    disk: simCase.disk,
    ...(onEvent === undefined ? {} : { onEvent }),
  });
  const random = swarm.random.fork('run');
  for (const { node, kits } of plan.liars)
    swarm.nodes[node]!.disguise = disguiseOf(kits, random.fork(`liar/${node}`), swarm.nodes[node]!.troubles);

  const book = createBook(() => swarm.nowMs);
  const sometimes = createSometimes(isHonest);
  const injector = createInjector(swarm, plan.faults, isHonest);
  const results = createResultCheck({ swarm, book, isHonest });
  const health = createHealthCheck({ swarm, book, isHonest, hasBadDisk: injector.hasBadDisk });
  const votes = createVoteCheck({
    swarm,
    book,
    isHonest,
    onSaid(said) {
      sometimes.said(said);
      injector.said(said);
    },
  });
  // The injector last: what it does to a node, the checkers have seen the cause of.
  for (const watcher of [votes, results, health, sometimes, injector]) swarm.watch(watcher);

  const siteNames = [...new Set(swarm.nodes.map(({ site }) => site))];
  const work = random.fork('work');
  for (const { id, atMs, node, again, cancel } of simCase.workload) {
    const drawn = drawWork(work.fork(`work/${id}`), `work ${id}`, siteNames, swarm.crypto);
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

  swarm.start();
  await swarm.run(simCase.faultsUntilMs);
  const isBroken = (): boolean => swarm.kernel.breaches.length > 0;

  // Liveness: a quorum of honest nodes is whole from here on; whoever is left of the honest is gone or cut off for good. Liars go on.
  const f = swarm.genesis.config.f;
  const honest = swarm.nodes.filter(({ index }) => isHonest(index));
  const core = [...honest];
  while (core.length > count - f) core.splice(random.below(core.length), 1);
  injector.stop();
  for (const node of honest) {
    if (core.includes(node)) continue;
    if (random.chance(0.5)) node.end(true, 'silent');
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
  for (const { node } of plan.liars) swarm.nodes[node]!.start();

  const untilMs = simCase.faultsUntilMs + settleMs;
  while (!isBroken() && swarm.nowMs < untilMs && !isSettled({ swarm, core, isHonest }))
    await swarm.run(Math.min(untilMs, swarm.nowMs + stepMs));
  if (!isBroken()) {
    await swarm.run(swarm.nowMs + quietMs);
    const before = laneRows(core, isHonest, swarm.nodes);
    await swarm.run(swarm.nowMs + convergeMs);
    checkSettled({ swarm, core, isHonest }, book);
    checkLanes(before, laneRows(core, isHonest, swarm.nodes), swarm.nodes, book);
    checkAudit(core, book);
    results.finish(core);
  }
  health.finish();

  const boards = core.flatMap(({ process }) => (process === undefined ? [] : [process.composed.parts.board]));
  const ended = (state: string): number =>
    boards[0]?.all().filter((record) => record.ended?.state === state).length ?? 0;
  return {
    verdict: book.count === 0 ? 'ok' : 'violation',
    violations: book.violations,
    events: swarm.kernel.trace.count,
    hash: swarm.kernel.trace.digest(),
    virtualMs: swarm.nowMs,
    reached: [...sometimes.names],
    workflows: {
      submitted: swarm.submissions.length,
      accepted: swarm.submissions.filter(({ workflow }) => workflow !== undefined).length,
      completed: ended('completed'),
      failed: ended('failed'),
    },
  };
}
