// Law: an in-process mesh keeps every promise of the Network port and none of a real network's faults: a pair of nodes is connected
// or it is not. Frames are copied, so that two nodes never share memory.
import {
  type Clock,
  type Log,
  type Network,
  NetworkError,
  type NodeId,
  type PeerEvent,
  type Scheduler,
} from '../../actors/system/index.ts';
import { createFrameHandlers, type FrameHandlers } from '../network/frame-handlers.ts';
import {
  assertFrameSize,
  assertResource,
  assertTopic,
  maxFrameBytes,
  maxOutboundBytes,
  maxRequestsServedPerPeer,
  pullStallMs,
  refusalText,
} from '../network/limits.ts';

export interface LoopbackHub {
  /** A network for `self`, connected to every other open one on this hub. Throws where `self` is on the hub already. */
  open(self: NodeId): Network;
  /** Cuts the pair: both see the peer go down, and what was in flight is lost. */
  disconnect(a: NodeId, b: NodeId): void;
  connect(a: NodeId, b: NodeId): void;
}

type FrameHandler = (from: NodeId, frame: Uint8Array) => void;
type ServeHandler = Parameters<Network['serve']>[0];
type ProvideHandler = Parameters<Network['provide']>[0];

/** One direction of a connected pair; a new connection is a new link, so nothing of the old one arrives late. */
interface Link {
  open: boolean;
  readonly queue: { readonly bytes: number; readonly arrive: () => void }[];
  queuedBytes: number;
  draining: boolean;
  serving: number;
  /** Called when the link is cut: requests and pulls that wait on it. */
  readonly onCut: Set<() => void>;
}

interface Node {
  readonly self: NodeId;
  readonly links: Map<NodeId, Link>;
  readonly frameHandlers: FrameHandlers;
  readonly peerHandlers: Set<(event: PeerEvent) => void>;
  readonly topics: Map<string, Set<FrameHandler>>;
  readonly closeHandlers: Set<() => void>;
  serve: ServeHandler | undefined;
  provide: ProvideHandler | undefined;
}

export function createLoopbackHub(world: {
  readonly clock: Clock;
  readonly scheduler: Scheduler;
  readonly log: Log;
}): LoopbackHub {
  const { clock, scheduler, log } = world;
  const nodes = new Map<NodeId, Node>();
  const cuts = new Set<string>();
  const pairKey = (a: NodeId, b: NodeId): string => (a < b ? `${a} ${b}` : `${b} ${a}`);

  function drain(link: Link): void {
    link.draining = false;
    for (const item of link.queue.splice(0)) {
      link.queuedBytes -= item.bytes;
      if (link.open) item.arrive();
    }
  }

  function post(link: Link, bytes: number, arrive: () => void): boolean {
    if (!link.open || (link.queuedBytes + bytes > maxOutboundBytes && link.queuedBytes > 0)) return false;
    link.queue.push({ bytes, arrive });
    link.queuedBytes += bytes;
    if (!link.draining) {
      link.draining = true;
      scheduler.yield(() => drain(link));
    }
    return true;
  }

  function announce(node: Node, event: PeerEvent): void {
    for (const handler of [...node.peerHandlers]) handler(event);
  }

  function join(a: Node, b: Node): void {
    if (cuts.has(pairKey(a.self, b.self)) || a.links.has(b.self)) return;
    const link = (): Link => ({ open: true, queue: [], queuedBytes: 0, draining: false, serving: 0, onCut: new Set() });
    a.links.set(b.self, link());
    b.links.set(a.self, link());
    scheduler.yield(() => {
      if (a.links.has(b.self)) announce(a, { node: b.self, up: true });
      if (b.links.has(a.self)) announce(b, { node: a.self, up: true });
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
      link.open = false;
      for (const cut of [...link.onCut]) cut();
    }
    announce(a, { node: b.self, up: false });
    announce(b, { node: a.self, up: false });
  }

  function answer(
    node: Node,
    from: NodeId,
    frame: Uint8Array,
    back: Link,
    settle: (reply: Uint8Array | NetworkError) => void,
  ): void {
    const { serve } = node;
    const reply = (value: Uint8Array | NetworkError): void =>
      void post(back, value instanceof NetworkError ? 0 : value.length, () => settle(value));
    const why =
      serve === undefined
        ? `${node.self} serves no requests`
        : back.serving >= maxRequestsServedPerPeer
          ? `${node.self} serves ${back.serving} requests of this peer already`
          : undefined;
    if (serve === undefined || why !== undefined) {
      reply(new NetworkError('refused', why ?? ''));
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

  /** One handler's exception is its own: the others, and the frames behind it, still get their turn. */
  function dispatch(handlers: Iterable<FrameHandler>, from: NodeId, frame: Uint8Array): void {
    for (const handler of [...handlers]) {
      try {
        handler(from, frame);
      } catch (error) {
        log('error', 'a frame handler failed', { from, error: String(error) });
      }
    }
  }

  function open(self: NodeId): Network {
    if (nodes.has(self)) throw new Error(`${self} is on the hub already`);
    const node: Node = {
      self,
      links: new Map(),
      frameHandlers: createFrameHandlers((error, from) =>
        log('error', 'a frame handler failed', { from, error: String(error) }),
      ),
      peerHandlers: new Set(),
      topics: new Map(),
      closeHandlers: new Set(),
      serve: undefined,
      provide: undefined,
    };
    let closed = false;
    const closedError = (): NetworkError => new NetworkError('closed', `the network of ${self} is closed`);

    /** Settles as `work` does, unless the link is cut, this network closes, or `timeoutMs` pass first. */
    function within<T>(
      link: Link,
      peer: NodeId,
      timeoutMs: number,
      what: string,
      work: (resolve: (value: T) => void, reject: (error: unknown) => void) => void,
    ): Promise<T> {
      return new Promise<T>((resolve, reject) => {
        const finish =
          <V>(settle: (value: V) => void) =>
          (value: V): void => {
            cancel();
            link.onCut.delete(cut);
            node.closeHandlers.delete(close);
            settle(value);
          };
        const fail = finish(reject);
        const cut = (): void =>
          fail(
            closed
              ? closedError()
              : new NetworkError('unreachable', `the connection to ${peer} was lost during ${what}`),
          );
        const close = (): void => fail(closedError());
        const cancel = scheduler.at(clock.monotonicMs() + timeoutMs, () =>
          fail(new NetworkError('timeout', `${peer} did not finish ${what} within ${timeoutMs} ms`)),
        );
        link.onCut.add(cut);
        node.closeHandlers.add(close);
        work(finish(resolve), fail);
      });
    }

    function linkTo(peer: NodeId): { readonly link: Link; readonly other: Node; readonly back: Link } {
      if (closed) throw closedError();
      const link = node.links.get(peer);
      const other = nodes.get(peer);
      const back = other?.links.get(self);
      if (link === undefined || other === undefined || back === undefined)
        throw new NetworkError('unreachable', `no connection to ${peer}`);
      return { link, other, back };
    }

    async function* pull(from: NodeId, resource: string, offsetBytes: number): AsyncGenerator<Uint8Array> {
      assertResource(resource);
      const { link, other } = linkTo(from);
      const source = other.provide?.(self, resource, offsetBytes);
      if (source === undefined) throw new NetworkError('refused', `${from} has no ${resource}`);
      const iterator = source[Symbol.asyncIterator]();
      try {
        for (;;) {
          const next = await within<IteratorResult<Uint8Array>>(
            link,
            from,
            pullStallMs,
            `the pull of ${resource}`,
            (resolve, reject) => {
              if (!link.open) return reject(new NetworkError('unreachable', `the connection to ${from} was lost`));
              iterator
                .next()
                .then(resolve, (error: unknown) => reject(new NetworkError('refused', refusalText(error))));
            },
          );
          if (next.done === true) return;
          yield next.value.slice();
        }
      } finally {
        // Not awaited: a source that hangs must not hang its reader too.
        void iterator.return?.()?.then(undefined, () => {});
      }
    }

    const network: Network = {
      self,
      maxFrameBytes,
      peers: () => [...node.links.keys()].sort(),
      onPeer(handler) {
        node.peerHandlers.add(handler);
        return () => void node.peerHandlers.delete(handler);
      },
      send(to, frame) {
        assertFrameSize(frame);
        const link = node.links.get(to);
        const other = nodes.get(to);
        if (closed || link === undefined || other === undefined) return false;
        const copy = frame.slice();
        return post(link, copy.length, () => other.frameHandlers.call(self, copy));
      },
      onFrame: (handler) => node.frameHandlers.add(handler),
      async request(to, frame, { timeoutMs }) {
        assertFrameSize(frame);
        const { link, other, back } = linkTo(to);
        const copy = frame.slice();
        return within<Uint8Array>(link, to, timeoutMs, 'a request', (resolve, reject) => {
          const sent = post(link, copy.length, () =>
            answer(other, self, copy, back, (reply) =>
              reply instanceof NetworkError ? reject(reply) : resolve(reply),
            ),
          );
          if (!sent) reject(new NetworkError('unreachable', `the buffer to ${to} is full`));
        });
      },
      serve(handler) {
        if (node.serve !== undefined) throw new Error('requests are served already');
        node.serve = handler;
        return () => {
          if (node.serve === handler) node.serve = undefined;
        };
      },
      publish(topic, frame) {
        assertFrameSize(frame);
        assertTopic(topic);
        if (closed) return;
        for (const [peer, link] of node.links) {
          const other = nodes.get(peer);
          if (other === undefined || !other.topics.has(topic)) continue;
          const copy = frame.slice();
          post(link, copy.length, () => dispatch(other.topics.get(topic) ?? [], self, copy));
        }
      },
      subscribe(topic, handler) {
        assertTopic(topic);
        const handlers = node.topics.get(topic) ?? new Set();
        node.topics.set(topic, handlers);
        handlers.add(handler);
        return () => {
          handlers.delete(handler);
          if (handlers.size === 0 && node.topics.get(topic) === handlers) node.topics.delete(topic);
        };
      },
      pull,
      provide(handler) {
        if (node.provide !== undefined) throw new Error('pulls are provided for already');
        node.provide = handler;
        return () => {
          if (node.provide === handler) node.provide = undefined;
        };
      },
      async close() {
        if (closed) return;
        closed = true;
        nodes.delete(self);
        for (const handler of [...node.closeHandlers]) handler();
        for (const peer of [...node.links.keys()]) {
          const other = nodes.get(peer);
          if (other !== undefined) part(node, other);
        }
        node.frameHandlers.clear();
        node.peerHandlers.clear();
        node.topics.clear();
      },
    };

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
