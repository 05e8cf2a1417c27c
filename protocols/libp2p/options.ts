// Law: the libp2p transport is the Network port, and beside it only what a composition needs: addresses, who is allowed, what was refused.
import type { Log, Network, NodeId } from '../../actors/system/index.ts';
import type { Identity, Refusal } from '../wire/index.ts';
import type { RelayOptions } from './relay.ts';

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
  /** Where others reach this node besides where it listens: behind a forwarded port, under a name. Multiaddrs. */
  readonly announce?: readonly string[];
  /** For members that cannot be dialed; neither a relay nor in need of one where absent. */
  readonly relay?: RelayOptions;
  /** Announce this node on the local network and dial who answers. */
  readonly mdns?: boolean;
  readonly log: Log;
}

export interface Libp2pNetwork extends Network {
  /** Where others can dial this node: multiaddrs that end in its id. */
  addresses(): readonly string[];
  /** The way frames take to this peer now; undefined where it is not up. */
  pathTo(id: NodeId): 'direct' | 'relayed' | undefined;
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
