import { ask, createSystem, defineActor, type ReplyTo } from '../../actors/system/index.ts';
import { world } from './world.ts';

type Counting =
  | { readonly type: 'add'; readonly by: number }
  | { readonly type: 'total'; readonly replyTo: ReplyTo<number> };

const counter = defineActor<Counting, number>({
  kind: 'counter',
  start: () => 0,
  receive(total, message) {
    if (message.type === 'add') return total + message.by;
    message.replyTo.send(total);
  },
});

const system = createSystem('example', world);
const ref = system.spawn(counter, undefined, { name: 'counter' });
ref.tell({ type: 'add', by: 2 });
ref.tell({ type: 'add', by: 40 });
console.log('total', await ask(system, ref, { type: 'total' }, { timeoutMs: 1000 }));
await system.shutdown();
