// Law: the door of the NATS transport.
export { type NatsClient, type NatsClientHandlers, openNatsClient } from './client.ts';
export { type JetStreamBusOptions, openJetStreamBus } from './event-bus.ts';
export { createNatsNetwork } from './network.ts';
export type { NatsCredentials, NatsNetwork, NatsNetworkOptions, NatsServers, NatsTls } from './options.ts';
export { ensureStream, managerOf, streamsOf } from './streams.ts';
