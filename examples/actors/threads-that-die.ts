import {
  type ActorRef,
  ask,
  createSystem,
  defineActor,
  give,
  type ReplyTo,
  supervisor,
  supervisorHandle,
} from '../../actors/system/index.ts';
import { createWorkerHost } from '../../node/world/index.ts';
import { until, world } from './world.ts';

type Image =
  | { readonly type: 'invert'; readonly pixels: Uint8Array; readonly replyTo: ReplyTo<Uint8Array> }
  | { readonly type: 'die' };

export const darkroom = defineActor<Image, null>({
  kind: 'darkroom',
  start: () => null,
  receive(_state, message) {
    if (message.type === 'die') process.exit(1);
    // The answer is moved back as the question was moved here.
    message.replyTo.send(give(message.pixels.map((pixel) => 255 - pixel)));
  },
});

if (import.meta.main) {
  const system = createSystem('example', world);
  const host = createWorkerHost(system, { log: world.log, threads: 1 });
  const inThread = host.inThread<Image>(new URL(import.meta.url), 'darkroom');
  const lab = system.spawn(supervisor({ children: [{ id: 'darkroom', actor: inThread, args: undefined }] }), undefined);
  const find = (): ActorRef<Image> | undefined => supervisorHandle(system, lab).child<Image>('darkroom');
  await until(() => find() !== undefined);
  const ref = find()!;
  const invert = (pixels: Uint8Array) => ask(system, ref, { type: 'invert', pixels }, { timeoutMs: 20_000 });

  // Given away: four megabytes change hands and are not copied.
  const pixels = give(new Uint8Array(4 << 20).fill(5));
  const inverted = await invert(pixels);
  console.log(`${inverted.length} pixels of ${inverted[0]}, and ${pixels.length} left here`);

  // The thread dies: for whoever asked, a node went down; behind the same ref the actor starts again, in a new thread.
  ref.tell({ type: 'die' });
  await invert(new Uint8Array(1)).catch((error: Error) => console.log(error.name, 'stopped'));
  console.log('again', await invert(Uint8Array.of(1, 2, 3)));
  await system.shutdown();
  await host.close();
}
