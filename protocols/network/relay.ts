// Law: members that have no transport in common are peers all the same while a member with both is there: it carries their frames, requests
// and pulls, each at most once and in order, as the port promises. Between two that have a transport in common nothing is carried.
import {
  type Clock,
  type Crypto,
  type Log,
  type Network,
  NetworkError,
  type NodeId,
  type PeerEvent,
  type Scheduler,
} from '../../actors/system/index.ts';
import { type Identity, MalformedBytes, type RefusalTable, utf8 } from '../wire/index.ts';
import { createFrameHandlers } from './frame-handlers.ts';
import {
  assertFrameSize,
  assertResource,
  maxFrameBytes,
  maxRequestsServedPerPeer,
  pullStallMs,
  refusalText,
} from './limits.ts';
import {
  addresseeOf,
  type Carried,
  carriedKind,
  decodeReach,
  encodeCarried,
  encodeReach,
  isCarried,
  isReach,
  openCarried,
  pieceBytes,
} from './relay-frames.ts';
import { createRelayedPulls, type ProvideHandler } from './relay-pulls.ts';

export interface RelayOptions {
  /** With peers on all its transports; closed with the relay. */
  readonly network: Network;
  /** Has more than one transport, and carries for others. */
  readonly isBridge: boolean;
  readonly identity: Identity;
  /** 32 bytes. */
  readonly meshId: Uint8Array;
  readonly allow: (id: NodeId) => boolean;
  readonly crypto: Crypto;
  readonly clock: Clock;
  readonly scheduler: Scheduler;
  readonly refusals: RefusalTable;
  readonly log: Log;
}

/** Told again this often, should a telling have been lost. */
const reachEveryMs = 5_000;
const pendingMax = 8_192;
const originsMax = 4_096;

type ServeHandler = Parameters<Network['serve']>[0];

interface Origin {
  session: number;
  last: number;
  pieces: Uint8Array[];
  sizeBytes: number;
}

export function createRelay(options: RelayOptions): Network {
  const { network, identity, meshId, crypto, clock, scheduler, refusals, log } = options;
  const self = identity.id;
  const session = Math.max(1, Math.floor(clock.wallMs()));
  /** What each bridge says that it reaches. */
  const reach = new Map<NodeId, ReadonlySet<NodeId>>();
  const shown = new Set<NodeId>(network.peers());
  const frameHandlers = createFrameHandlers((error) => log('error', 'a handler failed', { error: String(error) }));
  const peerHandlers = new Set<(event: PeerEvent) => void>();
  const origins = new Map<NodeId, Origin>();
  const sequences = new Map<NodeId, number>();
  const pending = new Map<
    number,
    { readonly peer: NodeId; settle(reply: Uint8Array | NetworkError): void; readonly cancel: () => void }
  >();
  const served = new Map<NodeId, number>();
  let correlations = 0;
  let serve: ServeHandler | undefined;
  let provide: ProvideHandler | undefined;
  let closed = false;
  const pulls = createRelayedPulls({ provideHandler: () => provide, clock, scheduler });

  const direct = new Set<NodeId>(network.peers());
  const isDirect = (node: NodeId): boolean => direct.has(node);
  const bridgeTo = (node: NodeId): NodeId | undefined => {
    if (node === self) return undefined;
    for (const [bridge, reached] of reach) if (reached.has(node) && isDirect(bridge)) return bridge;
    return undefined;
  };
  const carriedPeers = (): Set<NodeId> => {
    const found = new Set<NodeId>();
    for (const [bridge, reached] of reach) {
      if (!isDirect(bridge)) continue;
      for (const node of reached) if (node !== self && options.allow(node)) found.add(node);
    }
    return found;
  };
  const call = <T extends unknown[]>(handlers: Iterable<(...args: T) => void>, ...args: T): void => {
    for (const handler of [...handlers]) {
      try {
        handler(...args);
      } catch (error) {
        log('error', 'a handler failed', { error: String(error) });
      }
    }
  };
  const unreachable = (node: NodeId): NetworkError => new NetworkError('unreachable', `no connection to ${node}`);

  /** Tells of who came and who went since it was last asked. */
  function look(): void {
    const now = new Set([...direct, ...carriedPeers()]);
    for (const node of [...shown]) {
      if (now.has(node)) continue;
      shown.delete(node);
      for (const [, waiting] of pending) if (waiting.peer === node) waiting.settle(unreachable(node));
      call(peerHandlers, { node, up: false });
    }
    for (const node of now) {
      if (shown.has(node)) continue;
      shown.add(node);
      call(peerHandlers, { node, up: true });
    }
  }
  function tellReach(): void {
    if (!options.isBridge || closed) return;
    const peers = [...direct];
    const frame = encodeReach(peers);
    for (const peer of peers) network.send(peer, frame);
  }

  function carry(to: NodeId, kind: number, correlation: number, payload: Uint8Array): boolean {
    const bridge = bridgeTo(to);
    if (bridge === undefined) return false;
    for (let at = 0; ; at += pieceBytes) {
      const more = at + pieceBytes < payload.length;
      const sequence = (sequences.get(to) ?? 0) + 1;
      sequences.set(to, sequence);
      const piece = payload.subarray(at, at + pieceBytes);
      const carried = { to, from: self, session, sequence, kind, correlation, more, payload: piece };
      if (!network.send(bridge, encodeCarried(meshId, carried, identity, crypto))) return false;
      if (!more) return true;
    }
  }

  function ask(to: NodeId, kind: number, payload: Uint8Array, timeoutMs: number): Promise<Uint8Array> {
    return new Promise((resolve, reject) => {
      if (pending.size >= pendingMax) return reject(unreachable(to));
      correlations = (correlations + 1) >>> 0;
      const correlation = correlations;
      const settle = (reply: Uint8Array | NetworkError): void => {
        if (!pending.delete(correlation)) return;
        cancel();
        if (reply instanceof NetworkError) reject(reply);
        else resolve(reply);
      };
      const cancel = scheduler.at(clock.monotonicMs() + timeoutMs, () =>
        settle(new NetworkError('timeout', `${to} did not answer within ${timeoutMs} ms`)),
      );
      pending.set(correlation, { peer: to, settle, cancel });
      if (!carry(to, kind, correlation, payload)) settle(unreachable(to));
    });
  }

  async function answer({ from, kind, correlation, payload }: Carried): Promise<void> {
    const refuse = (why: string): void => void carry(from, carriedKind.refused, correlation, utf8.encode(why));
    const before = served.get(from) ?? 0;
    if (before >= maxRequestsServedPerPeer) return refuse(`${before} requests of this peer are being answered already`);
    served.set(from, before + 1);
    try {
      if (kind === carriedKind.request && serve === undefined) return refuse('no requests are served here');
      const reply = kind === carriedKind.pull ? await pulls.piece(from, payload) : await serve!(from, payload);
      if (reply.length > maxFrameBytes)
        refuse(`the reply of ${reply.length} bytes exceeds the limit of ${maxFrameBytes}`);
      else carry(from, carriedKind.reply, correlation, reply);
    } catch (error) {
      if (!(error instanceof NetworkError)) log('error', 'a request handler failed', { error: String(error) });
      refuse(refusalText(error));
    } finally {
      const now = (served.get(from) ?? 1) - 1;
      if (now > 0) served.set(from, now);
      else served.delete(from);
    }
  }

  function receive(by: NodeId, frame: Uint8Array): void {
    const carried = openCarried(meshId, frame, crypto);
    if (carried === undefined || !options.allow(carried.from))
      return void refusals.add(by, 'relay', 'carried a frame that its sender did not sign');
    const { from, sequence, kind, correlation } = carried;
    if (origins.size >= originsMax && !origins.has(from)) return;
    const origin = origins.get(from) ?? { session: 0, last: 0, pieces: [], sizeBytes: 0 };
    origins.set(from, origin);
    // Of a run that has ended, or brought by two bridges, or again.
    if (carried.session < origin.session || (carried.session === origin.session && sequence <= origin.last)) return;
    const isNext = carried.session === origin.session && sequence === origin.last + 1;
    origin.session = carried.session;
    origin.last = sequence;
    if (!isNext) origin.pieces = [];
    const before = origin.pieces.reduce((sum, piece) => sum + piece.length, 0);
    if (before + carried.payload.length > maxFrameBytes) {
      origin.pieces = [];
      return void refusals.add(from, 'relay', 'sent more pieces than a frame has');
    }
    origin.pieces.push(carried.payload);
    if (carried.more) return;
    const payload = origin.pieces.length === 1 ? carried.payload : new Uint8Array(Buffer.concat(origin.pieces));
    origin.pieces = [];
    if (kind === carriedKind.frame) frameHandlers.call(from, payload);
    else if (kind === carriedKind.request || kind === carriedKind.pull) void answer({ ...carried, payload });
    else {
      const waiting = pending.get(correlation);
      if (waiting === undefined || waiting.peer !== from) return;
      if (kind === carriedKind.reply) waiting.settle(payload);
      else waiting.settle(new NetworkError('refused', new TextDecoder().decode(payload.subarray(0, 800))));
    }
  }

  const stopFrames = network.onFrame((from, frame) => {
    try {
      if (isReach(frame)) {
        reach.set(from, new Set(decodeReach(frame)));
        look();
      } else if (isCarried(frame)) {
        const { to, from: origin } = addresseeOf(frame);
        if (to === self) receive(from, frame);
        // One bridge and no more: what comes from its sender goes on to who is at hand, in one step.
        else if (options.isBridge && origin === from && isDirect(to)) network.send(to, frame);
      } else frameHandlers.call(from, frame);
    } catch (error) {
      if (!(error instanceof MalformedBytes)) throw error;
      refusals.add(from, 'relay', error.message);
    }
  });
  const stopPeers = network.onPeer(({ node, up }) => {
    if (up) direct.add(node);
    else {
      direct.delete(node);
      reach.delete(node);
    }
    look();
    tellReach();
  });
  let cancelTelling = (): void => {};
  const keepTelling = (): void => {
    tellReach();
    cancelTelling = scheduler.at(clock.monotonicMs() + reachEveryMs, keepTelling);
  };
  if (options.isBridge) keepTelling();

  return {
    ...network,
    self,
    peers: () => [...shown].sort(),
    onPeer(handler) {
      peerHandlers.add(handler);
      return () => void peerHandlers.delete(handler);
    },
    send(to, frame, sendOptions) {
      if (closed || isDirect(to) || bridgeTo(to) === undefined) return network.send(to, frame, sendOptions);
      assertFrameSize(frame);
      return carry(to, carriedKind.frame, 0, frame);
    },
    onFrame: frameHandlers.add,
    async request(to, frame, requestOptions) {
      if (closed || isDirect(to) || bridgeTo(to) === undefined) return network.request(to, frame, requestOptions);
      assertFrameSize(frame);
      return ask(to, carriedKind.request, frame, requestOptions.timeoutMs);
    },
    serve(handler) {
      const stop = network.serve(handler);
      serve = handler;
      return () => {
        if (serve === handler) serve = undefined;
        stop();
      };
    },
    async *pull(from, resource, offsetBytes) {
      assertResource(resource);
      if (closed || isDirect(from) || bridgeTo(from) === undefined) {
        yield* network.pull(from, resource, offsetBytes);
        return;
      }
      const put = (asking: Uint8Array): Promise<Uint8Array> => ask(from, carriedKind.pull, asking, pullStallMs);
      yield* pulls.pull(resource, offsetBytes, put, (asking) => void carry(from, carriedKind.pull, 0, asking));
    },
    provide(handler) {
      const stop = network.provide(handler);
      provide = handler;
      return () => {
        if (provide === handler) provide = undefined;
        stop();
      };
    },
    async close() {
      closed = true;
      cancelTelling();
      const error = new NetworkError('closed', `the network of ${self} is closed`);
      for (const waiting of [...pending.values()]) waiting.settle(error);
      await network.close();
      stopFrames();
      stopPeers();
    },
  };
}
