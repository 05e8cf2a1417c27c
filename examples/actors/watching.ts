import { type ActorRef, createSystem, defineActor, type Message, stop } from '../../actors/system/index.ts';
import { sleep, world } from './world.ts';

const task = defineActor<Message, null>({
  kind: 'task',
  start: () => null,
  receive(_state, { type }) {
    if (type === 'fail') throw new Error('out of paper');
    return stop();
  },
});

const watcher = defineActor<Message, null, readonly ActorRef<Message>[]>({
  kind: 'watcher',
  start(ctx, refs) {
    for (const ref of refs) ctx.monitor(ref);
    return null;
  },
  receive: () => undefined,
  signal(_state, signal) {
    if (signal.type === 'down') console.log(`${signal.ref.address.path} is down: ${signal.reason.kind}`);
  },
});

const system = createSystem('example', world);
const [good, bad, gone] = ['good', 'bad', 'gone'].map((name) => system.spawn(task, undefined, { name }));
gone!.tell({ type: 'finish' });
await sleep(10);
system.spawn(watcher, [good!, bad!, gone!]);
good!.tell({ type: 'finish' });
bad!.tell({ type: 'fail' });
await sleep(10);
await system.shutdown();
