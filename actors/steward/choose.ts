// Law: who runs a task is chosen by need and by bid: as many executors as there may be liars plus one, as many in all as the endorsement
// takes plus those who may fall silent. Pure: the same record, view and bids give the same choice.
import type { EpochConfig, Member } from '../../protocols/mesh/index.ts';
import { compareText } from '../../protocols/wire/index.ts';
import type { PlanTask } from '../plan/index.ts';
import type { NodeId } from '../system/index.ts';
import type { AttemptRecord } from '../workflow/index.ts';

export interface Bid {
  readonly node: NodeId;
  readonly load: number;
  readonly missingFiles: number;
}

export interface Need {
  readonly executors: number;
  /** Executors and verifiers together. */
  readonly total: number;
}

/** Members that may run the task at all: everyone, or for a placed task those of its site. */
export function eligible(task: PlanTask, config: EpochConfig): readonly Member[] {
  const { placement } = task;
  return placement === undefined ? config.members : config.members.filter(({ site }) => site === placement.site);
}

/** Up to this many members everyone recomputes; above it a committee of 3f + 1 does. */
const wholeMeshMax = 7;

export function needOf(task: PlanTask, config: EpochConfig): Need {
  const count = eligible(task, config).length;
  const { atLeast = 0, families } = task.relation ?? {};
  // Whoever asks for many attestations, or for different families of models, needs that many more asked than may fail to answer.
  const committee =
    config.members.length <= wholeMeshMax || families !== undefined
      ? count
      : Math.min(count, Math.max(3 * config.f + 1, atLeast + 1 + config.f + config.c));
  return { executors: Math.min(count, config.f + 1), total: committee };
}

/** Those of the attempt who have answered, or still can. */
export function counted(attempt: AttemptRecord, isLive: (id: NodeId) => boolean): Staff {
  const attested = new Set([...attempt.attestations.values()].map(({ attestation }) => attestation.verifier));
  const counts = (id: NodeId): boolean =>
    attempt.candidates.has(id) || attested.has(id) || (isLive(id) && !attempt.faults.has(id));
  return { executors: [...attempt.executors].filter(counts), verifiers: [...attempt.verifiers].filter(counts) };
}

/** Who is on the attempt and counts. */
export interface Staff {
  readonly executors: readonly NodeId[];
  readonly verifiers: readonly NodeId[];
}

/**
 * Cheapest bids first; the rank of the node for this task breaks ties, so that equal nodes share the work. Whoever verifies already is made
 * an executor only where nobody else is left: it would run the task twice.
 */
export function assign(
  bids: readonly Bid[],
  need: Need,
  staff: Staff,
  rank: (id: NodeId) => number,
): { readonly executors: NodeId[]; readonly verifiers: NodeId[] } {
  const isVerifier = (id: NodeId): boolean => staff.verifiers.includes(id);
  const order = bids
    .filter(({ node }) => !staff.executors.includes(node))
    .sort(
      (a, b) =>
        Number(isVerifier(a.node)) - Number(isVerifier(b.node)) ||
        a.missingFiles - b.missingFiles ||
        a.load - b.load ||
        rank(a.node) - rank(b.node) ||
        compareText(a.node, b.node),
    )
    .map(({ node }) => node);
  const executors = order.slice(0, Math.max(0, need.executors - staff.executors.length));
  const others = new Set([...staff.executors, ...staff.verifiers, ...executors]);
  const verifiers = order.filter((id) => !others.has(id)).slice(0, Math.max(0, need.total - others.size));
  return { executors, verifiers };
}
