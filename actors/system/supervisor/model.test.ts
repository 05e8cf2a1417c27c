import { expect, test } from 'vitest';
import { type ChildSpec, child, defineActor, type Message, supervisor } from '../index.ts';
import { SupervisorModel } from './model.ts';
import type { ModelEvent } from './model-events.ts';

function started(strategy: 'one_for_one' | 'one_for_all', ids: readonly string[]) {
  const children = ids.map((id) => ({ id, restart: 'permanent' as const, significant: false }));
  const model = new SupervisorModel({ strategy, intensity: 9, periodMs: 1000, autoShutdown: 'never' }, children);
  const feed = (event: ModelEvent): string[] =>
    model
      .handle(event, 0)
      .map((effect) =>
        [effect.type, 'id' in effect ? effect.id : '', 'ids' in effect ? effect.ids.join() : '']
          .filter(Boolean)
          .join(' '),
      );
  feed({ type: 'init' });
  for (const id of ids) feed({ type: 'started', id });
  return { model, feed };
}

test('a retry that comes after its child was stopped and started by hand does nothing', () => {
  const { feed } = started('one_for_one', ['a']);
  expect(feed({ type: 'ended', id: 'a', how: 'abnormal' })).toEqual(['start a']);
  expect(feed({ type: 'failed', id: 'a', error: 'x' })).toEqual(['retry a']);
  expect(feed({ type: 'terminate', id: 'a', request: 1 })).toEqual(['release a', 'answer']);
  expect(feed({ type: 'restart', id: 'a', request: 2 })).toEqual(['start a']);
  expect(feed({ type: 'started', id: 'a' })).toEqual(['answer']);
  expect(feed({ type: 'retry', id: 'a' })).toEqual([]);
});

test('a child that ended by itself before its turn to be stopped is not asked to stop', () => {
  const { feed } = started('one_for_all', ['a', 'b', 'c']);
  expect(feed({ type: 'ended', id: 'a', how: 'abnormal' })).toEqual(['stop c']);
  expect(feed({ type: 'ended', id: 'b', how: 'abnormal' })).toEqual([]);
  expect(feed({ type: 'ended', id: 'c', how: 'shutdown' })).toEqual(['start a']);
});

test('a child that ends while another one is awaited is dealt with afterwards', () => {
  const { feed } = started('one_for_one', ['a', 'b']);
  expect(feed({ type: 'ended', id: 'a', how: 'abnormal' })).toEqual(['start a']);
  expect(feed({ type: 'ended', id: 'b', how: 'abnormal' })).toEqual([]);
  expect(feed({ type: 'terminate', id: 'b', request: 1 })).toEqual([]);
  expect(feed({ type: 'started', id: 'a' })).toEqual(['start b']);
  expect(feed({ type: 'started', id: 'b' })).toEqual(['stop b']);
  expect(feed({ type: 'ended', id: 'b', how: 'shutdown' })).toEqual(['release b', 'answer']);
});

test('once it is over the model starts nothing and answers nothing', () => {
  const { model, feed } = started('one_for_one', ['a']);
  expect(feed({ type: 'shutdown' })).toEqual(['stop a']);
  expect(feed({ type: 'start', child: { id: 'b', restart: 'permanent', significant: false }, request: 1 })).toEqual([]);
  expect(feed({ type: 'ended', id: 'a', how: 'shutdown' })).toEqual(['release a']);
  expect(feed({ type: 'shutdown' })).toEqual([]);
  expect(model.busy).toBe(false);
});

test('child() holds a specification to the arguments of its actor, at compile time', () => {
  const numbered = defineActor<Message, number, number>({
    kind: 'numbered',
    start: (_ctx, from) => from,
    receive: () => undefined,
  });
  const right = child({ id: 'a', actor: numbered, args: 1 });
  // @ts-expect-error: the actor is started with a number
  const wrong = child({ id: 'b', actor: numbered, args: 'one' });
  expect([right.id, wrong.id]).toEqual(['a', 'b']);
});

test('supervisor() holds each of its children to the arguments of its own actor, at compile time', () => {
  const numbered = defineActor<Message, null, number>({ kind: 'n', start: () => null, receive: () => undefined });
  const named = defineActor<Message, null, string>({ kind: 's', start: () => null, receive: () => undefined });
  const plain = defineActor<Message, null>({ kind: 'p', start: () => null, receive: () => undefined });
  const built: ChildSpec[] = ['d', 'e'].map((id) => ({ id, actor: numbered, args: 1 }));
  const neverRun = (): void => {
    supervisor({
      strategy: 'rest_for_one',
      children: [
        { id: 'a', actor: numbered, args: 1, restart: 'transient' },
        { id: 'b', actor: named, args: 'x' },
        { id: 'c', actor: plain, args: undefined },
        ...built,
      ],
    });
    supervisor({ children: built });
    supervisor({ children: [] });
    // @ts-expect-error: a number where its actor takes text
    supervisor({ children: [{ id: 'b', actor: named, args: 1 }] });
    supervisor({
      children: [
        { id: 'b', actor: named, args: 'x' },
        // @ts-expect-error: its actor is started with a number
        { id: 'a', actor: numbered },
      ],
    });
  };
  expect(neverRun).toBeTypeOf('function');
});
