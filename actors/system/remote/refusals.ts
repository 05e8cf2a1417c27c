// Law: what was refused is counted under the node that sent it, in bounded memory.
import type { NodeId } from '../world.ts';

/** closed: the actor takes nothing from other nodes · schema, malformed: not what it should be · foreign: speaks for another's actors. */
export type RefusalReason = 'closed' | 'schema' | 'malformed' | 'foreign' | 'monitors';

export interface Refusal {
  readonly node: NodeId;
  readonly reason: RefusalReason;
  readonly count: number;
  /** What was wrong with the last one. */
  readonly last: string;
}

/** Nodes and reasons told apart; a peer is authenticated, so these are few. Beyond it new rows are not begun. */
const maxRows = 4096;

export class Refusals {
  private readonly rows = new Map<string, Refusal>();

  /** How many there were of this kind, with this one. */
  add(node: NodeId, reason: RefusalReason, last: string): number {
    const key = `${reason} ${node}`;
    const row = this.rows.get(key);
    if (row === undefined && this.rows.size >= maxRows) return maxRows;
    const count = (row?.count ?? 0) + 1;
    this.rows.set(key, { node, reason, count, last });
    return count;
  }

  list(): readonly Refusal[] {
    return [...this.rows.values()];
  }
}
