import { ask, createSystem, defineActor, type Message, type ReplyTo, remoteOf } from '../../actors/system/index.ts';
import { createLoopbackHub } from '../../protocols/loopback/index.ts';
import { until, world } from './world.ts';

type Greeting = { readonly type: 'greet'; readonly name: string; readonly replyTo: ReplyTo<string> };

const greeter = defineActor<Greeting, null>({
  kind: 'greeter',
  start: () => null,
  receive: (_state, { name, replyTo }, ctx) => replyTo.send(`hello ${name}, from ${ctx.self.address.node}`),
  // Without a schema an actor takes nothing from other nodes. Any object with `parse` will do.
  schema: {
    parse(input) {
      const { type, name } = input as Greeting;
      if (type !== 'greet' || typeof name !== 'string') throw new TypeError('a greeting has a name');
      return { type, name };
    },
  },
});

const hub = createLoopbackHub(world);
const [north, south] = ['north', 'south'].map((name) => {
  const system = createSystem(name, world);
  const network = hub.open(name);
  const remote = remoteOf(system);
  remote.attach(network);
  return { system, network, remote };
});
south!.remote.groups.join('greeters', south!.system.spawn(greeter, undefined, { name: 'greeter' }));
await until(() => north!.remote.groups.members('greeters').length === 1);

const [ref] = north!.remote.groups.members<Greeting>('greeters');
const greet = (name: string) => ask(north!.system, ref!, { type: 'greet', name }, { timeoutMs: 1000 });
console.log(await greet('Ada'));

await greet(7 as never).catch((error: Error) => console.log(error.message));
console.log(south!.remote.refusals().map(({ node, reason, count }) => `${node}: ${reason} ${count}`));

let heard = 'nothing';
const watcher = defineActor<Message, null>({
  kind: 'watcher',
  start(ctx) {
    ctx.monitor(ref!);
    return null;
  },
  receive: () => undefined,
  signal(_state, signal) {
    if (signal.type === 'down') heard = signal.reason.kind;
  },
});
north!.system.spawn(watcher, undefined);
await greet('again');
await south!.network.close();
await until(() => heard !== 'nothing');
console.log(`the greeter is ${heard}, greeters now: ${north!.remote.groups.members('greeters').length}`);
process.exit(0);
