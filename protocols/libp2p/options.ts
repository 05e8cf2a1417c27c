// Law: the libp2p transport is the Network port, and beside it only what a composition needs: addresses, who is allowed, what was refused.
import type { Log, Network, NodeId } from '../../actors/system/index.ts';
import type { Identity, Refusal } from '../wire/index.ts';

export interface Libp2pNetworkOptions {
  readonly identity: Identity;
  /** 32 bytes. */
  readonly meshId: Uint8Array;
  /** 32 secret bytes that every member has: without them no connection gets past its handshake. */
  readonly preSharedKey: Uint8Array;
  /** Multiaddrs, for example `/ip4/0.0.0.0/tcp/4711`; port 0 picks a free one. */
  readonly listen: readonly string[];
  /** Multiaddrs, with or without `/p2p/<node id>`. */
  readonly bootstrap: readonly string[];
  readonly allow: (id: NodeId) => boolean;
  /** Announce this node on the local network and dial who answers. */
  readonly mdns?: boolean;
  readonly log: Log;
}

export interface Libp2pNetwork extends Network {
  /** Where others can dial this node: multiaddrs that end in its id. */
  addresses(): readonly string[];
  /**
   * Resolves when the peer at `address` is up, and keeps dialing it from then on. Rejects with NetworkError: `unreachable`, `refused` where it
   * does not allow this node, `timeout` where it never greets back.
   */
  dial(address: string): Promise<void>;
  /** Cuts off who is no longer allowed and dials who now is. */
  setAllow(allow: (id: NodeId) => boolean): void;
  /** Connections and peers refused at the transport, by remote host and reason. */
  refusals(): readonly Refusal[];
}
