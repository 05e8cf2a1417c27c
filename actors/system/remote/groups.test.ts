import { expect, test } from 'vitest';
import { encodeValue } from '../codec/index.ts';
import { type ActorRef, createRandom, defineActor, type GroupEvent, type Message } from '../index.ts';
import { frameMark } from './frames.ts';
import { Mesh, type MeshNode } from './testing/mesh.ts';

const member = defineActor<Message, null>({
  kind: 'member',
  start: () => null,
  receive: () => undefined,
  schema: { parse: (input) => input as Message },
});
const spawn = (node: MeshNode): ActorRef<Message> => node.system.spawn(member, undefined);
const end = (node: MeshNode, ref: ActorRef<never>): void => node.system.exit(ref, { kind: 'killed' });

/** Addresses, sorted: views are compared as multisets. */
const view = (node: MeshNode, group: string): string[] =>
  node.remote.groups
    .members(group)
    .map(({ address }) => `${address.node}#${address.uid}`)
    .sort();
const same = (nodes: readonly MeshNode[], group: string): void => {
  for (const node of nodes) expect(view(node, group)).toEqual(view(nodes[0]!, group));
};

test('pg single: joining several times counts, leaving one not joined says so, an empty group is no group', async () => {
  const mesh = new Mesh(1);
  const one = mesh.node(1);
  const { groups } = one.remote;
  const [a, b] = [spawn(one), spawn(one)];
  expect(groups.leave('g', a)).toBe(false);
  groups.join('g', a);
  groups.join('g', [a, b, b]);
  expect(groups.members('g')).toEqual([a, a, b, b]);
  expect(groups.localMembers('g')).toEqual([a, a, b, b]);
  expect(groups.leave('g', [b, b, b])).toBe(true);
  expect(groups.leave('g', b)).toBe(false);
  expect(groups.members('g')).toEqual([a, a]);
  groups.leave('g', [a, a]);
  expect([groups.members('g'), groups.names(), groups.localNames()]).toEqual([[], [], []]);
});

test('pg two: both nodes see joins and leaves of either, and an actor that ends is gone from all its groups everywhere', async () => {
  const mesh = new Mesh(2);
  const [one, two] = [mesh.node(1), mesh.node(2)];
  const [a, b] = [spawn(one), spawn(two)];
  one.remote.groups.join('g', [a, a]);
  one.remote.groups.join('h', a);
  two.remote.groups.join('g', b);
  await mesh.settle();
  expect(view(two, 'g')).toHaveLength(3);
  same(mesh.nodes, 'g');
  expect(two.remote.groups.localMembers('g')).toEqual([b]);
  expect(two.remote.groups.names().toSorted()).toEqual(['g', 'h']);
  // What is found there can be told something.
  two.remote.groups.members<Message>('h')[0]!.tell({ type: 'hello' });
  end(one, a);
  await mesh.settle();
  expect(view(two, 'g')).toHaveLength(1);
  expect(two.remote.groups.names()).toEqual(['g']);
  same(mesh.nodes, 'g');
});

test('pg empty_group_by_remote_leave: a group whose last member left over there is no group here', async () => {
  const mesh = new Mesh(2);
  const [one, two] = [mesh.node(1), mesh.node(2)];
  const a = spawn(one);
  one.remote.groups.join('g', a);
  await mesh.settle();
  expect(two.remote.groups.names()).toEqual(['g']);
  one.remote.groups.leave('g', a);
  await mesh.settle();
  expect(two.remote.groups.names()).toEqual([]);
});

test('pg double: one actor joined twice leaves twice, and its end counts for both', async () => {
  const mesh = new Mesh(2);
  const [one, two] = [mesh.node(1), mesh.node(2)];
  const a = spawn(one);
  one.remote.groups.join('g', a);
  one.remote.groups.join('g', a);
  await mesh.settle();
  expect(view(two, 'g')).toHaveLength(2);
  const heard: GroupEvent[] = [];
  two.remote.groups.watch((event) => void heard.push(event));
  end(one, a);
  await mesh.settle();
  expect(view(two, 'g')).toEqual([]);
  expect(heard.map(({ type, refs }) => [type, refs.length])).toEqual([['leave', 2]]);
});

for (const [name, sides] of [
  [
    'netsplit',
    [
      [1, 2],
      [3, 4],
    ],
  ],
  ['trisplit', [[1, 2], [3], [4, 5]]],
  ['foursplit', [[1], [2], [3], [4]]],
] as const) {
  test(`pg ${name}: sides see only themselves, change meanwhile, and agree again when healed`, async () => {
    const count = Math.max(...sides.flat());
    const mesh = new Mesh(count, { latencyMs: { min: 1, max: 9 } });
    const random = createRandom(7);
    const members = mesh.nodes.map((node) => {
      const refs = [spawn(node), spawn(node), spawn(node)];
      node.remote.groups.join('g', refs);
      return refs;
    });
    await mesh.settle();
    same(mesh.nodes, 'g');
    mesh.hub.partition(...sides.map((side) => side.map((index) => `n${index}`)));
    await mesh.settle();
    for (const side of sides) {
      const nodes = side.map((index) => mesh.node(index));
      same(nodes, 'g');
      expect(view(nodes[0]!, 'g')).toHaveLength(3 * side.length);
    }
    for (const [index, node] of mesh.nodes.entries()) {
      const [first, second] = members[index]!;
      if (random.chance(0.5)) node.remote.groups.leave('g', first!);
      else end(node, first!);
      node.remote.groups.join('g', second!);
      node.remote.groups.join('new', second!);
    }
    await mesh.settle();
    mesh.hub.heal();
    await mesh.settle();
    for (const group of ['g', 'new']) same(mesh.nodes, group);
    expect(view(mesh.node(1), 'g')).toHaveLength(3 * count);
    expect(view(mesh.node(1), 'new')).toHaveLength(count);
  });
}

test('pg exchange: after many random joins, leaves and ends on three nodes all views are one', async () => {
  const mesh = new Mesh(3, { latencyMs: { min: 0, max: 30 }, seed: 11 });
  const random = createRandom(5);
  const groups = ['a', 'b', 'c'];
  const refs = mesh.nodes.map((node) => Array.from({ length: 5 }, () => spawn(node)));
  for (let step = 0; step < 400; step++) {
    const index = random.below(3);
    const node = mesh.nodes[index]!;
    const slot = random.below(5);
    const ref = refs[index]![slot]!;
    const group = groups[random.below(3)]!;
    const what = random.below(20);
    if (what < 10) node.remote.groups.join(group, ref);
    else if (what < 18) node.remote.groups.leave(group, ref);
    else {
      end(node, ref);
      refs[index]![slot] = spawn(node);
    }
    if (random.chance(0.3)) await mesh.settle(random.below(20));
  }
  await mesh.settle(100);
  let members = 0;
  for (const group of groups) {
    same(mesh.nodes, group);
    members += view(mesh.node(1), group).length;
  }
  expect(members).toBeGreaterThan(20);
});

test('pg scope_restart: a node that starts again brings its new members, and the old ones are gone', async () => {
  const mesh = new Mesh(2);
  const one = mesh.node(1);
  mesh.node(2).remote.groups.join('g', [spawn(mesh.node(2)), spawn(mesh.node(2))]);
  await mesh.settle();
  expect(view(one, 'g')).toHaveLength(2);
  await mesh.crash(2);
  await mesh.settle();
  expect(view(one, 'g')).toEqual([]);
  const again = mesh.start('n2');
  again.remote.groups.join('g', spawn(again));
  await mesh.settle();
  expect(view(one, 'g')).toEqual(view(again, 'g'));
  expect(view(one, 'g')).toHaveLength(1);
});

test('a system that shuts down takes its members out of every view', async () => {
  const mesh = new Mesh(2);
  const [one, two] = [mesh.node(1), mesh.node(2)];
  two.remote.groups.join('g', spawn(two));
  await mesh.settle();
  await mesh.settled(two.system.shutdown());
  expect(one.remote.groups.names()).toEqual([]);
});

test('pg disconnected_start: groups made before the nodes knew each other are exchanged when they meet', async () => {
  const mesh = new Mesh(0);
  mesh.hub.partition(['n1'], ['n2']);
  const [one, two] = [mesh.start('n1'), mesh.start('n2')];
  one.remote.groups.join('g', spawn(one));
  two.remote.groups.join('g', spawn(two));
  await mesh.settle();
  expect(view(one, 'g')).toHaveLength(1);
  mesh.hub.heal();
  await mesh.settle();
  expect(view(one, 'g')).toHaveLength(2);
  same([one, two], 'g');
});

test('pg missing_scope_join: one that attaches late is asked again, and asks, so that both know all', async () => {
  const mesh = new Mesh(1);
  const one = mesh.node(1);
  one.remote.groups.join('g', spawn(one));
  // Its network is up, and nobody listens to it yet.
  const network = mesh.hub.open('n2');
  await mesh.settle();
  const late = mesh.world;
  const { createSystem, remoteOf } = await import('../index.ts');
  const system = createSystem('n2', { ...late, random: createRandom(2) });
  const remote = remoteOf(system);
  remote.groups.join('g', system.spawn(member, undefined));
  remote.attach(network);
  await mesh.settle();
  expect(one.remote.groups.members('g')).toHaveLength(2);
  expect(remote.groups.members('g')).toHaveLength(2);
});

test('pg leave_exit_race: leaving and ending at once is one leave', async () => {
  const mesh = new Mesh(2);
  const [one, two] = [mesh.node(1), mesh.node(2)];
  await mesh.settle();
  const heard: GroupEvent[] = [];
  two.remote.groups.watch((event) => void heard.push(event), 'g');
  const a = spawn(one);
  one.remote.groups.join('g', a);
  one.remote.groups.leave('g', a);
  end(one, a);
  one.remote.groups.join('other', spawn(one));
  await mesh.settle();
  expect(heard.map(({ type }) => type)).toEqual(['join', 'leave']);
  // An ended actor does not join.
  one.remote.groups.join('g', a);
  expect(one.remote.groups.members('g')).toEqual([]);
});

test('pg thundering_herd: a hundred members of ten nodes that all start at once are known everywhere', async () => {
  const mesh = new Mesh(10, { latencyMs: { min: 0, max: 20 } });
  for (const node of mesh.nodes) for (let index = 0; index < 10; index++) node.remote.groups.join('g', spawn(node));
  await mesh.settle(100);
  expect(view(mesh.node(1), 'g')).toHaveLength(100);
  same(mesh.nodes, 'g');
});

test('pg monitor, monitor_scope: a watcher hears joins and leaves of its group, or of all, until it stops', async () => {
  const mesh = new Mesh(2);
  const [one, two] = [mesh.node(1), mesh.node(2)];
  await mesh.settle();
  const heard = { g: [] as string[], all: [] as string[] };
  const say = (list: string[]) => (event: GroupEvent) =>
    void list.push(`${event.type} ${event.group} ${event.refs.length}`);
  const stop = one.remote.groups.watch(say(heard.g), 'g');
  one.remote.groups.watch(say(heard.all));
  one.remote.groups.watch(() => {
    throw new Error('a bad listener harms nobody');
  });
  const a = spawn(two);
  two.remote.groups.join('g', [a, a]);
  two.remote.groups.join('h', a);
  await mesh.settle();
  expect(heard).toEqual({ g: ['join g 2'], all: ['join g 2', 'join h 1'] });
  await mesh.crash(2);
  await mesh.settle();
  expect(heard.g).toEqual(['join g 2', 'leave g 2']);
  stop();
  one.remote.groups.join('g', spawn(one));
  expect(heard.g).toHaveLength(2);
  expect(heard.all).toEqual(['join g 2', 'join h 1', 'leave g 2', 'leave h 1', 'join g 1']);
});

test('only the owner speaks: a node cannot join or drop the actors of another, and is counted for trying', async () => {
  const mesh = new Mesh(3);
  const [one, two, three] = [mesh.node(1), mesh.node(2), mesh.node(3)];
  const a = spawn(two);
  two.remote.groups.join('g', a);
  await mesh.settle();
  expect(() => one.remote.groups.join('g', one.remote.groups.members('g')[0]!)).toThrow(TypeError);
  const name = (ref: ActorRef<never>) => ref as object;
  const forge = (kind: number, version: number): void => {
    const bytes = encodeValue([frameMark, kind, version, 'g', [name(a)]], () => ({
      tag: 1,
      value: [a.address.node, a.address.path, a.address.uid],
    }));
    three.network.send('n1', bytes);
  };
  forge(9, 1);
  forge(8, 2);
  await mesh.settle();
  expect(view(one, 'g')).toEqual([`n2#${a.address.uid}`]);
  expect(one.remote.refusals()).toMatchObject([{ node: 'n3', reason: 'foreign', count: 2 }]);
});

test('views converge over a network that loses every fifth frame', async () => {
  const mesh = new Mesh(4, { loss: 0.2, latencyMs: { min: 1, max: 10 }, seed: 4 });
  for (let round = 0; round < 30; round++) {
    for (const node of mesh.nodes) node.remote.groups.join('g', spawn(node));
    await mesh.settle(20);
  }
  mesh.hub.setLoss(0);
  // The next change shows each node what it missed.
  for (const node of mesh.nodes) node.remote.groups.join('last', spawn(node));
  await mesh.settle(5000);
  expect(view(mesh.node(1), 'g')).toHaveLength(120);
  same(mesh.nodes, 'g');
});

test('what a full network refused is made up for', async () => {
  const mesh = new Mesh(2, { maxOutboundBytes: 2000 });
  const [one, two] = [mesh.node(1), mesh.node(2)];
  await mesh.settle();
  for (let index = 0; index < 20; index++) one.remote.groups.join(`g${index}`, spawn(one));
  expect(two.remote.groups.names()).toEqual([]);
  await mesh.settle(3000);
  expect(two.remote.groups.names()).toHaveLength(20);
});

test('a group of more members than one frame takes is exchanged in parts, whole', async () => {
  const mesh = new Mesh(1);
  const one = mesh.node(1);
  const a = spawn(one);
  one.remote.groups.join('g', new Array<ActorRef<Message>>(10_000).fill(a));
  one.remote.groups.join('h', a);
  const two = mesh.start('n2');
  await mesh.settle();
  expect(two.remote.groups.members('g')).toHaveLength(10_000);
  expect(two.remote.groups.members('h')).toHaveLength(1);
});

test('a peer that runs no actors is asked ever more seldom', async () => {
  const mesh = new Mesh(1);
  mesh.hub.open('silent');
  await mesh.settle();
  const before = mesh.hub.framesSent;
  await mesh.settle(600_000);
  expect(mesh.hub.framesSent - before).toBeLessThan(20);
});

test('a peer that never ends its list of members is cut off at what one peer may name', async () => {
  const mesh = new Mesh(2);
  const [one, two] = [mesh.node(1), mesh.node(2)];
  await mesh.settle();
  const a = spawn(two);
  const refs = new Array<object>(4000).fill(a as object);
  const name = () => ({ tag: 1, value: ['n2', '/x', 5] });
  for (let part = 0; part < 60; part++) {
    two.network.send('n1', encodeValue([frameMark, 7, 1, part, false, [['g', refs]]], name));
    await mesh.settle(2);
  }
  expect(one.remote.refusals()).toMatchObject([{ node: 'n2', reason: 'malformed', count: 10 }]);
  expect(one.remote.groups.members('g')).toEqual([]);
});

test('a frame that outlives its connection opens no session', async () => {
  const mesh = new Mesh(1);
  const handlers: ((from: string, frame: Uint8Array) => void)[] = [];
  const network = {
    self: 'n1',
    maxFrameBytes: 1 << 20,
    peers: () => [],
    onPeer: () => () => {},
    send: () => true,
    onFrame: (handler: (typeof handlers)[number]) => {
      handlers.push(handler);
      return () => {};
    },
  };
  mesh.node(1).remote.attach(network);
  handlers[0]!('ghost', encodeValue([frameMark, 6]));
  expect(mesh.node(1).remote.nodes()).toEqual([]);
});
