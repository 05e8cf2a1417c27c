// Law: a system becomes a node among nodes by attaching networks; without one it knows nobody else and pays nothing for it.
import type { ActorSystem, System } from '../system.ts';
import type { ActorRef, Message } from '../types.ts';
import type { NodeId } from '../world.ts';
import type { Groups } from './groups.ts';
import { RemoteOffice } from './office.ts';
import type { Refusal } from './refusals.ts';
import type { FrameNetwork } from './session.ts';

export interface Remote {
  /**
   * Reaches the peers of `network`, whose name for this node is the system's name. `trusted`: the peers are parts of this program, and their
   * messages need no schema. Returns how to leave it: its sessions end as if the peers had gone.
   */
  attach(network: FrameNetwork, options?: { readonly trusted?: boolean }): () => void;
  /** A ref to whoever is at that path of that node when a message arrives. Refs that name one actor come in messages and from groups. */
  lookup<M extends Message>(node: NodeId, path: string): ActorRef<M>;
  readonly groups: Groups;
  /** The nodes within reach now. */
  nodes(): readonly NodeId[];
  /** What was refused of other nodes, counted by node and reason. */
  refusals(): readonly Refusal[];
}

/** The system's way to other nodes. The same one each time. */
export function remoteOf(system: System): Remote {
  const actorSystem = system as ActorSystem;
  const office = officeOf(actorSystem);
  return {
    attach: (network, { trusted = false } = {}) => office.attach(network, trusted),
    lookup: <M extends Message>(node: NodeId, path: string) => office.lookup(node, path) as ActorRef<M>,
    groups: office.groups,
    nodes: () => office.nodes,
    refusals: () => office.refused(),
  };
}

export function officeOf(system: ActorSystem): RemoteOffice {
  if (!(system.office instanceof RemoteOffice)) system.office = new RemoteOffice(system);
  return system.office as RemoteOffice;
}

/** Whether two refs name one actor: refs that came from elsewhere are not the same object each time. */
export function sameActor(a: ActorRef<never>, b: ActorRef<never>): boolean {
  if (a === b) return true;
  const [one, other] = [a.address, b.address];
  return one.node === other.node && one.uid === other.uid && one.path === other.path;
}
