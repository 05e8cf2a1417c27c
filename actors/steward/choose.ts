// Law: a task needs as many executors as there may be liars plus one, and as many in all as the endorsement takes plus those who may fall
// silent; of those on it counts who has answered or still can. Pure: the same record and view give the same need.
import { type EpochConfig, type Member, type Worker, workersOf } from '../../protocols/mesh/index.ts';
import type { Need, Staff } from '../allocation/index.ts';
import type { PlanTask } from '../plan/index.ts';
import type { NodeId } from '../system/index.ts';
import type { AttemptRecord } from '../workflow/index.ts';

/** Members that may run the task at all: everyone, or for a placed task those of its site. */
export function eligible(task: PlanTask, config: EpochConfig): readonly Member[] {
  const { placement } = task;
  return placement === undefined ? config.members : config.members.filter(({ site }) => site === placement.site);
}

/** Workers that may be asked to execute the task. */
export function eligibleWorkers({ placement }: PlanTask, config: EpochConfig): readonly Worker[] {
  return workersOf(config).filter(({ site }) => placement === undefined || site === placement.site);
}

/** Up to this many members everyone recomputes; above it a committee of 3f + 1 does. */
const wholeMeshMax = 7;

/**
 * Workers may execute in the first attempt alone, and all but one of its executors at most where liars are tolerated: nobody bounds how many
 * of them lie. Whatever they do, the next attempt is the members' own.
 */
export function needOf(task: PlanTask, config: EpochConfig, attempt: number): Need {
  const count = eligible(task, config).length;
  const { atLeast = 0, families } = task.relation ?? {};
  // Whoever asks for many attestations, or for different families of models, needs that many more asked than may fail to answer.
  const committee =
    config.members.length <= wholeMeshMax || families !== undefined
      ? count
      : Math.min(count, Math.max(3 * config.f + 1, atLeast + 1 + config.f + config.c));
  const need = { executors: Math.min(count, config.f + 1), total: committee };
  return attempt > 0 || workersOf(config).length === 0 ? need : { ...need, workers: Math.max(1, config.f) };
}

/** Those of the attempt who have answered, or still can. */
export function counted(attempt: AttemptRecord, isLive: (id: NodeId) => boolean): Staff {
  const attested = new Set([...attempt.attestations.values()].map(({ attestation }) => attestation.verifier));
  const counts = (id: NodeId): boolean =>
    attempt.candidates.has(id) || attested.has(id) || (isLive(id) && !attempt.faults.has(id));
  return { executors: [...attempt.executors].filter(counts), verifiers: [...attempt.verifiers].filter(counts) };
}
