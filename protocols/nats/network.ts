// Law: the Network port over the core subjects of NATS servers. The servers carry sealed records between members and can lose, delay or
// repeat them; what reaches a handler is in order, once, and from the member it names. No protocol decision is taken here.
import { randomBytes } from 'node:crypto';
import type { Msg, NatsConnection } from '@nats-io/transport-node';
import { NetworkError, type NodeId, type PeerEvent } from '../../actors/system/index.ts';
import { frameKind } from '../network/frame-codec.ts';
import { createFrameHandlers } from '../network/frame-handlers.ts';
import { assertFrameSize, assertResource, maxFrameBytes, maxTopicBytes } from '../network/limits.ts';
import type { ServeHandler } from '../network/requests.ts';
import { createRefusalTable, hex, MalformedBytes, utf8 } from '../wire/index.ts';
import { openNatsClient } from './client.ts';
import { createGreeter } from './greeter.ts';
import { instanceBytes, messageKind } from './greeting.ts';
import { createMeshKeys, recordOverheadBytes } from './keys.ts';
import type { NatsNetwork, NatsNetworkOptions } from './options.ts';
import { createPeer, type Peer, type PeerHost } from './peers.ts';
import type { ProvideHandler } from './pulls.ts';

/** A frame of 64 KiB fits one record whole: cut in two it would be sealed twice, and copied once more to be put together. */
const recordMaxBytes = 128 << 10;
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
  const frameHandlers = createFrameHandlers((error) =>
    log('error', 'a frame handler failed', { error: String(error) }),
  );
  const peerHandlers = new Set<(event: PeerEvent) => void>();
  const topics = new Map<string, Set<(from: NodeId, frame: Uint8Array) => void>>();
  let serve: ServeHandler | undefined;
  let provide: ProvideHandler | undefined;
  let closedError: NetworkError | undefined;
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
  const call = <T extends unknown[]>(handlers: Iterable<(...args: T) => void>, what: string, ...args: T): void => {
    for (const handler of [...handlers]) {
      try {
        handler(...args);
      } catch (error) {
        log('error', `a ${what} handler failed`, { error: String(error) });
      }
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
    serveHandler: () => serve,
    provideHandler: () => provide,
    onUp(node) {
      log('info', 'peer up', { node, by: 'nats' });
      call(peerHandlers, 'peer', { node, up: true });
    },
    onDown(node, why) {
      log('info', 'peer down', { node, why, by: 'nats' });
      call(peerHandlers, 'peer', { node, up: false });
    },
    onFrame: frameHandlers.call,
    onPublication(from, payload) {
      const topicBytes = payload.length < 2 ? Number.POSITIVE_INFINITY : payload[0]! * 256 + payload[1]!;
      if (topicBytes > maxTopicBytes || payload.length < 2 + topicBytes)
        throw new MalformedBytes('a publication is shorter than its topic');
      const handlers = topics.get(utf8.decode(payload.subarray(2, 2 + topicBytes)));
      if (handlers !== undefined) call(handlers, 'topic', from, payload.subarray(2 + topicBytes));
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
    if (closedError !== undefined) return;
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
      onConnection: (connection) => queueMicrotask(() => closedError === undefined && attach(connection)),
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

  const assertTopic = (topic: string): Uint8Array => {
    const bytes = utf8.encode(topic);
    if (bytes.length > maxTopicBytes) throw new RangeError(`a topic takes at most ${maxTopicBytes} bytes`);
    return bytes;
  };

  let stopped: Promise<void> | undefined;
  async function stop(): Promise<void> {
    clearInterval(ticking);
    const error = new NetworkError('closed', `the network of ${self} is closed`);
    for (const peer of peers.values()) peer.drop('this node closes', error);
    closedError = error;
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
    self,
    maxFrameBytes,
    peers: () => upNodes().sort(),
    onPeer(handler) {
      peerHandlers.add(handler);
      return () => void peerHandlers.delete(handler);
    },
    send(to, frame) {
      assertFrameSize(frame);
      return peers.get(to)?.put(frameKind.frame, frame) ?? false;
    },
    onFrame: frameHandlers.add,
    async request(to, frame, { timeoutMs }) {
      assertFrameSize(frame);
      if (closedError !== undefined) throw closedError;
      const peer = peers.get(to);
      if (peer === undefined) throw new NetworkError('unreachable', `no connection to ${to}`);
      return peer.ask(frame, timeoutMs);
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
      const name = assertTopic(topic);
      const payload = new Uint8Array(2 + name.length + frame.length);
      payload[0] = name.length >>> 8;
      payload[1] = name.length;
      payload.set(name, 2);
      payload.set(frame, 2 + name.length);
      for (const peer of peers.values()) peer.put(frameKind.publication, payload);
    },
    subscribe(topic, handler) {
      assertTopic(topic);
      const handlers = topics.get(topic) ?? new Set();
      topics.set(topic, handlers);
      handlers.add(handler);
      return () => {
        handlers.delete(handler);
        if (handlers.size === 0 && topics.get(topic) === handlers) topics.delete(topic);
      };
    },
    async *pull(from, resource, offsetBytes) {
      if (closedError !== undefined) throw closedError;
      assertResource(resource);
      const peer = peers.get(from);
      if (peer === undefined) throw new NetworkError('unreachable', `no connection to ${from}`);
      yield* peer.pull(resource, offsetBytes);
    },
    provide(handler) {
      if (provide !== undefined) throw new Error('pulls are provided for already');
      provide = handler;
      return () => {
        if (provide === handler) provide = undefined;
      };
    },
    server: () => client.server,
    setAllow(next) {
      allow = next;
      for (const peer of peers.values()) if (!isAllowed(peer.node)) peer.drop('no longer allowed');
    },
    refusals: () => refusalTable.list(),
    close() {
      stopped ??= stop();
      return stopped;
    },
  };
}
