// Law: as OTP's pg: groups are eventually consistent, only the node that owns an actor speaks for its membership, an empty group is no
// group. Two nodes that meet exchange all they own; afterwards each tells its changes, numbered, so that a gap is noticed and healed.
import { MalformedValue } from '../codec/index.ts';
import { errorOf } from '../lifecycle.ts';
import { CallEntry } from '../timer-wheel.ts';
import type { ActorRef, Message } from '../types.ts';
import type { NodeId } from '../world.ts';
import { asList, asNumber, asText, frameKind, frameMark } from './frames.ts';
import { type GroupEvent, LocalGroups } from './local-groups.ts';
import { type GroupTable, Membership } from './membership.ts';
import type { RemoteOffice } from './office.ts';
import { RemoteRef } from './remote-ref.ts';
import type { Session } from './session.ts';

export interface Groups {
  /** Adds actors of this node; each time counts: who joined twice leaves twice. Throws TypeError for refs of other nodes. */
  join(group: string, refs: ActorRef<never> | readonly ActorRef<never>[]): void;
  /** False: none of them is in the group. An actor that ends leaves by itself. */
  leave(group: string, refs: ActorRef<never> | readonly ActorRef<never>[]): boolean;
  /** Everyone this node knows of, once per time it joined: its own first. */
  members<M extends Message>(group: string): readonly ActorRef<M>[];
  localMembers<M extends Message>(group: string): readonly ActorRef<M>[];
  /** Groups that have members, in no particular order. */
  names(): readonly string[];
  localNames(): readonly string[];
  /** Tells of every later change, of one group or of all, until stopped. */
  watch(listener: (event: GroupEvent) => void, group?: string): () => void;
}

/** Members in one frame of a sync: some 100 bytes each, well below a frame. */
const membersPerFrame = 4096;
/** Members one peer may name: half in the table that is there, half in the one that replaces it. */
const maxMembersPerPeer = 100_000;
/** The first wait for what is missing from a peer; it doubles up to the second. A peer may never answer: it may run no actors. */
const repairAfterMs = 1000;
const repairSlowestMs = 60_000;

interface PeerView {
  readonly session: Session;
  readonly membership: Membership<RemoteRef>;
  /** The number of the last change heard; −1 before the first sync. */
  version: number;
  /** Of the sync under way: the part expected next. */
  nextPart: number;
  /** A change of ours did not get through. */
  behind: boolean;
}

export class GroupsOffice implements Groups {
  private readonly office: RemoteOffice;
  private readonly local: LocalGroups;
  private readonly peers = new Map<NodeId, PeerView>();
  private readonly listeners = new Map<(event: GroupEvent) => void, string | undefined>();
  /** Wakes while a peer is behind, or has not answered. */
  private readonly repair: CallEntry;
  private repairMs = repairAfterMs;
  private version = 0;

  constructor(office: RemoteOffice) {
    this.office = office;
    this.local = new LocalGroups(office.system, (event) => this.changed(event));
    this.repair = new CallEntry(() => this.onRepair());
  }

  // ── what actors of this node do ──

  join(group: string, refs: ActorRef<never> | readonly ActorRef<never>[]): void {
    this.local.join(group, refs);
  }

  leave(group: string, refs: ActorRef<never> | readonly ActorRef<never>[]): boolean {
    return this.local.leave(group, refs);
  }

  members<M extends Message>(group: string): readonly ActorRef<M>[] {
    const found: ActorRef<M>[] = [...this.local.table.members(group)];
    for (const { membership } of this.peers.values()) found.push(...membership.members(group));
    return found;
  }

  localMembers<M extends Message>(group: string): readonly ActorRef<M>[] {
    return [...this.local.table.members(group)];
  }

  names(): readonly string[] {
    const found = new Set(this.local.table.names());
    for (const { membership } of this.peers.values()) for (const name of membership.names()) found.add(name);
    return [...found];
  }

  localNames(): readonly string[] {
    return [...this.local.table.names()];
  }

  watch(listener: (event: GroupEvent) => void, group?: string): () => void {
    // A function of its own, so that watching twice with one listener is watching twice.
    const own = (event: GroupEvent): void => listener(event);
    this.listeners.set(own, group);
    return () => void this.listeners.delete(own);
  }

  /** Leaves all groups, and says so while there is someone to hear it. */
  close(): void {
    this.local.clear();
    this.version++;
    for (const { session } of this.peers.values()) this.sendSync(session);
    this.office.system.wheel.cancel(this.repair);
  }

  private changed(event: GroupEvent): void {
    this.version++;
    const kind = event.type === 'join' ? frameKind.join : frameKind.leave;
    for (const peer of this.peers.values()) {
      if (!peer.behind && !peer.session.post([frameMark, kind, this.version, event.group, event.refs]))
        this.fallBehind(peer);
    }
    this.publish(event);
  }

  private publish(event: GroupEvent): void {
    for (const [listener, group] of [...this.listeners]) {
      if (group !== undefined && group !== event.group) continue;
      try {
        listener(event);
      } catch (thrown) {
        this.office.system.log('error', 'a listener of groups threw', { group: event.group, error: errorOf(thrown) });
      }
    }
  }

  // ── peers ──

  peerUp(session: Session): void {
    this.peers.set(session.node, { session, membership: new Membership(), version: -1, nextPart: 0, behind: false });
    this.discover(session);
  }

  peerDown(node: NodeId): void {
    const peer = this.peers.get(node);
    this.peers.delete(node);
    for (const [group, refs] of peer?.membership.groups() ?? []) this.publish({ type: 'leave', group, refs });
  }

  onFrame(session: Session, frame: readonly unknown[]): void {
    const peer = this.peers.get(session.node);
    if (peer === undefined) return;
    switch (frame[1]) {
      case frameKind.discover:
        this.sendSync(session);
        // It may not have been there when this node asked.
        if (peer.version < 0) this.discover(session);
        break;
      case frameKind.sync:
        this.onSync(peer, asNumber(frame[2]), asNumber(frame[3]), frame[4] === true, this.table(peer, frame[5]));
        break;
      case frameKind.join:
      case frameKind.leave:
        this.onChange(
          peer,
          frame[1] === frameKind.join ? 'join' : 'leave',
          asNumber(frame[2]),
          asText(frame[3]),
          frame[4],
        );
        break;
      default:
        throw new MalformedValue('a frame is of a kind that exists');
    }
  }

  private discover(session: Session): void {
    session.post([frameMark, frameKind.discover]);
    this.arm();
  }

  private sendSync(session: Session): void {
    const parts = this.local.table.parts(membersPerFrame);
    for (const [index, part] of parts.entries()) {
      const sent = session.post([frameMark, frameKind.sync, this.version, index, index === parts.length - 1, part]);
      if (sent) continue;
      const peer = this.peers.get(session.node);
      if (peer !== undefined) this.fallBehind(peer);
      return;
    }
    const peer = this.peers.get(session.node);
    if (peer !== undefined) peer.behind = false;
  }

  private onSync(peer: PeerView, version: number, part: number, last: boolean, table: GroupTable<RemoteRef>): void {
    if (part === 0) peer.membership.begin();
    else if (part !== peer.nextPart) return;
    peer.nextPart = part + 1;
    for (const [group, refs] of table) for (const ref of refs) peer.membership.stage(group, ref);
    if (!last) return;
    peer.nextPart = 0;
    peer.version = version;
    for (const event of peer.membership.commit(sameActor)) this.publish(event);
  }

  private onChange(peer: PeerView, type: 'join' | 'leave', version: number, group: string, raw: unknown): void {
    // A change before the first sync is in that sync.
    if (peer.version < 0 || version <= peer.version) return;
    if (version !== peer.version + 1) {
      peer.version = -1;
      this.discover(peer.session);
      return;
    }
    peer.version = version;
    const { membership } = peer;
    const refs = this.refs(peer, raw).filter((ref) => {
      if (type === 'leave') return membership.remove(group, ref, sameActor);
      membership.add(group, ref);
      return true;
    });
    if (refs.length > 0) this.publish({ type, group, refs });
  }

  private table(peer: PeerView, raw: unknown): GroupTable<RemoteRef> {
    return asList(raw).map((row) => {
      const [group, refs] = asList(row);
      return [asText(group), this.refs(peer, refs)];
    });
  }

  /** Those of the peer's own actors: it cannot speak for others'. */
  private refs({ session, membership }: PeerView, raw: unknown): readonly RemoteRef[] {
    const refs = asList(raw);
    if (membership.size + membership.stagedSize + refs.length > 2 * maxMembersPerPeer)
      throw new MalformedValue('more members than a peer may name');
    const own = refs.filter((ref) => ref instanceof RemoteRef && ref.address.node === session.node) as RemoteRef[];
    if (own.length < refs.length)
      this.office.refuse(
        session.node,
        'foreign',
        new Error('spoke for the group membership of actors that are not its own'),
      );
    return own;
  }

  // ── repair ──

  private fallBehind(peer: PeerView): void {
    peer.behind = true;
    this.arm();
  }

  /** Something new is missing. */
  private arm(): void {
    this.repairMs = repairAfterMs;
    this.office.system.wheel.add(this.repair, repairAfterMs);
  }

  private onRepair(): void {
    let missing = false;
    for (const peer of this.peers.values()) {
      if (!peer.behind && peer.version >= 0) continue;
      missing = true;
      if (peer.behind) this.sendSync(peer.session);
      if (peer.version < 0) peer.session.post([frameMark, frameKind.discover]);
    }
    if (!missing) return;
    this.repairMs = Math.min(2 * this.repairMs, repairSlowestMs);
    this.office.system.wheel.add(this.repair, this.repairMs);
  }
}

function sameActor(a: RemoteRef, b: RemoteRef): boolean {
  return a.address.uid === b.address.uid;
}
