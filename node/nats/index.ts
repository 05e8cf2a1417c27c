// Law: the door of the NATS gateway room.
export { type NatsGateway, type NatsGatewayOptions, openNatsGateway } from './gateway.ts';
export { natsServersOf } from './settings.ts';
