// Law: a session carries frames in order, each at most once, until either end notices that it is over; what was under way then is lost, and
// nothing of one session arrives in the next. The two ends notice on their own, at different times, as real ones do.
import type { NodeId } from '../../actors/system/index.ts';
import { type Kernel, type Life, nobody } from '../world/index.ts';
import { Paths } from './paths.ts';
import type { NetworkProfile } from './profile.ts';

export type CarriedKind = 'frame' | 'request' | 'reply' | 'publish' | 'pull' | 'chunk';

/** One node's process on the network. */
export interface Endpoint {
  readonly index: number;
  readonly self: NodeId;
  readonly site: string;
  readonly life: Life;
  /** Of the mesh: ends with two different ones know each other for strangers. */
  readonly secret: string;
  allow(peer: NodeId): boolean;
  onForeign(): void;
  /** By the peer's index. */
  readonly sessions: Map<number, Session>;
  isClosed: boolean;
  onPeer(peer: NodeId, up: boolean): void;
}

export interface Session {
  readonly number: number;
  /** Ends that are open, by index of their node. */
  readonly open: Set<number>;
  /** When an end opens: nothing reaches it before. */
  readonly opensAtUs: Map<number, number>;
  /** Per end: what to do when it closes. */
  readonly onEnd: Map<number, Set<() => void>>;
  /** Bytes on their way, by sender. */
  readonly underWayBytes: Map<number, number>;
}

interface Pair {
  dialing: boolean;
  dials: number;
  /** Counts the times the path became whole: a notice of an earlier break is void. */
  breaks: number;
  notices: number;
}

export interface FabricOptions {
  readonly kernel: Kernel;
  readonly seed: number;
  readonly profile: NetworkProfile;
  /** Every frame that any node hands to the network, whatever becomes of it. `id` is the frame's own. */
  readonly onSend?: (from: number, to: number, kind: CarriedKind, bytes: Uint8Array, id: number) => void;
  /** A frame is at its end, whose node takes it in; a duplicate comes twice. */
  readonly onArrive?: (from: number, to: number, id: number) => void;
}

const refusedRetryUs = 1_000_000;

export class Fabric {
  readonly kernel: Kernel;
  /** May be changed during a run. */
  profile: NetworkProfile;
  readonly onSend: NonNullable<FabricOptions['onSend']>;
  readonly onArrive: NonNullable<FabricOptions['onArrive']>;
  readonly endpoints = new Map<number, Endpoint>();
  readonly paths: Paths;
  private readonly pairs = new Map<number, Pair>();
  private readonly ids = new Map<number, NodeId>();
  /** One, or more where several machines hold one key. */
  private readonly indices = new Map<NodeId, Set<number>>();
  private sessions = 0;
  private carried = 0;

  constructor(options: FabricOptions) {
    this.kernel = options.kernel;
    this.profile = options.profile;
    this.onSend = options.onSend ?? (() => {});
    this.onArrive = options.onArrive ?? (() => {});
    this.paths = new Paths({
      kernel: options.kernel,
      seed: options.seed,
      profile: () => this.profile,
      siteOf: (index) => this.endpoints.get(index)?.site,
    });
  }

  attach(endpoint: Endpoint): void {
    this.endpoints.set(endpoint.index, endpoint);
    this.ids.set(endpoint.index, endpoint.self);
    this.indices.set(endpoint.self, (this.indices.get(endpoint.self) ?? new Set()).add(endpoint.index));
    // Two nodes of which neither would keep the connection do not dial each other, and nobody dials itself.
    for (const other of this.endpoints.values())
      if (other.self !== endpoint.self && (endpoint.allow(other.self) || other.allow(endpoint.self)))
        this.dial(endpoint.index, other.index);
  }

  /**
   * The process is gone. `reset`: its machine tells the peers at once; `silent`: they notice by themselves. A process that closes its
   * network is reset too.
   */
  detach(index: number, how: 'reset' | 'silent'): void {
    const endpoint = this.endpoints.get(index);
    if (endpoint === undefined) return;
    this.endpoints.delete(index);
    for (const [peer, session] of [...endpoint.sessions]) {
      session.open.delete(index);
      endpoint.sessions.delete(peer);
      if (how === 'reset') this.reset(session, index, peer);
      else this.noticeLater(session, index, peer, () => true);
    }
  }

  /** Nothing gets from `from` to `to` any more; both ends notice by themselves. */
  block(from: number, to: number, holds: boolean): void {
    this.paths.block(from, to, holds);
    const { breaks } = this.pair(from, to);
    const session = this.sessionOf(from, to);
    if (session === undefined) return;
    const isStill = (): boolean => this.paths.isBlocked(from, to) && this.pair(from, to).breaks === breaks;
    this.noticeLater(session, from, to, isStill);
    this.noticeLater(session, to, from, isStill);
  }

  unblock(from: number, to: number): void {
    if (!this.paths.unblock(from, to) || this.paths.isBlocked(from, to)) return;
    this.pair(from, to).breaks++;
    this.dial(from, to);
  }

  /** The connection breaks and may be made anew: a reset, a restarted router. */
  reconnect(a: number, b: number): void {
    const session = this.sessionOf(a, b);
    if (session === undefined) return;
    for (const index of [a, b])
      this.kernel.schedule(this.kernel.nowUs, index, 'link.reset', () =>
        this.closeEnd(session, index, index === a ? b : a),
      );
  }

  /** Bytes go from one end of a session to the other. `ordered`: behind everything ordered before them. */
  carry(
    session: Session,
    from: number,
    to: number,
    kind: CarriedKind,
    bytes: Uint8Array,
    ordered: boolean,
    arrive: () => void,
  ): void {
    const id = this.carried++;
    this.onSend(from, to, kind, bytes, id);
    const arriveAt = (atUs: number): void => {
      session.underWayBytes.set(from, (session.underWayBytes.get(from) ?? 0) + bytes.length);
      this.kernel.schedule(
        atUs,
        to,
        kind,
        () => {
          session.underWayBytes.set(from, (session.underWayBytes.get(from) ?? 0) - bytes.length);
          if (!session.open.has(to) || this.endpoints.get(to)?.life.isAlive !== true) return;
          this.onArrive(from, to, id);
          arrive();
        },
        bytes,
      );
    };
    const frame = {
      from,
      to,
      sizeBytes: bytes.length,
      ordered,
      mayVanish: kind !== 'pull' && kind !== 'chunk',
      mayDouble: kind === 'frame',
      opensAtUs: session.opensAtUs.get(to) ?? 0,
    };
    this.paths.carry(frame, arriveAt, () => session.open.has(from));
  }

  /** An end notices, by whatever means, that its session is over. Runs in an event of its node. */
  closeEnd(session: Session, index: number, peer: number): void {
    if (!session.open.delete(index)) return;
    const endpoint = this.endpoints.get(index);
    this.reset(session, index, peer);
    if (endpoint === undefined || endpoint.sessions.get(peer) !== session) return;
    endpoint.sessions.delete(peer);
    for (const end of [...(session.onEnd.get(index) ?? [])]) end();
    const peerId = this.idOf(peer);
    if (peerId !== undefined && this.indexOf(peerId, index) === undefined) endpoint.onPeer(peerId, false);
    this.dial(index, peer);
  }

  /** The name of a node that is, or was, on the network. */
  idOf(index: number): NodeId | undefined {
    return this.ids.get(index);
  }

  /** The machine of that node to which `near` has an open session; of several the first that can be reached. */
  indexOf(id: NodeId, near: number): number | undefined {
    const sessions = this.endpoints.get(near)?.sessions;
    let found: number | undefined;
    for (const index of this.indices.get(id) ?? []) {
      if (sessions?.get(index)?.open.has(near) !== true) continue;
      if (!this.paths.isBlocked(near, index)) return index;
      found ??= index;
    }
    return found;
  }

  private pair(a: number, b: number): Pair {
    const key = Math.min(a, b) * 0x1_0000 + Math.max(a, b);
    let pair = this.pairs.get(key);
    if (pair === undefined) {
      pair = { dialing: false, dials: 0, breaks: 0, notices: 0 };
      this.pairs.set(key, pair);
    }
    return pair;
  }

  private sessionOf(a: number, b: number): Session | undefined {
    return this.endpoints.get(a)?.sessions.get(b) ?? this.endpoints.get(b)?.sessions.get(a);
  }

  /** Tells the other end, if anything gets through. */
  private reset(session: Session, from: number, to: number): void {
    if (!session.open.has(to) || this.paths.isOneWayBlocked(from, to)) return;
    const { latencyUs } = this.paths.link(from, to);
    this.kernel.schedule(this.kernel.nowUs + latencyUs, to, 'link.reset', () => this.closeEnd(session, to, from));
  }

  private noticeLater(session: Session, gone: number, witness: number, isStill: () => boolean): void {
    // Counted by pair, so that a fault elsewhere moves no notice here.
    const n = this.pair(gone, witness).notices++;
    this.kernel.schedule(
      this.kernel.nowUs + this.paths.noticeUs(gone, witness, n),
      witness,
      'link.notice',
      () => void (isStill() && this.closeEnd(session, witness, gone)),
    );
  }

  private dial(a: number, b: number, atLeastUs = 0): void {
    const pair = this.pair(a, b);
    if (pair.dialing) return;
    pair.dialing = true;
    const delayUs = atLeastUs + this.paths.dialUs(a, b, pair.dials++);
    this.kernel.schedule(this.kernel.nowUs + delayUs, nobody, 'link.dial', () => {
      pair.dialing = false;
      this.establish(a, b);
    });
  }

  private establish(a: number, b: number): void {
    const [one, other] = [this.endpoints.get(a), this.endpoints.get(b)];
    if (one === undefined || other === undefined || this.paths.isBlocked(a, b)) return;
    if (one.secret !== other.secret) {
      for (const end of [one, other])
        this.kernel.schedule(this.kernel.nowUs, end.index, 'link.foreign', () => end.onForeign());
      return;
    }
    const old = [one.sessions.get(b), other.sessions.get(a)];
    if (old[0] !== undefined && old[0] === old[1]) return;
    if (!one.allow(other.self) || !other.allow(one.self)) return void this.dial(a, b, refusedRetryUs);
    const session: Session = {
      number: this.sessions++,
      open: new Set(),
      opensAtUs: new Map(),
      onEnd: new Map(),
      underWayBytes: new Map(),
    };
    const { nowUs } = this.kernel;
    const opens = [
      [one, other, nowUs],
      [other, one, nowUs + this.paths.link(a, b).latencyUs],
    ] as const;
    for (const [end, peer, atUs] of opens) {
      session.opensAtUs.set(end.index, atUs);
      this.kernel.schedule(atUs, end.index, 'link.up', () => {
        if (this.endpoints.get(end.index) !== end || !end.life.isAlive)
          return this.noticeLater(session, end.index, peer.index, () => true);
        // An end that had not noticed the end of the session before learns of it now.
        const before = end.sessions.get(peer.index);
        if (before !== undefined) this.closeEnd(before, end.index, peer.index);
        if (this.endpoints.get(peer.index) !== peer) return;
        const isNew = this.indexOf(peer.self, end.index) === undefined;
        session.open.add(end.index);
        end.sessions.set(peer.index, session);
        if (isNew) end.onPeer(peer.self, true);
      });
    }
  }
}
