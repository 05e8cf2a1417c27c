// Law: a twin is a second whole machine with a member's key: its own disk, its own chance, the node's own code, and no lie in it. What makes
// the two a liar is the network between them and the others, which leads each of those to one of the two, anew every period, as the
// Twins paper has it (S. Bano and others, 2020): whatever a member can say to some and deny to others, two honest processes with one key say.
import type { Swarm } from '../swarm.ts';
import { createDraws } from '../world/index.ts';
import type { FaultPlan } from './plan.ts';

export interface Twins {
  /** Nobody is cut off from anybody but from one of the two any more; that goes on. */
  calm(): void;
}

/** Members of which there are two machines, in the order in which their second ones follow the other nodes. */
export function twinsOf({ liars }: FaultPlan): readonly number[] {
  return liars.filter(({ kits }) => kits.includes('twins')).map(({ node }) => node);
}

const purpose = { period: 0, side: 1, holds: 2, splits: 3 } as const;
/** Until then both are there for all: each has asked what was last seen of it, and votes. */
const firstPartitionMs = 1_400;
const periodMinMs = 300;
const periodSpreadMs = 2_700;
/** Of the periods, those in which the two sides cannot talk to each other either. */
const splitPermille = 350;
/** Of the paths, those that deliver what they were given once they lead there again. */
const holdsPermille = 500;

type Pair = readonly [from: number, to: number];

/** Draws by period, twin and node: leaving out another fault, or another twin, moves no partition. */
export function createTwins(swarm: Swarm, originals: readonly number[]): Twins {
  const { fabric, nodes } = swarm;
  const draws = createDraws(swarm.options.seed, 'twins');
  const twinOf = (original: number): number =>
    nodes.findIndex(({ id, index }) => id === nodes[original]!.id && index !== original);
  const blocked = new Map<number, readonly Pair[]>();
  let isCalm = false;

  const partition = (original: number, twin: number, period: number): void => {
    for (const [from, to] of blocked.get(original) ?? []) fabric.unblock(from, to);
    const others = nodes.filter(({ id }) => id !== nodes[original]!.id).map(({ index }) => index);
    const seesTwin = (index: number): boolean => draws.chance(500, purpose.side, original, period, index);
    const pairs: Pair[] = others.flatMap((index): Pair[] => {
      const hidden = seesTwin(index) ? original : twin;
      return [
        [index, hidden],
        [hidden, index],
      ];
    });
    if (!isCalm && draws.chance(splitPermille, purpose.splits, original, period, 0))
      for (const a of others) for (const b of others) if (seesTwin(a) !== seesTwin(b)) pairs.push([a, b]);
    for (const [from, to] of pairs)
      fabric.block(from, to, draws.chance(holdsPermille, purpose.holds, original, period, from * nodes.length + to));
    blocked.set(original, pairs);
    const forMs = periodMinMs + draws.below(periodSpreadMs, purpose.period, original, period, 0);
    swarm.later(forMs, 'fault.twins', () => partition(original, twin, period + 1));
  };
  for (const original of originals)
    swarm.later(firstPartitionMs, 'fault.twins', () => partition(original, twinOf(original), 0));

  return {
    calm() {
      isCalm = true;
      for (const original of originals) {
        const all = blocked.get(original) ?? [];
        const isOwn = ([from, to]: Pair): boolean =>
          nodes[from]!.id === nodes[original]!.id || nodes[to]!.id === nodes[original]!.id;
        for (const [from, to] of all) if (!isOwn([from, to])) fabric.unblock(from, to);
        blocked.set(original, all.filter(isOwn));
      }
    },
  };
}
