// Law: whatever a peer sends, nothing of it reaches an actor that did not ask for it, nothing throws, and honest peers are served as before;
// and what a peer is owed (the end of what it watches, the end of what it asked) it gets, however full the way to it is.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { encodeValue } from '../codec/index.ts';
import { type ActorRef, ask, defineActor, type ReplyTo, stop } from '../index.ts';
import { frameMark, nameTag } from './frames.ts';
import { Mesh } from './testing/mesh.ts';

type Asked = { readonly type: 'get'; readonly replyTo: ReplyTo<number> } | { readonly type: 'leave' };

const seen: unknown[] = [];
const open = defineActor<Asked, null>({
  kind: 'open',
  start: () => null,
  receive(_state, message) {
    seen.push(message);
    if (message.type === 'leave') return stop();
    message.replyTo.send(7);
    return;
  },
  schema: {
    parse(input) {
      const { type } = input as Asked;
      if (type !== 'get' && type !== 'leave') throw new TypeError('get or leave');
      return { type } as Asked;
    },
  },
});
const closed = defineActor<Asked, null>({ kind: 'closed', start: () => null, receive: (_s, m) => void seen.push(m) });

/** Stands for an object that a name is made of, on its way into a frame. */
class Name {
  readonly tag: number;
  readonly value: unknown;
  constructor(tag: number, value: unknown) {
    this.tag = tag;
    this.value = value;
  }
}
const bytesOf = (value: unknown): Uint8Array =>
  encodeValue(value, (object) => (object instanceof Name ? { tag: object.tag, value: object.value } : undefined));

const paths = fc.constantFrom(
  '/open',
  '/closed',
  '/',
  '',
  '/nobody',
  '/open/x',
  '/$1',
  '/probe',
  'open',
  '/open/../closed',
);
const numbers = fc.oneof(
  fc.constantFrom(0, 1, 2, 3, -1, 1.5, 2 ** 31, 2 ** 53 - 1, Number.NaN, Number.POSITIVE_INFINITY),
  fc.nat(20),
);
const { field } = fc.letrec((tie) => ({
  field: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    numbers,
    paths,
    fc.constantFrom('get', 'leave', 'normal', 'error', 'unreachable', 'n1', 'n2', 'evil', 'timeout'),
    fc.constantFrom(null, undefined, true, false, 5n),
    fc.uint8Array({ maxLength: 8 }),
    fc.array(tie('field'), { maxLength: 4 }),
    fc.record({ type: tie('field'), replyTo: tie('field') }, { requiredKeys: [] }),
    fc.record({ type: fc.constantFrom('get', 'leave', 'put') }),
    fc
      .tuple(fc.constantFrom(nameTag.ref, nameTag.ask, nameTag.entity, nameTag.buffer, 9), tie('field'))
      .map(([tag, value]) => new Name(tag, value)),
    fc.tuple(fc.constantFrom('n1', 'evil', 'n2'), paths, numbers).map((value) => new Name(nameTag.ref, value)),
    fc.tuple(fc.nat(5), fc.nat(100_000)).map((value) => new Name(nameTag.ask, value)),
  ),
}));
const structured = fc
  .tuple(fc.oneof(fc.nat(12), field), fc.array(field, { maxLength: 5 }))
  .map(([kind, fields]) => bytesOf([frameMark, kind, ...fields]));
const tells = fc
  .tuple(fc.oneof(paths, numbers), fc.constantFrom(null, ['t', 's', 1], ['t'], 5), field)
  .map(([to, trace, message]) => bytesOf([frameMark, 0, to, trace, message]));
const garbage = fc.uint8Array({ maxLength: 64 });
/** A frame, one byte of it changed, or cut. */
const damaged = fc
  .tuple(fc.oneof(structured, tells), fc.nat(200), fc.nat(255), fc.boolean())
  .map(([bytes, at, value, cut]) => {
    if (bytes.length === 0) return bytes;
    const copy = bytes.slice();
    copy[at % copy.length] = value;
    return cut ? copy.subarray(0, at % copy.length) : copy;
  });

test('no frame of a hostile peer throws, reaches an actor unchecked, or keeps an honest peer from its answer', async () => {
  const unhandled: unknown[] = [];
  const note = (error: unknown): void => void unhandled.push(error);
  process.on('unhandledRejection', note);
  try {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.oneof(structured, tells, garbage, damaged), { minLength: 1, maxLength: 30 }),
        async (frames) => {
          const mesh = new Mesh(2);
          const { system } = mesh.node(1);
          system.spawn(open, undefined, { name: 'open' });
          system.spawn(closed, undefined, { name: 'closed' });
          const evil = mesh.hub.open('evil');
          await mesh.settle(10);
          seen.length = 0;
          for (const frame of frames) evil.send('n1', frame);
          await mesh.settle(10);
          for (const message of seen) expect(['get', 'leave']).toContain((message as Asked).type);
          const crashed = system.inspect().children.filter(({ lastError }) => lastError !== undefined);
          expect(crashed).toEqual([]);
          // One that was told to leave has left; the other node's questions are answered all the same.
          const far = mesh.node(2).remote.lookup<Asked>('n1', '/open');
          const left = seen.some((message) => (message as Asked).type === 'leave');
          const answer = ask(mesh.node(2).system, far, { type: 'get' }, { timeoutMs: 100 });
          answer.catch(() => {});
          await mesh.settle(20);
          if (left) await expect(answer).rejects.toMatchObject({ code: 'stopped' });
          else expect(await answer).toBe(7);
          expect(mesh.node(2).remote.refusals()).toEqual([]);
          await evil.close();
          await mesh.settle(10);
          expect(mesh.node(1).remote.nodes()).toEqual(['n2']);
        },
      ),
      { numRuns: 400 },
    );
    expect(unhandled).toEqual([]);
  } finally {
    process.off('unhandledRejection', note);
  }
});

test('the ends of many actors at once reach their watcher, though the way to it takes only some at a time', async () => {
  const mesh = new Mesh(2, { maxOutboundBytes: 600 });
  const { system, remote } = mesh.node(2);
  const refs = Array.from({ length: 300 }, (_, index) => system.spawn(open, undefined, { name: `a${index}` }));
  const { probe } = mesh.node(1);
  for (let index = 0; index < refs.length; index++) {
    const far = mesh.node(1).remote.lookup<Asked>('n2', `/a${index}`);
    probe.run((ctx) => void ctx.monitor(far as ActorRef<never>));
    await mesh.settle(5);
  }
  expect(probe.signals).toEqual([]);
  for (const ref of refs) ref.tell({ type: 'leave' });
  await mesh.settle(5000);
  expect(probe.signals).toHaveLength(300);
  expect(new Set(probe.signals.map((signal) => (signal.type === 'down' ? signal.ref.address.path : ''))).size).toBe(
    300,
  );
  expect(remote.refusals()).toEqual([]);
});

test('an answer that the way back has no room for fails its ask at once, and is not waited for', async () => {
  const mesh = new Mesh(2, { maxOutboundBytes: 2000 });
  type Big = { readonly type: 'big'; readonly replyTo: ReplyTo<Uint8Array> };
  const big = defineActor<Big, null>({
    kind: 'big',
    start: () => null,
    receive: (_state, { replyTo }) => replyTo.send(new Uint8Array(1500)),
    schema: { parse: (input) => input as { type: 'big' } },
  });
  mesh.node(2).system.spawn(big, undefined, { name: 'big' });
  const far = mesh.node(1).remote.lookup<Big>('n2', '/big');
  const codes: string[] = [];
  for (let count = 0; count < 5; count++)
    ask(mesh.node(1).system, far, { type: 'big' }, { timeoutMs: 60_000 }).then(
      (bytes) => codes.push(`${bytes.length} bytes`),
      (error: { readonly code: string }) => codes.push(error.code),
    );
  await mesh.settle(200);
  expect(codes.toSorted()).toEqual(['1500 bytes', 'refused', 'refused', 'refused', 'refused']);
});

test('a peer that opens asks without end and reads nothing is cut off, and others are served', async () => {
  const mesh = new Mesh(2, { maxOutboundBytes: 1 << 20 });
  const silent = defineActor<Asked, null>({
    kind: 'silent',
    mailbox: { capacity: 100_000, overflow: 'reject' },
    start: () => null,
    receive: () => undefined,
    schema: { parse: (input) => input as { type: 'get' } },
  });
  const { system, remote } = mesh.node(1);
  system.spawn(silent, undefined, { name: 'silent' });
  system.spawn(open, undefined, { name: 'open' });
  const evil = mesh.hub.open('evil');
  await mesh.settle(5);
  for (let number = 1; number <= 12_000; number++) {
    const message = { type: 'get', replyTo: new Name(nameTag.ask, [number, 2 ** 50]) };
    if (!evil.send('n1', bytesOf([frameMark, 0, '/silent', null, message]))) await mesh.settle(2);
  }
  await mesh.settle(20);
  expect(remote.refusals()).toMatchObject([{ node: 'evil', reason: 'malformed' }]);
  const far = mesh.node(2).remote.lookup<Asked>('n1', '/open');
  expect(await mesh.settled(ask(mesh.node(2).system, far, { type: 'get' }, { timeoutMs: 100 }))).toBe(7);
  await evil.close();
  await mesh.settle(5);
  // What it had open went with it: the timers too.
  expect(mesh.world.pendingTimers).toBeLessThan(10);
});

test('a peer that names an actor by its path gets no further through another actor than it would itself', async () => {
  const mesh = new Mesh(2);
  const { system, remote } = mesh.node(1);
  type Relay = { readonly type: 'relay'; readonly to: ActorRef<{ readonly type: 'relayed' }> };
  const relay = defineActor<Relay, null>({
    kind: 'relay',
    start: () => null,
    receive: (_state, { to }) => void to.tell({ type: 'relayed' }),
    schema: { parse: (input) => input as Relay },
  });
  const heard: string[] = [];
  const listener = (name: string, isOpen: boolean) =>
    defineActor<{ readonly type: string }, null>({
      kind: name,
      start: () => null,
      receive: (_state, { type }) => void heard.push(`${name} ${type}`),
      ...(isOpen ? { schema: { parse: (input) => input as { type: string } } } : {}),
    });
  system.spawn(relay, undefined, { name: 'relay' });
  system.spawn(listener('closed', false), undefined, { name: 'closed' });
  system.spawn(listener('open', true), undefined, { name: 'open' });
  const evil = mesh.hub.open('evil');
  await mesh.settle(5);
  for (const to of [
    new Name(nameTag.ref, ['n1', '/closed', 0]),
    new Name(nameTag.ref, ['n1', '/closed', 2]),
    new Name(nameTag.entity, ['/closed', 'id']),
    new Name(nameTag.entity, ['/open', 'id']),
    new Name(nameTag.ref, ['n1', '/open', 0]),
  ])
    evil.send('n1', bytesOf([frameMark, 0, '/relay', null, { type: 'relay', to }]));
  await mesh.settle(20);
  expect(heard).toEqual(['open relayed']);
  expect(remote.refusals()).toMatchObject([{ node: 'evil', reason: 'malformed', count: 2 }]);
});
