// Law: to the roles a peer is a member or an observer. A stranger may connect while a ticket is out, to ask to join; nothing is sent to it but
// the answer, and nobody hears of it until it is let in.
import type { Network, NodeId, PeerEvent } from '../actors/system/index.ts';

export interface KnownPeers {
  readonly network: Network;
  /** Call when who is known may have changed: peers that are connected already come up or go down for the roles. */
  reconsider(): void;
  close(): void;
}

export function knownPeers(network: Network, isKnown: (id: NodeId) => boolean): KnownPeers {
  const handlers = new Set<(event: PeerEvent) => void>();
  const shown = new Set<NodeId>();
  const show = (node: NodeId, up: boolean): void => {
    if (up === shown.has(node)) return;
    if (up) shown.add(node);
    else shown.delete(node);
    for (const handler of [...handlers]) handler({ node, up });
  };
  for (const node of network.peers()) if (isKnown(node)) shown.add(node);
  const leave = network.onPeer(({ node, up }) => show(node, up && isKnown(node)));
  return {
    network: {
      ...network,
      peers: () => network.peers().filter(isKnown),
      onPeer(handler) {
        handlers.add(handler);
        return () => handlers.delete(handler);
      },
    },
    reconsider() {
      const connected = new Set(network.peers());
      for (const node of new Set([...connected, ...shown])) show(node, connected.has(node) && isKnown(node));
    },
    close: leave,
  };
}
