// Law: the door of the libp2p transport.
export { isForeignMesh } from './dialer.ts';
export { createLibp2pNetwork } from './network.ts';
export type { Libp2pNetwork, Libp2pNetworkOptions } from './options.ts';
