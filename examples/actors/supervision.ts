import {
  ask,
  createSystem,
  defineActor,
  type ReplyTo,
  supervisor,
  supervisorHandle,
} from '../../actors/system/index.ts';
import { sleep, world } from './world.ts';

type Order = { readonly type: 'brew'; readonly drink: string; readonly replyTo: ReplyTo<string> };

const barista = defineActor<Order, { served: number }, string>({
  kind: 'barista',
  start: (_ctx, bar) => {
    console.log(`barista of the ${bar} starts`);
    return { served: 0 };
  },
  receive(state, { drink, replyTo }) {
    if (drink === 'tea') throw new Error('no tea here');
    replyTo.send(`${drink} number ${++state.served}`);
  },
});

const system = createSystem('example', world);
const bar = system.spawn(
  supervisor({
    strategy: 'one_for_one',
    intensity: 3,
    periodMs: 5000,
    children: [{ id: 'barista', actor: barista, args: 'lobby' }],
  }),
  undefined,
  { name: 'bar' },
);
await sleep(10);

const ref = supervisorHandle(system, bar).child<Order>('barista')!;
const brew = (drink: string) => ask(system, ref, { type: 'brew', drink }, { timeoutMs: 1000 });
console.log(await brew('coffee'));
const tea = brew('tea').catch((error: Error) => console.log(error.message));
const mocha = brew('mocha');
await tea;
console.log(await mocha);
await system.shutdown();
