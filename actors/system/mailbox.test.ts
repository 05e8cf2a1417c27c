import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createSystem, defineActor, type MailboxSpec, type Message, stop, type TraceContext } from './index.ts';
import { Mailbox, type Tag } from './mailbox.ts';
import { virtualWorld } from './testing/index.ts';

interface Numbered extends Message {
  readonly type: 'numbered';
  readonly n: number;
}
const numbered = (n: number): Numbered => ({ type: 'numbered', n });

function stage(mailbox?: MailboxSpec) {
  const world = virtualWorld(1);
  const system = createSystem('n1', world);
  const seen: number[] = [];
  const traces: (TraceContext | undefined)[] = [];
  const sink = defineActor<Numbered, null>({
    kind: 'sink',
    start: () => null,
    receive(_state, { n }, ctx) {
      seen.push(n);
      traces.push(ctx.trace);
    },
  });
  const ref = system.spawn(sink, undefined, mailbox === undefined ? {} : { mailbox });
  const dead: string[] = [];
  system.deadLetters.subscribe((_to, message, why) => dead.push(`${(message as Numbered).n} ${why}`));
  return { world, system, ref, seen, traces, dead };
}

describe('mailboxes', () => {
  test('messages of one sender arrive in order, whatever bursts they come in', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.integer({ min: 1, max: 300 }), { minLength: 1, maxLength: 6 }), async (bursts) => {
        const { world, ref, seen } = stage();
        let sent = 0;
        for (const burst of bursts) {
          for (let index = 0; index < burst; index++) ref.tell(numbered(sent++));
          await world.advance();
        }
        expect(seen).toEqual(Array.from({ length: sent }, (_, index) => index));
      }),
      { numRuns: 50 },
    );
  });

  test('each message arrives with the trace it was told with', async () => {
    const { world, ref, seen, traces } = stage();
    const sent = Array.from({ length: 40 }, (_, n) =>
      n % 3 === 0 ? undefined : { traceId: `t${n}`, spanId: 's', flags: 0 },
    );
    for (const [n, trace] of sent.entries()) ref.tell(numbered(n), trace);
    await world.advance();
    expect(seen).toHaveLength(40);
    expect(traces).toEqual(sent);
  });

  test('a trace travels on with what a handler tells, and not to the next message', async () => {
    const { world, system, ref, traces } = stage();
    const relay = defineActor<Numbered, null>({
      kind: 'relay',
      start: () => null,
      receive: (_state, message) => void ref.tell(message),
    });
    const relaying = system.spawn(relay, undefined);
    const trace = { traceId: 't', spanId: 's', flags: 1 };
    relaying.tell(numbered(1), trace);
    relaying.tell(numbered(2));
    await world.advance();
    expect(traces).toEqual([trace, undefined]);
  });

  test('reject: a full mailbox answers false, and the refused message is a dead letter', async () => {
    const { world, ref, seen, dead } = stage({ capacity: 2, overflow: 'reject' });
    expect([1, 2, 3].map((n) => ref.tell(numbered(n)))).toEqual([true, true, false]);
    await world.advance();
    expect(seen).toEqual([1, 2]);
    expect(dead).toEqual(['3 full']);
  });

  test('dropNewest: the incoming message is given up, and tell answers true', async () => {
    const { world, ref, seen, dead } = stage({ capacity: 2, overflow: 'dropNewest' });
    expect([1, 2, 3].map((n) => ref.tell(numbered(n)))).toEqual([true, true, true]);
    await world.advance();
    expect(seen).toEqual([1, 2]);
    expect(dead).toEqual(['3 full']);
  });

  test('dropOldest: the oldest message is given up, and tell answers true', async () => {
    const { world, ref, seen, dead } = stage({ capacity: 2, overflow: 'dropOldest' });
    expect([1, 2, 3, 4].map((n) => ref.tell(numbered(n)))).toEqual([true, true, true, true]);
    await world.advance();
    expect(seen).toEqual([3, 4]);
    expect(dead).toEqual(['1 full', '2 full']);
  });

  test('the default mailbox holds 1,024 messages', () => {
    const { ref } = stage();
    const accepted = Array.from({ length: 1100 }, (_, n) => ref.tell(numbered(n))).filter(Boolean);
    expect(accepted).toHaveLength(1024);
  });

  test('a listener that throws is logged, and harms neither the teller nor the other listeners', async () => {
    const { world, system, ref, dead } = stage({ capacity: 1, overflow: 'reject' });
    system.deadLetters.subscribe(() => {
      throw new Error('listener');
    });
    ref.tell(numbered(1));
    expect(ref.tell(numbered(2))).toBe(false);
    expect(dead).toEqual(['2 full']);
    expect(world.logged).toMatchObject([{ level: 'error', text: 'a dead-letter listener threw' }]);
  });
});

class Bare extends Mailbox {
  override append(message: Message, tag: Tag): void {
    super.append(message, tag);
  }

  override prepend(message: Message, tag: Tag): void {
    super.prepend(message, tag);
  }

  override take(): Message {
    return super.take();
  }

  get tag(): Tag {
    return this.takenTag;
  }

  override waiting(): readonly Message[] {
    return super.waiting();
  }
}

test('a listener that causes dead letters is not told of them, and they are counted', () => {
  const { system, ref } = stage({ capacity: 1, overflow: 'reject' });
  const heard: Message[] = [];
  system.deadLetters.subscribe((_to, message) => {
    heard.push(message);
    ref.tell(numbered(-1));
  });
  for (const n of [1, 2, 3]) ref.tell(numbered(n));
  expect(heard).toEqual([numbered(2), numbered(3)]);
  expect(system.deadLetters.count).toBe(4);
});

test('a mailbox is a list: what is appended, prepended and taken agrees with an array, messages and tags', () => {
  const operation = fc.constantFrom('append', 'append', 'append', 'prepend', 'take', 'take', 'burst', 'drain' as const);
  fc.assert(
    fc.property(fc.array(operation, { maxLength: 60 }), (operations) => {
      const mailbox = new Bare();
      const list: { message: Message; tag: TraceContext }[] = [];
      let n = 0;
      const fresh = () => ({ message: numbered(++n), tag: { traceId: `t${n}`, spanId: '', flags: 0 } });
      const append = (): void => {
        const item = fresh();
        list.push(item);
        mailbox.append(item.message, item.tag);
      };
      const take = (): void => {
        if (list.length === 0) return;
        const { message, tag } = list.shift()!;
        expect([mailbox.take(), mailbox.tag]).toEqual([message, tag]);
      };
      for (const kind of operations) {
        if (kind === 'append') append();
        else if (kind === 'burst') for (let index = 0; index < 40; index++) append();
        else if (kind === 'take') take();
        else if (kind === 'drain') while (list.length > 0) take();
        else {
          const item = fresh();
          list.unshift(item);
          mailbox.prepend(item.message, item.tag);
        }
        expect(mailbox.size).toBe(list.length);
        expect(mailbox.waiting()).toEqual(list.map(({ message }) => message));
      }
    }),
    { numRuns: 300 },
  );
});

describe('dispatch', () => {
  test('a flood of one actor does not keep another from its turn: at most 64 messages each', async () => {
    const world = virtualWorld(1);
    const system = createSystem('n1', world);
    const order: string[] = [];
    const actor = defineActor<Message, null, string>({
      kind: 'turns',
      start: () => null,
      receive: (_state, { type }) => void order.push(type),
    });
    const [a, b] = [system.spawn(actor, 'a'), system.spawn(actor, 'b')];
    for (let n = 0; n < 100; n++) a.tell({ type: 'a' });
    b.tell({ type: 'b' });
    await world.advance();
    expect(order.indexOf('b')).toBe(64);
  });

  test('after 4,096 messages the dispatcher gives way to timers', async () => {
    const world = virtualWorld(1);
    const system = createSystem('n1', world);
    let handled = 0;
    const looping = defineActor<Message, null>({
      kind: 'looping',
      start: () => null,
      receive(_state, message, ctx) {
        if (++handled < 20_000) ctx.self.tell(message);
      },
    });
    system.spawn(looping, undefined).tell({ type: 'go' });
    let handledAtTimer = -1;
    world.scheduler.at(0, () => (handledAtTimer = handled));
    await world.advance();
    expect(handledAtTimer).toBeGreaterThan(0);
    expect(handledAtTimer).toBeLessThanOrEqual(4096 + 64);
    expect(handled).toBe(20_000);
  });

  test('an actor that waits for a promise handles nothing else, and others go on', async () => {
    const world = virtualWorld(1);
    const system = createSystem('n1', world);
    const order: string[] = [];
    const actor = defineActor<Message, null>({
      kind: 'waiting',
      start: () => null,
      async receive(_state, { type }) {
        order.push(`${type} begins`);
        await new Promise<void>((resolve) => world.scheduler.at(10, resolve));
        order.push(`${type} ends`);
      },
    });
    const [one, two] = [system.spawn(actor, undefined), system.spawn(actor, undefined)];
    one.tell({ type: '1a' });
    one.tell({ type: '1b' });
    two.tell({ type: '2a' });
    await world.advance(10);
    expect(order).toEqual(['1a begins', '2a begins', '1a ends', '1b begins', '2a ends', '1b ends']);
  });
});

test('an actor that stops itself handles nothing after it', async () => {
  const world = virtualWorld(1);
  const system = createSystem('n1', world);
  const seen: string[] = [];
  const actor = defineActor<Message, null>({
    kind: 'quitter',
    start: () => null,
    receive(_state, { type }) {
      seen.push(type);
      return stop();
    },
  });
  const ref = system.spawn(actor, undefined);
  ref.tell({ type: 'one' });
  ref.tell({ type: 'two' });
  await world.advance();
  expect(seen).toEqual(['one']);
  expect(system.deadLetters.count).toBe(1);
});
