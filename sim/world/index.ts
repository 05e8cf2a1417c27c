// Law: the door of the simulated World's ground: time, order, chance, the seal and a node's life. Network, disk and sandbox stand beside it.
export { createSimCrypto, type SignatureKind } from './crypto.ts';
export { createDraws, type Draws } from './draws.ts';
export { type Breach, createKernel, type Kernel, type KernelOptions, nobody } from './kernel.ts';
export { createLife, type Life, type LogEntry, type NodeClocks, wallStartMs } from './life.ts';
export { createHeapQueue, type EventQueue } from './queue.ts';
export type { TraceEvent, TraceListener } from './trace.ts';
export { createWheelQueue } from './wheel.ts';
