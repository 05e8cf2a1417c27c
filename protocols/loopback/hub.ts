// Law: an in-process mesh keeps every promise of the Network port and none of a real network's faults: a pair of nodes is connected
// or it is not. Frames are copied, so that two nodes never share memory.
import {
  type Clock,
  type Log,
  type Network,
  NetworkError,
  type NodeId,
  type Scheduler,
} from '../../actors/system/index.ts';
import {
  assertFrameSize,
  closedError,
  createListeners,
  createPort,
  createTopics,
  type Listeners,
  maxRequestsServedPerPeer,
  pullStallMs,
  refusalText,
  type Topics,
  unreachable,
} from '../network/index.ts';
import { createLink, type Link } from './link.ts';

export interface LoopbackHub {
  /** A network for `self`, connected to every other open one on this hub. Throws where `self` is on the hub already. */
  open(self: NodeId): Network;
  /** Cuts the pair: both see the peer go down, and what was in flight is lost. */
  disconnect(a: NodeId, b: NodeId): void;
  connect(a: NodeId, b: NodeId): void;
}

interface Node {
  readonly self: NodeId;
  readonly links: Map<NodeId, Link>;
  readonly listeners: Listeners;
  readonly topics: Topics;
  isClosed: boolean;
}

export function createLoopbackHub(world: {
  readonly clock: Clock;
  readonly scheduler: Scheduler;
  readonly log: Log;
}): LoopbackHub {
  const { scheduler, log } = world;
  const nodes = new Map<NodeId, Node>();
  const cuts = new Set<string>();
  const pairKey = (a: NodeId, b: NodeId): string => (a < b ? `${a} ${b}` : `${b} ${a}`);

  function join(a: Node, b: Node): void {
    if (cuts.has(pairKey(a.self, b.self)) || a.links.has(b.self)) return;
    a.links.set(b.self, createLink(world));
    b.links.set(a.self, createLink(world));
    scheduler.yield(() => {
      if (a.links.has(b.self)) a.listeners.tellPeer({ node: b.self, up: true });
      if (b.links.has(a.self)) b.listeners.tellPeer({ node: a.self, up: true });
    });
  }

  function part(a: Node, b: Node): void {
    for (const [node, other] of [
      [a, b],
      [b, a],
    ] as const) {
      const link = node.links.get(other.self);
      if (link === undefined) continue;
      node.links.delete(other.self);
      link.cut(node.isClosed ? closedError(node.self) : undefined);
    }
    a.listeners.tellPeer({ node: b.self, up: false });
    b.listeners.tellPeer({ node: a.self, up: false });
  }

  function answer(
    node: Node,
    from: NodeId,
    frame: Uint8Array,
    back: Link,
    settle: (reply: Uint8Array | NetworkError) => void,
  ): void {
    const serve = node.listeners.serveHandler();
    const reply = (value: Uint8Array | NetworkError): void =>
      void back.post(value instanceof NetworkError ? 0 : value.length, () => settle(value));
    if (serve === undefined || back.serving >= maxRequestsServedPerPeer) {
      const what = serve === undefined ? 'no requests' : `${back.serving} requests of this peer already`;
      reply(new NetworkError('refused', `${node.self} serves ${what}`));
      return;
    }
    back.serving++;
    Promise.resolve()
      .then(() => serve(from, frame))
      .then((value) => {
        assertFrameSize(value);
        reply(value.slice());
      })
      .catch((error: unknown) => reply(new NetworkError('refused', refusalText(error))))
      .finally(() => back.serving--);
  }

  function open(self: NodeId): Network {
    if (nodes.has(self)) throw new Error(`${self} is on the hub already`);
    const node: Node = {
      self,
      links: new Map(),
      listeners: createListeners(log),
      topics: createTopics((error, from) => log('error', 'a topic handler failed', { from, error: String(error) })),
      isClosed: false,
    };

    function linkTo(peer: NodeId): { readonly link: Link; readonly other: Node; readonly back: Link } {
      const link = node.links.get(peer);
      const other = nodes.get(peer);
      const back = other?.links.get(self);
      if (link === undefined || other === undefined || back === undefined) throw unreachable(peer);
      return { link, other, back };
    }

    async function* pull(from: NodeId, resource: string, offsetBytes: number): AsyncGenerator<Uint8Array> {
      const { link, other } = linkTo(from);
      const source = other.listeners.provideHandler()?.(self, resource, offsetBytes);
      if (source === undefined) throw new NetworkError('refused', `${from} has no ${resource}`);
      const iterator = source[Symbol.asyncIterator]();
      const next = (): Promise<IteratorResult<Uint8Array>> =>
        link.settle(from, pullStallMs, `the pull of ${resource}`, (resolve, reject) => {
          if (!link.isOpen) return reject(new NetworkError('unreachable', `the connection to ${from} was lost`));
          iterator.next().then(resolve, (error: unknown) => reject(new NetworkError('refused', refusalText(error))));
        });
      try {
        for (;;) {
          const step = await next();
          if (step.done === true) return;
          yield step.value.slice();
        }
      } finally {
        // Not awaited: a source that hangs must not hang its reader too.
        void iterator.return?.()?.then(undefined, () => {});
      }
    }

    const network = createPort({
      self,
      listeners: node.listeners,
      topics: node.topics,
      isClosed: () => node.isClosed,
      upNodes: () => [...node.links.keys()],
      send(to, frame) {
        const link = node.links.get(to);
        const other = nodes.get(to);
        if (link === undefined || other === undefined) return false;
        const copy = frame.slice();
        return link.post(copy.length, () => other.listeners.tellFrame(self, copy));
      },
      async request(to, frame, timeoutMs) {
        const { link, other, back } = linkTo(to);
        const copy = frame.slice();
        return link.settle<Uint8Array>(to, timeoutMs, 'a request', (resolve, reject) => {
          const sent = link.post(copy.length, () =>
            answer(other, self, copy, back, (reply) =>
              reply instanceof NetworkError ? reject(reply) : resolve(reply),
            ),
          );
          if (!sent) reject(new NetworkError('unreachable', `the buffer to ${to} is full`));
        });
      },
      publish(topic, frame) {
        for (const [peer, link] of node.links) {
          const other = nodes.get(peer);
          if (other === undefined || !other.topics.has(topic)) continue;
          const copy = frame.slice();
          link.post(copy.length, () => other.topics.call(topic, self, copy));
        }
      },
      pull,
      async close() {
        node.isClosed = true;
        nodes.delete(self);
        for (const peer of [...node.links.keys()]) {
          const other = nodes.get(peer);
          if (other !== undefined) part(node, other);
        }
        node.listeners.clear();
        node.topics.clear();
      },
    });

    nodes.set(self, node);
    for (const other of nodes.values()) if (other !== node) join(node, other);
    return network;
  }

  return {
    open,
    disconnect(a, b) {
      cuts.add(pairKey(a, b));
      const [one, other] = [nodes.get(a), nodes.get(b)];
      if (one !== undefined && other !== undefined && one.links.has(b)) part(one, other);
    },
    connect(a, b) {
      cuts.delete(pairKey(a, b));
      const [one, other] = [nodes.get(a), nodes.get(b)];
      if (one !== undefined && other !== undefined) join(one, other);
    },
  };
}
