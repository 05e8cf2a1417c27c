// Law: who may connect is known before any transport opens: members, workers and observers, and anybody while a ticket is out.
import {
  type ChainStore,
  createObservers,
  type Invites,
  type Observers,
  openChainStore,
  openInvites,
} from '../actors/epochs/index.ts';
import type { KeyValue, NodeId, World } from '../actors/system/index.ts';
import type { MeshChain } from '../protocols/mesh/index.ts';

/** What must be there before a transport may let anyone in: who the members are, and which tickets are out. */
export interface Admittance {
  readonly chain: MeshChain;
  readonly chainStore: ChainStore;
  readonly invites: Invites;
  readonly observers: Observers;
  /** Whether the transport may keep a connection to this node. A stranger may connect while a ticket is out, to ask. */
  readonly allow: (id: NodeId) => boolean;
}

/** Reads the chain of configs and the tickets from `keyValue`. */
export async function openAdmittance(
  options: { readonly self: NodeId; readonly keyValue: KeyValue; readonly chain: MeshChain } & Pick<
    World,
    'crypto' | 'clock' | 'random'
  >,
): Promise<Admittance> {
  const { self, keyValue, chain, crypto, clock, random } = options;
  const chainStore = await openChainStore({ keyValue, chain, crypto });
  const invites = await openInvites({ keyValue, clock, crypto, random });
  const observers = createObservers();
  return {
    chain,
    chainStore,
    invites,
    observers,
    // Who only listens stays connected to members alone: a thousand of them must not become half a million connections.
    allow: (id) =>
      chain.isMember(id) ||
      (chain.worker(id) !== undefined && chain.node(self) !== undefined) ||
      (chain.isMember(self) && observers.has(id)) ||
      invites.areOutstanding(),
  };
}
