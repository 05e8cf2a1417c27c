// Law: offers go to a few and awards to the best of those who bid: to ask everybody costs more than it finds, and whoever was not asked now
// is asked next. Pure: the same bids give the same award.
import { compareText } from '../../protocols/wire/index.ts';
import type { NodeId } from '../system/index.ts';

export interface Bid {
  readonly node: NodeId;
  /** When the run would be over there, from now, in ms. */
  readonly finishMs: number;
  readonly missingFiles: number;
}

export interface Need {
  readonly executors: number;
  /** Executors and verifiers together, workers aside. */
  readonly total: number;
  /** How many of the executors may be workers; none where absent. */
  readonly workers?: number;
}

/** Who is on the attempt and counts. */
export interface Staff {
  readonly executors: readonly NodeId[];
  readonly verifiers: readonly NodeId[];
}

/**
 * What differs by less than a step counts as equal, and then equal nodes share the work: durations are known by a third or so at best, and
 * finer steps give the fastest nodes ever more of it (measured: at 80 % load this step costs 3 % of the mean time, and the work falls
 * evenly, by Jain's index 0.96 for 0.91).
 */
const grain = 3;
const finestMs = 100;
const coarsestMs = 1e9;

/** A time of completion as it is bid: rounded up to a step of a scale whose steps grow with it. */
export function bidMs(finishMs: number): number {
  if (finishMs <= finestMs) return finestMs;
  const steps = Math.ceil(Math.log(finishMs / finestMs) / Math.log(grain) - 1e-9);
  return Math.min(coarsestMs, Math.round(finestMs * grain ** steps));
}

/** Beyond this many, more bids find hardly a better one (measured: `node sim/swarms/main.ts`). */
const askedMin = 8;

/** Whom to offer a task: all of `able` in a small mesh; else as many as suffice, from the place in their order where the last round ended. */
export function whomToAsk(able: readonly NodeId[], wanted: number, round: number): readonly NodeId[] {
  const count = Math.max(askedMin, 2 * wanted);
  if (able.length <= count) return able;
  const from = (round * count) % able.length;
  return [...able.slice(from, from + count), ...able.slice(0, Math.max(0, from + count - able.length))];
}

/**
 * Cheapest bids first; the rank of the node for this task breaks ties, so that equal nodes share the work. Whoever verifies already is made
 * an executor only where nobody else is left: it would run the task twice. Workers go before members where they may execute, so that members
 * have their hands free to judge, and never verify.
 */
export function assign(
  bids: readonly Bid[],
  need: Need,
  staff: Staff,
  rank: (id: NodeId) => number,
  isWorker: (id: NodeId) => boolean = () => false,
): { readonly executors: NodeId[]; readonly verifiers: NodeId[] } {
  const isVerifier = (id: NodeId): boolean => staff.verifiers.includes(id);
  const order = bids
    .filter(({ node }) => !staff.executors.includes(node))
    .sort(
      (a, b) =>
        Number(isVerifier(a.node)) - Number(isVerifier(b.node)) ||
        a.missingFiles - b.missingFiles ||
        a.finishMs - b.finishMs ||
        rank(a.node) - rank(b.node) ||
        compareText(a.node, b.node),
    )
    .map(({ node }) => node);
  const missing = Math.max(0, need.executors - staff.executors.length);
  const places = Math.max(0, (need.workers ?? 0) - staff.executors.filter(isWorker).length);
  const workers = order.filter(isWorker).slice(0, Math.min(places, missing));
  const members = order.filter((id) => !isWorker(id));
  const executors = [...workers, ...members.slice(0, missing - workers.length)];
  const others = new Set([...staff.executors, ...staff.verifiers, ...executors].filter((id) => !isWorker(id)));
  const verifiers = members.filter((id) => !others.has(id)).slice(0, Math.max(0, need.total - others.size));
  return { executors, verifiers };
}
