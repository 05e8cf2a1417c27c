// Law: a durable actor on a bench: an account whose journal can be held and failed, and whose owed effects are settled by the test.
import {
  type ActorRef,
  ask,
  createSystem,
  type DurableDef,
  durable,
  type Journal,
  type JournalEntry,
  type ReplyTo,
  type Signal,
  type Snapshots,
  type System,
  stop,
  supervisor,
  supervisorHandle,
} from '../../index.ts';
import { memoryJournal, memorySnapshots, type VirtualWorld, virtualWorld } from '../../testing/index.ts';

export type Command =
  | { readonly type: 'deposit'; readonly cents: number; readonly replyTo: ReplyTo<number> }
  | { readonly type: 'order'; readonly item: string }
  | { readonly type: 'cancel'; readonly item: string }
  | { readonly type: 'shipped'; readonly item: string }
  | { readonly type: 'balance'; readonly replyTo: ReplyTo<number> }
  | { readonly type: 'poison' | 'leave' | 'crash' };
export type Event =
  | { readonly type: 'deposited'; readonly cents: number }
  | { readonly type: 'ordered' | 'shipped' | 'cancelled'; readonly item: string }
  | { readonly type: 'poisoned' };
export interface State {
  readonly cents: number;
  readonly open: readonly string[];
}

/** A journal whose appends wait for `release` while it is held, and fail once told to. */
export class GatedJournal implements Journal {
  readonly inner: Journal;
  private waiting: (() => void)[] = [];
  held = false;
  failNext: Error | undefined = undefined;
  replayed = 0;

  constructor(inner: Journal = memoryJournal()) {
    this.inner = inner;
  }

  async append(id: string, after: number, events: readonly Uint8Array[]): Promise<number> {
    if (this.held) await new Promise<void>((go) => this.waiting.push(go));
    const failure = this.failNext;
    this.failNext = undefined;
    if (failure !== undefined) throw failure;
    return this.inner.append(id, after, events);
  }

  release(): void {
    this.held = false;
    for (const go of this.waiting.splice(0)) go();
  }

  async *replay(id: string, from: number, to: number, max: number): AsyncGenerator<JournalEntry> {
    for await (const entry of this.inner.replay(id, from, to, max)) {
      this.replayed++;
      yield entry;
    }
  }

  deleteTo(id: string, to: number): Promise<void> {
    return this.inner.deleteTo(id, to);
  }

  highest(id: string): Promise<number> {
    return this.inner.highest(id);
  }
}

export class Bench {
  readonly world: VirtualWorld = virtualWorld(1);
  readonly system: System = createSystem('n1', this.world);
  readonly journal = new GatedJournal();
  readonly snapshots: Snapshots = memorySnapshots();
  /** Effects as the world saw them. */
  readonly effects: string[] = [];
  /** Settles what `owed` started, by item. */
  readonly shipping = new Map<string, { done(): void; fail(error: Error): void; readonly signal: AbortSignal }>();
  readonly signals: Signal[] = [];

  def(more: Partial<DurableDef<Command, Event, State, string>> = {}) {
    const def: DurableDef<Command, Event, State, string> = {
      kind: 'account',
      id: (name) => `account/${name}`,
      initial: () => ({ cents: 0, open: [] }),
      command: (state, message) => {
        switch (message.type) {
          case 'deposit':
            if (message.cents < 0) return { persist: [], after: () => message.replyTo.send(-1) };
            return {
              persist: [{ type: 'deposited', cents: message.cents }],
              after: ({ cents }) => {
                this.effects.push(`deposited to ${cents}`);
                message.replyTo.send(cents);
              },
            };
          case 'balance':
            message.replyTo.send(state.cents);
            return;
          case 'order':
            return { persist: [{ type: 'ordered', item: message.item }] };
          case 'shipped':
            return { persist: [{ type: 'shipped', item: message.item }] };
          case 'cancel':
            return { persist: [{ type: 'cancelled', item: message.item }] };
          case 'poison':
            return { persist: [{ type: 'deposited', cents: 1 }, { type: 'poisoned' }] };
          case 'leave':
            return { persist: [{ type: 'deposited', cents: 5 }], after: () => stop() };
          case 'crash':
            throw new Error('crash');
        }
      },
      event: (state, event) => {
        switch (event.type) {
          case 'deposited':
            return { ...state, cents: state.cents + event.cents };
          case 'ordered':
            return { ...state, open: [...state.open, event.item] };
          case 'shipped':
          case 'cancelled':
            return { ...state, open: state.open.filter((item) => item !== event.item) };
          case 'poisoned':
            throw new Error('cannot be folded');
        }
      },
      owed: ({ open }) =>
        open.map((item) => ({
          key: item,
          run: (signal) =>
            new Promise((resolve, fail) => {
              this.effects.push(`ship ${item}`);
              this.shipping.set(item, { done: () => resolve({ type: 'shipped', item }), fail, signal });
            }),
        })),
      ...more,
    };
    return durable(def, { journal: this.journal, snapshots: this.snapshots });
  }

  spawn(more: Partial<DurableDef<Command, Event, State, string>> = {}, name = 'a'): ActorRef<Command> {
    return this.system.spawn(this.def(more), name);
  }

  /** Under a supervisor that always restarts it. */
  async supervised(more: Partial<DurableDef<Command, Event, State, string>> = {}): Promise<ActorRef<Command>> {
    const sup = this.system.spawn(
      supervisor({ intensity: 100, children: [{ id: 'a', actor: this.def(more), args: 'a' }] }),
      undefined,
    );
    await this.world.advance();
    return supervisorHandle(this.system, sup).child<Command>('a')!;
  }

  async settle<T>(asked: Promise<T>): Promise<T> {
    asked.catch(() => {});
    await this.world.advance();
    return asked;
  }

  deposit(ref: ActorRef<Command>, cents: number): Promise<number> {
    return ask(this.system, ref, { type: 'deposit', cents }, { timeoutMs: 1000 });
  }

  balance(ref: ActorRef<Command>): Promise<number> {
    return this.settle(ask(this.system, ref, { type: 'balance' }, { timeoutMs: 1000 }));
  }

  async kill(ref: ActorRef<Command>): Promise<void> {
    this.system.exit(ref, { kind: 'killed' });
    await this.world.advance();
  }
}
