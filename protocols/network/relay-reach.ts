// Law: a node is reached through a bridge only where no transport of its own reaches it, and only while the bridge is at hand and says so.
import type { NodeId } from '../../actors/system/index.ts';

export interface Reach {
  isDirect(node: NodeId): boolean;
  direct(): readonly NodeId[];
  /** Through which bridge a node is reached; undefined where there is none. */
  bridgeTo(node: NodeId): NodeId | undefined;
  /** Everyone that is reached, directly or through a bridge. */
  all(): ReadonlySet<NodeId>;
  /** A bridge says whom it reaches. */
  told(bridge: NodeId, reached: readonly NodeId[]): void;
  /** A peer came or went on a transport of this node's own. */
  changed(node: NodeId, up: boolean): void;
}

export function createReach(self: NodeId, peers: readonly NodeId[], allow: (id: NodeId) => boolean): Reach {
  const direct = new Set<NodeId>(peers);
  const reach = new Map<NodeId, ReadonlySet<NodeId>>();
  return {
    isDirect: (node) => direct.has(node),
    direct: () => [...direct],
    bridgeTo(node) {
      if (node === self) return undefined;
      for (const [bridge, reached] of reach) if (reached.has(node) && direct.has(bridge)) return bridge;
      return undefined;
    },
    all() {
      const found = new Set(direct);
      for (const [bridge, reached] of reach) {
        if (!direct.has(bridge)) continue;
        for (const node of reached) if (node !== self && allow(node)) found.add(node);
      }
      return found;
    },
    told: (bridge, reached) => void reach.set(bridge, new Set(reached)),
    changed(node, up) {
      if (up) direct.add(node);
      else {
        direct.delete(node);
        reach.delete(node);
      }
    },
  };
}
