// Law: the door of the simulator.
export { Swarm, type SwarmOptions, type Submission, type Watcher } from './swarm.ts';
