import { type ActorReport, createSystem, defineActor, type Message, supervisor } from '../../actors/system/index.ts';
import { sleep, world } from './world.ts';

const worker = defineActor<Message, null>({
  kind: 'worker',
  start: () => null,
  receive(_state, { type }) {
    if (type === 'fail') throw new Error('slipped');
    return type === 'wait' ? sleep(60_000).then(() => null) : undefined;
  },
});

const system = createSystem('example', world);
system.spawn(
  supervisor({ intensity: 5, children: ['a', 'b'].map((id) => ({ id, actor: worker, args: undefined })) }),
  undefined,
  { name: 'team' },
);
await sleep(10);
const busy = system.spawn(worker, undefined, { name: 'busy' });
for (const type of ['go', 'wait', 'go', 'go']) busy.tell({ type });
await sleep(10);

const show = (actor: ActorReport, depth = 0): void => {
  const { path, kind, phase, suspended, mailboxDepth, mailboxCapacity, restarts, handled } = actor;
  const state = suspended ? 'waits for a promise' : phase;
  console.log(
    `${'  '.repeat(depth)}${path} (${kind}) ${state}, ${mailboxDepth}/${mailboxCapacity} waiting, ${handled} handled, ${restarts} restarts`,
  );
  for (const child of actor.children) show(child, depth + 1);
};
show(system.inspect());
process.exit(0);
