// Law: a connection that does not become a member's is refused at the earliest step that can tell, counted under the address it came
// from, and costs the others nothing.
import type { ConnectionEncrypter, ConnectionGater, MultiaddrConnection, PeerId } from '@libp2p/interface';
import { type NoiseComponents, noise } from '@libp2p/noise';
import type { Log, NodeId } from '../../actors/system/index.ts';
import { createRefusalTable, type Refusal } from '../wire/index.ts';
import { createConduct } from './conduct.ts';
import { noiseCrypto } from './noise-crypto.ts';
import { withWholeWrites } from './thrift.ts';

export interface Gate {
  readonly gater: ConnectionGater;
  /** Noise under the mesh's key; its failures are counted here. */
  readonly encrypter: (components: NoiseComponents) => ConnectionEncrypter;
  refuse(address: string, reason: string, detail: string, node?: NodeId): void;
  refusals(): readonly Refusal[];
}

export function createGate(options: {
  readonly networkKey: Uint8Array;
  readonly allow: (id: NodeId) => boolean;
  readonly log: Log;
}): Gate {
  const { log, allow } = options;
  const table = createRefusalTable();
  /** Inbound connections that have not yet shown who they are. */
  const unproven = new WeakSet<MultiaddrConnection>();

  /** The port of an inbound address changes with every connection; the host is what a person can act on. */
  const hostOf = (address: string): string => address.replace(/\/(tcp|udp)\/\d+.*$/, '');

  const conduct = createConduct(() => performance.now());
  const refuse: Gate['refuse'] = (address, reason, detail, node) => {
    const outMs = node === undefined ? 0 : conduct.violation(node, reason);
    if (outMs > 0) log('warn', 'a peer is kept out for a while', { node, reason, forMs: outMs });
    // Being slow is a matter of who it is, and no connection of it is refused.
    const from = reason === 'slow' && node !== undefined ? node : hostOf(address);
    const count = table.add(from, reason, node === undefined ? detail : `${node}: ${detail}`);
    // Powers of two: a flood is visible and does not become a flood of log lines.
    if ((count & (count - 1)) === 0)
      log('warn', reason === 'slow' ? 'a peer is slow' : 'connection refused', {
        address,
        reason,
        detail,
        count,
        ...(node === undefined ? {} : { node }),
      });
  };

  const deny = (peer: PeerId, connection: MultiaddrConnection): boolean => {
    unproven.delete(connection);
    const id = peer.toString();
    if (!allow(id)) {
      refuse(connection.remoteAddr.toString(), 'stranger', 'this node id is not allowed here', id);
      return true;
    }
    if (!conduct.isKeptOut(id)) return false;
    refuse(connection.remoteAddr.toString(), 'kept_out', 'it broke the rules again and again', id);
    return true;
  };

  const gater: ConnectionGater = {
    denyInboundConnection(connection) {
      unproven.add(connection);
      connection.addEventListener('close', () => {
        if (!unproven.delete(connection)) return;
        refuse(
          connection.remoteAddr.toString(),
          'handshake',
          'closed before it proved a member: not libp2p, another mesh, or a wrong pre-shared key',
        );
      });
      return false;
    },
    denyDialPeer: (peer) => !allow(peer.toString()) || conduct.isKeptOut(peer.toString()),
    denyInboundEncryptedConnection: deny,
    denyOutboundEncryptedConnection: deny,
    // At the relay: a place is for members, and what passes is between members.
    denyInboundRelayReservation: (source) => !allow(source.toString()),
    denyOutboundRelayedConnection: (source, destination) => !allow(source.toString()) || !allow(destination.toString()),
    // At the node behind it: who comes proves its key on the connection itself; this spares strangers the handshake.
    denyInboundRelayedConnection: (_relay, remote) => !allow(remote.toString()),
  };

  const channel = noise({ prologueBytes: options.networkKey, crypto: noiseCrypto });
  return {
    gater,
    encrypter: (components) => withWholeWrites(channel(components)),
    refuse,
    refusals: () => table.list(),
  };
}
