// Law: who is asked for a bid is there now, able to run the task, and not at it already; whoever is named for a lie, or failed at this attempt,
// is not asked again.
import { endorsingWeight, weightOf } from '../../consensus/index.ts';
import type { EpochConfig } from '../../protocols/mesh/index.ts';
import type { Need } from '../allocation/index.ts';
import type { Parts } from '../parts/index.ts';
import type { PlanTask } from '../plan/index.ts';
import type { NodeId } from '../system/index.ts';
import type { AttemptRecord } from '../workflow/index.ts';
import { counted, eligible, eligibleWorkers } from './choose.ts';

/** How long fewer executors than there may be liars are waited for before a verifier is asked to execute too. */
const executorPatienceMs = 2_000;

/**
 * Who could add something: there now, able to run it, and not at it already. A verifier may be asked to execute where no executor is left, or
 * where those there are have had their time and are fewer than there may be liars: the only one may be lying low.
 */
export function membersToAsk(
  attempt: AttemptRecord | undefined,
  task: PlanTask,
  config: EpochConfig,
  need: Need,
  parts: Parts,
): readonly NodeId[] {
  const isLive = (id: NodeId): boolean => parts.view.isLive(id);
  const able = eligible(task, config).map(({ id }) => id);
  const live = able.filter(isLive);
  // Too few to decide anything: one that is connected and only suspected is worth the question.
  const isEnough = weightOf(config, live) >= (endorsingWeight(config) ?? 1);
  const peers = new Set(parts.world.network.peers());
  const there = isEnough ? live : able.filter((id) => isLive(id) || peers.has(id));
  if (attempt === undefined) return there;
  const { executors, verifiers } = counted(attempt, isLive);
  const isShort = executors.length < need.executors;
  if (attempt.assignedAtMs !== undefined && !isShort && membersOn(config, executors) + verifiers.length >= need.total)
    return [];
  const sinceMs = parts.world.clock.monotonicMs() - (attempt.assignedAtMs ?? Number.POSITIVE_INFINITY);
  const mayPromote = executors.length === 0 || (isShort && sinceMs > executorPatienceMs);
  return there.filter(
    (id) => !attempt.faults.has(id) && !executors.includes(id) && (mayPromote || !verifiers.includes(id)),
  );
}

const membersOn = (config: EpochConfig, executors: readonly NodeId[]): number =>
  executors.filter((id) => config.members.some((member) => member.id === id)).length;

/** Workers that are there and able, while the attempt is short of executors. Whoever is named for a lie is not asked any more. */
export function workersToAsk(
  parts: Parts,
  attempt: AttemptRecord | undefined,
  task: PlanTask,
  config: EpochConfig,
  need: Need,
  ranked: readonly NodeId[],
): readonly NodeId[] {
  if ((need.workers ?? 0) === 0) return [];
  const isLive = (id: NodeId): boolean => parts.view.isLive(id);
  const executors = attempt === undefined ? [] : counted(attempt, isLive).executors;
  if (executors.length >= need.executors) return [];
  const able = new Set(eligibleWorkers(task, config).map(({ id }) => id));
  return ranked.filter(
    (id) =>
      able.has(id) &&
      isLive(id) &&
      !parts.ledger.isNamed(id) &&
      !executors.includes(id) &&
      attempt?.faults.has(id) !== true,
  );
}
