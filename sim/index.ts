// Law: the door of the simulator.
export { type Submission, Swarm, type SwarmOptions, type Watcher } from './swarm.ts';
