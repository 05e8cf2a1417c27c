import {
  CreditedReceiver,
  CreditedSender,
  createSystem,
  defineActor,
  type Message,
} from '../../actors/system/index.ts';
import { sleep, world } from './world.ts';

const system = createSystem('example', world);
system.deadLetters.subscribe((to, message, why) => console.log(`${message.type} did not reach ${to.path}: ${why}`));

// A mailbox is bounded. Who sends faster than it is read hears so at once.
const slow = defineActor<Message, null>({
  kind: 'slow',
  start: () => null,
  receive: () => sleep(20).then(() => null),
  mailbox: { capacity: 2, overflow: 'reject' },
});
const ref = system.spawn(slow, undefined, { name: 'slow' });
console.log([1, 2, 3].map((number) => ref.tell({ type: `job ${number}` })));

// A stream asks for no more than it can take: the sender holds what there is no credit for, and that is bounded too.
const arrived: number[] = [];
const sender = new CreditedSender<number>({ send: (item) => arrived.push(item), capacity: 3 });
const receiver = new CreditedReceiver({ grant: (items) => sender.grant(items), window: 4 });
console.log(
  'taken',
  [1, 2, 3, 4, 5, 6, 7, 8].filter((item) => sender.offer(item)),
  'arrived',
  [...arrived],
);
for (let count = 0; count < 4; count++) receiver.consumed();
console.log('after four were consumed', arrived);
await system.shutdown();
