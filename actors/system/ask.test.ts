import { describe, expect, test } from 'vitest';
import {
  type ActorRef,
  ask,
  createSystem,
  defineActor,
  killed,
  type Message,
  type ReplyTo,
  stop,
  supervisor,
  supervisorHandle,
} from './index.ts';
import { spawnProbe, virtualWorld } from './testing/index.ts';

type ServerMessage =
  | { readonly type: 'echo'; readonly text: string; readonly replyTo: ReplyTo<string> }
  | { readonly type: 'count'; readonly replyTo: ReplyTo<number> }
  /** Keeps the reply address and answers when told to. */
  | { readonly type: 'later'; readonly replyTo: ReplyTo<string> }
  | { readonly type: 'answer'; readonly text: string }
  | { readonly type: 'crash'; readonly replyTo: ReplyTo<string> }
  | { readonly type: 'hold' }
  | { readonly type: 'quit' };

interface ServerState {
  count: number;
  readonly waiting: ReplyTo<string>[];
}

const server = defineActor<ServerMessage, ServerState>({
  kind: 'server',
  start: () => ({ count: 0, waiting: [] }),
  receive(state, message) {
    state.count++;
    switch (message.type) {
      case 'echo':
        message.replyTo.send(message.text);
        break;
      case 'count':
        message.replyTo.send(state.count);
        break;
      case 'later':
        state.waiting.push(message.replyTo);
        break;
      case 'answer':
        for (const replyTo of state.waiting) replyTo.send(message.text);
        break;
      case 'crash':
        throw new Error('crashed');
      case 'hold':
        return new Promise(() => {});
      case 'quit':
        return stop();
    }
  },
});

function stage() {
  const world = virtualWorld(1);
  const system = createSystem('n1', world);
  const ref = system.spawn(server, undefined, { name: 'server' });
  const settled: string[] = [];
  const watch = (name: string, answer: Promise<unknown>): void => {
    answer.then(
      (value) => settled.push(`${name}: ${String(value)}`),
      (error) => settled.push(`${name}: ${error.code}`),
    );
  };
  return { world, system, ref, settled, watch };
}

describe('ask', () => {
  test('infers the reply from the variant; a wrong variant, an unanswered one and wrong fields do not compile', async () => {
    const { world, system, ref } = stage();
    const text: Promise<string> = ask(system, ref, { type: 'echo', text: 'hi' }, { timeoutMs: 1 });
    const count: Promise<number> = ask(system, ref, { type: 'count' }, { timeoutMs: 1 });
    await world.advance();
    expect([await text, await count]).toEqual(['hi', 2]);
    const neverRun = (): void => {
      // @ts-expect-error no such variant
      void ask(system, ref, { type: 'nothing' }, { timeoutMs: 1 });
      // @ts-expect-error this variant has no replyTo
      void ask(system, ref, { type: 'quit' }, { timeoutMs: 1 });
      // @ts-expect-error text is missing
      void ask(system, ref, { type: 'echo' }, { timeoutMs: 1 });
      // @ts-expect-error the answer is a number
      const _wrong: Promise<string> = ask(system, ref, { type: 'count' }, { timeoutMs: 1 });
    };
    expect(neverRun).toBeTypeOf('function');
  });

  test('pekko AskSpec: fails at its timeout, not before, and leaves no timer behind', async () => {
    const { world, system, ref, settled, watch } = stage();
    watch('late', ask(system, ref, { type: 'later' }, { timeoutMs: 50 }));
    await world.advance(49);
    expect(settled).toEqual([]);
    await world.advance(1);
    expect(settled).toEqual(['late: timeout']);
    expect(world.pendingTimers).toBe(0);
  });

  test('pekko AskSpec, otp gen_server reply alias: a late reply and a second reply vanish', async () => {
    const { world, system, ref, settled, watch } = stage();
    watch('late', ask(system, ref, { type: 'later' }, { timeoutMs: 50 }));
    await world.advance(50);
    ref.tell({ type: 'answer', text: 'too late' });
    watch('in time', ask(system, ref, { type: 'later' }, { timeoutMs: 50 }));
    ref.tell({ type: 'answer', text: 'one' });
    ref.tell({ type: 'answer', text: 'two' });
    await world.advance();
    expect(settled).toEqual(['late: timeout', 'in time: one']);
    expect(system.deadLetters.count).toBe(0);
  });

  test('pekko AskSpec: an ask of an ended actor fails at once, and its message is a dead letter', async () => {
    const { world, system, ref, settled, watch } = stage();
    ref.tell({ type: 'quit' });
    await world.advance();
    watch('ended', ask(system, ref, { type: 'count' }, { timeoutMs: 1e6 }));
    await world.advance();
    expect(settled).toEqual(['ended: stopped']);
    expect(system.deadLetters.count).toBe(1);
  });

  test('otp gen_server call: fails at once when the server dies, whether the question waits or was taken', async () => {
    const { world, system, ref, settled, watch } = stage();
    watch('taken', ask(system, ref, { type: 'later' }, { timeoutMs: 1e6 }));
    ref.tell({ type: 'hold' });
    watch('waits', ask(system, ref, { type: 'count' }, { timeoutMs: 1e6 }));
    await world.advance();
    expect(settled).toEqual([]);
    system.exit(ref, killed);
    await world.advance();
    expect(settled.sort()).toEqual(['taken: stopped', 'waits: stopped']);
  });

  test('a crash fails the asks its incarnation took, and only those: what waits is answered after the restart', async () => {
    const { world, system, settled, watch } = stage();
    const sup = system.spawn(supervisor({ children: [{ id: 'a', actor: server, args: undefined }] }), undefined);
    await world.advance();
    const ref: ActorRef<ServerMessage> = supervisorHandle(system, sup).child('a')!;
    watch('earlier', ask(system, ref, { type: 'later' }, { timeoutMs: 1e6 }));
    watch('failing', ask(system, ref, { type: 'crash' }, { timeoutMs: 1e6 }));
    watch('waiting', ask(system, ref, { type: 'count' }, { timeoutMs: 1e6 }));
    await world.advance();
    expect(settled.sort()).toEqual(['earlier: stopped', 'failing: stopped', 'waiting: 1']);
  });

  test('the failure carries why the target ended', async () => {
    const { world, system, ref } = stage();
    const answer = ask(system, ref, { type: 'crash' }, { timeoutMs: 1e6 });
    const expected = expect(answer).rejects.toMatchObject({
      code: 'stopped',
      reason: { kind: 'error' },
      cause: { message: 'crashed' },
      message: "ask 'crash': /server ended (error) before it answered",
    });
    await world.advance();
    await expected;
  });

  test('a second reply does not disturb the other asks of the same actor', async () => {
    const { world, system, settled, watch } = stage();
    const kept: ReplyTo<string>[] = [];
    const keeper = defineActor<ServerMessage, null>({
      kind: 'keeper',
      start: () => null,
      receive: (_state, message) => void (message.type === 'later' && kept.push(message.replyTo)),
    });
    const ref = system.spawn(keeper, undefined);
    for (const name of ['one', 'two', 'three']) watch(name, ask(system, ref, { type: 'later' }, { timeoutMs: 1e6 }));
    await world.advance();
    kept[1]!.send('answer');
    kept[2]!.send('answer');
    watch('four', ask(system, ref, { type: 'later' }, { timeoutMs: 1e6 }));
    await world.advance();
    kept[1]!.send('again');
    kept[2]!.send('again');
    system.exit(ref, killed);
    await world.advance();
    expect(settled.sort()).toEqual(['four: stopped', 'one: stopped', 'three: answer', 'two: answer']);
  });

  test('a full mailbox refuses the ask at once', async () => {
    const { world, system, settled, watch } = stage();
    const ref = system.spawn(server, undefined, { mailbox: { capacity: 1, overflow: 'reject' } });
    watch('first', ask(system, ref, { type: 'count' }, { timeoutMs: 1e6 }));
    watch('second', ask(system, ref, { type: 'count' }, { timeoutMs: 1e6 }));
    await world.advance();
    expect(settled.sort()).toEqual(['first: 1', 'second: refused']);
  });

  test('an ask that dropOldest pushed out of the mailbox fails at once', async () => {
    const { world, system, settled, watch } = stage();
    const ref = system.spawn(server, undefined, { mailbox: { capacity: 1, overflow: 'dropOldest' } });
    watch('first', ask(system, ref, { type: 'count' }, { timeoutMs: 1e6 }));
    watch('second', ask(system, ref, { type: 'count' }, { timeoutMs: 1e6 }));
    await world.advance();
    expect(settled.sort()).toEqual(['first: refused', 'second: 1']);
  });

  test('otp gen_server calling_self: an actor that asks itself is told so at once', async () => {
    const { world, system, settled, watch } = stage();
    const probe = spawnProbe(system);
    probe.run((ctx) =>
      watch('self', ctx.ask(ctx.self as unknown as ActorRef<ServerMessage>, { type: 'count' }, { timeoutMs: 10 })),
    );
    await world.advance();
    expect(settled).toEqual(['self: calling_self']);
  });

  test('an aborted ask fails at once, also where it was aborted before', async () => {
    const { world, system, ref, settled, watch } = stage();
    const abort = new AbortController();
    watch('open', ask(system, ref, { type: 'later' }, { timeoutMs: 1e6, signal: abort.signal }));
    await world.advance();
    abort.abort();
    watch('aborted', ask(system, ref, { type: 'count' }, { timeoutMs: 1e6, signal: abort.signal }));
    await world.advance();
    expect(settled).toEqual(['open: aborted', 'aborted: aborted']);
  });

  test('an actor can await an ask inside its handler, and keeps its trace', async () => {
    const { world, system, ref } = stage();
    const traces: (string | undefined)[] = [];
    const client = defineActor<Message, string>({
      kind: 'client',
      start: () => '',
      async receive(_state, _message, ctx) {
        const answer = await ctx.ask(ref, { type: 'echo', text: 'hello' }, { timeoutMs: 100 });
        traces.push(ctx.trace?.traceId);
        return answer;
      },
    });
    const asking = system.spawn(client, undefined);
    asking.tell({ type: 'go' }, { traceId: 't1', spanId: 's1', flags: 1 });
    asking.tell({ type: 'go' });
    await world.advance();
    expect(traces).toEqual(['t1', undefined]);
    expect(system.inspect().children.find(({ kind }) => kind === 'client')).toMatchObject({
      handled: 2,
      suspended: false,
    });
  });
});
