// Law: the door of the libp2p transport.
export { createLibp2pNetwork } from './network.ts';
export type { Libp2pNetwork, Libp2pNetworkOptions } from './options.ts';
