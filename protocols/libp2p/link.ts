// Law: a peer is up only while frames are known to pass both ways: its stream to us said hello, and it has acknowledged ours. Each end
// writes on the one stream it opened. When either stream ends, the peer is down at once, and everything that waited on it is told.
import type { Connection, Stream } from '@libp2p/interface';
import { type Log, NetworkError, type NodeId } from '../../actors/system/index.ts';
import {
  createStreamRequests,
  type FrameKind,
  frameKind,
  frameVersion,
  type ServeHandler,
  type StreamRequests,
  slowMs,
} from '../network/index.ts';
import { readFrames } from './inbound.ts';
import { createOutbox, type Outbox } from './outbox.ts';

export const frameProtocol = '/parley/frame/1';

/** From the first stream to `up`; then the connection is given up as half open. */
const handshakeMs = 5_000;
/** From finding that the peer speaks another version to hanging up. */
const farewellMs = 500;
/** How long `up` waits for the peer's subscriptions, so that what is published right after it arrives. */
const gossipGraceMs = 1_500;
const gossipLookMs = 15;
/** Nothing heard, or nothing taken, for this long: the connection is dead. Longer than any pause of a live process worth keeping. */
const silenceMs = 45_000;

export interface LinkHost {
  readonly log: Log;
  /** True once the peer's subscriptions are known. */
  hasGossip(node: NodeId): boolean;
  serveHandler(): ServeHandler | undefined;
  onUp(node: NodeId): void;
  /** The streams ended; `wasUp` says whether the peer was announced. The link is ready for new ones. */
  onEnd(node: NodeId, why: string, wasUp: boolean): void;
  onFrame(from: NodeId, frame: Uint8Array): void;
  onAddresses(from: NodeId, payload: Uint8Array): void;
  /** Whether peers other than this one are up. */
  hasOthers(node: NodeId): boolean;
  refuse(connection: Connection, reason: string, detail: string): void;
}

export interface Link {
  readonly node: NodeId;
  readonly isUp: boolean;
  /** Opens the stream that this end writes on, unless there is one. */
  attach(connection: Connection): void;
  /** The stream that the other end writes on. A second one replaces the first: the peer has started again. */
  accept(stream: Stream, connection: Connection): void;
  put(kind: FrameKind, payload: Uint8Array): boolean;
  ask(frame: Uint8Array, timeoutMs: number): Promise<Uint8Array>;
  /** Called every few seconds: keeps the stream warm and notices one that is dead. */
  beat(): void;
  close(error: NetworkError): void;
}

interface Half {
  readonly stream: Stream;
  readonly connection: Connection;
}

/** One life of the pair of streams; everything of it ends together. */
interface Session {
  ended: boolean;
  outbound: (Half & { readonly outbox: Outbox }) | undefined;
  inbound: Half | undefined;
  opening: boolean;
  heardHello: boolean;
  heardAck: boolean;
  up: boolean;
  lastHeardMs: number;
  readonly requests: StreamRequests;
  /** The standstill of the peer that was told of last. */
  toldBlockedMs: number | undefined;
  handshakeTimer: NodeJS.Timeout | undefined;
  gossipTimer: NodeJS.Timeout | undefined;
  gossipWaitMs: number;
}

const nothing = new Uint8Array(0);

export function createLink(node: NodeId, host: LinkHost): Link {
  let session = begin();
  let closed: NetworkError | undefined;

  function begin(): Session {
    const next: Session = {
      ended: false,
      outbound: undefined,
      inbound: undefined,
      opening: false,
      heardHello: false,
      heardAck: false,
      up: false,
      lastHeardMs: performance.now(),
      requests: createStreamRequests(
        node,
        (kind, correlation, payload) =>
          !next.ended && next.outbound !== undefined && next.outbound.outbox.put(kind, correlation, payload),
        host.log,
      ),
      toldBlockedMs: undefined,
      handshakeTimer: undefined,
      gossipTimer: undefined,
      gossipWaitMs: 0,
    };
    return next;
  }

  function end(
    of: Session,
    why: string,
    options: { readonly abortConnections?: boolean; readonly error?: NetworkError } = {},
  ): void {
    if (of.ended) return;
    of.ended = true;
    clearTimeout(of.handshakeTimer);
    clearTimeout(of.gossipTimer);
    of.outbound?.outbox.close();
    const cause = new Error(why);
    for (const half of [of.outbound, of.inbound]) {
      if (half === undefined) continue;
      half.stream.abort(cause);
      if (options.abortConnections === true) half.connection.abort(cause);
    }
    if (session === of) session = begin();
    of.requests.fail(options.error ?? new NetworkError('unreachable', `the connection to ${node} was lost: ${why}`));
    host.onEnd(node, why, of.up);
  }

  function expectHandshake(of: Session): void {
    of.handshakeTimer ??= setTimeout(() => {
      if (of.up) return;
      const half = of.inbound ?? of.outbound;
      if (half !== undefined)
        host.refuse(
          half.connection,
          'half_open',
          `no ${of.heardHello ? 'acknowledgement' : 'hello'} within ${handshakeMs} ms`,
        );
      end(of, 'the peer never completed the greeting', { abortConnections: true });
    }, handshakeMs);
  }

  /** `certain`: the peer already sends, so there is nothing to wait for. */
  function rise(of: Session, certain: boolean): void {
    if (of.up || of.ended || !of.heardHello || !of.heardAck) return;
    if (!certain && !host.hasGossip(node)) {
      of.gossipWaitMs += gossipLookMs;
      clearTimeout(of.gossipTimer);
      of.gossipTimer = setTimeout(() => rise(of, of.gossipWaitMs >= gossipGraceMs), gossipLookMs);
      return;
    }
    of.up = true;
    host.onUp(node);
  }

  function onFrame(of: Session, kind: number, correlation: number, payload: Uint8Array): void {
    if (of.ended) return;
    switch (kind) {
      case frameKind.hello:
        if (payload[0] !== frameVersion) {
          if (of.inbound !== undefined)
            host.refuse(
              of.inbound.connection,
              'version',
              `frame version ${payload[0]}, this node speaks ${frameVersion}`,
            );
          // Not at once: the peer is to read our hello and find the same.
          clearTimeout(of.handshakeTimer);
          of.handshakeTimer = setTimeout(
            () => end(of, `the peer speaks frame version ${payload[0]}`, { abortConnections: true }),
            farewellMs,
          );
          return;
        }
        of.heardHello = true;
        of.outbound?.outbox.put(frameKind.ack, 0, nothing);
        rise(of, false);
        return;
      case frameKind.ack:
        of.heardAck = true;
        rise(of, false);
        return;
      case frameKind.beat:
        return;
    }
    // The peer sends only once it has our hello and our acknowledgement: data before its own is a violation, data after it means up.
    rise(of, true);
    if (!of.up) {
      if (of.inbound !== undefined)
        host.refuse(of.inbound.connection, 'protocol', `frame kind ${kind} before the greeting`);
      end(of, 'the peer sent frames before the greeting', { abortConnections: true });
      return;
    }
    if (kind === frameKind.frame) host.onFrame(node, payload);
    else if (kind === frameKind.request) of.requests.answer(correlation, payload, host.serveHandler());
    else if (kind === frameKind.reply) of.requests.onReply(correlation, payload);
    else if (kind === frameKind.refused) of.requests.onRefused(correlation, payload);
    else if (kind === frameKind.addresses) host.onAddresses(node, payload);
    // Anything else is of a later version, and optional by that.
  }

  function attach(connection: Connection): void {
    const own = session;
    if (closed !== undefined || own.opening || own.outbound !== undefined) return;
    own.opening = true;
    connection
      .newStream(frameProtocol, { signal: AbortSignal.timeout(handshakeMs) })
      .then((stream) => {
        if (own.ended) {
          stream.abort(new Error('superseded'));
          return;
        }
        own.outbound = { stream, connection, outbox: createOutbox(stream) };
        stream.addEventListener('close', () => end(own, 'its outbound stream closed'));
        // Nothing comes back on this stream; a reader that is not there would let a hostile peer fill memory.
        stream.addEventListener('message', () => end(own, 'the peer wrote on our stream', { abortConnections: true }));
        own.outbound.outbox.put(frameKind.hello, 0, Uint8Array.of(frameVersion));
        if (own.heardHello) own.outbound.outbox.put(frameKind.ack, 0, nothing);
        expectHandshake(own);
      })
      .catch((error: unknown) => {
        if (own.ended) return;
        const why = `no frame stream: ${(error as Error).message}`;
        if (connection.status === 'open') host.refuse(connection, 'half_open', why);
        // Without the stream the connection is of no use; the dialer, with its pauses, is what tries again.
        connection.abort(new Error(why));
        end(own, why);
      })
      .finally(() => {
        own.opening = false;
      });
  }

  return {
    node,
    get isUp() {
      return session.up;
    },
    attach,
    accept(stream, connection) {
      if (closed !== undefined) {
        stream.abort(closed);
        return;
      }
      if (session.inbound !== undefined) {
        const stale = session.inbound.connection;
        end(session, 'the peer started again');
        if (stale !== connection) stale.abort(new Error('the peer started again'));
      }
      const own = session;
      own.inbound = { stream, connection };
      own.lastHeardMs = performance.now();
      readFrames(stream, {
        hasOthers: () => host.hasOthers(node),
        onHeard() {
          own.lastHeardMs = performance.now();
        },
        onFrame: (kind, correlation, payload) => onFrame(own, kind, correlation, payload),
        onFlood: () =>
          host.refuse(connection, 'flooding', 'it sends more than its share of this node’s time, for seconds'),
        onBroken({ message }) {
          host.refuse(connection, 'oversized', message);
          end(own, message, { abortConnections: true });
        },
        onClose: () => end(own, 'its inbound stream closed'),
      });
      expectHandshake(own);
      attach(connection);
    },
    put(kind, payload) {
      const { up, outbound, toldBlockedMs } = session;
      if (!up || outbound === undefined) return false;
      if (outbound.outbox.put(kind, 0, payload)) return true;
      const { blockedSinceMs } = outbound.outbox;
      if (blockedSinceMs === undefined || blockedSinceMs === toldBlockedMs) return false;
      if (performance.now() - blockedSinceMs > slowMs) {
        session.toldBlockedMs = blockedSinceMs;
        host.refuse(outbound.connection, 'slow', 'it takes nothing; what is too much to wait for it is refused here');
      }
      return false;
    },
    ask(frame, timeoutMs) {
      if (!session.up) return Promise.reject(closed ?? new NetworkError('unreachable', `no connection to ${node}`));
      return session.requests.ask(frame, timeoutMs);
    },
    beat() {
      const { up, outbound, lastHeardMs } = session;
      if (!up || outbound === undefined) return;
      const now = performance.now();
      const blockedSinceMs = outbound.outbox.blockedSinceMs;
      if (blockedSinceMs !== undefined && now - blockedSinceMs > silenceMs) {
        host.refuse(outbound.connection, 'never_reads', `took nothing for ${Math.round(now - blockedSinceMs)} ms`);
        end(session, 'the peer does not read', { abortConnections: true });
      } else if (now - lastHeardMs > silenceMs) {
        end(session, `nothing heard for ${Math.round(now - lastHeardMs)} ms`, { abortConnections: true });
      } else outbound.outbox.put(frameKind.beat, 0, nothing);
    },
    close(error) {
      closed = error;
      end(session, error.message, { error });
    },
  };
}
