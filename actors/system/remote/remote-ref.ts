// Law: a ref to an actor of another node is a value: node, path, uid. It promises at most once, in order per pair of nodes and session,
// and says at once where it cannot send.

import type { ActorSystem } from '../system.ts';
import { ForeignRef, type Monitor } from '../target.ts';
import type { ActorAddress, ExitReason, Message, TraceContext } from '../types.ts';
import type { RemoteOffice } from './office.ts';
import type { Session } from './session.ts';

export class RemoteRef extends ForeignRef {
  readonly address: ActorAddress;
  private readonly office: RemoteOffice;
  /** The session it was last told something over. */
  session: Session | undefined = undefined;

  constructor(system: ActorSystem, office: RemoteOffice, address: ActorAddress) {
    super(system);
    this.office = office;
    this.address = address;
  }

  get path(): string {
    return `${this.address.node}${this.address.path}`;
  }

  offer(message: Message, trace: TraceContext | undefined): boolean {
    return this.office.tell(this, message, trace);
  }

  addWatcher(monitor: Monitor): ExitReason | undefined {
    return this.office.monitor(this, monitor);
  }

  removeWatcher(monitor: Monitor): void {
    this.office.demonitor(this, monitor);
  }
}
