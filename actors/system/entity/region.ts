// Law: a virtual actor lives at most once per node, on the node that the view says; its first message brings it to life, it sleeps when it
// has nothing to do, and no message falls between the two. A delivery carries its sender's view number: an older one is passed on to
// where this node's view says, a newer one waits until this node has caught up, so that no delivery goes round in circles. Nodes with
// different views may host one actor twice for a while: the journal of a durable one lets only one of them write.
import { handOver } from '../ask.ts';
import type { Cell } from '../cell.ts';
import { MalformedValue } from '../codec/index.ts';
import { type ActorContext, cellOf } from '../context.ts';
import { answerable } from '../remote/answerable.ts';
import { officeOf } from '../remote/remote.ts';
import type { ActorDef, ActorRef, Message, MonitorId, Schema, TraceContext } from '../types.ts';
import { type Deliver, EntityRef, regionDefs } from './entity-ref.ts';
import { Resident } from './resident.ts';
import { type EntityView, Homes } from './view.ts';

export interface EntitiesDef<M extends Message> {
  /** Started with the id. Its schema is what other nodes may send. */
  // biome-ignore lint/suspicious/noExplicitAny: the state is the actor's own business, and invariant
  readonly actor: ActorDef<M, any, string>;
  /** Without a message for so long, and with no promise, timer, pipe, stash or child open, it is put to sleep. Default 120,000. */
  readonly passivateAfterMs?: number;
  /** Awake at a time on this node; what is told to more is refused. Default 100,000. */
  readonly maxAwake?: number;
}

interface Forwarded extends Omit<Deliver, 'type'> {
  readonly type: 'forwarded';
  /** The view by which its sender chose this node. */
  readonly view: number;
}

export type EntitiesMessage =
  | Deliver
  | Forwarded
  /** From membership. Ignored unless its number is higher than the present view's. */
  | { readonly type: 'view'; readonly view: EntityView }
  | { readonly type: 'sweep' };

/** A delivery that waits, with the trace it came with. */
export interface Held {
  readonly delivery: Deliver | Forwarded;
  readonly trace: TraceContext | undefined;
  readonly untilMs: number;
}

const defaultPassivateAfterMs = 120_000;
const defaultMaxAwake = 100_000;
/** Deliveries that wait: for one actor to wake again, and for this node's view. */
const maxHeld = 1024;
/** How long a delivery waits for this node's view to catch up, and a resident that moves for its work to end. */
const catchUpMs = 5000;
const soonMs = 50;

/** The actor that hosts the virtual actors of one kind on this node, started with a view. Every node spawns it under the same name. */
export function entities<M extends Message>(def: EntitiesDef<M>): ActorDef<EntitiesMessage, unknown, EntityView> {
  const region: ActorDef<EntitiesMessage, Region, EntityView> = {
    kind: `entities of ${def.actor.kind}`,
    start: (ctx, view) => new Region(def as EntitiesDef<Message>, ctx as unknown as ActorContext, view),
    receive: (state, message, ctx) => state.receive(message, ctx.trace),
    signal: (state, signal) => {
      if (signal.type === 'down') state.ended(signal.monitor);
    },
    ...(def.actor.schema === undefined ? {} : { schema: arrivals(def.actor.schema) }),
  };
  regionDefs.add(region);
  return region as ActorDef<EntitiesMessage, unknown, EntityView>;
}

/** A virtual actor: a ref that is always good. */
export function entity<M extends Message>(region: ActorRef<EntitiesMessage>, id: string): ActorRef<M> {
  return new EntityRef(cellOf(region), id);
}

/** What a region takes from other nodes: deliveries of what its actors take. */
function arrivals(schema: Schema<unknown>): Schema<Forwarded> {
  return {
    parse(input) {
      const { type, view, id, message } = input as Partial<Forwarded>;
      if (type !== 'forwarded' || !Number.isSafeInteger(view) || typeof id !== 'string' || !id.isWellFormed())
        throw new MalformedValue('a region takes deliveries');
      return { type, view: view!, id, message: schema.parse(message) as Message };
    },
  };
}

class Region {
  private readonly def: EntitiesDef<Message>;
  private readonly ctx: ActorContext;
  private readonly passivateAfterMs: number;
  private readonly residents = new Map<string, Resident>();
  private readonly byMonitor = new Map<MonitorId, Resident>();
  private early: Held[] = [];
  private homes: Homes;
  private sweepAtMs = Number.POSITIVE_INFINITY;

  constructor(def: EntitiesDef<Message>, ctx: ActorContext, view: EntityView) {
    this.def = def;
    this.ctx = ctx;
    this.passivateAfterMs = def.passivateAfterMs ?? defaultPassivateAfterMs;
    this.homes = new Homes(view);
  }

  receive(message: EntitiesMessage, trace: TraceContext | undefined): void {
    if (message.type === 'view') this.setView(message.view);
    else if (message.type === 'sweep') this.sweep();
    else this.route({ delivery: message, trace, untilMs: this.nowMs + catchUpMs });
  }

  private get nowMs(): number {
    return this.ctx.clock.monotonicMs();
  }

  // ── where to ──

  private route(held: Held): void {
    const { delivery, trace } = held;
    const { system } = this.ctx.cell;
    const { homes } = this;
    const sendersView = delivery.type === 'forwarded' ? delivery.view : -1;
    if (sendersView > homes.number) {
      this.wait(held);
      return;
    }
    const home = homes.homeOf(delivery.id);
    if (home === system.name) this.deliver(held);
    else if (home === undefined || sendersView === homes.number) this.giveUp(held);
    else {
      const { id, message, replyTo } = delivery;
      const there = officeOf(system).lookup(home, this.ctx.cell.path) as ActorRef<Message>;
      const onward: Forwarded = { type: 'forwarded', view: homes.number, id, message, replyTo };
      there.tell(onward, trace);
    }
  }

  /** This node's view is behind. */
  private wait(held: Held): void {
    if (this.early.length >= maxHeld) {
      this.ctx.cell.system.deadLetter(this.refOf(held), messageOf(held), 'full');
      return;
    }
    this.early.push(held);
    this.sweepBy(held.untilMs);
  }

  private giveUp(held: Held): void {
    this.ctx.cell.system.deadLetter(this.refOf(held), messageOf(held), 'unreachable');
  }

  private refOf({ delivery }: Held): EntityRef {
    return new EntityRef(this.ctx.cell, delivery.id);
  }

  private setView(view: EntityView): void {
    if (view.number <= this.homes.number) return;
    this.homes = new Homes(view);
    const { name } = this.ctx.cell.system;
    for (const resident of this.residents.values()) {
      const stays = this.homes.homeOf(resident.id) === name;
      resident.leavesByMs = stays ? undefined : (resident.leavesByMs ?? this.nowMs + catchUpMs);
      if (!stays) this.sweepBy(this.nowMs + soonMs);
    }
    const { early } = this;
    this.early = [];
    for (const held of early) this.route(held);
  }

  // ── residents ──

  private deliver(held: Held): void {
    const { id } = held.delivery;
    const resident = this.residents.get(id) ?? this.wake(id);
    if (resident === undefined) {
      this.ctx.cell.system.deadLetter(this.refOf(held), messageOf(held), 'full');
    } else if (!resident.asleep) {
      resident.touch(this.nowMs);
      handOver(resident.cell, messageOf(held), held.trace);
    } else if (resident.held.length < maxHeld) {
      resident.held.push(held);
    } else {
      this.ctx.cell.system.deadLetter(resident.cell, messageOf(held), 'full');
    }
  }

  private wake(id: string): Resident | undefined {
    if (this.residents.size >= (this.def.maxAwake ?? defaultMaxAwake)) return undefined;
    const cell: Cell = this.ctx.spawn(this.def.actor, id, { name: id === '' ? '%' : encodeURIComponent(id) });
    const resident = new Resident(id, cell, this.ctx.monitor(cell), this.nowMs);
    this.residents.set(id, resident);
    this.byMonitor.set(resident.monitor, resident);
    this.sweepBy(this.nowMs + this.passivateAfterMs);
    return resident;
  }

  ended(monitor: MonitorId): void {
    const resident = this.byMonitor.get(monitor);
    if (resident === undefined) return;
    this.byMonitor.delete(monitor);
    this.residents.delete(resident.id);
    for (const held of resident.held) this.route(held);
  }

  // ── time ──

  private sweepBy(atMs: number): void {
    if (atMs >= this.sweepAtMs) return;
    this.sweepAtMs = atMs;
    this.ctx.after(atMs - this.nowMs, { type: 'sweep' }, 'sweep');
  }

  private sweep(): void {
    const { nowMs } = this;
    this.sweepAtMs = Number.POSITIVE_INFINITY;
    for (const resident of this.residents.values()) {
      if (resident.asleep) continue;
      const idleMs = resident.idleMs(nowMs);
      const { leavesByMs } = resident;
      if (leavesByMs === undefined ? idleMs >= this.passivateAfterMs : idleMs > 0 || nowMs >= leavesByMs)
        resident.sleep();
      else this.sweepBy(nowMs + (leavesByMs === undefined ? this.passivateAfterMs - idleMs : soonMs));
    }
    const overdue = this.early.filter(({ untilMs }) => untilMs <= nowMs);
    this.early = this.early.filter(({ untilMs }) => untilMs > nowMs);
    for (const held of overdue) this.giveUp(held);
    for (const { untilMs } of this.early) this.sweepBy(untilMs);
  }
}

/** What the actor is told. A question from another node that names no one to answer must not crash it. */
function messageOf({ delivery: { type, message, replyTo } }: Held): Message {
  if (type === 'forwarded') return answerable(message, replyTo as never);
  return replyTo === undefined ? message : ({ ...message, replyTo } as Message);
}
