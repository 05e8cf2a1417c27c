// Law: a peer is up once both ends have proved, with the session's key, that they are there now. It is down when it says goodbye, when the
// server knows nobody who listens for it any more, or when it was silent for too long; never because this node itself had stopped looking.
import { type Log, NetworkError, type NodeId } from '../../actors/system/index.ts';
import {
  createStreamRequests,
  type FrameKind,
  frameKind,
  type ProvideHandler,
  type ServeHandler,
  type StreamRequests,
  slowMs,
} from '../network/index.ts';
import { equalBytes, MalformedBytes } from '../wire/index.ts';
import type { SessionKeys } from './keys.ts';
import { createPulls, type Pulls } from './pulls.ts';
import { createSession, type Session } from './session.ts';

const beatMs = 1_000;
/** Two answers "nobody listens" this far apart: the peer's process is gone. A member that changes its server is back well before. */
const absentMs = 1_500;
const absentBeatMs = 250;
/** Longer than any pause of a live process worth keeping; the process still holds its subscription, or the server would have said so. */
const silenceMs = 15_000;
const provingMs = 3_000;
const provingBeatMs = 400;

export interface PeerHost {
  readonly log: Log;
  readonly recordBytes: number;
  isConnected(): boolean;
  transmit(to: NodeId, session: Uint8Array, message: Uint8Array, probe: boolean): void;
  serveHandler(): ServeHandler | undefined;
  provideHandler(): ProvideHandler | undefined;
  onUp(node: NodeId): void;
  onDown(node: NodeId, why: string): void;
  onFrame(from: NodeId, frame: Uint8Array): void;
  onPublication(from: NodeId, payload: Uint8Array): void;
  refuse(from: NodeId, reason: string, detail: string): void;
}

/** One session and everything that lives and ends with it. */
interface Life {
  readonly instance: Uint8Array;
  readonly session: Session;
  readonly requests: StreamRequests;
  readonly pulls: Pulls;
  readonly bornMs: number;
  absentSinceMs: number | undefined;
  /** It is named for the standstill it is in. */
  isTold: boolean;
  lastBeatMs: number;
}

export interface Peer {
  readonly node: NodeId;
  readonly isUp: boolean;
  /** The instance of the live session, or of the one being proved. */
  isKnown(instance: Uint8Array): boolean;
  /** A session was agreed on. It replaces the live one once the peer has proved it. */
  adopt(keys: SessionKeys, instance: Uint8Array): void;
  /** Whether `session` is this peer's, live or being proved. */
  holds(session: Uint8Array): boolean;
  receive(message: Uint8Array): void;
  /** The server says that nobody listens for the peer. */
  onAbsent(session: Uint8Array): void;
  put(kind: FrameKind, payload: Uint8Array): boolean;
  ask(frame: Uint8Array, timeoutMs: number): Promise<Uint8Array>;
  pull(resource: string, offsetBytes: number): AsyncIterable<Uint8Array>;
  /** `looked`: this node has read what arrived, so silence is the peer's. */
  tick(nowMs: number, looked: boolean): void;
  resume(): void;
  drop(why: string, error?: NetworkError): void;
}

export function createPeer(node: NodeId, host: PeerHost): Peer {
  let live: Life | undefined;
  let pending: Life | undefined;

  function begin(keys: SessionKeys, instance: Uint8Array): Life {
    const put = (kind: FrameKind, correlation: number, payload: Uint8Array): boolean =>
      session.put(kind, correlation, payload);
    const pulls = createPulls(node, {
      put: (payload) => put(frameKind.pull, 0, payload),
      queuedBytes: () => session.queuedBytes,
      provideHandler: host.provideHandler,
    });
    const requests = createStreamRequests(node, put, host.log);
    const session = createSession(keys, {
      recordBytes: host.recordBytes,
      isConnected: host.isConnected,
      transmit: (message, probe) => host.transmit(node, keys.id, message, probe),
      onProven() {
        if (pending !== life) return;
        pending = undefined;
        if (live !== undefined) finish(live, 'it started again', false);
        live = life;
        // So that the peer has its proof too, whether or not there is anything to say.
        session.beat();
        host.onUp(node);
      },
      onFrame(kind, correlation, payload) {
        try {
          if (kind === frameKind.frame) host.onFrame(node, payload);
          else if (kind === frameKind.request) requests.answer(correlation, payload, host.serveHandler());
          else if (kind === frameKind.reply) requests.onReply(correlation, payload);
          else if (kind === frameKind.refused) requests.onRefused(correlation, payload);
          else if (kind === frameKind.publication) host.onPublication(node, payload);
          else if (kind === frameKind.pull) pulls.onFrame(payload);
          // Anything else is of a later version, and optional by that.
        } catch (error) {
          if (!(error instanceof MalformedBytes)) throw error;
          host.refuse(node, 'protocol', error.message);
          finish(life, error.message, true);
        }
      },
      onDrain: () => pulls.onDrain(),
      onEnd(why, isViolation) {
        if (isViolation) host.refuse(node, 'protocol', why);
        finish(life, why, isViolation);
      },
    });
    const nowMs = performance.now();
    const life: Life = {
      instance,
      session,
      requests,
      pulls,
      bornMs: nowMs,
      absentSinceMs: undefined,
      isTold: false,
      lastBeatMs: nowMs,
    };
    return life;
  }

  function finish(life: Life, why: string, goodbye: boolean, error?: NetworkError): void {
    life.session.end(goodbye);
    const cause = error ?? new NetworkError('unreachable', `the connection to ${node} was lost: ${why}`);
    life.requests.fail(cause);
    life.pulls.fail(cause);
    if (pending === life) pending = undefined;
    if (live !== life) return;
    live = undefined;
    host.onDown(node, why);
  }

  const lifeOf = (session: Uint8Array): Life | undefined =>
    [live, pending].find((one) => one !== undefined && equalBytes(one.session.keys.id, session));

  return {
    node,
    get isUp() {
      return live !== undefined;
    },
    isKnown: (instance) =>
      (live !== undefined && equalBytes(live.instance, instance)) ||
      (pending !== undefined && equalBytes(pending.instance, instance)),
    adopt(keys, instance) {
      if (pending !== undefined) finish(pending, 'greeted again', false);
      pending = begin(keys, instance);
      pending.session.beat();
    },
    holds: (session) => lifeOf(session) !== undefined,
    receive(message) {
      const life = lifeOf(message.subarray(1, 9));
      // Of a session that has ended: what was on its way then.
      if (life === undefined) return;
      if (!life.session.receive(message).isAuthentic) {
        host.refuse(node, 'forged', 'a record that was not sealed by the peer');
        return;
      }
      life.absentSinceMs = undefined;
    },
    onAbsent(session) {
      if (live === undefined || !equalBytes(live.session.keys.id, session)) return;
      const now = performance.now();
      if (live.absentSinceMs === undefined) live.absentSinceMs = now;
      else if (now - live.absentSinceMs >= absentMs) finish(live, 'the server knows nobody who listens for it', true);
    },
    put(kind, payload) {
      if (live === undefined) return false;
      if (live.session.put(kind, 0, payload)) return true;
      const isSlow = live.session.stillForMs > slowMs;
      if (isSlow && !live.isTold && host.isConnected())
        host.refuse(node, 'slow', 'it takes nothing; what is too much to wait for it is refused here');
      live.isTold = isSlow;
      return false;
    },
    ask(frame, timeoutMs) {
      if (live === undefined) return Promise.reject(new NetworkError('unreachable', `no connection to ${node}`));
      return live.requests.ask(frame, timeoutMs);
    },
    pull(resource, offsetBytes) {
      if (live === undefined) throw new NetworkError('unreachable', `no connection to ${node}`);
      return live.pulls.pull(resource, offsetBytes);
    },
    tick(nowMs, looked) {
      if (pending !== undefined) {
        if (nowMs - pending.bornMs > provingMs) finish(pending, 'it never proved the session', false);
        else if (nowMs - pending.lastBeatMs >= provingBeatMs) {
          pending.lastBeatMs = nowMs;
          pending.session.beat();
        }
      }
      if (live === undefined) return;
      const everyMs = live.absentSinceMs === undefined ? beatMs : absentBeatMs;
      if (nowMs - live.lastBeatMs >= everyMs) {
        live.lastBeatMs = nowMs;
        live.session.beat();
      }
      live.session.tick(nowMs);
      if (looked && nowMs - live.session.lastHeardMs > silenceMs)
        finish(live, `nothing heard for ${Math.round(nowMs - live.session.lastHeardMs)} ms`, true);
    },
    resume() {
      if (live === undefined) return;
      live.absentSinceMs = undefined;
      live.session.resume();
    },
    drop(why, error) {
      if (pending !== undefined) finish(pending, why, true, error);
      if (live !== undefined) finish(live, why, true, error);
    },
  };
}
