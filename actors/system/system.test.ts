import { expect, test } from 'vitest';
import { ask, createSystem, defineActor, type Message, type ReplyTo } from './index.ts';
import { virtualWorld } from './testing/index.ts';

type CounterMessage =
  | { readonly type: 'add'; readonly by: number }
  | { readonly type: 'get'; readonly replyTo: ReplyTo<number> }
  | { readonly type: 'crash' };

const counter = defineActor<CounterMessage, number>({
  kind: 'counter',
  start: () => 0,
  receive(state, message) {
    switch (message.type) {
      case 'add':
        return state + message.by;
      case 'get':
        message.replyTo.send(state);
        return;
      case 'crash':
        throw new Error('crashed on request');
    }
  },
});

test('an actor keeps its state between messages and answers an ask', async () => {
  const world = virtualWorld(1);
  const system = createSystem('n1', world);
  const ref = system.spawn(counter, undefined, { name: 'counter' });
  expect(ref.address).toEqual({ node: 'n1', path: '/counter', uid: expect.any(Number) });
  expect(ref.tell({ type: 'add', by: 2 })).toBe(true);
  ref.tell({ type: 'add', by: 40 });
  const answer = ask(system, ref, { type: 'get' }, { timeoutMs: 100 });
  await world.advance();
  expect(await answer).toBe(42);
});

test('an ask of a crashing actor fails at once and says why', async () => {
  const world = virtualWorld(1);
  const system = createSystem('n1', world);
  const ref = system.spawn(counter, undefined, { name: 'counter' });
  ref.tell({ type: 'crash' });
  const answer = ask(system, ref, { type: 'get' }, { timeoutMs: 100 });
  const failed = expect(answer).rejects.toMatchObject({ code: 'stopped' });
  await world.advance();
  await failed;
  expect(system.deadLetters.count).toBe(1);
});

test('shutdown ends children before parents and resolves when all are gone', async () => {
  const world = virtualWorld(1);
  const system = createSystem('n1', world);
  const order: string[] = [];
  const leaf = defineActor<Message, null>({
    kind: 'leaf',
    start: () => null,
    receive: () => undefined,
    signal(_state, signal, ctx) {
      if (signal.type === 'stopped') order.push(ctx.name);
    },
  });
  const parent = defineActor<Message, null>({
    ...leaf,
    kind: 'parent',
    start(ctx) {
      ctx.spawn(leaf, undefined, { name: 'child' });
      return null;
    },
  });
  system.spawn(parent, undefined, { name: 'parent' });
  await world.advance();
  const done = system.shutdown();
  await world.advance();
  await done;
  expect(order).toEqual(['child', 'parent']);
});
