// Law: nothing from another node reaches an actor that did not say, by a schema, what it takes from there; what does not pass is dropped
// and counted under the node that sent it. Tell, ask and monitor mean across nodes what they mean within one.
import { PendingAsk } from '../ask.ts';
import type { Cell } from '../cell.ts';
import { decodeValue, encodeValue, UnencodableValue } from '../codec/index.ts';
import { errorOf } from '../lifecycle.ts';
import type { ActorSystem } from '../system.ts';
import { type Monitor, type Office, type Target, unreachable } from '../target.ts';
import { type ActorRef, type ExitReason, type Message, noproc, type TraceContext } from '../types.ts';
import type { NodeId, PeerEvent } from '../world.ts';
import { answerable } from './answerable.ts';
import {
  asDestination,
  asList,
  asNumber,
  asText,
  codeIn,
  type Destination,
  frameKind,
  frameMark,
  isFrame,
  reasonIn,
  reasonOut,
  traceIn,
  traceOut,
} from './frames.ts';
import { GroupsOffice } from './groups.ts';
import { Names } from './names.ts';
import { type Refusal, type RefusalReason, Refusals } from './refusals.ts';
import { RemoteRef } from './remote-ref.ts';
import { type FrameNetwork, RemoteWatcher, Session } from './session.ts';

export class RemoteOffice implements Office {
  readonly system: ActorSystem;
  readonly groups: GroupsOffice;
  /** Whom the asks of other nodes wait for until their message has found its actor. */
  readonly anchor: Target;
  readonly names: Names;
  private readonly refusals = new Refusals();
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
    const unFrame = network.onFrame((from, bytes) => this.onFrame(network, trusted, from, bytes));
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
      session.post([frameMark, frameKind.reply, number, value]);
    } catch (error) {
      if (!(error instanceof UnencodableValue)) throw error;
      this.system.log('error', 'an answer cannot travel', { to: session.node, error });
      session.post([frameMark, frameKind.fail, number, 'stopped', 'answered with what cannot travel', null]);
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
    const session = new Session(node, network, trusted, this.post, this.names);
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
    return network.send(node, encodeValue(frame, session.lower, network.maxFrameBytes));
  };

  // ── arrivals ──

  private onFrame(network: FrameNetwork, trusted: boolean, from: NodeId, bytes: Uint8Array): void {
    if (!isFrame(bytes)) return;
    let session = this.sessions.get(from);
    if (session === undefined) {
      // A frame may be faster than the news that its sender is up; it may not outlive the connection.
      if (!network.peers().includes(from)) return;
      session = this.open(network, trusted, from);
    }
    if (session.network !== network) return;
    try {
      this.onParsed(session, asList(decodeValue(bytes, session.raise)));
    } catch (error) {
      this.refuse(from, 'malformed', errorOf(error));
    }
  }

  private onParsed(session: Session, frame: readonly unknown[]): void {
    const kind = frame[1];
    switch (kind) {
      case frameKind.tell:
        this.onTell(session, asDestination(frame[2]), traceIn(frame[3]), frame[4]);
        break;
      case frameKind.reply:
        session.awaitedAsk(asNumber(frame[2]))?.send(frame[3]);
        break;
      case frameKind.fail: {
        const reason = frame[5] === null ? undefined : reasonIn(frame[5]);
        session.awaitedAsk(asNumber(frame[2]))?.failAs(codeIn(frame[3]), asText(frame[4]), reason);
        break;
      }
      case frameKind.monitor:
        this.onMonitor(session, asNumber(frame[2]), asDestination(frame[3]));
        break;
      case frameKind.demonitor:
        session.release(asNumber(frame[2]));
        break;
      case frameKind.down:
        this.onDown(session, asNumber(frame[2]), reasonIn(frame[3]));
        break;
      default:
        this.groups.onFrame(session, frame);
    }
  }

  private onTell(session: Session, to: Destination, trace: TraceContext | undefined, raw: unknown): void {
    const replyTo = (raw as { readonly replyTo?: unknown } | null)?.replyTo;
    const ask = replyTo instanceof PendingAsk ? replyTo : undefined;
    const cell = this.resolve(to);
    if (cell !== undefined) ask?.retarget(cell, String((raw as Partial<Message>).type));
    else {
      // Not the sender's mistake: actors end.
      ask?.fail('stopped', 'is not there', noproc);
      this.system.deadLetter(new RemoteRef(this.system, this, this.hereAt(to)), asMessage(raw), 'stopped');
      return;
    }
    const { schema } = cell.def;
    if (schema === undefined && !session.trusted) {
      ask?.fail('refused', 'takes nothing from other nodes');
      this.refuse(session.node, 'closed', new Error(`${cell.path} has no schema and takes nothing from other nodes`));
      return;
    }
    let message: Message;
    try {
      message = asMessage(schema === undefined ? raw : schema.parse(withoutReply(raw)));
    } catch (error) {
      ask?.fail('refused', 'refused it: it does not fit its schema');
      this.refuse(session.node, 'schema', errorOf(error));
      return;
    }
    cell.offer(answerable(message, ask), trace);
  }

  private onMonitor(session: Session, id: number, to: Destination): void {
    const cell = this.resolve(to);
    const watcher = new RemoteWatcher(session, id);
    if (session.holds(id) || session.watchesAll) {
      this.refuse(session.node, 'monitors', new Error('a monitor used twice, or too many of them'));
      return;
    }
    if (cell === undefined) {
      session.post([frameMark, frameKind.down, id, reasonOut(noproc)]);
      return;
    }
    const monitor = { id: id as Monitor['id'], watcher, target: cell };
    session.hold(id, monitor);
    cell.addWatcher(monitor);
  }

  private onDown(session: Session, id: number, reason: ExitReason): void {
    const monitor = session.takeWatched(id);
    if (monitor === undefined) return;
    const { watcher, target } = monitor;
    watcher.bonds?.monitoring.delete(monitor.id);
    watcher.pushSignal({ type: 'down', from: target, reason, id: monitor.id });
  }

  private resolve(to: Destination): Cell | undefined {
    return typeof to === 'string' ? this.system.find(to) : this.names.exportedCell(to);
  }

  private hereAt(to: Destination): RemoteRef['address'] {
    const { name } = this.system;
    return typeof to === 'string' ? { node: name, path: to, uid: 0 } : { node: name, path: '', uid: to };
  }

  refuse(node: NodeId, reason: RefusalReason, error: Error): void {
    const count = this.refusals.add(node, reason, error.message);
    // The first, the second, the fourth …: a peer that floods does not flood the log.
    if ((count & (count - 1)) !== 0) return;
    this.system.log('warn', 'refused what another node sent', { node, reason, count, error: error.message });
  }
}

function destination({ address: { uid, path } }: RemoteRef): Destination {
  return uid === 0 ? path : uid;
}

function asMessage(raw: unknown): Message {
  if (typeof (raw as { readonly type?: unknown } | null)?.type !== 'string')
    throw new TypeError('a message has a type, which is text');
  return raw as Message;
}

function withoutReply(raw: unknown): unknown {
  if (typeof raw !== 'object' || raw === null || !('replyTo' in raw)) return raw;
  const { replyTo: _, ...message } = raw;
  return message;
}
