// Law: what Parley's transport is measured against: libp2p with TCP, Noise, yamux and identify, and nothing of ours.
import type { GossipSub } from '@libp2p/gossipsub';
import { identify } from '@libp2p/identify';
import type { Libp2p } from '@libp2p/interface';
import { noise } from '@libp2p/noise';
import { tcp } from '@libp2p/tcp';
import { yamux } from '@libp2p/yamux';
import { createLibp2p } from 'libp2p';

export type BareNode = Libp2p<Record<string, unknown> & { readonly pubsub?: GossipSub }>;

export function bareNode(services: Record<string, unknown> = {}): Promise<BareNode> {
  return createLibp2p({
    addresses: { listen: ['/ip4/127.0.0.1/tcp/0'] },
    transports: [tcp()],
    connectionEncrypters: [noise()],
    streamMuxers: [yamux()],
    connectionManager: { inboundConnectionThreshold: 500 },
    services: { identify: identify(), ...services } as never,
  }) as unknown as Promise<BareNode>;
}
