// Law: everything that two nodes owe each other hangs on their session, and ends with it: asks fail, watchers hear `unreachable`, what the
// other was owed is forgotten. A new connection is a new session that knows nothing of the old one.
import type { PendingAsk } from '../ask.ts';
import type { Lower, Lowered, Raise } from '../codec/index.ts';
import type { QueuedSignal } from '../signals.ts';
import type { Monitor, Watcher } from '../target.ts';
import { unreachable } from '../target.ts';
import type { TimerWheel } from '../timer-wheel.ts';
import type { MonitorId } from '../types.ts';
import type { Network, NodeId } from '../world.ts';
import { frameKind, frameMark, reasonOut } from './frames.ts';
import { OwedFrames } from './owed-frames.ts';

/** What reaching other nodes needs of a transport. */
export interface FrameNetwork
  extends Pick<Network, 'self' | 'peers' | 'onPeer' | 'send' | 'onFrame' | 'maxFrameBytes'> {
  /** Where the transport moves whole buffers beside a frame; it is then used instead of `send` and `onFrame`. */
  readonly buffers?: BufferNetwork;
}

export interface BufferNetwork {
  /** Shorter byte strings go through the frame: moving one costs about as much as copying this. */
  readonly fromBytes: number;
  /** As `send`. The buffers are given away with the frame. */
  send(to: NodeId, frame: Uint8Array, buffers: readonly Uint8Array[]): boolean;
  onFrame(handler: (from: NodeId, frame: Uint8Array, buffers: readonly Uint8Array[]) => void): () => void;
}

/** What most frames bring. */
export const noBuffers: readonly Uint8Array[] = Object.freeze([]);

/** How refs and reply addresses are named towards a peer. */
export interface SessionNames {
  lower(session: Session, object: object): Lowered | undefined;
  raise(session: Session, tag: number, value: unknown): unknown;
}

/** Asks of one peer that this node serves at a time, and monitors of one peer on actors of this node. */
const maxAsksServed = 10_000;
const maxMonitorsHeld = 100_000;

export class Session {
  readonly node: NodeId;
  readonly network: FrameNetwork;
  /** False once it has ended. */
  open = true;
  /** The peer is this program too: its messages need no schema. */
  readonly trusted: boolean;
  /** Encodes and sends a frame of this session. False: refused by the network. */
  readonly post: (frame: readonly unknown[]) => boolean;
  /** What must arrive while the session lasts: ends that are watched, and that an ask has failed. */
  readonly owed: OwedFrames;
  readonly lower: Lower;
  readonly raise: Raise;

  /** Asks this node waits for the peer to answer, by number. */
  private readonly awaited = new Map<number, PendingAsk>();
  private lastAsk = 0;
  /** Those of the frame that is being decoded. */
  arriving: readonly Uint8Array[] = noBuffers;
  /** Asks of the peer that actors of this node are to answer. */
  private readonly served = new Set<PendingAsk>();
  /** Monitors of this node's actors on the peer's. */
  private readonly watched = new Map<MonitorId, Monitor>();
  /** Monitors of the peer's actors on this node's, by the peer's number. */
  private readonly watching = new Map<number, Monitor>();

  constructor(
    node: NodeId,
    network: FrameNetwork,
    trusted: boolean,
    post: (session: Session, frame: readonly unknown[]) => boolean,
    names: SessionNames,
    wheel: TimerWheel,
  ) {
    this.node = node;
    this.network = network;
    this.trusted = trusted;
    this.post = (frame) => post(this, frame);
    this.owed = new OwedFrames(wheel, this.post, maxMonitorsHeld + maxAsksServed);
    this.lower = (object) => names.lower(this, object);
    this.raise = (tag, value) => names.raise(this, tag, value);
  }

  // ── asks ──

  /** The number under which the peer answers. */
  await(ask: PendingAsk): number {
    const number = ++this.lastAsk;
    this.awaited.set(number, ask);
    ask.onClose(() => this.awaited.delete(number));
    return number;
  }

  awaitedAsk(number: number): PendingAsk | undefined {
    return this.awaited.get(number);
  }

  get servesAll(): boolean {
    return this.served.size >= maxAsksServed;
  }

  serve(ask: PendingAsk): void {
    this.served.add(ask);
    ask.onClose(() => this.served.delete(ask));
  }

  // ── monitors ──

  watch(monitor: Monitor): void {
    this.watched.set(monitor.id, monitor);
  }

  unwatch(monitor: Monitor): boolean {
    return this.watched.delete(monitor.id);
  }

  takeWatched(id: number): Monitor | undefined {
    const monitor = this.watched.get(id as MonitorId);
    this.watched.delete(id as MonitorId);
    return monitor;
  }

  get watchesAll(): boolean {
    return this.watching.size >= maxMonitorsHeld;
  }

  hold(id: number, monitor: Monitor): void {
    this.watching.set(id, monitor);
  }

  release(id: number): void {
    const monitor = this.watching.get(id);
    this.watching.delete(id);
    monitor?.target.removeWatcher(monitor);
  }

  holds(id: number): boolean {
    return this.watching.has(id);
  }

  close(): void {
    this.open = false;
    this.owed.close();
    const reason = unreachable(this.node);
    for (const ask of [...this.awaited.values()]) ask.fail('stopped', 'went out of reach before it answered', reason);
    for (const ask of [...this.served]) ask.abandon();
    for (const id of [...this.watching.keys()]) this.release(id);
    const lost = [...this.watched.values()];
    this.watched.clear();
    for (const { id, watcher, target } of lost) {
      watcher.bonds?.monitoring.delete(id);
      watcher.pushSignal({ type: 'down', from: target, reason, id });
    }
  }
}

/** Stands for an actor of the peer that watches one of this node. */
export class RemoteWatcher implements Watcher {
  readonly bonds = undefined;
  private readonly session: Session;
  private readonly id: number;

  constructor(session: Session, id: number) {
    this.session = session;
    this.id = id;
  }

  pushSignal(signal: QueuedSignal): void {
    if (signal.type !== 'down') return;
    this.session.release(this.id);
    this.session.owed.send([frameMark, frameKind.down, this.id, reasonOut(signal.reason)]);
  }
}
