// Law: the Network port over libp2p: TCP, Noise under the mesh's pre-shared key, yamux. Only allowed node ids stay connected; a peer is
// announced when frames pass both ways and lost peers are dialed for as long as they are allowed. No protocol decision is taken here.
import type { Connection, PeerId } from '@libp2p/interface';
import { multiaddr } from '@multiformats/multiaddr';
import { NetworkError, type NodeId } from '../../actors/system/index.ts';
import { closedError, createListeners, createPort, frameKind, unreachable } from '../network/index.ts';
import { createDialer, dialFailure } from './dialer.ts';
import { createGate } from './gate.ts';
import { createGossip } from './gossip.ts';
import { createGreetings } from './greetings.ts';
import { createIntroducer } from './introducer.ts';
import { deriveKey } from './keys.ts';
import { createLink, frameProtocol, type Link, type LinkHost } from './link.ts';
import type { Libp2pNetwork, Libp2pNetworkOptions } from './options.ts';
import { maxPullsPerPeer, providePull, pullFrom, pullProtocol } from './pull.ts';
import { createRelaying, isRelayed } from './relay.ts';
import { createLibp2pNode } from './settings.ts';

const upkeepMs = 5_000;
const stopMs = 1_500;
const reattachMs = 250;
const dialMs = 6_000;
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
  const listeners = createListeners(log);
  const closing = new AbortController();
  const closed = closedError(self);
  const dialSignal = (): AbortSignal => AbortSignal.any([closing.signal, AbortSignal.timeout(dialMs)]);

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
            signal: dialSignal(),
            // Else the relayed connection that there is would do.
            force: isUpgrade,
          })
        ).remotePeer,
      ),
  });

  const introducer = createIntroducer({
    store: node.peerStore,
    log,
    allow: isAllowed,
    isClosed: () => closing.signal.aborted,
    upNodes,
    put: (to, bytes) => void links.get(to)?.put(frameKind.addresses, bytes),
    learned: (id, addresses) => dialer.remember(id, addresses, false),
    refuse(from, why) {
      const [connection] = connectionsTo(from);
      if (connection !== undefined) gate.refuse(connection.remoteAddr.toString(), 'introduction', why, from);
    },
  });
  const greetings = createGreetings({
    self,
    isUp: (id) => links.get(id)?.isUp === true,
    isConnected: (id) => connectionsTo(id).length > 0,
    closedError: () => (closing.signal.aborted ? closed : undefined),
  });

  const host: LinkHost = {
    log,
    hasGossip: (id) => gossip.knows(id),
    serveHandler: listeners.serveHandler,
    onUp(id) {
      dialer.settled(id);
      log('info', 'peer up', { node: id });
      const others = upNodes().filter((other) => other !== id);
      introducer.introduce(others, id);
      listeners.tellPeer({ node: id, up: true });
      greetings.look();
    },
    onEnd(id, why, wasUp) {
      if (wasUp) {
        log('info', 'peer down', { node: id, why });
        listeners.tellPeer({ node: id, up: false });
      }
      if (closing.signal.aborted) return;
      dialer.wake(id);
      // The connection may have outlived its streams, or there may be a second one.
      setTimeout(() => {
        const [connection] = connectionsTo(id);
        if (connection !== undefined && isAllowed(id)) linkOf(id).attach(connection);
      }, reattachMs);
    },
    onFrame: listeners.tellFrame,
    onAddresses: introducer.meet,
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
    greetings.look();
  });
  node.addEventListener('peer:identify', ({ detail }) => {
    const id = idOf(detail.peerId);
    if (!isAllowed(id)) return;
    dialer.remember(id, detail.listenAddrs.map(String), false);
    introducer.introduce([id]);
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
    (stream, connection) => void providePull(stream, idOf(connection.remotePeer), listeners.provideHandler()),
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

  async function stop(): Promise<void> {
    clearInterval(upkeep);
    dialer.close();
    gossip.close();
    closing.abort(closed);
    for (const link of links.values()) link.close(closed);
    greetings.look();
    // One turn, so that the resets leave before their connections do.
    await new Promise((resolve) => setImmediate(resolve));
    for (const connection of node.getConnections()) connection.abort(closed);
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
  }

  return {
    ...createPort({
      self,
      listeners,
      topics: gossip,
      isClosed: () => closing.signal.aborted,
      upNodes,
      send: (to, frame) => links.get(to)?.put(frameKind.frame, frame) ?? false,
      async request(to, frame, timeoutMs) {
        const link = links.get(to);
        if (link === undefined) throw unreachable(to);
        return link.ask(frame, timeoutMs);
      },
      publish: gossip.publish,
      pull(from, resource, offsetBytes) {
        const connection = links.get(from)?.isUp === true ? connectionsTo(from)[0] : undefined;
        if (connection === undefined) throw unreachable(from);
        return pullFrom(connection, from, resource, offsetBytes, closing.signal);
      },
      close: stop,
    }),
    addresses: () => node.getMultiaddrs().map(String),
    pathTo: (id) => (links.get(id)?.isUp === true ? pathTo(id) : undefined),
    async dial(address) {
      const target = multiaddr(address);
      let id: NodeId;
      try {
        id = idOf((await node.dial(target, { signal: dialSignal() })).remotePeer);
      } catch (error) {
        if (closing.signal.aborted) throw closed;
        throw new NetworkError('unreachable', `${address} could not be reached: ${dialFailure(error)}`, {
          cause: error,
        });
      }
      await greetings.done(id, address);
    },
    setAllow(next) {
      allow = next;
      for (const connection of node.getConnections()) {
        if (!isAllowed(idOf(connection.remotePeer))) connection.abort(new Error('no longer allowed'));
      }
      dialer.wakeAll();
    },
    refusals: () => gate.refusals(),
  };
}
