// Law: the Network port over the core subjects of NATS servers. The servers carry sealed records between members and can lose, delay or
// repeat them; what reaches a handler is in order, once, and from the member it names. No protocol decision is taken here.
import { randomBytes } from 'node:crypto';
import type { Msg, NatsConnection } from '@nats-io/transport-node';
import type { NodeId } from '../../actors/system/index.ts';
import { closedError, createListeners, createPort, createTopics, frameKind, unreachable } from '../network/index.ts';
import { createRefusalTable, hex } from '../wire/index.ts';
import { openNatsClient } from './client.ts';
import { createGreeter } from './greeter.ts';
import { instanceBytes, messageKind } from './greeting.ts';
import { createMeshKeys, recordOverheadBytes } from './keys.ts';
import type { NatsNetwork, NatsNetworkOptions } from './options.ts';
import { createPeer, type Peer, type PeerHost } from './peers.ts';
import { decodePublication, encodePublication } from './publication.ts';

/** A frame of 64 KiB fits one record whole: cut in two it would be sealed twice, and copied once more to be put together. */
const recordMaxBytes = 72 << 10;
const presenceMs = 2_000;
const tickMs = 200;
/** A tick this late means that this process stood still: whatever was not heard may lie unread. */
const lateTickMs = 2_000;
/** Without any server for this long, no peer is up. Failing over to another one takes a fraction of it. */
const serverlessMs = 4_000;
/** How long the network waits for its first server before it is handed out without. */
const firstServerMs = 3_000;
const flushMs = 500;

export async function createNatsNetwork(options: NatsNetworkOptions): Promise<NatsNetwork> {
  const { identity, log } = options;
  const self = identity.id;
  let { allow } = options;
  const isAllowed = (id: NodeId): boolean => id !== self && allow(id);
  const keys = createMeshKeys(options.meshId, options.preSharedKey);
  const inbox = keys.inbox(self);
  const refusalTable = createRefusalTable();
  const refuse = (from: string, reason: string, detail: string): void => {
    const count = refusalTable.add(from, reason, detail);
    // Powers of two: a flood is visible and does not become a flood of log lines.
    if ((count & (count - 1)) === 0) log('warn', 'NATS message refused', { from, reason, detail, count });
  };

  const peers = new Map<NodeId, Peer>();
  /** Who a record belongs to, by the session in its header. */
  const sessions = new Map<string, Peer>();
  const listeners = createListeners(log);
  const topics = createTopics((error) => log('error', 'a topic handler failed', { error: String(error) }));
  let isClosed = false;
  let disconnectedSinceMs: number | undefined = performance.now();
  let lastTickMs = performance.now();
  let lastPresenceMs = performance.now();

  const transmit = (subject: string, message: Uint8Array, reply?: string): void => {
    try {
      client.connection?.publish(subject, message, reply === undefined ? {} : { reply });
    } catch (error) {
      log('warn', 'not handed to the NATS server', { error: (error as Error).message });
    }
  };
  const host: PeerHost = {
    log,
    get recordBytes() {
      return Math.min(recordMaxBytes, (client.connection?.info?.max_payload ?? recordMaxBytes) - recordOverheadBytes);
    },
    isConnected: () => client.isConnected,
    transmit: (to, session, message, probe) =>
      transmit(keys.inbox(to), message, probe ? `${inbox}.absent.${hex.encode(session)}` : undefined),
    serveHandler: listeners.serveHandler,
    provideHandler: listeners.provideHandler,
    onUp(node) {
      log('info', 'peer up', { node, by: 'nats' });
      listeners.tellPeer({ node, up: true });
    },
    onDown(node, why) {
      log('info', 'peer down', { node, why, by: 'nats' });
      listeners.tellPeer({ node, up: false });
    },
    onFrame: listeners.tellFrame,
    onPublication(from, payload) {
      const { topic, frame } = decodePublication(payload);
      topics.call(topic, from, frame);
    },
    refuse,
  };
  const peerOf = (node: NodeId): Peer => {
    let peer = peers.get(node);
    if (peer === undefined) {
      peer = createPeer(node, host);
      peers.set(node, peer);
    }
    return peer;
  };
  const upNodes = (): NodeId[] => [...peers.values()].filter(({ isUp }) => isUp).map(({ node }) => node);

  const greeter = createGreeter({
    ...options,
    keys,
    instance: new Uint8Array(randomBytes(instanceBytes)),
    allow: isAllowed,
    isKnown: (node, instance) => peers.get(node)?.isKnown(instance) ?? false,
    transmit,
    refuse,
    onAgreed(node, session, instance) {
      const peer = peerOf(node);
      if (sessions.size > 4 * peers.size + 16)
        for (const [id, owner] of sessions) if (!owner.holds(hex.decode(id))) sessions.delete(id);
      sessions.set(hex.encode(session.id), peer);
      peer.adopt(session, instance);
    },
  });

  function onMessage(message: Msg): void {
    if (isClosed) return;
    if (message.subject !== inbox && message.subject !== keys.presence) {
      const session = message.subject.slice(`${inbox}.absent.`.length);
      if (message.headers?.code === 503 && message.subject.startsWith(`${inbox}.absent.`))
        sessions.get(session)?.onAbsent(hex.decode(session));
      return;
    }
    const { data } = message;
    const kind = data[0];
    if (kind === messageKind.data || kind === messageKind.control) {
      if (data.length > recordOverheadBytes) sessions.get(hex.encode(data.subarray(1, 9)))?.receive(data);
      return;
    }
    greeter.receive(data);
  }

  function attach(connection: NatsConnection): void {
    const callback = (error: Error | null, message: Msg): void => {
      if (error !== null) log('error', 'a NATS subscription was refused', { error: error.message });
      else onMessage(message);
    };
    for (const subject of [keys.presence, inbox, `${inbox}.absent.*`]) connection.subscribe(subject, { callback });
    resume();
  }
  function resume(): void {
    disconnectedSinceMs = undefined;
    for (const peer of peers.values()) peer.resume();
    announce();
  }
  function announce(): void {
    lastPresenceMs = performance.now();
    if (client.isConnected) greeter.announce();
  }

  const client = openNatsClient(
    { ...options, noEcho: true },
    {
      // The client hands itself out only after this turn.
      onConnection: (connection) => queueMicrotask(() => isClosed || attach(connection)),
      onReconnect: resume,
      onRefused: (why) => refuse('the NATS server', 'permissions', why),
      onDisconnect: () => {
        disconnectedSinceMs = performance.now();
      },
    },
  );

  const ticking = setInterval(() => {
    const now = performance.now();
    const looked = now - lastTickMs < lateTickMs;
    lastTickMs = now;
    if (disconnectedSinceMs !== undefined) {
      if (now - disconnectedSinceMs > serverlessMs)
        for (const peer of peers.values()) peer.drop('no NATS server answers');
      return;
    }
    for (const peer of peers.values()) peer.tick(now, looked);
    if (now - lastPresenceMs >= presenceMs) announce();
  }, tickMs);

  async function stop(): Promise<void> {
    clearInterval(ticking);
    for (const peer of peers.values()) peer.drop('this node closes', closedError(self));
    isClosed = true;
    if (client.isConnected) {
      let timer: NodeJS.Timeout | undefined;
      await Promise.race([
        client.connection?.flush().catch(() => {}),
        new Promise<void>((resolve) => {
          timer = setTimeout(resolve, flushMs);
        }),
      ]);
      clearTimeout(timer);
    }
    await client.close();
  }

  if (!(await client.connected(firstServerMs)))
    log('warn', 'started without a NATS server; still looking for one', { servers: options.servers.join(', ') });

  return {
    ...createPort({
      self,
      listeners,
      topics,
      isClosed: () => isClosed,
      upNodes,
      send: (to, frame) => peers.get(to)?.put(frameKind.frame, frame) ?? false,
      async request(to, frame, timeoutMs) {
        const peer = peers.get(to);
        if (peer === undefined) throw unreachable(to);
        return peer.ask(frame, timeoutMs);
      },
      publish(topic, frame) {
        const payload = encodePublication(topic, frame);
        for (const peer of peers.values()) peer.put(frameKind.publication, payload);
      },
      pull(from, resource, offsetBytes) {
        const peer = peers.get(from);
        if (peer === undefined) throw unreachable(from);
        return peer.pull(resource, offsetBytes);
      },
      close: stop,
    }),
    server: () => client.server,
    setAllow(next) {
      allow = next;
      for (const peer of peers.values()) if (!isAllowed(peer.node)) peer.drop('no longer allowed');
    },
    refusals: () => refusalTable.list(),
  };
}
