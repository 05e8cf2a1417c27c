// Law: requests on a transport's frame stream: their deadlines run on the machine's clock, since a transport is an edge of the World.
import type { Log, NodeId } from '../../actors/system/index.ts';
import { type FrameKind, frameKind } from './frame-codec.ts';
import { createRequests, type Requests } from './requests.ts';

const pendingMax = 65_536;

export type StreamRequests = Requests<FrameKind>;

export function createStreamRequests(
  peer: NodeId,
  put: (kind: FrameKind, correlation: number, payload: Uint8Array) => boolean,
  log: Log,
): StreamRequests {
  return createRequests<FrameKind>(peer, {
    kinds: frameKind,
    pendingMax,
    put,
    after(delayMs, fire) {
      const timer = setTimeout(fire, delayMs);
      return () => clearTimeout(timer);
    },
    log,
  });
}
