// Law: the door of the modelled network.
export { type CarriedKind, Fabric, type FabricOptions } from './fabric.ts';
export { openSimNetwork, type PortOptions } from './port.ts';
export { calm, type LinkProfile, lan, linkName, type NetworkProfile, wan } from './profile.ts';
