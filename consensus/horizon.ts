// Law: how far from its own round a node looks is bounded: of rounds beyond it remembers who is there, not what was said.
import type { NodeId } from '../actors/system/index.ts';
import type { EpochView } from './epoch.ts';

export class Horizon {
  readonly #epoch: EpochView;
  readonly #futureRounds: number;
  /** The latest round in which each member was seen beyond this node's. */
  #ahead: Map<NodeId, number> | undefined;

  constructor(epoch: EpochView, futureRounds: number) {
    this.#epoch = epoch;
    this.#futureRounds = futureRounds;
  }

  /** Round 0 is always kept, for its reports; else what is far from `current` is of no use, or not yet. */
  isNear(round: number, current: number): boolean {
    return round === 0 || Math.abs(round - current) <= this.#futureRounds;
  }

  saw(node: NodeId, round: number, current: number): void {
    if (round <= current || round <= (this.#ahead?.get(node) ?? -1)) return;
    this.#ahead ??= new Map();
    this.#ahead.set(node, round);
  }

  /** The latest round that members of more than f weight have reached, so at least one honest; −1 for none. */
  reached(): number {
    if (this.#ahead === undefined) return -1;
    let weight = 0;
    for (const [node, round] of [...this.#ahead].sort(([, a], [, b]) => b - a)) {
      weight += this.#epoch.weights.get(node) ?? 0;
      if (weight >= this.#epoch.thresholds.skip) return round;
    }
    return -1;
  }

  entered(round: number): void {
    for (const [node, seen] of this.#ahead ?? []) if (seen <= round) this.#ahead?.delete(node);
  }
}
