import { ask, createSystem, defineActor, entities, entity, type ReplyTo, remoteOf } from '../../actors/system/index.ts';
import { createLoopbackHub } from '../../protocols/loopback/index.ts';
import { sleep, until, world } from './world.ts';

type Cart = { readonly type: 'put'; readonly item: string; readonly replyTo: ReplyTo<string> };

const cart = defineActor<Cart, string[], string>({
  kind: 'cart',
  start: () => [],
  receive(items, { item, replyTo }, ctx) {
    items.push(item);
    replyTo.send(`${ctx.self.address.node}${ctx.self.address.path} holds ${items.join(', ')}`);
  },
  schema: { parse: (input) => input as { type: 'put'; item: string } },
});

const hub = createLoopbackHub(world);
const view = { number: 1, nodes: ['north', 'south'] };
const nodes = view.nodes.map((name) => {
  const system = createSystem(name, world);
  const remote = remoteOf(system);
  remote.attach(hub.open(name));
  return {
    system,
    remote,
    carts: system.spawn(entities({ actor: cart, passivateAfterMs: 500 }), view, { name: 'carts' }),
  };
});
await until(() => nodes.every(({ remote }) => remote.nodes().length === 1));

// The same cart from either node: it lives where the view says.
const put = (from: number, id: string, item: string) => {
  const { system, carts } = nodes[from]!;
  return ask(system, entity<Cart>(carts, id), { type: 'put', item }, { timeoutMs: 1000 });
};
console.log(await put(0, 'ann', 'tea'));
console.log(await put(1, 'ann', 'milk'));
console.log(await put(0, 'bob', 'salt'));
await sleep(1_500);
// Asleep meanwhile, and awake again: a durable cart would still hold its tea.
console.log(await put(1, 'ann', 'sugar'));
process.exit(0);
