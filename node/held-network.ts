// Law: what peers say before the roles are there to hear it waits at the door, in order and within bounds for each of them, and is heard when
// they are: a node that starts neither loses its peers' first words nor holds them against anybody.
import { defineActor, type Network, NetworkError, type NodeId } from '../actors/system/index.ts';

export interface HeldNetwork {
  readonly network: Network;
  /** Hands over what waited, and everything from now on at once. Safe to call again. */
  open(): void;
}

/** Of one peer. */
const framesMax = 256;
const framesBytesMax = 4 << 20;
const requestsMax = 256;

/** Frames and requests wait until `open`; everything else of the network is as it is. */
export function holdNetwork(network: Network): HeldNetwork {
  let isOpen = false;
  const frames: (() => void)[] = [];
  const waiting = new Map<NodeId, { count: number; sizeBytes: number }>();
  const hasRoom = (from: NodeId, sizeBytes: number): boolean => {
    const own = waiting.get(from) ?? { count: 0, sizeBytes: 0 };
    waiting.set(from, own);
    if (own.count >= framesMax || own.sizeBytes + sizeBytes > framesBytesMax) return false;
    own.count++;
    own.sizeBytes += sizeBytes;
    return true;
  };
  const requests: (() => void)[] = [];
  const opened = (from: NodeId): Promise<void> =>
    new Promise((resolve, reject) => {
      if (requests.length < requestsMax) requests.push(resolve);
      else reject(new NetworkError('refused', `this node is starting and ${from} asks too much`));
    });
  return {
    network: {
      ...network,
      onFrame: (handler) =>
        network.onFrame((from, frame) => {
          if (isOpen) handler(from, frame);
          else if (hasRoom(from, frame.length)) frames.push(() => handler(from, frame));
        }),
      serve: (handler) =>
        network.serve(async (from, frame) => {
          if (!isOpen) await opened(from);
          return handler(from, frame);
        }),
    },
    open() {
      isOpen = true;
      waiting.clear();
      for (const hear of frames.splice(0)) hear();
      for (const answer of requests.splice(0)) answer();
    },
  };
}

/** Opens the door when it starts: the last child of a tree, so that everyone is there. */
export const doorActor = defineActor<never, undefined, { readonly open: () => void }>({
  kind: 'door',
  start(_ctx, { open }) {
    open();
    return undefined;
  },
  receive() {},
});
