import { expect, test } from 'vitest';
import { supervisor } from '../index.ts';
import { type Counting, counter, get, seen } from './testing/counter.ts';
import { Mesh } from './testing/mesh.ts';

test('erts xm_sig_order, remote: messages and the news of the end arrive in the order they were caused', async () => {
  const mesh = new Mesh(2, { latencyMs: { min: 0, max: 40 }, seed: 3 });
  const [one, two] = [mesh.node(1), mesh.node(2)];
  seen.length = 0;
  const there = two.system.spawn(counter(), undefined, { name: 'counter' });
  const ref = one.remote.lookup<Counting>('n2', '/counter');
  one.probe.run((ctx) => ctx.monitor(ref));
  await mesh.settle();
  for (let by = 0; by < 50; by++) ref.tell({ type: 'add', by });
  ref.tell({ type: 'leave' });
  ref.tell({ type: 'add', by: 99 });
  await mesh.settle(200);
  expect(seen).toEqual(Array.from({ length: 50 }, (_, by) => by));
  expect(one.probe.signals).toMatchObject([{ type: 'down', reason: { kind: 'normal' } }]);
  expect(there.tell({ type: 'crash' })).toBe(false);
});

test('erts monitor_SUITE mon_1, mon_2 remote: down says why, noproc for who is not there, unreachable for a lost node', async () => {
  const mesh = new Mesh(3);
  const [one, two, three] = [mesh.node(1), mesh.node(2), mesh.node(3)];
  for (const name of ['a', 'b', 'c']) two.system.spawn(counter(), undefined, { name });
  three.system.spawn(counter(), undefined, { name: 'd' });
  const refs = ['a', 'b', 'c'].map((name) => one.remote.lookup<Counting>('n2', `/${name}`));
  for (const ref of [...refs, one.remote.lookup('n2', '/nobody'), one.remote.lookup('n3', '/d')])
    one.probe.run((ctx) => ctx.monitor(ref));
  one.probe.run((ctx) => ctx.monitor(one.remote.lookup('n9', '/x')));
  await mesh.settle();
  refs[0]!.tell({ type: 'leave' });
  refs[1]!.tell({ type: 'crash' });
  two.system.exit(two.remote.lookup('n2', '/c'), { kind: 'killed' });
  await mesh.settle();
  await mesh.crash(3);
  await mesh.settle();
  const downs = one.probe.signals.flatMap((signal) =>
    signal.type === 'down' ? [[signal.ref.address.path, signal.reason]] : [],
  );
  expect(Object.fromEntries(downs)).toMatchObject({
    '/a': { kind: 'normal' },
    '/b': { kind: 'error', error: { message: 'as told' } },
    '/c': { kind: 'killed' },
    '/nobody': { kind: 'noproc' },
    '/d': { kind: 'unreachable', node: 'n3' },
    '/x': { kind: 'unreachable', node: 'n9' },
  });
  expect(downs).toHaveLength(6);
});

test('erts monitor_SUITE demon_1..3 remote: monitors stack, each can be dropped, and a dropped one is never heard', async () => {
  const mesh = new Mesh(2);
  const [one, two] = [mesh.node(1), mesh.node(2)];
  two.system.spawn(counter(), undefined, { name: 'a' });
  const ref = one.remote.lookup<Counting>('n2', '/a');
  one.probe.run((ctx) => {
    const ids = [1, 2, 3, 4].map(() => ctx.monitor(ref));
    ctx.demonitor(ids[1]!);
    ctx.demonitor(ids[1]!);
    ctx.demonitor(999 as never);
  });
  await mesh.settle();
  ref.tell({ type: 'leave' });
  await mesh.settle();
  expect(one.probe.signals).toHaveLength(3);
  expect(mesh.nodes.map(({ remote }) => remote.refusals())).toEqual([[], []]);
});

test('a watcher that ends stops watching, and its node says so to the other', async () => {
  const mesh = new Mesh(2);
  const [one, two] = [mesh.node(1), mesh.node(2)];
  two.system.spawn(counter(), undefined, { name: 'a' });
  await mesh.settle();
  const before = mesh.hub.framesSent;
  one.probe.run((ctx) => ctx.monitor(one.remote.lookup('n2', '/a')));
  await mesh.settle();
  one.system.exit(one.probe.ref, { kind: 'killed' });
  await mesh.settle();
  expect(mesh.hub.framesSent - before).toBe(2);
  two.system.exit(two.remote.lookup('n2', '/a'), { kind: 'killed' });
  await mesh.settle();
  expect(mesh.hub.framesSent - before).toBe(2);
});

test('a restart behind a remote ref is no end: messages wait for it, and only the ask that crashed it fails', async () => {
  const mesh = new Mesh(2);
  const [one, two] = [mesh.node(1), mesh.node(2)];
  two.system.spawn(supervisor({ children: [{ id: 'a', actor: counter(), args: undefined }] }), undefined, {
    name: 'sup',
  });
  await mesh.settle();
  const ref = one.remote.lookup<Counting>('n2', '/sup/a');
  one.probe.run((ctx) => ctx.monitor(ref));
  ref.tell({ type: 'add', by: 5 });
  ref.tell({ type: 'crash' });
  ref.tell({ type: 'add', by: 2 });
  expect(await mesh.settled(get(one, ref))).toBe(2);
  expect(one.probe.signals).toEqual([]);
});
