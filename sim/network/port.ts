// Law: the Network port as every transport keeps it, over the modelled fabric: frames are copied, limits are the common ones, and a process
// that has ended neither sends nor hears.
import { type Network, NetworkError, type NodeId, type PeerEvent } from '../../actors/system/index.ts';
import {
  assertFrameSize,
  assertResource,
  assertTopic,
  createFrameHandlers,
  type FrameHandlers,
  maxFrameBytes,
  maxOutboundBytes,
  maxRequestsServedPerPeer,
  pullStallMs,
  refusalText,
} from '../../protocols/network/index.ts';
import type { Life } from '../world/index.ts';
import type { CarriedKind, Endpoint, Fabric, Session } from './fabric.ts';

type FrameHandler = (from: NodeId, frame: Uint8Array) => void;
type ServeHandler = Parameters<Network['serve']>[0];
type ProvideHandler = Parameters<Network['provide']>[0];

export interface PortOptions {
  readonly fabric: Fabric;
  readonly life: Life;
  readonly self: NodeId;
  readonly site: string;
  /** Whether a connection to that node may be kept; default: to any. */
  readonly allow?: (peer: NodeId) => boolean;
  /** The mesh's; default: all are of one. */
  readonly secret?: string;
  /** Somebody answered who is of another mesh. */
  readonly onForeign?: () => void;
}

const encoder = new TextEncoder();

/** What a port knows of itself that its peers' closures reach when a frame arrives there. */
interface Port {
  readonly endpoint: Endpoint;
  readonly frameHandlers: FrameHandlers;
  readonly topics: Map<string, Set<FrameHandler>>;
  readonly serving: Map<number, number>;
  serve: ServeHandler | undefined;
  provide: ProvideHandler | undefined;
}

const portsOf = new WeakMap<Endpoint, Port>();

export function openSimNetwork(options: PortOptions): Network {
  const { fabric, life, self, site, allow = () => true, secret = '', onForeign = () => {} } = options;
  const index = life.node;
  const peerHandlers = new Set<(event: PeerEvent) => void>();
  const closeHandlers = new Set<() => void>();
  const endpoint: Endpoint = {
    index,
    self,
    site,
    life,
    allow,
    secret,
    onForeign,
    sessions: new Map(),
    isClosed: false,
    onPeer(node, up) {
      for (const handler of [...peerHandlers]) handler({ node, up });
    },
  };
  const port: Port = {
    endpoint,
    frameHandlers: createFrameHandlers((error, from) =>
      life.log('error', 'a frame handler failed', { from, error: String(error) }),
    ),
    topics: new Map(),
    serving: new Map(),
    serve: undefined,
    provide: undefined,
  };
  portsOf.set(endpoint, port);

  const closedError = (): NetworkError => new NetworkError('closed', `the network of ${self} is closed`);
  const indexOf = (peer: NodeId): number | undefined =>
    fabric.endpoints.get(index) === endpoint ? fabric.indexOf(peer, index) : undefined;
  const isOpen = (): boolean => !endpoint.isClosed && life.isAlive;

  const dispatch = (to: Port, handlers: Iterable<FrameHandler>, frame: Uint8Array): void => {
    for (const handler of [...handlers]) {
      try {
        handler(self, frame);
      } catch (error) {
        to.endpoint.life.log('error', 'a frame handler failed', { from: self, error: String(error) });
      }
    }
  };

  /** Hands bytes to `to`'s end; `arrive` runs there, with its port. */
  const carry = (
    session: Session,
    to: number,
    kind: CarriedKind,
    bytes: Uint8Array,
    ordered: boolean,
    arrive: (there: Port) => void,
  ): void =>
    fabric.carry(session, index, to, kind, bytes, ordered, () => {
      const there = fabric.endpoints.get(to);
      const found = there === undefined ? undefined : portsOf.get(there);
      if (found !== undefined && !found.endpoint.isClosed) arrive(found);
    });

  /** The way back: from the port where something arrived to this one. */
  const carryBack = (there: Port, session: Session, kind: CarriedKind, bytes: Uint8Array, arrive: () => void): void => {
    if (there.endpoint.life.isAlive && session.open.has(there.endpoint.index))
      fabric.carry(session, there.endpoint.index, index, kind, bytes, false, () => void (isOpen() && arrive()));
  };

  const hasRoom = (session: Session, bytes: number): boolean => {
    const underWay = session.underWayBytes.get(index) ?? 0;
    return underWay === 0 || underWay + bytes <= maxOutboundBytes;
  };

  /** Settles as `work` does, unless this end of the session or this network closes, or the time is up, first. */
  function within<T>(
    session: Session,
    peer: NodeId,
    timeoutMs: number,
    what: string,
    work: (resolve: (value: T) => void, reject: (error: unknown) => void) => void,
  ): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      const ends = session.onEnd.get(index) ?? new Set();
      session.onEnd.set(index, ends);
      const finish =
        <V>(settle: (value: V) => void) =>
        (value: V): void => {
          cancel();
          ends.delete(cut);
          closeHandlers.delete(close);
          settle(value);
        };
      const fail = finish(reject);
      const cut = (): void =>
        fail(new NetworkError('unreachable', `the connection to ${peer} was lost during ${what}`));
      const close = (): void => fail(closedError());
      const cancel = life.scheduler.at(life.clock.monotonicMs() + timeoutMs, () =>
        fail(new NetworkError('timeout', `${peer} did not finish ${what} within ${timeoutMs} ms`)),
      );
      ends.add(cut);
      closeHandlers.add(close);
      work(finish(resolve), fail);
    });
  }

  const sessionTo = (peer: NodeId): { readonly session: Session; readonly to: number } => {
    if (!isOpen()) throw closedError();
    const to = indexOf(peer);
    if (to === undefined) throw new NetworkError('unreachable', `no connection to ${peer}`);
    return { session: endpoint.sessions.get(to)!, to };
  };

  const answer = (
    there: Port,
    session: Session,
    frame: Uint8Array,
    settle: (reply: Uint8Array | NetworkError) => void,
  ): void => {
    const { serve, serving } = there;
    const reply = (value: Uint8Array | NetworkError): void =>
      carryBack(there, session, 'reply', value instanceof NetworkError ? encoder.encode(value.message) : value, () =>
        settle(value),
      );
    const count = serving.get(index) ?? 0;
    if (serve === undefined)
      return void reply(new NetworkError('refused', `${there.endpoint.self} serves no requests`));
    if (count >= maxRequestsServedPerPeer)
      return void reply(
        new NetworkError('refused', `${there.endpoint.self} serves ${count} requests of this peer already`),
      );
    serving.set(index, count + 1);
    Promise.resolve()
      .then(() => serve(self, frame))
      .then((value) => {
        assertFrameSize(value);
        reply(value.slice());
      })
      .catch((error: unknown) => reply(new NetworkError('refused', refusalText(error))))
      .finally(() => serving.set(index, serving.get(index)! - 1));
  };

  async function* pull(from: NodeId, resource: string, offsetBytes: number): AsyncGenerator<Uint8Array> {
    assertResource(resource);
    const { session, to } = sessionTo(from);
    const question = encoder.encode(`${resource} ${offsetBytes}`);
    // The provider's end of the stream; touched only in the provider's own events.
    let iterator: AsyncIterator<Uint8Array> | undefined;
    const next = (): Promise<IteratorResult<Uint8Array>> =>
      within(session, from, pullStallMs, `the pull of ${resource}`, (resolve, reject) => {
        if (!session.open.has(index))
          return reject(new NetworkError('unreachable', `the connection to ${from} was lost`));
        carry(session, to, 'pull', question, false, (there) => {
          iterator ??= there.provide?.(self, resource, offsetBytes)?.[Symbol.asyncIterator]();
          if (iterator === undefined)
            return carryBack(there, session, 'reply', question, () =>
              reject(new NetworkError('refused', `${from} has no ${resource}`)),
            );
          iterator.next().then(
            (result) =>
              carryBack(there, session, 'chunk', result.done === true ? question : result.value.slice(), () =>
                resolve(result),
              ),
            (error: unknown) =>
              carryBack(there, session, 'reply', question, () =>
                reject(new NetworkError('refused', refusalText(error))),
              ),
          );
        });
      });
    try {
      for (;;) {
        const result = await next();
        if (result.done === true) return;
        yield result.value.slice();
      }
    } finally {
      if (isOpen() && session.open.has(index))
        carry(session, to, 'pull', question, false, () => void iterator?.return?.()?.then(undefined, () => {}));
    }
  }

  const network: Network = {
    self,
    maxFrameBytes,
    peers: () => (isOpen() ? [...new Set([...endpoint.sessions.keys()].map((peer) => fabric.idOf(peer)!))].sort() : []),
    onPeer(handler) {
      peerHandlers.add(handler);
      return () => void peerHandlers.delete(handler);
    },
    send(to, frame) {
      assertFrameSize(frame);
      const peer = isOpen() ? indexOf(to) : undefined;
      if (peer === undefined) return false;
      const session = endpoint.sessions.get(peer)!;
      if (!hasRoom(session, frame.length)) return false;
      const copy = frame.slice();
      carry(session, peer, 'frame', copy, true, (there) => there.frameHandlers.call(self, copy));
      return true;
    },
    onFrame: (handler) => port.frameHandlers.add(handler),
    async request(to, frame, { timeoutMs }) {
      assertFrameSize(frame);
      const { session, to: peer } = sessionTo(to);
      if (!hasRoom(session, frame.length)) throw new NetworkError('unreachable', `the buffer to ${to} is full`);
      const copy = frame.slice();
      return within<Uint8Array>(session, to, timeoutMs, 'a request', (resolve, reject) =>
        carry(session, peer, 'request', copy, false, (there) =>
          answer(there, session, copy, (reply) => (reply instanceof NetworkError ? reject(reply) : resolve(reply))),
        ),
      );
    },
    serve(handler) {
      if (port.serve !== undefined) throw new Error('requests are served already');
      port.serve = handler;
      return () => {
        if (port.serve === handler) port.serve = undefined;
      };
    },
    publish(topic, frame) {
      assertFrameSize(frame);
      assertTopic(topic);
      if (!isOpen()) return;
      for (const [peer, session] of endpoint.sessions) {
        const copy = frame.slice();
        carry(session, peer, 'publish', copy, false, (there) => dispatch(there, there.topics.get(topic) ?? [], copy));
      }
    },
    subscribe(topic, handler) {
      assertTopic(topic);
      const handlers = port.topics.get(topic) ?? new Set();
      port.topics.set(topic, handlers);
      handlers.add(handler);
      return () => {
        handlers.delete(handler);
        if (handlers.size === 0 && port.topics.get(topic) === handlers) port.topics.delete(topic);
      };
    },
    pull,
    provide(handler) {
      if (port.provide !== undefined) throw new Error('pulls are provided for already');
      port.provide = handler;
      return () => {
        if (port.provide === handler) port.provide = undefined;
      };
    },
    async close() {
      if (endpoint.isClosed) return;
      endpoint.isClosed = true;
      if (fabric.endpoints.get(index) === endpoint) fabric.detach(index, 'reset');
      for (const handler of [...closeHandlers]) handler();
      port.frameHandlers.clear();
      peerHandlers.clear();
      port.topics.clear();
    },
  };
  fabric.attach(endpoint);
  return network;
}
