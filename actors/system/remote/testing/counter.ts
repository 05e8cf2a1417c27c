// Law: the actor of these tests: it counts, answers, stays silent, crashes and leaves as told.
import { z } from 'zod';
import {
  type ActorDef,
  type ActorRef,
  ask,
  type DeadLetterReason,
  defineActor,
  type ReplyTo,
  stop,
} from '../../index.ts';
import type { MeshNode } from './mesh.ts';

export type Counting =
  | { readonly type: 'add'; readonly by: number }
  | { readonly type: 'get'; readonly replyTo: ReplyTo<number> }
  | { readonly type: 'never'; readonly replyTo: ReplyTo<number> }
  | { readonly type: 'odd'; readonly replyTo: ReplyTo<unknown> }
  | { readonly type: 'self'; readonly replyTo: ReplyTo<ActorRef<Counting>> }
  | { readonly type: 'crash' | 'leave' };

const schema = z.discriminatedUnion('type', [
  z.object({ type: z.literal('add'), by: z.number().int() }),
  z.object({ type: z.enum(['get', 'never', 'odd', 'self', 'crash', 'leave']) }),
]);

export const seen: number[] = [];
export const counter = (checked = true): ActorDef<Counting, number> =>
  defineActor<Counting, number>({
    kind: 'counter',
    start: () => 0,
    receive(total, message, ctx) {
      switch (message.type) {
        case 'add':
          seen.push(message.by);
          return total + message.by;
        case 'get':
          message.replyTo.send(total);
          return;
        case 'odd':
          message.replyTo.send(() => 1);
          return;
        case 'self':
          message.replyTo.send(ctx.self);
          return;
        case 'crash':
          throw new Error('as told');
        case 'leave':
          return stop();
      }
    },
    ...(checked ? { schema: schema as never } : {}),
  });

export const get = (from: MeshNode, to: ActorRef<Counting>, timeoutMs = 1000): Promise<number> =>
  ask(from.system, to, { type: 'get' }, { timeoutMs });

export function letters(node: MeshNode): [string, DeadLetterReason][] {
  const found: [string, DeadLetterReason][] = [];
  node.system.deadLetters.subscribe((_, message, why) => void found.push([message.type, why]));
  return found;
}
