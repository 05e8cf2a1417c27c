// Law: libp2p runs with the settings that were measured to work for small private meshes; each that differs from the default says why.
import { autoNAT } from '@libp2p/autonat';
import { generateKeyPairFromSeed } from '@libp2p/crypto/keys';
import { dcutr } from '@libp2p/dcutr';
import type { GossipSub } from '@libp2p/gossipsub';
import { identify, identifyPush } from '@libp2p/identify';
import type { ComponentLogger, ConnectionGater, Libp2p, Logger, PeerDiscovery } from '@libp2p/interface';
import type { MulticastDNSComponents } from '@libp2p/mdns';
import { tcp } from '@libp2p/tcp';
import { yamux } from '@libp2p/yamux';
import { createLibp2p } from 'libp2p';
import { hex } from '../wire/index.ts';
import type { Gate } from './gate.ts';
import { gossipService } from './gossip.ts';
import type { Relaying } from './relay.ts';
import { withLateUpdates } from './thrift.ts';

export type Libp2pNode = Libp2p<{ pubsub: GossipSub } & Record<string, unknown>>;

/** libp2p formats its debug lines before anyone asks for them; nobody does. */
function quietLogger(): ComponentLogger {
  const quiet: Logger = Object.assign(() => {}, {
    error: () => {},
    trace: () => {},
    enabled: false,
    newScope: () => quiet,
  });
  return { forComponent: () => quiet };
}

/** Not started yet, so that whoever connects first finds every protocol in place. */
export async function createLibp2pNode(options: {
  readonly secretKey: Uint8Array;
  readonly listen: readonly string[];
  readonly gate: Gate;
  readonly announce?: readonly string[];
  readonly relaying?: Relaying;
  /** 32 bytes; names the mesh on the local network without naming it to strangers. */
  readonly mdnsKey: Uint8Array | undefined;
}): Promise<Libp2pNode> {
  const gater: ConnectionGater = options.gate.gater;
  const peerDiscovery: ((components: MulticastDNSComponents) => PeerDiscovery)[] = [];
  if (options.mdnsKey !== undefined) {
    const { mdns } = await import('@libp2p/mdns');
    peerDiscovery.push(
      mdns({ serviceTag: `_parley-${hex.encode(options.mdnsKey.subarray(0, 8))}._udp.local`, interval: 5_000 }),
    );
  }
  // Windows grow up to this; above 4 MiB a paused stream would overflow libp2p's read buffer and be reset.
  const muxer = yamux({ streamOptions: { maxStreamWindowSize: 2 << 20 } });
  return createLibp2p({
    start: false,
    privateKey: await generateKeyPairFromSeed('Ed25519', options.secretKey),
    logger: quietLogger(),
    addresses: {
      listen: [...options.listen, ...(options.relaying?.listen ?? [])],
      appendAnnounce: [...(options.announce ?? [])],
    },
    transports: options.relaying === undefined ? [tcp()] : [tcp(), options.relaying.transport],
    connectionEncrypters: [options.gate.encrypter],
    streamMuxers: [() => withLateUpdates(muxer())],
    connectionGater: gater,
    peerDiscovery,
    connectionManager: {
      maxConnections: 300,
      maxParallelDials: 50,
      maxDialQueueLength: 2_000,
      // Per second and host: the default of 5 refuses most of a mesh whose members share a host.
      inboundConnectionThreshold: 500,
      maxIncomingPendingConnections: 200,
      dialTimeout: 5_000,
      addressDialTimeout: 4_000,
      inboundUpgradeTimeout: 5_000,
      connectionCloseTimeout: 500,
      // The dialer reconnects, and does not give up.
      reconnectRetries: 0,
    },
    // It would cut off a peer whose process is only busy; the link has its own, slower beat, and membership its own detector.
    connectionMonitor: { enabled: false },
    services: {
      identify: identify({ timeout: 5_000 }),
      // A place at a relay is found or lost long after a connection was made: its peers hear of the new address.
      identifyPush: identifyPush({ timeout: 5_000 }),
      pubsub: gossipService(),
      // Peers dial back where this node believes it can be reached: only what answered is told to others as public.
      autoNat: autoNAT({ startupDelay: 5_000, refreshInterval: 60_000 }),
      // From a relayed connection to a direct one, where both ends' NATs let a simultaneous dial through.
      dcutr: dcutr(),
      ...options.relaying?.service,
    },
  }) as unknown as Promise<Libp2pNode>;
}
