// Law: the door of the allocation room: who gets the work, as pure policy. The actors carry it out, and the simulator measures it.
export { assign, type Bid, bidMs, type Need, type Staff, whomToAsk } from './award.ts';
export { type Backlog, createThief, spareOf, type Thief } from './stealing.ts';
export { createPace, createWorkload, type Pace, type Waiting, type Workload } from './workload.ts';
