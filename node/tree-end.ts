// Law: a node whose tree has ended must not stay on the network as a corpse that answers to nothing: whoever runs it is told.
import { type ActorRef, defineActor, type ExitReason, type System } from '../actors/system/index.ts';

/** Resolves with the reason when the tree has ended. */
export function endOf(tree: ActorRef<never>, system: System): Promise<ExitReason> {
  return new Promise((resolve) => {
    system.spawn(watcherActor, { tree, resolve }, { name: 'watcher' });
  });
}

const watcherActor = defineActor<
  never,
  { readonly resolve: (reason: ExitReason) => void },
  { readonly tree: ActorRef<never>; readonly resolve: (reason: ExitReason) => void }
>({
  kind: 'watcher',
  start(ctx, { tree, resolve }) {
    ctx.monitor(tree);
    return { resolve };
  },
  receive() {},
  signal({ resolve }, signal) {
    if (signal.type === 'down') resolve(signal.reason);
  },
});
