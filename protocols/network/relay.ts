// Law: members that have no transport in common are peers all the same while a member with both is there: it carries their frames, requests
// and pulls, each at most once and in order, as the port promises. Between two that have a transport in common nothing is carried.
import type { Clock, Crypto, Log, Network, NodeId, Scheduler } from '../../actors/system/index.ts';
import { type Identity, MalformedBytes, type RefusalTable } from '../wire/index.ts';
import { assertFrameSize, assertResource, pullStallMs } from './limits.ts';
import { createListeners } from './listeners.ts';
import { closedError, unreachable } from './port.ts';
import {
  addresseeOf,
  carriedKind,
  decodeReach,
  encodeCarried,
  encodeReach,
  isCarried,
  isReach,
  openCarried,
  pieceBytes,
} from './relay-frames.ts';
import { createOrigins } from './relay-origins.ts';
import { createRelayedPulls } from './relay-pulls.ts';
import { createReach } from './relay-reach.ts';
import { createRequests, type Requests } from './requests.ts';

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
/** Of one peer. */
const pendingMax = 8_192;

export function createRelay(options: RelayOptions): Network {
  const { network, identity, meshId, crypto, clock, scheduler, refusals, log } = options;
  const self = identity.id;
  const session = Math.max(1, Math.floor(clock.wallMs()));
  const listeners = createListeners(log);
  const reach = createReach(self, network.peers(), options.allow);
  const shown = new Set<NodeId>(network.peers());
  const origins = createOrigins((from) => refusals.add(from, 'relay', 'sent more pieces than a frame has'));
  const sequences = new Map<NodeId, number>();
  /** Of peers that are reached through a bridge. */
  const requests = new Map<NodeId, Requests<number>>();
  const pulls = createRelayedPulls({ provideHandler: listeners.provideHandler, clock, scheduler });
  let closed = false;

  /** Tells of who came and who went since it was last asked. */
  function look(): void {
    const now = reach.all();
    for (const node of [...shown]) {
      if (now.has(node)) continue;
      shown.delete(node);
      requests.get(node)?.fail(unreachable(node));
      requests.delete(node);
      listeners.tellPeer({ node, up: false });
    }
    for (const node of now) {
      if (shown.has(node)) continue;
      shown.add(node);
      listeners.tellPeer({ node, up: true });
    }
  }
  function tellReach(): void {
    if (!options.isBridge || closed) return;
    const peers = reach.direct();
    const frame = encodeReach(peers);
    for (const peer of peers) network.send(peer, frame);
  }

  function carry(to: NodeId, kind: number, correlation: number, payload: Uint8Array): boolean {
    const bridge = reach.bridgeTo(to);
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

  const isCarriedTo = (node: NodeId): boolean => !closed && !reach.isDirect(node) && reach.bridgeTo(node) !== undefined;

  function requestsOf(peer: NodeId): Requests<number> {
    let own = requests.get(peer);
    if (own === undefined) {
      own = createRequests<number>(peer, {
        kinds: carriedKind,
        pendingMax,
        put: (kind, correlation, payload) => carry(peer, kind, correlation, payload),
        after: (delayMs, fire) => scheduler.at(clock.monotonicMs() + delayMs, fire),
        log,
      });
      requests.set(peer, own);
    }
    return own;
  }

  function receive(by: NodeId, frame: Uint8Array): void {
    const carried = openCarried(meshId, frame, crypto);
    if (carried === undefined || !options.allow(carried.from))
      return void refusals.add(by, 'relay', 'carried a frame that its sender did not sign');
    const payload = origins.take(carried);
    if (payload === undefined) return;
    const { from, kind, correlation } = carried;
    if (kind === carriedKind.frame) {
      listeners.tellFrame(from, payload);
      return;
    }
    const own = requestsOf(from);
    if (kind === carriedKind.request) own.answer(correlation, payload, listeners.serveHandler());
    else if (kind === carriedKind.pull) own.answer(correlation, payload, pulls.piece);
    else if (kind === carriedKind.reply) own.onReply(correlation, payload);
    else if (kind === carriedKind.refused) own.onRefused(correlation, payload);
    // Anything else is of a later version, and optional by that.
  }

  const stopFrames = network.onFrame((from, frame) => {
    try {
      if (isReach(frame)) {
        reach.told(from, decodeReach(frame));
        look();
      } else if (isCarried(frame)) {
        const { to, from: origin } = addresseeOf(frame);
        if (to === self) receive(from, frame);
        // One bridge and no more: what comes from its sender goes on to who is at hand, in one step.
        else if (options.isBridge && origin === from && reach.isDirect(to)) network.send(to, frame);
      } else listeners.tellFrame(from, frame);
    } catch (error) {
      if (!(error instanceof MalformedBytes)) throw error;
      refusals.add(from, 'relay', error.message);
    }
  });
  const stopPeers = network.onPeer(({ node, up }) => {
    reach.changed(node, up);
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
    ...listeners.port,
    self,
    peers: () => [...shown].sort(),
    send(to, frame, sendOptions) {
      if (!isCarriedTo(to)) return network.send(to, frame, sendOptions);
      assertFrameSize(frame);
      return carry(to, carriedKind.frame, 0, frame);
    },
    async request(to, frame, requestOptions) {
      if (!isCarriedTo(to)) return network.request(to, frame, requestOptions);
      assertFrameSize(frame);
      return requestsOf(to).ask(frame, requestOptions.timeoutMs);
    },
    serve: (handler) => both(network.serve(handler), listeners.port.serve(handler)),
    async *pull(from, resource, offsetBytes) {
      assertResource(resource);
      if (!isCarriedTo(from)) {
        yield* network.pull(from, resource, offsetBytes);
        return;
      }
      const put = (asking: Uint8Array): Promise<Uint8Array> =>
        requestsOf(from).ask(asking, pullStallMs, carriedKind.pull);
      yield* pulls.pull(resource, offsetBytes, put, (asking) => void carry(from, carriedKind.pull, 0, asking));
    },
    provide: (handler) => both(network.provide(handler), listeners.port.provide(handler)),
    async close() {
      closed = true;
      cancelTelling();
      for (const own of requests.values()) own.fail(closedError(self));
      await network.close();
      stopFrames();
      stopPeers();
    },
  };
}

const both = (one: () => void, other: () => void) => (): void => {
  one();
  other();
};
