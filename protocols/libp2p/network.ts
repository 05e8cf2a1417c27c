// Law: the Network port over libp2p: TCP, Noise under the mesh's pre-shared key, yamux. Only allowed node ids stay connected; a peer is
// announced when frames pass both ways and lost peers are dialed for as long as they are allowed. No protocol decision is taken here.
import type { Connection, PeerId } from '@libp2p/interface';
import { multiaddr } from '@multiformats/multiaddr';
import { NetworkError, type NodeId, type PeerEvent } from '../../actors/system/index.ts';
import { frameKind } from '../network/frame-codec.ts';
import { createFrameHandlers } from '../network/frame-handlers.ts';
import { assertFrameSize, assertTopic, maxFrameBytes } from '../network/limits.ts';
import type { ServeHandler } from '../network/requests.ts';
import { MalformedBytes } from '../wire/index.ts';
import { createDialer, dialFailure } from './dialer.ts';
import { createGate } from './gate.ts';
import { createGossip } from './gossip.ts';
import { decodeIntroductions, encodeIntroductions, introductionOf, learn } from './introductions.ts';
import { deriveKey } from './keys.ts';
import { createLink, frameProtocol, type Link, type LinkHost } from './link.ts';
import type { Libp2pNetwork, Libp2pNetworkOptions } from './options.ts';
import { maxPullsPerPeer, type ProvideHandler, providePull, pullFrom, pullProtocol } from './pull.ts';
import { createRelaying, isRelayed } from './relay.ts';
import { createLibp2pNode } from './settings.ts';

const upkeepMs = 5_000;
const stopMs = 1_500;
const reattachMs = 250;
const greetingMs = 6_000;
/** Of one peer: one each way, and as many that are about to take their place. */
const connectionsPerPeer = 4;

export async function createLibp2pNetwork(options: Libp2pNetworkOptions): Promise<Libp2pNetwork> {
  const { identity, log } = options;
  const self = identity.id;
  let { allow } = options;
  const isAllowed = (id: NodeId): boolean => id !== self && allow(id);
  const gate = createGate({
    networkKey: deriveKey('parley/noise/1', options.meshId, options.preSharedKey),
    allow: isAllowed,
    log,
  });
  const relaying = createRelaying(options.relay ?? { reservations: 0, wanted: 0 });
  const node = await createLibp2pNode({
    secretKey: identity.secretKey,
    listen: options.listen,
    announce: options.announce ?? [],
    relaying,
    gate,
    mdnsKey: options.mdns === true ? deriveKey('parley/mdns/1', options.meshId, options.preSharedKey) : undefined,
  });

  const links = new Map<NodeId, Link>();
  /** Calls of `dial` that wait for their peer to come up or to go. */
  const waiting = new Set<() => void>();
  const lookAgain = (): void => {
    for (const look of [...waiting]) look();
  };
  const frameHandlers = createFrameHandlers((error, from) =>
    log('error', 'a frame handler failed', { from, error: String(error) }),
  );
  const peerHandlers = new Set<(event: PeerEvent) => void>();
  const closing = new AbortController();
  let serve: ServeHandler | undefined;
  let provide: ProvideHandler | undefined;
  const closedError = new NetworkError('closed', `the network of ${self} is closed`);

  const idOf = (peer: PeerId): NodeId => peer.toString();
  const overRelay = ({ remoteAddr }: Connection): boolean => isRelayed(remoteAddr.toString());
  /** Direct ones first, then the newest: an older one may be of a process that is gone. */
  const connectionsTo = (id: NodeId): Connection[] =>
    node
      .getConnections()
      .filter((connection) => idOf(connection.remotePeer) === id && connection.status === 'open')
      .sort((a, b) => Number(overRelay(a)) - Number(overRelay(b)) || b.timeline.open - a.timeline.open);
  const pathTo = (id: NodeId): 'direct' | 'relayed' | undefined => {
    const [best] = connectionsTo(id);
    return best === undefined ? undefined : overRelay(best) ? 'relayed' : 'direct';
  };
  const upNodes = (): NodeId[] => [...links.values()].filter((link) => link.isUp).map((link) => link.node);

  function drop(id: NodeId, why: string): void {
    for (const connection of connectionsTo(id)) connection.abort(new Error(why));
  }

  const hasOthers = (id: NodeId): boolean => [...links.values()].some((link) => link.isUp && link.node !== id);
  const gossip = createGossip(node.services.pubsub, {
    log,
    drop(id, why) {
      gate.refuse(connectionsTo(id)[0]?.remoteAddr.toString() ?? id, 'slow', why, id);
      drop(id, why);
    },
    hasOthers,
    onFlood(id) {
      const where = connectionsTo(id)[0]?.remoteAddr.toString() ?? id;
      gate.refuse(where, 'flooding', 'it publishes more than its share of this node’s time, for seconds', id);
    },
  });
  const dialer = createDialer({
    self,
    log,
    allow: isAllowed,
    connection: pathTo,
    ownAddresses: () => node.getMultiaddrs().map(String),
    dial: async (addresses, { isUpgrade }) =>
      idOf(
        (
          await node.dial(addresses, {
            signal: AbortSignal.any([closing.signal, AbortSignal.timeout(6_000)]),
            // Else the relayed connection that there is would do.
            force: isUpgrade,
          })
        ).remotePeer,
      ),
  });

  function announce(event: PeerEvent): void {
    for (const handler of [...peerHandlers]) {
      try {
        handler(event);
      } catch (error) {
        log('error', 'a peer handler failed', { node: event.node, error: String(error) });
      }
    }
  }

  /** Tells `to`, everyone where absent, where each of these is, as far as they said so themselves. */
  function introduce(ids: readonly NodeId[], to?: NodeId): void {
    Promise.all(ids.map((id) => introductionOf(node.peerStore, id))).then(
      (found) => {
        const known = found.filter((introduction) => introduction !== undefined);
        if (known.length === 0 || closing.signal.aborted) return;
        const bytes = encodeIntroductions(known);
        for (const link of links.values())
          if (to === undefined ? !ids.includes(link.node) : link.node === to) link.put(frameKind.addresses, bytes);
      },
      (error: unknown) => log('warn', 'nobody was introduced', { error: String(error) }),
    );
  }

  async function meet(from: NodeId, payload: Uint8Array): Promise<void> {
    try {
      for (const introduction of decodeIntroductions(payload))
        if (isAllowed(introduction.node))
          dialer.remember(introduction.node, await learn(node.peerStore, introduction), false);
    } catch (error) {
      const [connection] = connectionsTo(from);
      const { message } = error as Error;
      log('warn', 'an introduction was refused', { from, error: message });
      if (connection !== undefined && error instanceof MalformedBytes)
        gate.refuse(connection.remoteAddr.toString(), 'introduction', message, from);
    }
  }

  const host: LinkHost = {
    log,
    hasGossip: (id) => gossip.knows(id),
    serveHandler: () => serve,
    onUp(id) {
      dialer.settled(id);
      log('info', 'peer up', { node: id });
      const others = upNodes().filter((other) => other !== id);
      if (others.length > 0) introduce(others, id);
      announce({ node: id, up: true });
      lookAgain();
    },
    onEnd(id, why, wasUp) {
      if (wasUp) {
        log('info', 'peer down', { node: id, why });
        announce({ node: id, up: false });
      }
      if (closing.signal.aborted) return;
      dialer.wake(id);
      // The connection may have outlived its streams, or there may be a second one.
      setTimeout(() => {
        const [connection] = connectionsTo(id);
        if (connection !== undefined && isAllowed(id)) linkOf(id).attach(connection);
      }, reattachMs);
    },
    onFrame: frameHandlers.call,
    onAddresses: (from, payload) => void meet(from, payload),
    hasOthers,
    refuse: (connection, reason, detail) =>
      gate.refuse(connection.remoteAddr.toString(), reason, detail, idOf(connection.remotePeer)),
  };

  function linkOf(id: NodeId): Link {
    let link = links.get(id);
    if (link === undefined) {
      link = createLink(id, host);
      links.set(id, link);
    }
    return link;
  }

  node.addEventListener('connection:open', ({ detail: connection }) => {
    const id = idOf(connection.remotePeer);
    if (!isAllowed(id) || closing.signal.aborted) {
      connection.abort(new Error('not allowed'));
      return;
    }
    const all = connectionsTo(id);
    // The oldest goes, unless it is the direct one.
    if (all.length > connectionsPerPeer) {
      gate.refuse(connection.remoteAddr.toString(), 'connections', `more than ${connectionsPerPeer} at a time`, id);
      all.at(-1)?.abort(new Error('too many connections'));
    }
    // A direct way was found: what is on the other ends with it, and goes on here.
    if (!overRelay(connection))
      for (const old of all) if (overRelay(old)) old.abort(new Error('a direct way was found'));
    if (connection.direction === 'outbound') dialer.remember(id, [connection.remoteAddr.toString()], true);
    linkOf(id).attach(connection);
  });
  node.addEventListener('connection:close', ({ detail }) => {
    if (!closing.signal.aborted) dialer.wake(idOf(detail.remotePeer));
    lookAgain();
  });
  node.addEventListener('peer:identify', ({ detail }) => {
    const id = idOf(detail.peerId);
    if (!isAllowed(id)) return;
    dialer.remember(id, detail.listenAddrs.map(String), false);
    introduce([id]);
  });
  if (options.mdns === true) {
    node.addEventListener('peer:discovery', ({ detail }) => {
      const id = idOf(detail.id);
      if (isAllowed(id)) dialer.remember(id, detail.multiaddrs.map(String), false);
    });
  }
  await node.handle(
    frameProtocol,
    (stream, connection) => linkOf(idOf(connection.remotePeer)).accept(stream, connection),
    { maxInboundStreams: 4, maxOutboundStreams: 4 },
  );
  await node.handle(
    pullProtocol,
    (stream, connection) => void providePull(stream, idOf(connection.remotePeer), provide),
    { maxInboundStreams: maxPullsPerPeer },
  );
  await node.start();
  gossip.open();
  for (const address of options.bootstrap) dialer.aim(address);

  const upkeep = setInterval(() => {
    for (const link of links.values()) link.beat();
    void relayUpkeep();
    // Gossipsub does not reopen a stream it lost: only a new connection brings it back.
    for (const id of gossip.broken(upNodes())) drop(id, 'its gossip stream is gone');
  }, upkeepMs);

  async function relayUpkeep(): Promise<void> {
    if ((options.relay?.wanted ?? 0) === 0) return;
    const peers = await Promise.all(
      node
        .getConnections()
        .filter((connection) => !overRelay(connection))
        .map(({ remotePeer }) => node.peerStore.get(remotePeer).catch(() => undefined)),
    );
    if (!closing.signal.aborted) relaying.upkeep(peers.filter((peer) => peer !== undefined));
  }

  function connected(id: NodeId): Connection {
    if (closing.signal.aborted) throw closedError;
    const connection = links.get(id)?.isUp === true ? connectionsTo(id)[0] : undefined;
    if (connection === undefined) throw new NetworkError('unreachable', `no connection to ${id}`);
    return connection;
  }

  /** A peer that does not allow this node lets it connect, and closes then. */
  function greeted(id: NodeId, address: string): Promise<void> {
    if (links.get(id)?.isUp === true) return Promise.resolve();
    return new Promise((resolve, reject) => {
      const finish = (settle: () => void): void => {
        clearTimeout(timer);
        waiting.delete(look);
        settle();
      };
      const look = (): void => {
        if (links.get(id)?.isUp === true) finish(resolve);
        else if (closing.signal.aborted) finish(() => reject(closedError));
        else if (connectionsTo(id).length === 0)
          finish(() =>
            reject(
              new NetworkError(
                'refused',
                `${id} at ${address} closed the connection: it does not allow this node (${self})`,
              ),
            ),
          );
      };
      const timer = setTimeout(
        () => finish(() => reject(new NetworkError('timeout', `${id} at ${address} did not complete the greeting`))),
        greetingMs,
      );
      waiting.add(look);
      look();
    });
  }

  async function close(): Promise<void> {
    if (closing.signal.aborted) return stopped;
    clearInterval(upkeep);
    dialer.close();
    gossip.close();
    closing.abort(closedError);
    for (const link of links.values()) link.close(closedError);
    lookAgain();
    stopped = (async () => {
      // One turn, so that the resets leave before their connections do.
      await new Promise((resolve) => setImmediate(resolve));
      for (const connection of node.getConnections()) connection.abort(closedError);
      let timer: NodeJS.Timeout | undefined;
      const late = new Promise<void>((resolve) => {
        timer = setTimeout(() => {
          log('warn', 'libp2p did not stop in time', { timeoutMs: stopMs });
          resolve();
        }, stopMs);
      });
      await Promise.race([
        Promise.resolve(node.stop()).catch((error: unknown) =>
          log('warn', 'libp2p failed to stop', { error: String(error) }),
        ),
        late,
      ]);
      clearTimeout(timer);
    })();
    return stopped;
  }
  let stopped: Promise<void> = Promise.resolve();

  return {
    self,
    maxFrameBytes,
    peers: () => upNodes().sort(),
    onPeer(handler) {
      peerHandlers.add(handler);
      return () => void peerHandlers.delete(handler);
    },
    send(to, frame) {
      assertFrameSize(frame);
      return links.get(to)?.put(frameKind.frame, frame) ?? false;
    },
    onFrame: frameHandlers.add,
    async request(to, frame, { timeoutMs }) {
      assertFrameSize(frame);
      if (closing.signal.aborted) throw closedError;
      const link = links.get(to);
      if (link === undefined) throw new NetworkError('unreachable', `no connection to ${to}`);
      return link.ask(frame, timeoutMs);
    },
    serve(handler) {
      if (serve !== undefined) throw new Error('requests are served already');
      serve = handler;
      return () => {
        if (serve === handler) serve = undefined;
      };
    },
    publish(topic, frame) {
      assertFrameSize(frame);
      assertTopic(topic);
      gossip.publish(topic, frame);
    },
    subscribe(topic, handler) {
      assertTopic(topic);
      return gossip.subscribe(topic, handler);
    },
    async *pull(from, resource, offsetBytes) {
      yield* pullFrom(connected(from), from, resource, offsetBytes, closing.signal);
    },
    provide(handler) {
      if (provide !== undefined) throw new Error('pulls are provided for already');
      provide = handler;
      return () => {
        if (provide === handler) provide = undefined;
      };
    },
    addresses: () => node.getMultiaddrs().map(String),
    pathTo: (id) => (links.get(id)?.isUp === true ? pathTo(id) : undefined),
    async dial(address) {
      const target = multiaddr(address);
      let id: NodeId;
      try {
        id = idOf(
          (await node.dial(target, { signal: AbortSignal.any([closing.signal, AbortSignal.timeout(6_000)]) }))
            .remotePeer,
        );
      } catch (error) {
        if (closing.signal.aborted) throw closedError;
        throw new NetworkError('unreachable', `${address} could not be reached: ${dialFailure(error)}`, {
          cause: error,
        });
      }
      await greeted(id, address);
    },
    setAllow(next) {
      allow = next;
      for (const connection of node.getConnections()) {
        if (!isAllowed(idOf(connection.remotePeer))) connection.abort(new Error('no longer allowed'));
      }
      dialer.wakeAll();
    },
    refusals: () => gate.refusals(),
    close,
  };
}
