// Law: the door of what all transports share: their limits, the frames on a stream, the two halves of the port (who listens, what is asked),
// and how several transports are one network.
export { combineNetworks } from './combine.ts';
export {
  createSplitter,
  encodedBytes,
  encodeHeadInto,
  encodeInto,
  type FrameKind,
  frameKind,
  frameVersion,
  OversizedFrame,
  readU32,
  u32,
  writeU32,
} from './frame-codec.ts';
export { createFrameHandlers, type FrameHandlers } from './frame-handlers.ts';
export {
  assertFrameSize,
  assertResource,
  assertTopic,
  maxFrameBytes,
  maxOutboundBytes,
  maxRequestsServedPerPeer,
  maxResourceBytes,
  maxTopicBytes,
  pullStallMs,
  refusalOf,
  refusalText,
  slowMs,
} from './limits.ts';
export { createListeners, type Listeners, type ProvideHandler, type ServeHandler } from './listeners.ts';
export { closedError, createPort, unreachable } from './port.ts';
export { createRelay } from './relay.ts';
export { createStreamRequests, type StreamRequests } from './stream-requests.ts';
export { createTopics, type Topics } from './topics.ts';
