// Law: the door of the virtual world and its probes, for tests of every floor.
export { type Do, doer, run } from './doer.ts';
export { memoryJournal, memoryKeyValue, memorySnapshots } from './memory-journal.ts';
export { type Probe, spawnProbe } from './probe.ts';
export { type VirtualHub, type VirtualNetwork, type VirtualNetworkOptions, virtualHub } from './virtual-network.ts';
export { type LogEntry, type VirtualWorld, virtualWorld } from './virtual-world.ts';
