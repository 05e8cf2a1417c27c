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
  /** Executors and verifiers together. */
  readonly total: number;
}

/** Who is on the attempt and counts. */
export interface Staff {
  readonly executors: readonly NodeId[];
  readonly verifiers: readonly NodeId[];
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
        a.finishMs - b.finishMs ||
        rank(a.node) - rank(b.node) ||
        compareText(a.node, b.node),
    )
    .map(({ node }) => node);
  const executors = order.slice(0, Math.max(0, need.executors - staff.executors.length));
  const others = new Set([...staff.executors, ...staff.verifiers, ...executors]);
  const verifiers = order.filter((id) => !others.has(id)).slice(0, Math.max(0, need.total - others.size));
  return { executors, verifiers };
}
