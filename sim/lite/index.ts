// Law: the door of the light engine: agents without the node's code, for what lies below the Network port and for sheer numbers.
export { createLightWorld, type LightHandler, type LightWorld } from './engine.ts';
export { type GossipsubOptions, type GossipsubResult, runGossipsub } from './gossipsub.ts';
export { createPairLatency, type PairLatency } from './latency.ts';
