// Law: every transport checks what its own node asks of it in one way, and before anything is sent: sizes, names, whether it is closed. A
// transport brings what differs: who is up, and how bytes get there.
import { type Network, NetworkError, type NodeId } from '../../actors/system/index.ts';
import { assertFrameSize, assertResource, assertTopic, maxFrameBytes } from './limits.ts';
import type { Listeners } from './listeners.ts';
import type { Topics } from './topics.ts';

/** What differs between transports; everything it is given has passed the port's checks. */
export interface Carrier {
  readonly self: NodeId;
  readonly listeners: Listeners;
  readonly topics: Pick<Topics, 'subscribe'>;
  isClosed(): boolean;
  /** In any order; the caller's own. */
  upNodes(): NodeId[];
  send(to: NodeId, frame: Uint8Array): boolean;
  request(to: NodeId, frame: Uint8Array, timeoutMs: number): Promise<Uint8Array>;
  publish(topic: string, frame: Uint8Array): void;
  pull(from: NodeId, resource: string, offsetBytes: number): AsyncIterable<Uint8Array>;
  /** Called once. */
  close(): Promise<void>;
}

export const closedError = (self: NodeId): NetworkError =>
  new NetworkError('closed', `the network of ${self} is closed`);
export const unreachable = (node: NodeId): NetworkError => new NetworkError('unreachable', `no connection to ${node}`);

export function createPort(carrier: Carrier): Network {
  const { self, listeners, topics } = carrier;
  let stopped: Promise<void> | undefined;
  return {
    ...listeners.port,
    self,
    maxFrameBytes,
    peers: () => carrier.upNodes().sort(),
    send(to, frame) {
      assertFrameSize(frame);
      return !carrier.isClosed() && carrier.send(to, frame);
    },
    async request(to, frame, { timeoutMs }) {
      assertFrameSize(frame);
      if (carrier.isClosed()) throw closedError(self);
      return carrier.request(to, frame, timeoutMs);
    },
    publish(topic, frame) {
      assertFrameSize(frame);
      assertTopic(topic);
      if (!carrier.isClosed()) carrier.publish(topic, frame);
    },
    subscribe(topic, handler) {
      assertTopic(topic);
      return topics.subscribe(topic, handler);
    },
    async *pull(from, resource, offsetBytes) {
      if (carrier.isClosed()) throw closedError(self);
      assertResource(resource);
      yield* carrier.pull(from, resource, offsetBytes);
    },
    close() {
      stopped ??= carrier.close();
      return stopped;
    },
  };
}
