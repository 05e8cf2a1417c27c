// Law: a virtual actor is always there: its ref is its region and its id, and telling it something brings it to life.
import type { Cell } from '../cell.ts';
import { ForeignRef, type Monitor } from '../target.ts';
import type { ActorAddress, ExitReason, Message, TraceContext } from '../types.ts';

/** What a region is told. A reply address travels on top, where every part of the runtime looks for it. */
export interface Deliver extends Message {
  readonly type: 'deliver';
  readonly id: string;
  readonly message: Message;
  readonly replyTo?: unknown;
}

/** The definitions that host virtual actors: no other actor takes deliveries. */
export const regionDefs = new WeakSet<object>();

export class EntityRef extends ForeignRef {
  readonly region: Cell;
  readonly id: string;

  constructor(region: Cell, id: string) {
    super(region.system);
    if (!id.isWellFormed()) throw new RangeError('the id of a virtual actor is well-formed Unicode text');
    this.region = region;
    this.id = id;
  }

  get path(): string {
    return `${this.region.path}/${encodeURIComponent(this.id)}`;
  }

  /** Of no node in particular. */
  get address(): ActorAddress {
    return { node: '*', path: this.path, uid: 0 };
  }

  offer(message: Message, trace: TraceContext | undefined): boolean {
    const { id } = this;
    const { replyTo, ...rest } = message as Message & { readonly replyTo?: unknown };
    const carried: Deliver =
      replyTo === undefined ? { type: 'deliver', id, message } : { type: 'deliver', id, message: rest, replyTo };
    return this.region.offer(carried, trace);
  }

  addWatcher(_monitor: Monitor): ExitReason | undefined {
    throw new TypeError(`${this.path} is a virtual actor: it is always there, so there is no end to watch`);
  }

  removeWatcher(_monitor: Monitor): void {}
}
