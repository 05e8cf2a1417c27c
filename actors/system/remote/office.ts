// Law: tell, ask and monitor mean across nodes what they mean within one. A peer is known by one session, over one network at a time.
import { type AskErrorCode, PendingAsk } from '../ask.ts';
import { decodeValue, encodeValue, UnencodableValue } from '../codec/index.ts';
import { errorOf } from '../lifecycle.ts';
import type { ActorSystem } from '../system.ts';
import { type Monitor, type Office, type Target, unreachable } from '../target.ts';
import { type ActorRef, type ExitReason, type Message, noproc, type TraceContext } from '../types.ts';
import type { NodeId, PeerEvent } from '../world.ts';
import { Arrivals } from './arrivals.ts';
import { asideInto } from './buffers.ts';
import { asList, type Destination, frameKind, frameMark, isFrame, traceOut } from './frames.ts';
import { GroupsOffice } from './groups.ts';
import { Names } from './names.ts';
import { type Refusal, type RefusalReason, Refusals } from './refusals.ts';
import { RemoteRef } from './remote-ref.ts';
import { type FrameNetwork, noBuffers, Session } from './session.ts';

export class RemoteOffice implements Office {
  readonly system: ActorSystem;
  readonly groups: GroupsOffice;
  /** Whom the asks of other nodes wait for until their message has found its actor. */
  readonly anchor: Target;
  readonly names: Names;
  private readonly refusals = new Refusals();
  private readonly arrivals = new Arrivals(this);
  private readonly sessions = new Map<NodeId, Session>();
  private readonly attached = new Map<FrameNetwork, () => void>();

  constructor(system: ActorSystem) {
    this.system = system;
    this.names = new Names(system, this);
    this.anchor = new RemoteRef(system, this, { node: system.name, path: '', uid: 0 });
    this.groups = new GroupsOffice(this);
  }

  // ── what its owner does ──

  attach(network: FrameNetwork, trusted: boolean): () => void {
    const { name } = this.system;
    if (network.self !== name)
      throw new Error(`system '${name}' cannot speak as '${network.self}': name the system after its node`);
    if (this.attached.has(network)) throw new Error(`system '${name}' is attached to this network already`);
    const unPeer = network.onPeer((event) => this.onPeer(network, trusted, event));
    const onFrame = (from: NodeId, bytes: Uint8Array, buffers: readonly Uint8Array[] = noBuffers): void =>
      this.onFrame(network, trusted, from, bytes, buffers);
    const unFrame = network.buffers === undefined ? network.onFrame(onFrame) : network.buffers.onFrame(onFrame);
    for (const node of network.peers()) this.open(network, trusted, node);
    const detach = (): void => {
      if (!this.attached.delete(network)) return;
      unPeer();
      unFrame();
      for (const session of [...this.sessions.values()]) if (session.network === network) this.endSession(session);
    };
    this.attached.set(network, detach);
    return detach;
  }

  lookup(node: NodeId, path: string): ActorRef<never> {
    return this.names.ref({ node, path, uid: 0 });
  }

  get nodes(): readonly NodeId[] {
    return [...this.sessions.keys()];
  }

  refused(): readonly Refusal[] {
    return this.refusals.list();
  }

  forget(uid: number): void {
    this.names.forget(uid);
  }

  close(): void {
    this.groups.close();
    for (const detach of [...this.attached.values()]) detach();
  }

  // ── what refs do ──

  private sessionOf(ref: RemoteRef): Session | undefined {
    if (ref.session?.open !== true) ref.session = this.sessions.get(ref.address.node);
    return ref.session;
  }

  tell(ref: RemoteRef, message: Message, trace: TraceContext | undefined): boolean {
    const session = this.sessionOf(ref);
    if (session === undefined) {
      this.system.deadLetter(ref, message, ref.address.node === this.system.name ? 'stopped' : 'unreachable');
      return false;
    }
    try {
      const { replyTo } = message as { readonly replyTo?: unknown };
      if (replyTo instanceof PendingAsk) replyTo.retarget(ref);
      if (session.post([frameMark, frameKind.tell, destination(ref), traceOut(trace), message])) return true;
    } catch (error) {
      if (!(error instanceof UnencodableValue)) throw error;
      this.system.log('error', 'a message cannot travel', { to: ref.path, type: message.type, error });
      this.system.deadLetter(ref, message, 'unencodable');
      return false;
    }
    this.system.deadLetter(ref, message, 'full');
    return false;
  }

  reply(session: Session, number: number, value: unknown): void {
    try {
      if (!session.post([frameMark, frameKind.reply, number, value]))
        session.owed.send(failFrame(number, 'refused', 'answered, and the way back was full'));
    } catch (error) {
      if (!(error instanceof UnencodableValue)) throw error;
      this.system.log('error', 'an answer cannot travel', { to: session.node, error });
      session.owed.send(failFrame(number, 'stopped', 'answered with what cannot travel'));
    }
  }

  monitor(ref: RemoteRef, monitor: Monitor): ExitReason | undefined {
    const { node } = ref.address;
    const session = this.sessionOf(ref);
    if (session === undefined) return node === this.system.name ? noproc : unreachable(node);
    if (!session.post([frameMark, frameKind.monitor, monitor.id, destination(ref)])) return unreachable(node);
    session.watch(monitor);
    return undefined;
  }

  demonitor(ref: RemoteRef, monitor: Monitor): void {
    const session = this.sessionOf(ref);
    if (session?.unwatch(monitor) === true) session.post([frameMark, frameKind.demonitor, monitor.id]);
  }

  // ── sessions ──

  private onPeer(network: FrameNetwork, trusted: boolean, { node, up }: PeerEvent): void {
    const session = this.sessions.get(node);
    if (up && session === undefined) this.open(network, trusted, node);
    if (up || session?.network !== network) return;
    this.endSession(session);
    // Another network may still reach it: over that it is a node that comes up.
    for (const other of this.attached.keys()) if (other.peers().includes(node)) this.open(other, trusted, node);
  }

  private open(network: FrameNetwork, trusted: boolean, node: NodeId): Session {
    const present = this.sessions.get(node);
    if (present !== undefined) return present;
    const session = new Session(node, network, trusted, this.post, this.names, this.system.wheel);
    this.sessions.set(node, session);
    this.groups.peerUp(session);
    return session;
  }

  private endSession(session: Session): void {
    this.sessions.delete(session.node);
    session.close();
    this.groups.peerDown(session.node);
  }

  private readonly post = (session: Session, frame: readonly unknown[]): boolean => {
    if (!session.open) return false;
    const { network, node } = session;
    const { buffers: carrier, maxFrameBytes } = network;
    if (carrier === undefined) return network.send(node, encodeValue(frame, session.lower, maxFrameBytes));
    const buffers: Uint8Array[] = [];
    const aside = asideInto(buffers, carrier.fromBytes, maxFrameBytes);
    return carrier.send(node, encodeValue(frame, session.lower, maxFrameBytes, aside), buffers);
  };

  // ── arrivals ──

  private onFrame(
    network: FrameNetwork,
    trusted: boolean,
    from: NodeId,
    bytes: Uint8Array,
    buffers: readonly Uint8Array[],
  ): void {
    if (!isFrame(bytes)) return;
    let session = this.sessions.get(from);
    if (session === undefined) {
      // A frame may be faster than the news that its sender is up; it may not outlive the connection.
      if (!network.peers().includes(from)) return;
      session = this.open(network, trusted, from);
    }
    if (session.network !== network) return;
    try {
      session.arriving = buffers;
      this.arrivals.take(session, asList(decodeValue(bytes, session.raise)));
    } catch (error) {
      this.refuse(from, 'malformed', errorOf(error));
    } finally {
      session.arriving = noBuffers;
    }
  }

  refuse(node: NodeId, reason: RefusalReason, error: Error): void {
    const count = this.refusals.add(node, reason, error.message);
    // The first, the second, the fourth …: a peer that floods does not flood the log.
    if ((count & (count - 1)) !== 0) return;
    this.system.log('warn', 'refused what another node sent', { node, reason, count, error: error.message });
  }
}

function failFrame(number: number, code: AskErrorCode, words: string): readonly unknown[] {
  return [frameMark, frameKind.fail, number, code, words, null];
}

function destination({ address: { uid, path } }: RemoteRef): Destination {
  return uid === 0 ? path : uid;
}
