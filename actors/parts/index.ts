// Law: the door of what the roles of one node share.
export { type Changes, createWaker, type Waker, watchChanges } from './changes.ts';
export { createEventHub, type EventHub, type KeyedEvent } from './events.ts';
export { type Charge, createLedger, type Ledger } from './ledger.ts';
export {
  type BlobExchange,
  type DataSetPolicy,
  type DataSets,
  type LaneWriter,
  liveMembers,
  type Parts,
  type Place,
  type Presence,
  type View,
} from './parts.ts';
export { createPulse, type Pulse } from './pulse.ts';
