// Law: the door of the worker room: one definition, run as the executor pool and as the verifier pool.
export { type WorkerArgs, type WorkerMessage, workerActor } from './worker.ts';
