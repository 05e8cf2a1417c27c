// Law: whatever actors do to themselves and to each other in whichever hook, the tree stays a tree, every ask ends, and a shutdown ends all.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  type ActorRef,
  type ActorReport,
  ask,
  type Backoff,
  type ChildSpec,
  type Context,
  createSystem,
  defineActor,
  type ExitReason,
  ignore,
  killed,
  type MonitorId,
  type Next,
  normal,
  type ReplyTo,
  type SupervisorMessage,
  type System,
  shutdown,
  stop,
  supervisor,
} from './index.ts';
import { type VirtualWorld, virtualWorld } from './testing/index.ts';

type Stormy = { readonly type: 'go' } | { readonly type: 'question'; readonly replyTo: ReplyTo<string> };

const actions = [
  'nothing',
  'nothing',
  'answer',
  'answer',
  'throw',
  'stop',
  'exit self',
  'exit parent',
  'exit other',
  'kill self',
  'kill other',
  'spawn',
  'stop child',
  'link',
  'unlink',
  'monitor',
  'demonitor',
  'tell',
  'flood',
  'timer',
  'period',
  'cancel',
  'receive timeout',
  'stash',
  'release',
  'await ask',
  'await time',
  'await nothing',
  'pipe',
  'bad pipe',
  'late',
  'ignore',
] as const;
type Action = (typeof actions)[number];

const capacity = 16;
/** Then the storm is over: a script whose every message causes the next would never let time pass. */
const drawsMax = 20_000;

/** The script is drawn once and read in whatever order the hooks run; what is done to whom is drawn from it too. */
class Storm {
  readonly world: VirtualWorld = virtualWorld(1);
  readonly system: System = createSystem('n1', this.world);
  readonly refs: ActorRef<Stormy>[] = [];
  private readonly script: readonly number[];
  private at = 0;
  private spawned = 0;

  constructor(script: readonly number[]) {
    this.script = script;
  }

  draw(below: number): number {
    return this.script[this.at++ % this.script.length]! % below;
  }

  other(): ActorRef<Stormy> | undefined {
    return this.refs.length === 0 ? undefined : this.refs[this.draw(this.refs.length)];
  }

  readonly actor = defineActor<Stormy, { monitors: MonitorId[] }>({
    kind: 'stormy',
    trapExit: false,
    mailbox: { capacity, overflow: 'reject' },
    start: (ctx) => {
      this.refs.push(ctx.self);
      const action = this.action();
      if (action === 'ignore') return ignore;
      const state = { monitors: [] };
      const next = this.perform(action, state, undefined, ctx);
      // A start may take its time, and may fail after it.
      if (typeof (next as { then?: unknown } | undefined)?.then === 'function')
        return (next as Promise<unknown>).then(() => state);
      return state;
    },
    receive: (state, message, ctx) => this.perform(this.action(), state, message, ctx),
    signal: (state, _signal, ctx) => this.perform(this.action(), state, undefined, ctx) as Next<never>,
  });
  readonly trapping = { ...this.actor, kind: 'trapping', trapExit: true };

  private action(): Action {
    return this.at > drawsMax ? 'nothing' : actions[this.draw(actions.length)]!;
  }

  private reason(): ExitReason {
    return [normal, shutdown, killed, { kind: 'error', error: new Error('exit') } as const][this.draw(4)]!;
  }

  private perform(
    action: Action,
    state: { monitors: MonitorId[] },
    message: Stormy | undefined,
    ctx: Context<Stormy>,
  ): Next<never> | Promise<Next<never>> {
    const other = this.other();
    const go = { type: 'go' } as const;
    const later = (ms: number): Promise<undefined> =>
      new Promise((resolve) => this.world.scheduler.at(this.world.clock.monotonicMs() + ms, () => resolve(undefined)));
    switch (action) {
      case 'answer':
        if (message?.type === 'question') message.replyTo.send('yes');
        return;
      case 'throw':
        throw new Error('thrown');
      case 'stop':
        return stop(this.reason());
      case 'exit self':
        ctx.exit(ctx.self as ActorRef<never>, this.reason());
        return;
      case 'kill self':
        ctx.exit(ctx.self as ActorRef<never>, killed);
        return;
      case 'exit parent':
      case 'exit other':
        if (other !== undefined) ctx.exit(other as ActorRef<never>, this.reason());
        return;
      case 'kill other':
        if (other !== undefined) ctx.exit(other as ActorRef<never>, killed);
        return;
      case 'spawn':
        if (this.spawned++ < 60) ctx.spawn(this.draw(2) === 0 ? this.actor : this.trapping, undefined);
        return;
      case 'stop child':
        if (other !== undefined) ctx.stop(other as ActorRef<never>);
        return;
      case 'link':
        if (other !== undefined) ctx.link(other as ActorRef<never>);
        return;
      case 'unlink':
        if (other !== undefined) ctx.unlink(other as ActorRef<never>);
        return;
      case 'monitor':
        if (other !== undefined) state.monitors.push(ctx.monitor(other as ActorRef<never>));
        return;
      case 'demonitor':
        for (const id of state.monitors.splice(0)) ctx.demonitor(id);
        return;
      case 'tell':
        other?.tell(go);
        return;
      case 'flood':
        for (let count = 0; count < 2 * capacity; count++) other?.tell(go);
        return;
      case 'timer':
        ctx.after(this.draw(20), go, this.draw(2) === 0 ? 'key' : undefined);
        return;
      case 'period':
        ctx.every(5 + this.draw(20), go, 'period');
        return;
      case 'cancel':
        ctx.cancel('key');
        ctx.cancel('period');
        return;
      case 'receive timeout':
        ctx.setReceiveTimeout(this.draw(3) === 0 ? undefined : 5 + this.draw(20));
        return;
      case 'stash':
        if (message !== undefined) ctx.stash.push(message);
        return;
      case 'release':
        ctx.stash.release();
        return;
      case 'await ask':
        if (other === undefined) return;
        return ctx.ask(other, { type: 'question' }, { timeoutMs: 1 + this.draw(50) }).then(() => undefined);
      case 'await time':
        return later(this.draw(30));
      case 'await nothing':
        // Not for ever: a child whose shutdown is `infinity` is waited for that long, as in OTP.
        return later(10_000);
      case 'pipe':
        ctx.pipe(
          () => later(this.draw(10)),
          () => go,
          () => go,
        );
        return;
      case 'bad pipe':
        ctx.pipe(
          () => later(this.draw(10)),
          () => {
            throw new Error('bad pipe');
          },
          () => go,
        );
        return;
      case 'late':
        // Code of an incarnation that may be gone by then.
        void later(this.draw(20))
          .then(() => this.perform(actions[11 + this.draw(12)]!, state, undefined, ctx))
          .catch(() => {});
        return;
      default:
        return;
    }
  }

  /** A tree of two levels of supervisors. */
  tree(): ActorRef<SupervisorMessage> {
    const rules = (): Partial<ChildSpec> => {
      const backoff: Backoff = { minMs: 1 + this.draw(10), maxMs: 20, jitter: 0.5 };
      return {
        restart: (['permanent', 'transient', 'temporary'] as const)[this.draw(3)]!,
        shutdown: ([50, 'infinity', 'kill', 0] as const)[this.draw(4)]!,
        ...(this.draw(3) === 0 ? { backoff } : {}),
      };
    };
    const leaves = (prefix: string): ChildSpec[] =>
      Array.from({ length: 1 + this.draw(3) }, (_, index) => ({
        id: `${prefix}${index}`,
        actor: this.draw(2) === 0 ? this.actor : this.trapping,
        args: undefined,
        ...rules(),
      }));
    const level = (children: readonly ChildSpec[]) =>
      supervisor({
        strategy: (['one_for_one', 'one_for_all', 'rest_for_one'] as const)[this.draw(3)]!,
        intensity: this.draw(6),
        periodMs: 10 + this.draw(100),
        children,
      });
    const inner = ['x', 'y'].map((id): ChildSpec => ({ id, actor: level(leaves(id)), args: undefined, ...rules() }));
    return this.system.spawn(level([...leaves('a'), ...inner]), undefined);
  }

  /** Kinds and depths that cannot be. */
  wrongs(report: ActorReport = this.system.inspect()): string[] {
    const own: string[] = [];
    // What was stashed comes back beyond the capacity, and is bounded by it too.
    if (report.kind !== 'supervisor' && report.mailboxDepth > 2 * report.mailboxCapacity)
      own.push(`${report.path} holds ${report.mailboxDepth}`);
    if (report.phase === 'ended') own.push(`${report.path} has ended and is in the tree`);
    return [...own, ...report.children.flatMap((child) => this.wrongs(child))];
  }
}

test('a storm of exits, kills, throws, links, timers and asks in every hook leaves a tree that can be shut down, and no ask open', async () => {
  const unhandled: unknown[] = [];
  const note = (error: unknown): void => void unhandled.push(error);
  process.on('unhandledRejection', note);
  try {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.nat(10_000), { minLength: 40, maxLength: 200 }),
        fc.array(fc.nat(30), { minLength: 1, maxLength: 12 }),
        async (script, waits) => {
          const storm = new Storm(script);
          const { world, system } = storm;
          for (let trees = 0; trees < 2; trees++) storm.tree();
          system.spawn(storm.actor, undefined);
          const open = new Set<number>();
          let asked = 0;
          for (const ms of waits) {
            await world.advance(ms);
            for (let count = 0; count < 4; count++) {
              const target = storm.other();
              if (target === undefined) continue;
              target.tell({ type: 'go' });
              const number = asked++;
              open.add(number);
              const settled = (): void => void open.delete(number);
              ask(system, target, { type: 'question' }, { timeoutMs: 100 }).then(settled, settled);
            }
            expect(storm.wrongs()).toEqual([]);
          }
          await world.advance(150);
          expect([...open]).toEqual([]);
          let ended = false;
          void system.shutdown().then(() => {
            ended = true;
          });
          for (let waits = 0; waits < 500 && !ended; waits++) await world.advance(1000);
          expect(ended).toBe(true);
          // What actors waited for when they were killed comes to its end too.
          await world.advance(20_000);
          expect(system.inspect().children).toEqual([]);
          expect(world.pendingTimers).toBe(0);
        },
      ),
      { numRuns: 300 },
    );
    await new Promise((resolve) => setImmediate(resolve));
    expect(unhandled).toEqual([]);
  } finally {
    process.off('unhandledRejection', note);
  }
});
