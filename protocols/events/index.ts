// Law: the door of the events room: the bus as its users see it, what a carrier of it has to offer, and the carrier that every mesh has.
export { type Batch, decodeBatch, encodeBatch, partitionCount } from './batch.ts';
export {
  type BusEvent,
  checkGroup,
  checkTopic,
  deadLetterTopic,
  defaultLeaseMs,
  type EventBus,
  EventBusError,
  type EventBusErrorCode,
  type EventToPublish,
  type GroupInfo,
  type JoinOptions,
  type Membership,
  maxEventBytes,
  maxKeyBytes,
  parsePosition,
  type ReadFrom,
  type ShareInfo,
} from './bus.ts';
export { createEventBus, type EventBusParts } from './engine.ts';
export { type LaneBusOptions, openLaneBus } from './lane-bus.ts';
export {
  type BoardKeeper,
  type EventLog,
  type GroupBoard,
  isLater,
  type ShareRecord,
  type SourceReader,
} from './log.ts';
