// Law: the door of memory: lanes, payloads, and the actor that moves them.
export { type BlobService, createBlobExchange } from './blob-exchange.ts';
export { feed, type MemoryArgs, type MemoryMessage, memoryActor } from './memory.ts';
export { holdWorkflow } from './messages.ts';
export { createRecaller, type Recaller } from './recall.ts';
