import { expect, test } from 'vitest';
import { type ActorDef, type ActorRef, ask, defineActor, type EntitiesMessage, entities, entity } from '../index.ts';
import { Mesh, type MeshNode } from '../remote/testing/mesh.ts';
import { memoryJournal } from '../testing/index.ts';
import { durablePurse, type Purse, purse } from './testing/purse.ts';
import { Homes } from './view.ts';

// ── homes ──

test('every node gives an id the same home, homes are even, and when a node goes only its ids move', () => {
  const nodes = Array.from({ length: 10 }, (_, index) => `node-${index}`);
  const all = new Homes({ number: 1, nodes });
  const shuffled = new Homes({ number: 1, nodes: [...nodes.slice(4), ...nodes.slice(0, 4), 'node-1'] });
  const less = new Homes({ number: 2, nodes: nodes.filter((node) => node !== 'node-3') });
  const counts = new Map<string, number>();
  for (let index = 0; index < 10_000; index++) {
    const id = `account/${index}`;
    const home = all.homeOf(id)!;
    counts.set(home, (counts.get(home) ?? 0) + 1);
    expect(shuffled.homeOf(id)).toBe(home);
    if (home !== 'node-3') expect(less.homeOf(id)).toBe(home);
  }
  for (const node of nodes) expect(counts.get(node)).toBeGreaterThan(850);
  for (const node of nodes) expect(counts.get(node)).toBeLessThan(1150);
  expect(new Homes({ number: 1, nodes: [] }).homeOf('x')).toBeUndefined();
});

// ── across nodes ──

class Spread {
  readonly mesh: Mesh;
  readonly regions: ActorRef<EntitiesMessage>[];
  constructor(count: number, actor: ActorDef<Purse, unknown, string> = purse() as ActorDef<Purse, unknown, string>) {
    this.mesh = new Mesh(count);
    const view = { number: 1, nodes: this.mesh.nodes.map(({ name }) => name) };
    this.regions = this.mesh.nodes.map(({ system }) => system.spawn(entities({ actor }), view, { name: 'purses' }));
  }

  from(index: number, id: string): { node: MeshNode; ref: ActorRef<Purse> } {
    return { node: this.mesh.node(index), ref: entity<Purse>(this.regions[index - 1]!, id) };
  }

  add(index: number, id: string, cents: number, settleMs = 50): Promise<number> {
    const { node, ref } = this.from(index, id);
    return this.mesh.settled(ask(node.system, ref, { type: 'add', cents }, { timeoutMs: 10_000 }), settleMs);
  }

  async where(index: number, id: string): Promise<string> {
    const { node, ref } = this.from(index, id);
    return (await this.mesh.settled(ask(node.system, ref, { type: 'where' }, { timeoutMs: 10_000 }))).split('/')[0]!;
  }

  async view(
    number: number,
    nodes: readonly string[],
    at: readonly number[] = this.regions.map((_, index) => index + 1),
  ) {
    for (const index of at) this.regions[index - 1]!.tell({ type: 'view', view: { number, nodes } });
    await this.mesh.settle(0);
  }
}

/** An id that lives on `home` in a view of `nodes`. */
function idAt(home: string, nodes: readonly string[], also: (id: string) => boolean = () => true): string {
  const homes = new Homes({ number: 1, nodes });
  for (let index = 0; ; index++) if (homes.homeOf(`id${index}`) === home && also(`id${index}`)) return `id${index}`;
}

test('from every node an id names one actor, on the node that the view says', async () => {
  const spread = new Spread(3);
  const nodes = ['n1', 'n2', 'n3'];
  for (const home of nodes) {
    const id = idAt(home, nodes);
    let total = 0;
    for (const from of [1, 2, 3, 1]) expect(await spread.add(from, id, 1)).toBe(++total);
    expect(await spread.where(2, id)).toBe(home);
  }
  expect(spread.mesh.nodes.flatMap(({ remote }) => remote.refusals())).toEqual([]);
});

test('an actor whose home goes away lives on elsewhere; those of other nodes stay where they are', async () => {
  const spread = new Spread(3);
  const nodes = ['n1', 'n2', 'n3'];
  const [lost, kept] = [idAt('n3', nodes), idAt('n2', nodes)];
  await spread.add(1, lost, 1);
  await spread.add(1, kept, 1);
  await spread.mesh.crash(3);
  await expect(spread.add(1, lost, 1)).rejects.toMatchObject({
    code: 'stopped',
    reason: { kind: 'unreachable', node: 'n3' },
  });
  await spread.view(2, ['n1', 'n2'], [1, 2]);
  expect(await spread.add(1, lost, 1)).toBe(1);
  expect(await spread.add(1, kept, 1)).toBe(2);
});

test('a sender whose view is old is served: its delivery is passed on to where the actor lives now', async () => {
  const spread = new Spread(3);
  const id = idAt(
    'n3',
    ['n1', 'n2', 'n3'],
    (found) => new Homes({ number: 1, nodes: ['n1', 'n2'] }).homeOf(found) === 'n2',
  );
  await spread.add(3, id, 5);
  await spread.view(2, ['n1', 'n2'], [2, 3]);
  // n1 still sends to n3, which knows better.
  expect(await spread.add(1, id, 1)).toBe(1);
  expect(await spread.where(1, id)).toBe('n2');
  // An old view never comes back.
  await spread.view(1, ['n1', 'n2', 'n3']);
  expect(await spread.where(3, id)).toBe('n2');
});

test('a delivery from a newer view waits until this node has caught up, and no longer than five seconds', async () => {
  const spread = new Spread(2);
  await spread.view(1, ['n1', 'n2']);
  const id = idAt('n2', ['n1', 'n2']);
  await spread.view(2, ['n2', 'n1'], [1]);
  const { node, ref } = spread.from(1, id);
  const first = ask(node.system, ref, { type: 'add', cents: 1 }, { timeoutMs: 60_000 });
  await spread.mesh.settle(1000);
  await spread.view(2, ['n2', 'n1'], [2]);
  expect(await spread.mesh.settled(first)).toBe(1);
  await spread.view(3, ['n2', 'n1'], [1]);
  const late = ask(node.system, ref, { type: 'add', cents: 1 }, { timeoutMs: 60_000 });
  let failed = false;
  late.catch(() => {
    failed = true;
  });
  await spread.mesh.settle(4900);
  expect(failed).toBe(false);
  await expect(spread.mesh.settled(late, 200)).rejects.toMatchObject({
    code: 'stopped',
    reason: { kind: 'unreachable' },
  });
});

test('an actor that moves ends its work at the old home first', async () => {
  const spread = new Spread(2);
  const id = idAt('n1', ['n1', 'n2']);
  const before = spread.mesh.node(1);
  await spread.add(1, id, 1);
  await spread.view(2, ['n2']);
  expect(await spread.where(1, id)).toBe('n2');
  await spread.mesh.settle(500);
  expect(before.system.inspect().children.find(({ path }) => path === '/purses')!.children).toEqual([]);
});

test('during a split both sides host a durable actor, its journal takes the events of one only, and nothing acknowledged is lost', async () => {
  const journal = memoryJournal();
  const spread = new Spread(4, durablePurse(journal));
  const everyone = ['n1', 'n2', 'n3', 'n4'];
  let acknowledged = 0;
  const tryAdd = async (from: number, id: string): Promise<boolean> => {
    try {
      await spread.add(from, id, 1);
      acknowledged++;
      return true;
    } catch {
      return false;
    }
  };
  const id = idAt('n3', everyone);
  for (const from of [1, 2, 3, 4]) expect(await tryAdd(from, id)).toBe(true);
  spread.mesh.hub.partition(['n1', 'n2'], ['n3', 'n4']);
  await spread.view(2, ['n1', 'n2'], [1, 2]);
  await spread.view(2, ['n3', 'n4'], [3, 4]);
  let refused = 0;
  // Both sides write by turns: who wrote last wins, the other learns it at its next write, and then reads what is there.
  for (let round = 0; round < 10; round++) for (const from of [1, 4]) if (!(await tryAdd(from, id))) refused++;
  expect(refused).toBeGreaterThan(0);
  spread.mesh.hub.heal();
  await spread.view(3, everyone);
  // One that still holds an old state finds out at its first write.
  await tryAdd(1, id);
  const total = await spread.add(2, id, 0);
  expect(total).toBe(acknowledged);
  expect(await journal.highest(id)).toBe(acknowledged + 1);
  for (const from of [1, 2, 3, 4]) expect(await spread.add(from, id, 0)).toBe(total);
});

test('what an actor of that kind does not take from other nodes, its region refuses, and a virtual ref travels as a value', async () => {
  const spread = new Spread(2);
  const id = idAt('n2', ['n1', 'n2']);
  const { node, ref } = spread.from(1, id);
  const bad = ask(node.system, ref, { type: 'add', cents: 'x' } as never, { timeoutMs: 1000 });
  await expect(spread.mesh.settled(bad)).rejects.toMatchObject({ code: 'refused' });
  ref.tell({ type: 'add', cents: 3 } as never);
  expect(spread.mesh.node(2).remote.refusals()).toMatchObject([{ node: 'n1', reason: 'schema', count: 1 }]);

  const relay = defineActor<{ readonly type: 'use'; readonly ref: ActorRef<Purse> }, null>({
    kind: 'relay',
    start: () => null,
    receive: (_state, message, ctx) => void ctx.ask(message.ref, { type: 'add', cents: 4 }, { timeoutMs: 1000 }),
    schema: { parse: (input) => input as never },
  });
  spread.mesh.node(2).system.spawn(relay, undefined, { name: 'relay' });
  const there = spread.mesh
    .node(1)
    .remote.lookup<{ readonly type: 'use'; readonly ref: ActorRef<Purse> }>('n2', '/relay');
  there.tell({ type: 'use', ref });
  await spread.mesh.settle();
  expect(await spread.add(1, id, 0)).toBe(7);
});
