// The language-neutral cases of Pekko's SupervisionSpec (Apache-2.0) and the laws of a restart.
import { describe, expect, test } from 'vitest';
import {
  type ActorDef,
  type ActorRef,
  ask,
  createSystem,
  defineActor,
  ignore,
  killed,
  type Message,
  type ReplyTo,
  shutdown,
  supervisor,
  supervisorHandle,
} from './index.ts';
import { spawnProbe, virtualWorld } from './testing/index.ts';

// biome-ignore lint/suspicious/noExplicitAny: any actor
async function supervised<M extends Message>(actor: ActorDef<M, any>, intensity = 5) {
  const world = virtualWorld(1);
  const system = createSystem('n1', world);
  const sup = system.spawn(supervisor({ intensity, children: [{ id: 'a', actor, args: undefined }] }), undefined, {
    name: 'sup',
  });
  await world.advance();
  const child = (): ActorRef<M> => supervisorHandle(system, sup).child<M>('a')!;
  return { world, system, sup, child, ref: child() };
}

type CounterMessage =
  | { readonly type: 'up' }
  | { readonly type: 'crash' }
  | { readonly type: 'get'; readonly replyTo: ReplyTo<number> };
const counter = defineActor<CounterMessage, number>({
  kind: 'counter',
  start: () => 0,
  receive(state, message) {
    if (message.type === 'up') return state + 1;
    if (message.type === 'crash') throw new Error('crash');
    message.replyTo.send(state);
  },
});

describe('a restart', () => {
  test('keeps ref, address and mailbox, drops the failing message, and starts from fresh state', async () => {
    const { world, system, ref, child } = await supervised(counter);
    const address = ref.address;
    for (const type of ['up', 'up', 'crash', 'up'] as const) ref.tell({ type });
    const answer = ask(system, ref, { type: 'get' }, { timeoutMs: 10 });
    await world.advance();
    expect(await answer).toBe(1);
    expect(child()).toBe(ref);
    expect(ref.address).toEqual(address);
  });

  test('a rejected promise is a crash like a throw, and so is a start that rejects', async () => {
    let starts = 0;
    const actor = defineActor<Message, null>({
      kind: 'async',
      async start() {
        if (++starts === 2) throw new Error('second start');
        return null;
      },
      receive: () => Promise.reject(new Error('rejected')),
    });
    const { world, system, ref } = await supervised(actor);
    ref.tell({ type: 'go' });
    await world.advance();
    expect(starts).toBe(3);
    expect(system.inspect().children[0]!.children[0]).toMatchObject({
      phase: 'running',
      lastError: { message: 'second start' },
    });
  });

  test('pekko SupervisionSpec stop children when restarting: children end before the old incarnation is told, and it before the new one starts', async () => {
    const order: string[] = [];
    const leaf = defineActor<Message, null>({
      kind: 'leaf',
      start: () => null,
      receive: () => undefined,
      signal: (_state, signal) => void order.push(`leaf ${signal.type}`),
    });
    let life = 0;
    const parent = defineActor<Message, number>({
      kind: 'parent',
      start(ctx) {
        order.push(`start ${++life}`);
        ctx.spawn(leaf, undefined, { name: 'leaf' });
        return life;
      },
      receive() {
        throw new Error('crash');
      },
      signal: (state, signal) => void order.push(`parent ${state} ${signal.type}`),
    });
    const { world, ref } = await supervised(parent);
    ref.tell({ type: 'go' });
    await world.advance();
    expect(order).toEqual(['start 1', 'leaf stopped', 'parent 1 restarting', 'start 2']);
  });

  test('pekko SupervisionSpec stop after restart retries limit: n restarts, n+1 stops', async () => {
    const heard: string[] = [];
    const actor = defineActor<Message, null>({
      kind: 'failing',
      start: () => null,
      receive() {
        throw new Error('crash');
      },
      signal: (_state, signal) => void heard.push(signal.type),
    });
    const { world, system, ref } = await supervised(actor, 2);
    for (let crash = 0; crash < 4; crash++) ref.tell({ type: 'go' });
    await world.advance();
    expect(heard).toEqual(['restarting', 'restarting', 'stopped']);
    expect(system.inspect().children).toEqual([]);
    expect(system.deadLetters.count).toBe(1);
  });

  test('pekko SupervisionSpec limit 0: the first crash ends it', async () => {
    const { world, system, ref } = await supervised(counter, 0);
    ref.tell({ type: 'crash' });
    await world.advance();
    expect(system.inspect().children).toEqual([]);
  });

  test('pekko SupervisionSpec ensure stash message retention on start exception: what waits survives failed starts', async () => {
    let starts = 0;
    const seen: string[] = [];
    const actor = defineActor<Message, null>({
      kind: 'stubborn',
      start() {
        starts++;
        if (starts === 2 || starts === 3) throw new Error('not yet');
        return null;
      },
      receive(_state, { type }) {
        if (type === 'crash') throw new Error('crash');
        seen.push(type);
      },
    });
    const { world, ref } = await supervised(actor);
    for (const type of ['crash', 'one', 'two']) ref.tell({ type });
    await world.advance();
    expect(seen).toEqual(['one', 'two']);
    expect(starts).toBe(4);
  });

  test('a handler that fails while it hears restarting or stopped hinders neither', async () => {
    const actor = defineActor<Message, null>({
      kind: 'touchy',
      start: () => null,
      receive() {
        throw new Error('crash');
      },
      signal() {
        throw new Error('signal');
      },
    });
    const { world, system, sup, ref } = await supervised(actor);
    ref.tell({ type: 'go' });
    await world.advance();
    expect(system.inspect().children[0]!.children[0]).toMatchObject({ phase: 'running', restarts: 1 });
    system.exit(sup, shutdown);
    await world.advance();
    expect(system.inspect().children).toEqual([]);
    expect(world.logged.filter(({ text }) => text.startsWith('actor failed while handling'))).toHaveLength(2);
  });

  test('what the old incarnation piped and promised is void: aborted, and never received', async () => {
    const seen: string[] = [];
    const aborted: boolean[] = [];
    const release: (() => void)[] = [];
    const actor = defineActor<Message, null>({
      kind: 'piping',
      start: () => null,
      receive(_state, { type }, ctx) {
        seen.push(type);
        if (type === 'crash') throw new Error('crash');
        if (type !== 'pipe') return;
        ctx.pipe(
          (signal) =>
            new Promise<string>((resolve) => {
              release.push(() => {
                aborted.push(signal.aborted);
                resolve('x');
              });
            }),
          () => ({ type: 'piped' }),
          () => ({ type: 'failed' }),
        );
      },
    });
    const { world, ref } = await supervised(actor);
    ref.tell({ type: 'pipe' });
    await world.advance();
    ref.tell({ type: 'crash' });
    ref.tell({ type: 'pipe' });
    await world.advance();
    for (const finish of release) finish();
    await world.advance();
    expect(aborted).toEqual([true, false]);
    expect(seen).toEqual(['pipe', 'crash', 'pipe', 'piped']);
  });

  test('a promise of the old incarnation does not touch the state of the new one', async () => {
    let finish: (state: string) => void = () => {};
    const seen: string[] = [];
    let life = 0;
    const actor = defineActor<Message, string>({
      kind: 'waiting',
      start: () => `life ${++life}`,
      receive(state, { type }) {
        seen.push(`${type} in ${state}`);
        if (type === 'wait') return new Promise<string>((resolve) => (finish = resolve));
      },
    });
    const { world, system, ref } = await supervised(actor);
    ref.tell({ type: 'wait' });
    await world.advance();
    system.exit(ref, killed);
    ref.tell({ type: 'go' });
    await world.advance();
    finish('stale');
    await world.advance();
    ref.tell({ type: 'go' });
    await world.advance();
    expect(seen).toEqual(['wait in life 1', 'go in life 2', 'go in life 2']);
  });

  test('links and monitors of the old incarnation are not those of the new one', async () => {
    const actor = defineActor<Message & { readonly ref?: ActorRef<Message> }, null>({
      kind: 'bound',
      start: () => null,
      receive(_state, { type, ref }, ctx) {
        if (type === 'crash') throw new Error('crash');
        ctx.link(ref!);
        ctx.monitor(ref!);
      },
    });
    const { world, system, ref } = await supervised(actor);
    const probe = spawnProbe(system);
    ref.tell({ type: 'bind', ref: probe.ref });
    ref.tell({ type: 'crash' });
    await world.advance();
    expect(probe.signals).toMatchObject([{ type: 'exit', reason: { kind: 'error' } }]);
    system.exit(probe.ref, { kind: 'error', error: new Error('gone') });
    await world.advance();
    expect(system.inspect().children[0]!.children[0]).toMatchObject({ phase: 'running', restarts: 1 });
  });

  test('what was stashed is handled by the new incarnation without a release', async () => {
    let life = 0;
    const seen: string[] = [];
    const actor = defineActor<Message, number>({
      kind: 'stashing',
      start: () => ++life,
      receive(state, message, ctx) {
        if (message.type === 'crash') throw new Error('crash');
        if (state === 1) ctx.stash.push(message);
        else seen.push(message.type);
      },
    });
    const { world, ref } = await supervised(actor);
    for (const type of ['one', 'two', 'crash', 'three']) ref.tell({ type });
    await world.advance();
    expect(seen).toEqual(['one', 'two', 'three']);
  });

  test('an exit signal sent to the old incarnation does not end the new one', async () => {
    const { world, system, ref, child } = await supervised(counter);
    const probe = spawnProbe(system);
    await world.advance();
    probe.run((ctx) => {
      // Both exits are queued before the child's next turn; the first ends the incarnation, the second goes with it.
      ctx.exit(ref, { kind: 'error', error: new Error('one') });
      ctx.exit(ref, { kind: 'error', error: new Error('two') });
    });
    await world.advance();
    expect(system.inspect().children[0]!.children[0]).toMatchObject({ phase: 'running', restarts: 1 });
    expect(child()).toBe(ref);
  });

  test('a fresh incarnation does not repeat the random numbers of the old one', async () => {
    const drawn: number[] = [];
    const actor = defineActor<Message, null>({
      kind: 'drawing',
      start(ctx) {
        drawn.push(ctx.random.u32());
        return null;
      },
      receive() {
        throw new Error('crash');
      },
    });
    const { world, ref } = await supervised(actor);
    ref.tell({ type: 'go' });
    await world.advance();
    expect(drawn).toHaveLength(2);
    expect(new Set(drawn).size).toBe(2);
  });
});

describe('a child without a supervisor', () => {
  test('that crashes is gone, and its parent lives', async () => {
    const world = virtualWorld(1);
    const system = createSystem('n1', world);
    const probe = spawnProbe(system);
    let child: ActorRef<CounterMessage> | undefined;
    probe.run((ctx) => {
      child = ctx.spawn(counter, undefined, { name: 'child' });
      ctx.monitor(child);
      child.tell({ type: 'crash' });
    });
    await world.advance();
    expect(probe.signals).toMatchObject([
      { type: 'down', ref: child, reason: { kind: 'error', error: { message: 'crash' } } },
    ]);
    expect(system.inspect().children[0]!.children).toEqual([]);
    expect(world.logged).toMatchObject([{ level: 'error', text: 'actor crashed', fields: { actor: '/$1/child' } }]);
  });

  test('that ignores its start ends normally without a word', async () => {
    const world = virtualWorld(1);
    const system = createSystem('n1', world);
    const heard: string[] = [];
    const shy = defineActor<Message, null>({
      kind: 'shy',
      start: () => ignore,
      receive: () => undefined,
      signal: (_state, signal) => void heard.push(signal.type),
    });
    const probe = spawnProbe(system);
    probe.run((ctx) => void ctx.monitor(ctx.spawn(shy, undefined)));
    await world.advance();
    expect(probe.signals).toMatchObject([{ type: 'down', reason: { kind: 'normal' } }]);
    expect(heard).toEqual([]);
  });

  test('can be stopped by its parent, and by nobody else through stop', async () => {
    const world = virtualWorld(1);
    const system = createSystem('n1', world);
    const [parent, other] = [spawnProbe(system), spawnProbe(system)];
    let child: ActorRef<CounterMessage> | undefined;
    parent.run((ctx) => {
      child = ctx.spawn(counter, undefined);
      ctx.monitor(child);
    });
    await world.advance();
    let refusal = '';
    other.run((ctx) => {
      try {
        ctx.stop(child!);
      } catch (error) {
        refusal = String(error);
      }
    });
    await world.advance();
    expect(refusal).toContain('not its child');
    parent.run((ctx) => ctx.stop(child!));
    await world.advance();
    expect(parent.signals).toMatchObject([{ type: 'down', reason: shutdown }]);
  });

  test.each(['', '$1', 'a/b'])('cannot be called %j', (name) => {
    const system = createSystem('n1', virtualWorld(1));
    expect(() => system.spawn(counter, undefined, { name })).toThrow(/cannot name an actor/);
  });
});
