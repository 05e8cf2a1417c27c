// Law: the door of the real World.
export { createCrypto, isAdmissibleKey } from '../crypto/index.ts';
export { createLog, type NodeLog } from './log.ts';
export { realClock, realRandom, realScheduler, realWorld } from './real.ts';
export { createStorage, type NodeStorage, StorageError } from './storage/index.ts';
export { version } from './version.ts';
export { createWorkerHost, type WorkerHost } from './worker-host.ts';
export { createWorkerNetwork, type FramePort, type WorkerNetwork } from './worker-network.ts';
