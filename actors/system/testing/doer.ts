// Law: a doer does what it is told and nothing else: a test writes the handler where it tells it.
import { type ActorDef, type Context, defineActor, type Message } from '../index.ts';

export interface Do extends Message {
  readonly type: 'do';
  readonly act: (ctx: Context<Do>) => unknown;
}

/** Runs what it is told, and returns its outcome from `receive`. */
export const doer: ActorDef<Do, null> = defineActor<Do, null>({
  kind: 'doer',
  start: () => null,
  receive: (_state, { act }, ctx) => act(ctx) as null,
});

export function run(act: Do['act']): Do {
  return { type: 'do', act };
}
