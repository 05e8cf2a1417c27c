// Law: a session carries frames in order, each at most once, until either end notices that it is over; what was under way then is lost, and
// nothing of one session arrives in the next. The two ends notice on their own, at different times, as real ones do.
import type { NodeId } from '../../actors/system/index.ts';
import { createDraws, type Draws, type Kernel, type Life, nobody } from '../world/index.ts';
import { type LinkProfile, linkName, type NetworkProfile } from './profile.ts';

export type CarriedKind = 'frame' | 'request' | 'reply' | 'publish' | 'pull' | 'chunk';

/** One node's process on the network. */
export interface Endpoint {
  readonly index: number;
  readonly self: NodeId;
  readonly site: string;
  readonly life: Life;
  allow(peer: NodeId): boolean;
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

interface Direction {
  carried: number;
  lastArrivalUs: number;
  /** Overlapping faults count. */
  blocks: number;
  clogs: number;
  holds: boolean;
  held: (() => void)[];
  /** Until then it sends what it was given before. */
  busyUntilUs: number;
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

const purpose = {
  jitter: 0,
  tail: 1,
  tailUs: 2,
  loss: 3,
  duplicate: 4,
  duplicateUs: 5,
  notice: 6,
  dial: 7,
  reorder: 8,
  reorderUs: 9,
} as const;
const duplicateMaxUs = 3_000_000;
const reorderMaxUs = 200_000;
const refusedRetryUs = 1_000_000;

export class Fabric {
  readonly kernel: Kernel;
  /** May be changed during a run. */
  profile: NetworkProfile;
  readonly onSend: NonNullable<FabricOptions['onSend']>;
  readonly onArrive: NonNullable<FabricOptions['onArrive']>;
  readonly endpoints = new Map<number, Endpoint>();
  readonly draws: Draws;
  private readonly directions = new Map<number, Direction>();
  private readonly pairs = new Map<number, Pair>();
  private readonly ids = new Map<number, NodeId>();
  private readonly indices = new Map<NodeId, number>();
  /** Until when the line from site to site is busy, by `linkName`. */
  private readonly lines = new Map<string, number>();
  private sessions = 0;
  private carried = 0;

  constructor(options: FabricOptions) {
    this.kernel = options.kernel;
    this.profile = options.profile;
    this.onSend = options.onSend ?? (() => {});
    this.onArrive = options.onArrive ?? (() => {});
    this.draws = createDraws(options.seed, 'network');
  }

  attach(endpoint: Endpoint): void {
    this.endpoints.set(endpoint.index, endpoint);
    this.ids.set(endpoint.index, endpoint.self);
    this.indices.set(endpoint.self, endpoint.index);
    // Two nodes of which neither would keep the connection do not dial each other.
    for (const other of this.endpoints.values())
      if (other !== endpoint && (endpoint.allow(other.self) || other.allow(endpoint.self)))
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

  /** Nothing gets from `from` to `to` any more. `holds`: it arrives once the path is whole again, as TCP would repeat it; else it is lost. */
  block(from: number, to: number, holds: boolean): void {
    const direction = this.direction(from, to);
    direction.blocks++;
    direction.holds = holds;
    const { breaks } = this.pair(from, to);
    const session = this.sessionOf(from, to);
    if (session === undefined) return;
    const isStill = (): boolean => this.isBlocked(from, to) && this.pair(from, to).breaks === breaks;
    this.noticeLater(session, from, to, isStill);
    this.noticeLater(session, to, from, isStill);
  }

  unblock(from: number, to: number): void {
    const direction = this.direction(from, to);
    if (direction.blocks === 0) return;
    direction.blocks--;
    if (direction.blocks > 0) return;
    this.release(direction);
    if (this.isBlocked(from, to)) return;
    this.pair(from, to).breaks++;
    this.dial(from, to);
  }

  /** What goes from `from` to `to` waits until `unclog`, however long that takes; the connection stands. */
  clog(from: number, to: number): void {
    this.direction(from, to).clogs++;
  }

  unclog(from: number, to: number): void {
    const direction = this.direction(from, to);
    if (direction.clogs === 0) return;
    direction.clogs--;
    this.release(direction);
  }

  isBlocked(a: number, b: number): boolean {
    return this.direction(a, b).blocks > 0 || this.direction(b, a).blocks > 0;
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
    const direction = this.direction(from, to);
    const n = direction.carried++;
    const { draws } = this;
    const link = this.link(from, to);
    if (
      link.lossPermille > 0 &&
      kind !== 'pull' &&
      kind !== 'chunk' &&
      draws.chance(link.lossPermille, purpose.loss, from, to, n)
    )
      return;
    const again =
      link.duplicatePermille > 0 &&
      kind === 'frame' &&
      draws.chance(link.duplicatePermille, purpose.duplicate, from, to, n);
    const send = (atUs: number): void => {
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
    const go = (): void => {
      const sentUs = this.transmittedUs(link, direction, from, to, bytes.length);
      let atUs = Math.max(sentUs + this.latencyUs(link, from, to, n), session.opensAtUs.get(to) ?? 0);
      if (link.reorderPermille > 0 && draws.chance(link.reorderPermille, purpose.reorder, from, to, n))
        atUs += 1 + draws.below(reorderMaxUs, purpose.reorderUs, from, to, n);
      else if (ordered) {
        atUs = Math.max(atUs, direction.lastArrivalUs);
        direction.lastArrivalUs = atUs;
      }
      send(atUs);
      if (again) send(atUs + 1 + draws.below(duplicateMaxUs, purpose.duplicateUs, from, to, n));
    };
    if (direction.blocks === 0 && direction.clogs === 0) go();
    else if (direction.blocks === 0 || direction.holds)
      direction.held.push(() => void (session.open.has(from) && go()));
  }

  private release(direction: Direction): void {
    if (direction.blocks === 0 && direction.clogs === 0) for (const carry of direction.held.splice(0)) carry();
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
    if (peerId !== undefined) endpoint.onPeer(peerId, false);
    this.dial(index, peer);
  }

  /** The name of a node that is, or was, on the network. */
  idOf(index: number): NodeId | undefined {
    return this.ids.get(index);
  }

  indexOf(id: NodeId): number | undefined {
    return this.indices.get(id);
  }

  private direction(from: number, to: number): Direction {
    const key = from * 0x1_0000 + to;
    let direction = this.directions.get(key);
    if (direction === undefined) {
      direction = { carried: 0, lastArrivalUs: 0, blocks: 0, clogs: 0, holds: false, held: [], busyUntilUs: 0 };
      this.directions.set(key, direction);
    }
    return direction;
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

  private link(from: number, to: number): LinkProfile {
    const [fromSite, toSite] = [this.endpoints.get(from)?.site, this.endpoints.get(to)?.site];
    const { near, far, between } = this.profile;
    if (fromSite === toSite) return near;
    if (between === undefined || fromSite === undefined || toSite === undefined) return far;
    return between[linkName(fromSite, toSite)] ?? far;
  }

  /** When the last byte has left: behind everything that was to leave by the same way before. */
  private transmittedUs(link: LinkProfile, direction: Direction, from: number, to: number, sizeBytes: number): number {
    const sizeUs = (bytesPerMs: number): number => Math.ceil((sizeBytes * 1_000) / bytesPerMs);
    let atUs = Math.max(this.kernel.nowUs, direction.busyUntilUs) + sizeUs(link.bytesPerMs);
    direction.busyUntilUs = atUs;
    if (link.sharedBytesPerMs !== undefined) {
      const name = linkName(this.endpoints.get(from)?.site ?? '', this.endpoints.get(to)?.site ?? '');
      atUs = Math.max(atUs, this.lines.get(name) ?? 0) + sizeUs(link.sharedBytesPerMs);
      this.lines.set(name, atUs);
    }
    return atUs;
  }

  private latencyUs(link: LinkProfile, from: number, to: number, n: number): number {
    const { draws } = this;
    const tail = draws.chance(link.tailPermille, purpose.tail, from, to, n)
      ? draws.below(link.tailUs + 1, purpose.tailUs, from, to, n)
      : 0;
    return link.latencyUs + draws.below(link.jitterUs + 1, purpose.jitter, from, to, n) + tail;
  }

  /** Tells the other end, if anything gets through. */
  private reset(session: Session, from: number, to: number): void {
    if (!session.open.has(to) || this.direction(from, to).blocks > 0) return;
    const link = this.link(from, to);
    this.kernel.schedule(this.kernel.nowUs + link.latencyUs, to, 'link.reset', () => this.closeEnd(session, to, from));
  }

  private noticeLater(session: Session, gone: number, witness: number, isStill: () => boolean): void {
    const { noticeMinUs, noticeMaxUs } = this.profile;
    // Counted by pair, so that a fault elsewhere moves no notice here.
    const n = this.pair(gone, witness).notices++;
    const delayUs = noticeMinUs + this.draws.below(noticeMaxUs - noticeMinUs + 1, purpose.notice, gone, witness, n);
    this.kernel.schedule(
      this.kernel.nowUs + delayUs,
      witness,
      'link.notice',
      () => void (isStill() && this.closeEnd(session, witness, gone)),
    );
  }

  private dial(a: number, b: number, atLeastUs = 0): void {
    const pair = this.pair(a, b);
    if (pair.dialing) return;
    pair.dialing = true;
    const { dialMinUs, dialMaxUs } = this.profile;
    const delayUs =
      atLeastUs +
      dialMinUs +
      this.draws.below(dialMaxUs - dialMinUs + 1, purpose.dial, Math.min(a, b), Math.max(a, b), pair.dials++);
    this.kernel.schedule(this.kernel.nowUs + delayUs, nobody, 'link.dial', () => {
      pair.dialing = false;
      this.establish(a, b);
    });
  }

  private establish(a: number, b: number): void {
    const [one, other] = [this.endpoints.get(a), this.endpoints.get(b)];
    if (one === undefined || other === undefined || this.isBlocked(a, b)) return;
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
      [other, one, nowUs + this.link(a, b).latencyUs],
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
        session.open.add(end.index);
        end.sessions.set(peer.index, session);
        end.onPeer(peer.self, true);
      });
    }
  }
}
