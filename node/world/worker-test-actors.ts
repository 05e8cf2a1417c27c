// Law: the actors of worker-host.test.ts, which threads find by this module's place.
import { type ActorRef, defineActor, give, type Message, type ReplyTo, stop } from '../../actors/system/index.ts';

export type Work =
  | { readonly type: 'sum'; readonly numbers: Uint8Array; readonly replyTo: ReplyTo<number> }
  | { readonly type: 'spin'; readonly forMs: number; readonly replyTo: ReplyTo<number> }
  | { readonly type: 'blank'; readonly sizeBytes: number; readonly replyTo: ReplyTo<Uint8Array> }
  | {
      readonly type: 'flood';
      readonly listener: ActorRef<Message>;
      readonly messages: number;
      readonly replyTo: ReplyTo<number>;
    }
  | { readonly type: 'never'; readonly replyTo: ReplyTo<void> }
  | { readonly type: 'count'; readonly replyTo: ReplyTo<number> }
  | { readonly type: 'add'; readonly listener: ActorRef<Message> }
  | { readonly type: 'crash' | 'leave' | 'die' };

export const worker = defineActor<Work, { count: number }, number>({
  kind: 'worker',
  start: (_ctx, from) => {
    if (from < 0) throw new RangeError('counts from 0');
    return { count: from };
  },
  receive(state, message) {
    state.count++;
    switch (message.type) {
      case 'sum':
        message.replyTo.send(message.numbers.reduce((sum, number) => sum + number, 0));
        return;
      case 'spin': {
        const end = performance.now() + message.forMs;
        let turns = 0;
        while (performance.now() < end) turns++;
        message.replyTo.send(turns);
        return;
      }
      case 'blank':
        message.replyTo.send(give(new Uint8Array(message.sizeBytes)));
        return;
      case 'flood': {
        let taken = 0;
        for (let sent = 0; sent < message.messages; sent++) if (message.listener.tell({ type: 'flood' })) taken++;
        message.replyTo.send(taken);
        return;
      }
      case 'count':
        message.replyTo.send(state.count - 1);
        return;
      case 'add':
        message.listener.tell({ type: 'added' });
        return;
      case 'crash':
        throw new Error('as told');
      case 'leave':
        return stop();
      case 'die':
        process.exit(3);
    }
  },
});

export const notAnActor = 1;
