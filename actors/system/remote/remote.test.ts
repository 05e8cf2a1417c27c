import { expect, test } from 'vitest';
import { encodeValue } from '../codec/index.ts';
import { type ActorRef, ask, defineActor, type Message, type ReplyTo, sameActor } from '../index.ts';
import { frameMark } from './frames.ts';
import { type Counting, counter, get, letters } from './testing/counter.ts';
import { Mesh } from './testing/mesh.ts';

test('tell and ask reach an actor of another node by its path, and a ref in an answer names that very actor', async () => {
  const mesh = new Mesh(2);
  const there = mesh.node(2).system.spawn(counter(), undefined, { name: 'counter' });
  const ref = mesh.node(1).remote.lookup<Counting>('n2', '/counter');
  expect(ref.tell({ type: 'add', by: 3 })).toBe(true);
  ref.tell({ type: 'add', by: 4 });
  expect(await mesh.settled(get(mesh.node(1), ref))).toBe(7);
  const self = await mesh.settled(ask(mesh.node(1).system, ref, { type: 'self' }, { timeoutMs: 1000 }));
  expect(self.address).toEqual(there.address);
  expect(sameActor(self, there)).toBe(true);
  expect(await mesh.settled(get(mesh.node(1), self))).toBe(7);
});

test('a ref that comes home is the actor itself, and a reply address can be passed on to a third node', async () => {
  const mesh = new Mesh(3);
  const [one, two, three] = [mesh.node(1), mesh.node(2), mesh.node(3)];
  two.system.spawn(counter(), undefined, { name: 'counter' });
  type Forward = { readonly type: 'forward'; readonly to: ActorRef<Counting>; readonly replyTo: ReplyTo<number> };
  const forwarder = defineActor<Forward, null>({
    kind: 'forwarder',
    start: () => null,
    receive: (_state, { to, replyTo }) => void to.tell({ type: 'get', replyTo }),
    schema: { parse: (input) => input as Omit<Forward, 'replyTo'> },
  });
  three.system.spawn(forwarder, undefined, { name: 'forwarder' });
  const own = one.system.spawn(counter(), undefined);
  own.tell({ type: 'add', by: 1 });
  const far = one.remote.lookup<Counting>('n2', '/counter');
  far.tell({ type: 'add', by: 5 });
  await mesh.settle();
  const forward = one.remote.lookup<Forward>('n3', '/forwarder');
  const through = (to: ActorRef<Counting>) => ask(one.system, forward, { type: 'forward', to }, { timeoutMs: 1000 });
  expect(await mesh.settled(through(far))).toBe(5);
  expect(await mesh.settled(through(own))).toBe(1);
  await mesh.crash(2);
  // Forwarded to where nobody is: known on the third node, told to the first.
  await expect(mesh.settled(through(far))).rejects.toMatchObject({ code: 'stopped', reason: { kind: 'unreachable' } });
});

test('an ask fails at once when its actor ends, is not there, or its node goes; at its timeout where nobody answers', async () => {
  const mesh = new Mesh(2);
  const [one, two] = [mesh.node(1), mesh.node(2)];
  two.system.spawn(counter(), undefined, { name: 'a' });
  const ref = one.remote.lookup<Counting>('n2', '/a');
  const never = (timeoutMs: number) => ask(one.system, ref, { type: 'never' }, { timeoutMs });
  await expect(mesh.settled(never(20))).rejects.toMatchObject({ code: 'timeout' });
  const first = never(1e6);
  ref.tell({ type: 'leave' });
  await expect(mesh.settled(first)).rejects.toMatchObject({ code: 'stopped', reason: { kind: 'normal' } });
  await expect(mesh.settled(get(one, ref))).rejects.toMatchObject({ code: 'stopped', reason: { kind: 'noproc' } });
  two.system.spawn(counter(), undefined, { name: 'a' });
  const lost = never(1e6);
  await mesh.settle();
  await mesh.crash(2);
  await expect(mesh.settled(lost)).rejects.toMatchObject({
    code: 'stopped',
    reason: { kind: 'unreachable', node: 'n2' },
  });
  await expect(mesh.settled(get(one, ref))).rejects.toMatchObject({ code: 'stopped', reason: { kind: 'unreachable' } });
});

test('a late reply of another node vanishes: it does not answer a later ask', async () => {
  const mesh = new Mesh(2, { latencyMs: { min: 30, max: 30 } });
  const [one, two] = [mesh.node(1), mesh.node(2)];
  const waiting: ReplyTo<string>[] = [];
  type Slow = { readonly type: 'slow'; readonly replyTo: ReplyTo<string> };
  const slow = defineActor<Slow, null>({
    kind: 'slow',
    start: () => null,
    receive: (_state, { replyTo }) => void waiting.push(replyTo),
    schema: { parse: () => ({ type: 'slow' }) },
  });
  two.system.spawn(slow, undefined, { name: 'slow' });
  const question = (timeoutMs: number) =>
    ask(one.system, one.remote.lookup<Slow>('n2', '/slow'), { type: 'slow' }, { timeoutMs });
  await expect(mesh.settled(question(40), 42)).rejects.toMatchObject({ code: 'timeout' });
  const second = question(1000);
  // Still awaited as far as that node knows.
  waiting[0]!.send('to the first');
  await mesh.settle();
  waiting[1]!.send('to the second');
  expect(await mesh.settled(second)).toBe('to the second');
});

test('an ask of another node ends at its own timeout, and an answer that cannot travel fails its ask', async () => {
  const mesh = new Mesh(2, { latencyMs: { min: 30, max: 30 } });
  const [one, two] = [mesh.node(1), mesh.node(2)];
  two.system.spawn(counter(), undefined, { name: 'a' });
  const ref = one.remote.lookup<Counting>('n2', '/a');
  await expect(mesh.settled(get(one, ref, 40), 200)).rejects.toMatchObject({ code: 'timeout' });
  await expect(mesh.settled(ask(one.system, ref, { type: 'odd' }, { timeoutMs: 1000 }), 200)).rejects.toMatchObject({
    code: 'stopped',
    message: expect.stringContaining('cannot travel'),
  });
  expect(mesh.nodes.map(({ remote }) => remote.refusals())).toEqual([[], []]);
});

test('a full mailbox there refuses the ask here', async () => {
  const mesh = new Mesh(2);
  const [one, two] = [mesh.node(1), mesh.node(2)];
  const stuck = defineActor<Extract<Counting, { type: 'get' }>, null>({
    kind: 'stuck',
    start: () => null,
    receive: () => new Promise<void>(() => {}),
    schema: { parse: (input) => input as { type: 'get' } },
  });
  two.system.spawn(stuck, undefined, { name: 'a', mailbox: { capacity: 2, overflow: 'reject' } });
  const ref = one.remote.lookup<Counting>('n2', '/a');
  const outcomes = await mesh.settled(Promise.allSettled([1, 2, 3, 4].map(() => get(one, ref, 40))));
  expect(outcomes.map((outcome) => outcome.status === 'rejected' && outcome.reason.code)).toEqual([
    'timeout',
    'timeout',
    'timeout',
    'refused',
  ]);
});

test('what cannot be sent goes to dead letters with the reason, and tell says so', async () => {
  const mesh = new Mesh(2, { maxOutboundBytes: 1000 });
  const [one, two] = [mesh.node(1), mesh.node(2)];
  two.system.spawn(counter(), undefined, { name: 'a' });
  const found = letters(one);
  const ref = one.remote.lookup<Counting & Message>('n2', '/a');
  expect(one.remote.lookup<Message>('n7', '/a').tell({ type: 'far' })).toBe(false);
  expect(ref.tell({ type: 'add', by: (() => 1) as never })).toBe(false);
  let sent = 0;
  while (ref.tell({ type: 'add', by: 1 })) sent++;
  expect(sent).toBeGreaterThan(5);
  expect(found).toEqual([
    ['far', 'unreachable'],
    ['add', 'unencodable'],
    ['add', 'full'],
  ]);
  const refused = ask(one.system, ref as never, { type: 'get', more: new Map() } as never, { timeoutMs: 1000 });
  await expect(mesh.settled(refused)).rejects.toMatchObject({ code: 'refused' });
});

test('what arrives is checked: no schema no entry, a bad message is refused, each counted under its sender', async () => {
  const mesh = new Mesh(3);
  const [one, two, three] = [mesh.node(1), mesh.node(2), mesh.node(3)];
  two.system.spawn(counter(), undefined, { name: 'open' });
  two.system.spawn(counter(false), undefined, { name: 'closed' });
  const open = one.remote.lookup<Message>('n2', '/open');
  const refused = (to: ActorRef<never>, message: object) => ask(one.system, to, message as never, { timeoutMs: 1000 });
  await expect(mesh.settled(refused(one.remote.lookup('n2', '/closed'), { type: 'get' }))).rejects.toMatchObject({
    code: 'refused',
  });
  await expect(mesh.settled(refused(open, { type: 'add', by: 'x' }))).rejects.toMatchObject({ code: 'refused' });
  open.tell({ type: 'nonsense' });
  three.remote.lookup<Message>('n2', '/open').tell({ type: 'add' });
  three.network.send('n2', new Uint8Array([0x95, 0xcd, frameMark >> 8, frameMark & 0xff, 0]));
  three.network.send('n2', encodeValue([frameMark, 77]));
  // Frames of other protocols on the same network are none of ours.
  three.network.send('n2', new Uint8Array([1, 2, 3, 4, 5]));
  await mesh.settle();
  expect(two.remote.refusals().map(({ node, reason, count }) => [node, reason, count])).toEqual([
    ['n1', 'closed', 1],
    ['n1', 'schema', 2],
    ['n3', 'schema', 1],
    ['n3', 'malformed', 2],
  ]);
  expect(await mesh.settled(get(one, open as ActorRef<Counting>))).toBe(0);
});

test('a question that comes without a reply address does not crash the actor that answers it', async () => {
  const mesh = new Mesh(2);
  const [one, two] = [mesh.node(1), mesh.node(2)];
  two.system.spawn(counter(), undefined, { name: 'a' });
  const ref = one.remote.lookup<Counting>('n2', '/a');
  ref.tell({ type: 'get' } as never);
  ref.tell({ type: 'add', by: 1 });
  expect(await mesh.settled(get(one, ref))).toBe(1);
});

test('only actors whose ref was given out can be named by number', async () => {
  const mesh = new Mesh(2);
  const [one, two] = [mesh.node(1), mesh.node(2)];
  const hidden = two.system.spawn(counter(), undefined);
  const { uid } = hidden.address;
  const guess = (value: number) =>
    one.network.send('n2', encodeValue([frameMark, 0, value, null, { type: 'add', by: 1 }]));
  const found = letters(two);
  for (const value of [uid, 1, 2, 3]) guess(value);
  await mesh.settle();
  expect(found).toHaveLength(4);
});

test('a node that starts again is another life: refs from before name nobody, paths name who is there now', async () => {
  const mesh = new Mesh(2);
  const one = mesh.node(1);
  mesh.node(2).system.spawn(counter(), undefined, { name: 'a' });
  const byPath = one.remote.lookup<Counting>('n2', '/a');
  const self = () => mesh.settled(ask(one.system, byPath, { type: 'self' }, { timeoutMs: 1000 }));
  const byUid = await self();
  one.probe.run((ctx) => ctx.monitor(byUid));
  await mesh.settle();
  await mesh.crash(2);
  const again = mesh.start('n2');
  again.system.spawn(counter(), undefined, { name: 'a' });
  await mesh.settle();
  expect(one.probe.signals).toMatchObject([{ reason: { kind: 'unreachable' } }]);
  expect(await mesh.settled(get(one, byPath))).toBe(0);
  expect((await self()).address.uid).not.toBe(byUid.address.uid);
  await expect(mesh.settled(get(one, byUid))).rejects.toMatchObject({ reason: { kind: 'noproc' } });
});

test('the trace of a message goes with it to the other node', async () => {
  const mesh = new Mesh(2);
  const traces: unknown[] = [];
  const tracer = defineActor<Message, null>({
    kind: 'tracer',
    start: () => null,
    receive: (_state, _message, ctx) => void traces.push(ctx.trace),
    schema: { parse: (input) => input as Message },
  });
  mesh.node(2).system.spawn(tracer, undefined, { name: 'tracer' });
  const ref = mesh.node(1).remote.lookup<Message>('n2', '/tracer');
  const trace = { traceId: '0af7', spanId: 'b7ad', flags: 1 };
  ref.tell({ type: 'x' }, trace);
  ref.tell({ type: 'x' });
  await mesh.settle();
  expect(traces).toEqual([trace, undefined]);
});

test('parts of one program trust each other: no schema needed', async () => {
  const mesh = new Mesh(0);
  const [one, two] = [mesh.start('n1', true), mesh.start('n2', true)];
  two.system.spawn(counter(false), undefined, { name: 'a' });
  expect(await mesh.settled(get(one, one.remote.lookup<Counting>('n2', '/a')))).toBe(0);
});

test('stop, exit and link stay at home, and say so', async () => {
  const mesh = new Mesh(2);
  const one = mesh.node(1);
  const far = one.remote.lookup('n2', '/probe');
  const said: string[] = [];
  for (const act of ['link', 'stop', 'exit'] as const)
    one.probe.run((ctx) => {
      try {
        if (act === 'exit') ctx.exit(far, { kind: 'killed' });
        else ctx[act](far);
      } catch (error) {
        said.push((error as Error).message);
      }
    });
  await mesh.settle();
  expect(said).toEqual(Array.from({ length: 3 }, () => 'n2/probe is not an actor of this system'));
});

test('a system that shuts down leaves its networks: peers hear that its actors ended', async () => {
  const mesh = new Mesh(2);
  const [one, two] = [mesh.node(1), mesh.node(2)];
  two.system.spawn(counter(), undefined, { name: 'a' });
  one.probe.run((ctx) => ctx.monitor(one.remote.lookup('n2', '/a')));
  await mesh.settle();
  await mesh.settled(two.system.shutdown());
  expect(one.probe.signals).toMatchObject([{ type: 'down', reason: { kind: 'shutdown' } }]);
});
